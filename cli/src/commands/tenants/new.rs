//! `bellwether tenants new`: from nothing to a tenant that works, one step after the other.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bellwether_database as database;
use bellwether_producers::{ProducerContext, settings};
use bellwether_runtime::config::{EmailAddress, Tenant, examine_tenant, examine_text};
use bellwether_runtime::finding::Level;
use bellwether_runtime::log::{Access, LogError};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::slot;
use bellwether_schemas::{TenantId, Topic};
use bellwether_sinks::mail::core::Verdict;
use bellwether_sinks::mail::doctor::shape;
use bellwether_sinks::mail::render::Templates;
use bellwether_sinks::mail::trial;
use clap::Args;
use serde_json::{Map, Value, json};

use super::asked::{asked, asked_unseen};
use super::import::put;
use super::secret_files::{NewFiles, take_back};
use super::{announce, file_text};
use crate::commands::migrate::{ADMIN_URL, OWNER, optional};
use crate::exit::{CONFIG, Coded, IO, NO};
use crate::output::{note, tell};
use crate::wiring::{Process, environment};

/// Bytes of a password that is made up.
const PASSWORD_BYTES: usize = 24;

/// Leads from nothing to a working tenant: its database, login role, topics, file, a look at its brand, a first mail.
///
/// Each step is said before it is done, and repeating the command goes on where it ended: what is there stays as it is.
/// Needs a Postgres database (a Supabase project, or one with the schema `auth`), whose owner's URL it reads from
/// <TENANT>_ADMIN_DATABASE_URL, or the file that <TENANT>_ADMIN_DATABASE_URL_FILE names. The login role's password is
/// made up, unless <TENANT>_DATABASE_PASSWORD has one, and goes into a file that its owner alone can read. On a
/// terminal what is missing is asked for; elsewhere it is an error.
#[derive(Args)]
#[command(
    after_help = "Example:\n  ACME_ADMIN_DATABASE_URL=postgres://… bellwether tenants new acme --name Acme \\\n    \
    --zone Europe/Berlin --from alerts@acme.example --smtp smtps://mail.acme.example --test-to me@acme.example"
)]
pub(crate) struct New {
    /// The tenant: small letters, digits and hyphens.
    tenant: TenantId,
    /// The brand's name.
    #[arg(long)]
    name: Option<String>,
    /// The brand's zone, such as Asia/Kolkata.
    #[arg(long)]
    zone: Option<String>,
    /// Who its mails are from.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Its mail server, such as smtps://user@mail.example; the password is read from <TENANT>_SMTP_PASSWORD.
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// When its daily brief is due, such as 09:00.
    #[arg(long, value_name = "HH:MM")]
    daily_brief: Option<String>,
    /// What its source adds to the names of symbols, such as m.
    #[arg(long, value_name = "SUFFIX")]
    symbol_suffix: Option<String>,
    /// Its database is that of other tenants, too.
    #[arg(long)]
    shared: bool,
    /// Where the first test mail goes; without it none is sent.
    #[arg(long, value_name = "ADDRESS")]
    test_to: Option<EmailAddress>,
}

