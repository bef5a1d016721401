//! The directory of tenants' files, and what no two of them may share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bellwether_schemas::TenantId;

use super::database_place::{DatabasePlace, Login};
use super::tenant::{self, examine, is_stand_in};
use super::{ConfigError, Database, Fault, Origin, Tenant, TokenHash, load_tenant, toml_file};

/// Reads every `*.toml` of the directory, in order of id, with what `environment` adds. For who needs them all, and right:
/// a role takes what it can get ([`crate::tenants`]).
///
/// # Errors
/// The directory cannot be read, a file is not a tenant's, or two tenants share a database or a sender.
pub fn load_tenants(
    dir: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Tenant>, ConfigError> {
    let files = tenant_files(dir)?;
    let tenants: Vec<Tenant> =
        files.iter().map(|file| load_tenant(file, environment)).collect::<Result<_, _>>()?;
    refuse_shared(dir, &tenants)?;
    Ok(tenants)
}

/// Reads the files of these tenants, in the order they are named in, and nothing of any other.
///
/// # Errors
/// As [`load_tenants`], or one of them has no file.
pub fn load_named(
    dir: &Path,
    names: &[TenantId],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Tenant>, ConfigError> {
    let there = named_files(dir, names)?;
    let load = |name: &TenantId| {
        let file = tenant_file(dir, name);
        if there.contains(&file) { load_tenant(&file, environment) } else { Err(unknown(dir, name)?) }
    };
    let tenants: Vec<Tenant> = names.iter().map(load).collect::<Result<_, _>>()?;
    refuse_shared(dir, &tenants)?;
    Ok(tenants)
}

/// Reads every file of the directory as far as it can be read: the tenants, and everything that is wrong with any file.
/// Where nothing is wrong, the tenants are those of [`load_tenants`]; else what is wrong has been stood in for.
///
/// # Errors
/// The directory cannot be read.
pub fn examine_tenants(
    dir: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Vec<Tenant>, Vec<Fault>), ConfigError> {
    let (mut tenants, mut faults) = (Vec::new(), Vec::new());
    for file in tenant_files(dir)? {
        let examined = examine(&file, environment);
        tenants.extend(examined.tenant);
        faults.extend(examined.faults);
    }
    for clash in clashes(tenants.iter().filter(|tenant| !is_stand_in(tenant))) {
        // Of the first of them in order of id nothing is told: one mended file is enough.
        faults.extend(clash.told(dir).iter().skip(1).map(|(_, error)| with_line(error)));
    }
    Ok((tenants, faults))
}

/// Everything that is wrong with one tenant's file, apart from others.
#[must_use]
pub fn examine_tenant(file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Vec<Fault> {
    examine(file, environment).faults
}

/// Everything that would be wrong with a tenant's file of that text.
#[must_use]
pub fn examine_text(file: &Path, text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Vec<Fault> {
    tenant::examine_text(file, text.to_owned(), environment).faults
}

fn with_line(error: &ConfigError) -> Fault {
    let (key, reason) = error.parts();
    let file = error.file();
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    let line = toml_file::read(file).ok().and_then(|text| toml_file::line_of(&text, &path));
    Fault { file: file.into(), line, key, reason }
}

/// Those files of these tenants that are there, in order of id.
pub(crate) fn named_files(dir: &Path, names: &[TenantId]) -> Result<Vec<PathBuf>, ConfigError> {
    let mut files = Vec::new();
    for file in names.iter().map(|name| tenant_file(dir, name)) {
        if file.try_exists().map_err(|error| ConfigError::unreadable(&file, &error))? {
            files.push(file);
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// Who has a file is told by its name alone.
pub(crate) fn unknown(dir: &Path, name: &TenantId) -> Result<ConfigError, ConfigError> {
    let stem = |file: &PathBuf| Some(file.file_stem()?.to_string_lossy().into_owned());
    let known: Vec<String> = tenant_files(dir)?.iter().filter_map(stem).collect();
    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
    Ok(ConfigError::UnknownTenant { tenant: name.to_string(), dir: dir.into(), known })
}

/// The directory's files, in order of id.
///
/// # Errors
/// The directory cannot be read.
pub fn tenant_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError::unreadable(dir, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The file of a tenant.
pub(crate) fn tenant_file(dir: &Path, tenant: &TenantId) -> PathBuf {
    dir.join(format!("{tenant}.toml"))
}

/// Two tenants on one database, or with one sender whatever name it is shown with, are one slip away from each
/// other's users. A database may be that of several tenants where the files of all say so: then each still has roles of
/// its own, by which the database tells them apart.
fn refuse_shared(dir: &Path, tenants: &[Tenant]) -> Result<(), ConfigError> {
    let clash = clashes(tenants.iter()).into_iter().next();
    clash.and_then(|clash| clash.told(dir).pop()).map_or(Ok(()), |(_, error)| Err(error))
}

/// Who of these has what another has too, each with what is wrong: nobody can say whose it is.
pub(crate) fn in_dispute(dir: &Path, tenants: &[Tenant]) -> Vec<(TenantId, ConfigError)> {
    clashes(tenants.iter()).iter().flat_map(|clash| clash.told(dir)).collect()
}

/// What only one tenant may have.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Own<'a> {
    Database(DatabasePlace),
    Login(Login),
    Sender(String),
    Token(TokenHash),
    Origin(&'a Origin),
}

/// A tenant that has it, and the key by which.
struct Holder<'a> {
    tenant: &'a Tenant,
    key: &'static str,
}

/// Several tenants that have it.
struct Clash<'a> {
    holders: Vec<Holder<'a>>,
    /// When it were right.
    but: &'static str,
}

impl Clash<'_> {
    /// What is wrong with each holder's file. The last is told of the one before it, the first of the second.
    fn told(&self, dir: &Path) -> Vec<(TenantId, ConfigError)> {
        let told = self.holders.iter().enumerate().map(|(place, Holder { tenant, key })| {
            let other = &self.holders[if place == 0 { 1 } else { place - 1 }].tenant.id;
            let reason = format!("is that of tenant {other} too: every tenant has its own{}", self.but);
            (tenant.id.clone(), ConfigError::value(&tenant_file(dir, &tenant.id), key, reason))
        });
        told.collect()
    }
}

/// Everything that two tenants have and only one may.
fn clashes<'a>(tenants: impl Iterator<Item = &'a Tenant>) -> Vec<Clash<'a>> {
    let mut places: HashMap<Own<'_>, usize> = HashMap::new();
    let mut held: Vec<(Own<'_>, Vec<Holder<'_>>)> = Vec::new();
    for tenant in tenants {
        for (key, own) in owned(tenant) {
            let place = *places.entry(own.clone()).or_insert_with(|| {
                held.push((own, Vec::new()));
                held.len() - 1
            });
            let holders = &mut held[place].1;
            if holders.last().is_none_or(|last| last.tenant.id != tenant.id) {
                holders.push(Holder { tenant, key });
            }
        }
    }
    held.into_iter().filter_map(|(own, holders)| clash(&own, holders)).collect()
}

fn clash<'a>(own: &Own<'_>, holders: Vec<Holder<'a>>) -> Option<Clash<'a>> {
    let all_say_so = holders.iter().all(|holder| holder.tenant.database.shared);
    let but = match own {
        Own::Database(_) if all_say_so => return None,
        Own::Database(_) => " unless both say database.shared = true",
        Own::Login(_) => " role, in a shared database too",
        Own::Sender(_) | Own::Token(_) | Own::Origin(_) => "",
    };
    (holders.len() > 1).then_some(Clash { holders, but })
}

fn owned(tenant: &Tenant) -> Vec<(&'static str, Own<'_>)> {
    let Database { url, gateway_url, .. } = &tenant.database;
    let mut owned = Vec::new();
    for (key, url) in [("database.url_file", url), ("database.gateway_url_file", gateway_url)] {
        if let Some(login) = url.as_ref().map(Login::of) {
            owned.extend([(key, Own::Database(login.place.clone())), (key, Own::Login(login))]);
        }
    }
    owned.push(("mail.from", Own::Sender(tenant.mail.from.address().folded())));
    owned.extend(tenant.api.tokens.iter().map(|token| ("api.tokens", Own::Token(token.hash))));
    owned.extend(tenant.api.origins.iter().map(|origin| ("api.origins", Own::Origin(origin))));
    owned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(senders: [&str; 2], variables: &[(&str, &str)]) -> Result<Vec<Tenant>, ConfigError> {
        load_with(senders, ["", ""], variables)
    }

    /// Two files with these senders, and these lines in their sections `[database]`.
    fn load_with(
        senders: [&str; 2],
        databases: [&str; 2],
        variables: &[(&str, &str)],
    ) -> Result<Vec<Tenant>, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        for ((id, sender), database) in ["fxlabs", "hextech"].into_iter().zip(senders).zip(databases) {
            let text = format!(
                "revision = 1\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"FX\"\n[database]\n{database}\n[mail]\n\
                 from = \"{sender}\"\n"
            );
            std::fs::write(tenant_file(dir.path(), &id.parse().unwrap()), text).unwrap();
        }
        load_tenants(dir.path(), &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn no_two_tenants_send_from_one_address_whatever_name_they_show() {
        assert_eq!(load(["FX <a@fx.example>", "HX <a@hex.example>"], &[]).unwrap().len(), 2);
        for second in
            ["FX <a@fx.example>", "HexTech <a@fx.example>", "HexTech <A@FX.example>", "a@fx.example"]
        {
            let wrong = load(["FX <a@fx.example>", second], &[]).unwrap_err().to_string();
            assert!(wrong.contains("hextech.toml: mail.from: is that of tenant fxlabs too"), "{wrong}");
        }
    }

    #[test]
    fn no_two_tenants_have_a_token_or_an_origin_and_all_that_is_wrong_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let hash = "0".repeat(64);
        let text = |sender: &str, zone: &str| {
            format!(
                "revision = 1\nzone = \"{zone}\"\n[brand]\nname = \"FX\"\n[database]\n[mail]\nfrom = \"{sender}\"\n\
                 [api]\norigins = [\"https://app.example\"]\n[[api.tokens]]\nid = \"01234567\"\nrole = \"read\"\n\
                 hash = \"{hash}\"\n"
            )
        };
        for (id, text) in [("fxlabs", text("a@fx.example", "UTC")), ("hextech", text("a@fx.example", "Mars"))]
        {
            std::fs::write(tenant_file(dir.path(), &id.parse().unwrap()), text).unwrap();
        }
        let (tenants, faults) = examine_tenants(dir.path(), &|_| None).unwrap();
        assert_eq!(tenants.len(), 2);
        let told: Vec<(Option<usize>, &str)> = faults.iter().map(|fault| (fault.line, &*fault.key)).collect();
        let expected =
            [(Some(2), "zone"), (Some(7), "mail.from"), (Some(10), "api.tokens"), (Some(9), "api.origins")];
        assert_eq!(told, expected);
        assert!(faults[1..].iter().all(|fault| fault.reason.starts_with("is that of tenant fxlabs too")));
    }

    #[test]
    fn no_two_tenants_share_a_database() {
        let url = [("FXLABS_DATABASE_URL", "postgres://x"), ("HEXTECH_DATABASE_URL", "postgres://x")];
        let wrong = load(["a@fx.example", "a@hex.example"], &url).unwrap_err().to_string();
        assert!(wrong.contains("database.url_file") && !wrong.contains("postgres://x"), "{wrong}");
    }

    #[test]
    fn a_database_is_that_of_two_tenants_only_where_both_say_so_and_each_has_its_own_role() {
        let urls = |second: &'static str| {
            [("FXLABS_DATABASE_URL", "postgres://a:x@h/d"), ("HEXTECH_DATABASE_URL", second)]
        };
        let senders = ["a@fx.example", "a@hex.example"];
        let shared = "shared = true";
        for databases in [["", ""], [shared, ""], ["", shared]] {
            let wrong =
                load_with(senders, databases, &urls("postgres://b:y@h:5432/d")).unwrap_err().to_string();
            assert!(wrong.contains("database.url_file") && wrong.contains("shared = true"), "{wrong}");
        }
        assert_eq!(load_with(senders, [shared; 2], &urls("postgres://b:y@h/d")).unwrap().len(), 2);
        let wrong = load_with(senders, [shared; 2], &urls("postgres://a:y@h/d")).unwrap_err().to_string();
        assert!(wrong.contains("every tenant has its own role"), "{wrong}");
    }
}
