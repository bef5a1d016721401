//! A tenant is one file, `tenants/<id>.toml`. Each section has a file here; what two keys say of each other is checked
//! where the section is put together, and what two tenants may not share in [`super::directory`].

mod ancestor;
mod api;
mod auth;
mod brand;
mod calendar;
mod core_symbols;
mod database;
mod faults;
mod limits;
mod mail;
mod retention;
mod secrets;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bellwether_schemas::settings::{PriceBasis, Settings};
use bellwether_schemas::{SessionAnchor, Symbol, TenantId};
use chrono::NaiveTime;
use chrono_tz::Tz;
use serde::Deserialize;

pub use ancestor::{ANCESTOR_NAMES, AncestorName, ancestor_keys};
pub use api::{Api, ApiRole, ApiToken, TokenHash, TokenId};
pub use auth::{Auth, AuthKey};
pub use brand::Brand;
pub use calendar::{CalendarPlace, CalendarSource};
pub use database::{Announce, Database, DatabaseMode, Recipients};
pub use faults::Fault;
pub(super) use faults::{examine, examine_text, is_stand_in};
pub use mail::{Ambiguous, Mail, WhenAmbiguous};
pub use retention::Retention;

use super::{ConfigError, toml_file, values};
use limits::Limits;
use secrets::Secrets;

/// A brand that watches prices for its users: everything its file says, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// The tenant's id: the file's name without `.toml`.
    pub id: TenantId,
    /// Rises with every change that can change a result.
    pub revision: i64,
    /// The brand's own zone: times in mails, the hour of the brief.
    pub zone: Tz,
    /// When the daily brief is due, by the clocks of the zone; none: there is no brief.
    pub daily_brief: Option<NaiveTime>,
    /// What the daily brief begins with, in its order.
    pub core_symbols: Vec<Symbol>,
    /// What the engine folds by.
    pub settings: Settings,
    /// Section `[brand]`: what the tenant's mails look like.
    pub brand: Brand,
    /// Section `[database]`: where the tenant's rows are.
    pub database: Database,
    /// Section `[auth]`: who lists its users, where the database does not.
    pub auth: Option<Auth>,
    /// Section `[mail]`: who sends the tenant's mail, and how.
    pub mail: Mail,
    /// Sections `[[calendar]]`: where its news calendar is read.
    pub calendar: Vec<CalendarSource>,
    /// Section `[retention]`: how long its users' rows are kept.
    pub retention: Retention,
    /// Section `[api]`: who may ask the gateway for it.
    pub api: Api,
}

/// The keys of the file, as they stand there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Rises with every change of a key that can change a result.
    revision: i64,
    /// The brand's own zone, of the IANA database.
    #[serde(deserialize_with = "values::zone")]
    zone: Tz,
    /// When the daily brief is due, by the clocks of the zone: `09:00`.
    #[serde(default, deserialize_with = "values::optional_time_of_day")]
    daily_brief: Option<NaiveTime>,
    /// What the tenant watches, in the order of its results; without it 33 symbols, each with the suffix.
    symbols: Option<Vec<Symbol>>,
    /// Which of the symbols the daily brief begins with, in its order, at most 12; without it EURUSD, XAUUSD, USOIL and
    /// BTCUSD, each with the suffix, as far as they are among the symbols.
    core_symbols: Option<Vec<Symbol>>,
    /// What the tenant's source adds to the names of symbols.
    #[serde(default)]
    symbol_suffix: String,
    /// Symbols that trade around the clock: their days begin at 00:00 UTC.
    #[serde(default)]
    always_open: Vec<String>,
    /// Where days begin: `17:00 America/New_York`.
    session_anchor: Option<SessionAnchor>,
    /// What bars are built from: `bid`, `mid` or `ask`.
    price_basis: Option<PriceBasis>,
    /// How far the watermark stays behind the newest time.
    #[serde(default, deserialize_with = "values::optional_duration")]
    lateness_max: Option<Duration>,
    /// A source this far behind the newest no longer holds the watermark.
    #[serde(default, deserialize_with = "values::optional_duration")]
    source_idle: Option<Duration>,
    /// A tick further than this fraction from the last accepted price is absurd.
    absurd_band: Option<f64>,
    /// Pairs expected to move together, `EURUSD-GBPUSD`, names without the suffix.
    positive_pairs: Option<Vec<String>>,
    /// Pairs expected to move against each other.
    negative_pairs: Option<Vec<String>>,
    /// After a heatmap trigger nothing fires for its alert and symbol for this long.
    #[serde(default, deserialize_with = "values::optional_duration")]
    heatmap_cooldown: Option<Duration>,
    /// After a heatmap trigger the same side stays silent for this long, unless the other side fires.
    #[serde(default, deserialize_with = "values::optional_duration")]
    heatmap_suppression: Option<Duration>,
    /// How its mails look.
    brand: Brand,
    /// Section `[database]`, as the file has it.
    database: Database,
    /// Who lists its users.
    #[serde(default)]
    auth: auth::Keys,
    /// How its mail leaves.
    mail: Mail,
    /// Where its news calendar is read.
    #[serde(default)]
    calendar: Vec<calendar::Keys>,
    /// Most of a thing.
    #[serde(default)]
    limits: Limits,
    /// How long things are kept.
    #[serde(default)]
    retention: Retention,
    /// Who may ask.
    #[serde(default)]
    api: Api,
}