impl New {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let target = process.config.tenants.join(format!("{}.toml", self.tenant));
        // Asked for first, so that nothing is begun that ends at a question.
        let text = if target.exists() { None } else { Some(file_text(&self.keys()?)?) };
        if let Some(text) = &text {
            refuse_faulty(&target, text)?;
        }
        let admin = self.admin()?;
        self.database(process, &admin).await?;
        self.topics(process)?;
        self.file(process, &target, text)?;
        let tenant = self.load(process)?;
        publish(process, &tenant).await?;
        step("how its pages hear of news");
        announce(&admin, tenant.database.announce).await?;
        let is_well = look(process, &tenant)?;
        let is_sent = self.mail(process, &tenant).await?;
        tell(&format!(
            "{}: done; `bellwether tenants verify {}` looks at it as a whole\n",
            self.tenant, self.tenant
        ))?;
        Ok(if is_well && is_sent { ExitCode::SUCCESS } else { NO.into() })
    }

    /// The file's keys, as far as they are not left to their defaults.
    fn keys(&self) -> Result<Map<String, Value>, Coded> {
        let mut keys = Map::new();
        put(&mut keys, "revision", 1.into());
        put(&mut keys, "zone", asked("zone", "its zone, such as Asia/Kolkata", self.zone.as_deref())?.into());
        put(&mut keys, "brand.name", asked("name", "the brand's name", self.name.as_deref())?.into());
        put(&mut keys, "mail.from", asked("from", "who its mails are from", self.from.as_deref())?.into());
        let given = [
            ("daily_brief", &self.daily_brief),
            ("symbol_suffix", &self.symbol_suffix),
            ("mail.smtp", &self.smtp),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                put(&mut keys, key, value.as_str().into());
            }
        }
        if let Some(to) = &self.test_to {
            put(&mut keys, "mail.test_addresses", json!([to.to_string()]));
        }
        if self.shared {
            put(&mut keys, "database.shared", true.into());
        }
        put(&mut keys, "database.url_file", self.url_file().display().to_string().into());
        Ok(keys)
    }

    /// Relative to the tenants' files.
    fn url_file(&self) -> PathBuf {
        Path::new("secrets").join(format!("{}-database-url", self.tenant))
    }

    fn admin(&self) -> Result<Secret, Coded> {
        match optional(&self.tenant, ADMIN_URL)? {
            Some(url) => Ok(url),
            None => asked_unseen(ADMIN_URL, OWNER),
        }
    }

    /// Tables, the login role, and the file with its URL. The password that the file has stays.
    async fn database(&self, process: &Process, admin: &Secret) -> anyhow::Result<()> {
        step("its database: the tables");
        database::migrate(admin).await?;
        let file = process.config.tenants.join(self.url_file());
        let known = std::fs::read_to_string(&file).ok().map(|url| password_of(url.trim()));
        let given = optional(&self.tenant, "DATABASE_PASSWORD")?;
        if let (Some(known), Some(given)) = (&known, &given)
            && known.reveal() != given.reveal()
        {
            let message =
                format!("{} has another password than the one given: remove one of the two", file.display());
            return Err(Coded { code: CONFIG, message }.into());
        }
        let password = match known.clone().or(given) {
            Some(password) => password,
            None => made_up()?,
        };
        step("its database: a role that logs in, and every row its own");
        let role = if self.is_shared(process)? {
            database::init_shared(admin, &self.tenant, &password).await?
        } else {
            database::init(admin, &self.tenant, &password).await?
        };
        if known.is_none() {
            step(&format!("its database: the role's URL in {}", file.display()));
            let mut files = NewFiles::default();
            files.secret(file, url_of(admin, &role, &password)?);
            files.write()?;
        }
        Ok(())
    }

    /// As asked for, or as its file says that is there already.
    fn is_shared(&self, process: &Process) -> anyhow::Result<bool> {
        let (tenants, _) = process.directory(&[]).examine()?;
        let of_file = tenants.iter().find(|tenant| tenant.id == self.tenant);
        Ok(self.shared || of_file.is_some_and(|tenant| tenant.database.shared))
    }

    /// Before its file, so that no role meets a tenant that lacks them.
    fn topics(&self, process: &Process) -> anyhow::Result<()> {
        step("its topics");
        let log = match process.log(Access::Write) {
            Ok(log) => log,
            Err(error) if matches!(error.downcast_ref(), Some(LogError::Held { .. })) => {
                note("  left to the process that has the log: it makes those of a tenant that is added\n");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        Topic::all(&self.tenant).iter().try_for_each(|topic| log.create(topic).map(drop))?;
        Ok(())
    }

    /// One that is bad, or has what another tenant has, is not left there: a process that starts would serve neither.
    fn file(&self, process: &Process, target: &Path, text: Option<String>) -> Result<(), Coded> {
        let Some(text) = text else {
            step(&format!("its file {}: is there, and stays as it is", target.display()));
            return Ok(());
        };
        step(&format!("its file {}", target.display()));
        let mut files = NewFiles::default();
        files.plain(target.into(), text);
        let written = files.write()?;
        let mut faults: Vec<String> =
            examine_tenant(target, &environment).iter().map(ToString::to_string).collect();
        faults.extend(disputed(process, target));
        if faults.is_empty() {
            return Ok(());
        }
        take_back(&written);
        Err(Coded { code: CONFIG, message: format!("nothing is written there: {}", faults.join("; ")) })
    }

    fn load(&self, process: &Process) -> anyhow::Result<Tenant> {
        let reading = process.directory(&[]).read()?;
        let found = reading.tenants.into_iter().find(|tenant| tenant.id == self.tenant);
        let gone = || Coded { code: CONFIG, message: format!("the file of {} is gone", self.tenant) };
        Ok(found.ok_or_else(gone)?)
    }

    /// False where it was not taken.
    async fn mail(&self, process: &Process, tenant: &Tenant) -> anyhow::Result<bool> {
        let Some(to) = self.test_to.as_ref().filter(|_| tenant.mail.smtp.is_some()) else {
            step("a first mail: left out, for it takes --smtp and --test-to");
            return Ok(true);
        };
        step(&format!("a first mail to {to}"));
        let verdict = match trial::send(tenant, to, &slot::host(), process.clock.now()).await {
            Ok(verdict) => verdict,
            Err(error) => {
                note(&format!("  {error}\n"));
                return Ok(false);
            }
        };
        let (is_sent, words) = match verdict {
            Verdict::Sent(words) => (true, words),
            Verdict::Retry { reason, .. }
            | Verdict::Limited(reason)
            | Verdict::AuthRefused(reason)
            | Verdict::Failed { reason, .. }
            | Verdict::Ambiguous(reason) => (false, reason),
        };
        note(&format!("  {}: {words}\n", if is_sent { "sent" } else { "not sent" }));
        Ok(is_sent)
    }
}

/// Before anything is begun. Its secret is still to be written.
fn refuse_faulty(target: &Path, text: &str) -> Result<(), Coded> {
    let faults = examine_text(target, text, &environment);
    let faults = faults.iter().filter(|fault| fault.key != "database.url_file").map(ToString::to_string);
    let faults: Vec<String> = faults.collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Coded { code: CONFIG, message: format!("nothing is begun: {}", faults.join("; ")) })
}