/// Reads one tenant's file.
///
/// # Errors
/// Name, form, value or secret is not right; the error names file and key.
pub fn load_tenant(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Tenant, ConfigError> {
    let id = id_of(path)?;
    let table = toml_file::parse(path, &toml_file::read(path)?)?;
    of_table(path, &id, table, environment)
}

/// A tenant's file has its id for a name.
fn id_of(path: &Path) -> Result<TenantId, ConfigError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse()
        .map_err(|error| ConfigError::Name { file: path.into(), reason: format!("the file's name: {error}") })
}

/// The tenant that the keys of its file make, with what its variables say.
fn of_table(
    path: &Path,
    id: &TenantId,
    mut table: toml::Table,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Tenant, ConfigError> {
    ancestor::fill(path, &mut table, id, environment)?;
    let file: File = toml_file::sections(path, table)?;
    let settings = settings::settings(path, &file)?;
    let core_symbols = core_symbols::of(path, &file, &settings)?;
    let secrets = Secrets { file: path, tenant: id, environment };
    let File {
        revision, zone, daily_brief, mut brand, database, auth, mail, calendar, retention, api, ..
    } = file;
    brand.logo = brand.logo.map(|logo| beside(path, &logo));
    let database = database.with_secrets(&secrets)?;
    let auth = auth.with_secret(&secrets)?;
    if database.recipients == Recipients::AuthApi && auth.is_none() {
        let reason = "\"auth_api\" needs auth.url and auth.key_file";
        return Err(ConfigError::value(path, "database.recipients", reason));
    }
    let mail = mail.with_secrets(&secrets)?;
    let calendar = calendar::sources(calendar, &secrets)?;
    let api = api.with_secrets(&secrets)?;
    Ok(Tenant {
        id: id.clone(),
        revision,
        zone,
        daily_brief,
        core_symbols,
        settings,
        brand,
        database,
        auth,
        mail,
        calendar,
        retention,
        api,
    })
}

/// A path that stands in the tenant's file.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const GOOD: &str = "revision = 1\nzone = \"Asia/Kolkata\"\nsymbol_suffix = \"m\"\n[brand]\nname = \"FX\"\n\
        [database]\n[mail]\nfrom = \"FX <a@fx.example>\"\n";

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Tenant, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fxlabs.toml");
        std::fs::write(&file, text).unwrap();
        load_tenant(&file, &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    }

    fn error(text: &str, variables: &[(&str, &str)]) -> String {
        load(text, variables).unwrap_err().to_string()
    }

    #[test]
    fn a_file_without_symbols_lists_the_33_with_its_suffix() {
        let tenant = load(GOOD, &[]).unwrap();
        assert_eq!(tenant.settings.symbols.len(), 33);
        assert_eq!(tenant.settings.symbols[0].name.as_str(), "EURUSDm");
    }

    #[test]
    fn the_time_of_the_daily_brief_is_kept() {
        let with = |line: &str| GOOD.replace("symbol_suffix", &format!("{line}\nsymbol_suffix"));
        let brief = load(&with("daily_brief = \"09:30\""), &[]).unwrap().daily_brief;
        assert_eq!((brief, load(GOOD, &[]).unwrap().daily_brief), (NaiveTime::from_hms_opt(9, 30, 0), None));
        let wrong = error(&with("daily_brief = \"nine\""), &[]);
        assert!(wrong.ends_with("fxlabs.toml: daily_brief: \"nine\" is not a time such as 09:00"), "{wrong}");
    }

    #[test]
    fn errors_name_file_and_key() {
        let wrong = error(&GOOD.replace("Asia/Kolkata", "Asia/Kolkatta"), &[]);
        assert!(wrong.contains("fxlabs.toml: zone: \"Asia/Kolkatta\""), "{wrong}");
        let wrong = error(&GOOD.replace("revision = 1", "revision = 1\ncolour = 3"), &[]);
        assert!(wrong.contains("fxlabs.toml: unknown field `colour`"), "{wrong}");
        let wrong = error(&GOOD.replace("[database]", "[database]\nurl_file = \"no/where\""), &[]);
        assert!(wrong.contains("database.url_file") && wrong.contains("no/where"), "{wrong}");
        for (key, value, reason) in [
            ("bar", "white", "\"white\" is not a colour such as #19235d"),
            ("terms_url", "ftp://x", "\"ftp://x\" is not an https link"),
            ("postal", "a\\nb", "is empty or has a line break"),
        ] {
            let wrong = error(&GOOD.replace("[database]", &format!("{key} = \"{value}\"\n[database]")), &[]);
            assert!(wrong.contains(&format!("fxlabs.toml: brand.{key}: {reason}")), "{wrong}");
        }
    }

    #[test]
    fn how_mail_leaves_has_defaults_and_a_providers_memory_needs_its_header() {
        let mail = |keys: &str| load(&format!("{GOOD}{keys}"), &[]).map(|tenant| tenant.mail);
        let plain = mail("").unwrap();
        assert_eq!((plain.connections.get(), plain.rate, plain.idempotency()), (2, None, None));
        assert_eq!(plain.ambiguous, Ambiguous::default());
        let header = "idempotency_header = \"X-Key\"\n";
        let life = |keys: &str| mail(keys).unwrap().idempotency().map(|(_, life)| life);
        assert_eq!(life(header), Some(Duration::from_hours(24)));
        assert_eq!(life(&format!("{header}idempotency_life = \"6h\"\n")), Some(Duration::from_hours(6)));
        let held =
            mail("[mail.ambiguous]\nalerts = \"hold\"\ndaily_brief = \"once_more\"\n").unwrap().ambiguous;
        assert_eq!(held.alerts, Some(WhenAmbiguous::Hold));
        assert_eq!(held.daily_brief, Some(WhenAmbiguous::SendOnceMore));
        for (keys, reason) in [
            ("idempotency_life = \"6h\"", "idempotency_life: says how long a header counts"),
            ("idempotency_header = \"X-Key\"\nidempotency_life = \"15m\"", "is less than 20m"),
            ("idempotency_header = \"Subject\"", "is a header that mails have already"),
            ("ca_file = \"nowhere.pem\"", "mail.ca_file"),
            ("connections = 0", "mail.connections"),
        ] {
            let wrong = mail(&format!("{keys}\n")).unwrap_err().to_string();
            assert!(wrong.contains(reason), "{keys}: {wrong}");
        }
    }

    #[test]
    fn each_table_is_kept_as_long_as_the_file_says_but_for_30_days_at_least() {
        let kept = |section: &str| load(&format!("{GOOD}{section}"), &[]).map(|tenant| tenant.retention);
        let days = |kept: Retention| {
            let ages = [kept.user_events, kept.triggers, kept.mail_bodies, kept.mail_events];
            ages.map(|age| age.as_secs() / 86_400)
        };
        assert_eq!(days(kept("").unwrap()), [400, 400, 30, 90]);
        for (key, expected) in [
            ("user_events", [45, 400, 30, 90]),
            ("triggers", [400, 45, 30, 90]),
            ("mail_bodies", [400, 400, 45, 90]),
            ("mail_events", [400, 400, 30, 45]),
        ] {
            assert_eq!(days(kept(&format!("[retention]\n{key} = \"45d\"\n")).unwrap()), expected);
            let wrong = kept(&format!("[retention]\n{key} = \"29d\"\n")).unwrap_err().to_string();
            let says =
                format!("fxlabs.toml: retention.{key}: \"29d\" is less than 30d: nothing younger is removed");
            assert!(wrong.ends_with(&says), "{wrong}");
        }
    }

    #[test]
    fn pages_hear_of_events_through_the_publication_unless_the_file_says_otherwise() {
        let announce = |line: &str| load(&GOOD.replace("[database]", &format!("[database]\n{line}")), &[]);
        for (line, expected) in
            [("", "publication"), ("announce = \"broadcast\"", "broadcast"), ("announce = \"none\"", "none")]
        {
            assert_eq!(announce(line).unwrap().database.announce.name(), expected);
        }
        let wrong = announce("announce = \"loudly\"").unwrap_err().to_string();
        assert!(wrong.contains("fxlabs.toml: database.announce: unknown variant `loudly`"), "{wrong}");
    }

    #[test]
    fn what_is_wrong_with_mail_is_said_without_what_may_be_secret() {
        let smtp = |url: &str| error(&format!("{GOOD}smtp = \"{url}\"\n"), &[]);
        let wrong = smtp("smtps://me:swordfish@mail.example");
        assert!(wrong.contains("fxlabs.toml: mail.smtp: holds a password: put it into"), "{wrong}");
        assert!(!wrong.contains("swordfish"), "{wrong}");
        let wrong = error(&GOOD.replace("FX <a@fx.example>", "nobody"), &[]);
        assert!(wrong.contains("fxlabs.toml: mail.from: \"nobody\" is not an address"), "{wrong}");
    }

    #[test]
    fn a_providers_secret_has_the_form_of_standard_webhooks() {
        let with = |secret: &str| load(GOOD, &[("FXLABS_BOUNCE_SECRET", secret)]);
        assert!(with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            let wrong = with(bad).unwrap_err().to_string();
            assert!(
                wrong.ends_with(
                    "mail.bounce_secret_file: is not whsec_ with the base64 of 24 to 64 bytes behind it"
                ),
                "{wrong}"
            );
        }
    }

    #[test]
    fn recipients_out_of_auth_need_to_know_where_it_is_and_a_key_that_may_list_them() {
        let text = GOOD.replace("[database]", "[database]\nrecipients = \"auth_api\"");
        let wrong = error(&text, &[]);
        assert!(
            wrong.ends_with("database.recipients: \"auth_api\" needs auth.url and auth.key_file"),
            "{wrong}"
        );
        let text = format!("{text}[auth]\nurl = \"https://x.supabase.co/auth/v1\"\n");
        let wrong = error(&text, &[]);
        assert!(wrong.contains("auth.key_file: is missing"), "{wrong}");
        let wrong = error(&text, &[("FXLABS_SUPABASE_SERVICE_KEY", "sb_publishable_swordfish")]);
        assert!(
            wrong.contains("auth.key_file: is a publishable key") && !wrong.contains("swordfish"),
            "{wrong}"
        );
        let tenant = load(&text, &[("FXLABS_SUPABASE_SERVICE_KEY", "sb_secret_swordfish")]).unwrap();
        assert!(!format!("{tenant:?}").contains("swordfish"));
        assert_eq!(tenant.database.recipients, Recipients::AuthApi);
    }

    #[test]
    fn a_secret_may_stand_in_a_file_that_the_environment_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "postgres://secret\n").unwrap();
        let named = ("FXLABS_GATEWAY_DATABASE_URL_FILE", file.to_str().unwrap());
        let tenant = load(GOOD, &[named]).unwrap();
        assert_eq!(tenant.database.gateway_url, Some(Secret::new("postgres://secret")));
        let wrong = error(GOOD, &[named, ("FXLABS_GATEWAY_DATABASE_URL", "postgres://x")]);
        assert!(wrong.contains("FXLABS_GATEWAY_DATABASE_URL_FILE is set too"), "{wrong}");
    }

    #[test]
    fn a_secret_given_twice_is_an_error() {
        let text = GOOD.replace("[database]", "[database]\nurl_file = \"url\"");
        let wrong = error(&text, &[("FXLABS_DATABASE_URL", "postgres://secret")]);
        assert!(
            wrong.contains("FXLABS_DATABASE_URL is set too") && !wrong.contains("postgres://secret"),
            "{wrong}"
        );
    }
}