/// What the file has that is another tenant's, beside those that are good.
fn disputed(process: &Process, target: &Path) -> Option<String> {
    let error = match process.directory(&[]).read() {
        Ok(mut reading) => reading.bad.remove(target)?,
        Err(error) => error,
    };
    Some(error.to_string())
}

/// Said before it is done.
fn step(what: &str) {
    note(&format!("{what}\n"));
}

async fn publish(process: &Process, tenant: &Tenant) -> anyhow::Result<()> {
    step("its settings, in its journal");
    let log = match process.log(Access::Write) {
        Ok(log) => log,
        Err(error) if matches!(error.downcast_ref(), Some(LogError::Held { .. })) => {
            note("  left to the process that has the log\n");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let context = ProducerContext::new(log, process.clock.clone(), Process::shutdown()?);
    settings::publish(&context, tenant).await?;
    Ok(())
}

/// False where its mails cannot be made.
fn look(process: &Process, tenant: &Tenant) -> anyhow::Result<bool> {
    step("its brand, on a mail of each kind");
    let found = shape(tenant, &Templates::compile()?, process.clock.now());
    for finding in &found {
        let advice = finding.advice.as_ref().map_or_else(String::new, |advice| format!(": {advice}"));
        note(&format!("  {} {}: {}{advice}\n", finding.level.name(), finding.about, finding.found));
    }
    Ok(found.iter().all(|finding| finding.level != Level::Fault))
}

fn made_up() -> Result<Secret, Coded> {
    let mut bytes = [0; PASSWORD_BYTES];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Coded { code: IO, message: format!("/dev/urandom: {error}") })?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// The administrator's URL for another role. Supabase's pooler has the project behind the role's name.
fn url_of(admin: &Secret, role: &str, password: &Secret) -> Result<Secret, Coded> {
    let wrong = || Coded {
        code: CONFIG,
        message: format!("{ADMIN_URL} is not postgres://USER:PASSWORD@HOST/DATABASE"),
    };
    let (scheme, rest) = admin.reveal().split_once("://").ok_or_else(wrong)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (who, place) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
    let user = who.split(':').next().unwrap_or_default();
    let project = user.split_once('.').map_or_else(String::new, |(_, project)| format!(".{project}"));
    let password = encoded(password.reveal());
    Ok(Secret::new(format!("{scheme}://{role}{project}:{password}@{place}{}", &rest[end..])))
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// What stands in a URL between its user and its host; nothing where nothing does.
fn password_of(url: &str) -> Secret {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let who = rest[..end].rsplit_once('@').map_or("", |(who, _)| who);
    Secret::new(decoded(who.split_once(':').map_or("", |(_, password)| password)))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| text_of_hex(after.get(..2)?)).flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of_hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_url_is_the_administrators_with_another_name_and_password() {
        let of = |admin: &str, password: &str| {
            url_of(&Secret::new(admin), "bellwether_acme", &Secret::new(password))
                .unwrap()
                .reveal()
                .to_owned()
        };
        let url = of("postgres://postgres:p@ss@db.example:5432/postgres?sslmode=require", "a/b@c d");
        assert_eq!(url, "postgres://bellwether_acme:a%2Fb%40c%20d@db.example:5432/postgres?sslmode=require");
        assert_eq!(password_of(&url).reveal(), "a/b@c d");
        assert_eq!(of("postgresql://127.0.0.1/x", "p"), "postgresql://bellwether_acme:p@127.0.0.1/x");
        let pooled = of("postgres://postgres.abc:p@pooler.example:6543/postgres", "p");
        assert_eq!(pooled, "postgres://bellwether_acme.abc:p@pooler.example:6543/postgres");
        assert!(url_of(&Secret::new("nonsense"), "r", &Secret::new("p")).is_err());
    }

    #[test]
    fn a_password_that_is_made_up_is_another_each_time() {
        let (one, other) = (made_up().unwrap(), made_up().unwrap());
        assert!(one.reveal().len() == 2 * PASSWORD_BYTES && one.reveal() != other.reveal());
    }
}
