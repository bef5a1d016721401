//! A tenant is one file: `tenants/<id>.toml`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bellwether_schemas::settings::{DEFAULT_SYMBOLS, PriceBasis, Settings, SymbolSettings};
use bellwether_schemas::time::parse_zone;
use bellwether_schemas::{SessionAnchor, Symbol, TenantId};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{ConfigError, Span, read};
use crate::secret::Secret;

/// A brand that watches prices for its users: everything its file says, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// The file's name.
    pub id: TenantId,
    /// Rises with every change that can change a result.
    pub revision: i64,
    /// The brand's own zone: times in mails, the hour of the brief.
    pub zone: Tz,
    /// What the engine folds by.
    pub settings: Settings,
    /// How it looks.
    pub brand: Brand,
    /// Its rows.
    pub database: Database,
    /// Its mail.
    pub mail: Mail,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    revision: i64,
    zone: String,
    /// Local time of the daily brief.
    #[serde(default)]
    daily_brief: Option<String>,
    symbols: Option<Vec<String>>,
    #[serde(default)]
    symbol_suffix: String,
    #[serde(default)]
    always_open: Vec<String>,
    session_anchor: Option<String>,
    price_basis: Option<String>,
    lateness_max: Option<Span>,
    source_idle: Option<Span>,
    absurd_band: Option<f64>,
    /// Pairs expected to move together, `EURUSD-GBPUSD`, names without the suffix.
    positive_pairs: Option<Vec<String>>,
    /// Pairs expected to move against each other.
    negative_pairs: Option<Vec<String>>,
    /// After a heatmap trigger nothing fires for its alert and symbol for this long.
    heatmap_cooldown: Option<Span>,
    /// After a heatmap trigger the same side stays silent for this long, unless the other side fires.
    heatmap_suppression: Option<Span>,
    brand: Brand,
    database: Database,
    mail: Mail,
    #[serde(default)]
    limits: Limits,
}

/// How a tenant's mails look: data, never code. Texts are escaped where they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Shown to people: subject, header, sender.
    pub name: String,
    /// Where the name is too long.
    pub short_name: Option<String>,
    /// PNG of at most 30 KB, relative to the tenant's file; without one the name stands alone.
    pub logo: Option<PathBuf>,
    /// Background of the header bar, `#rrggbb`.
    #[serde(default = "default_bar")]
    pub bar: String,
    /// Text on light ground, `#rrggbb`.
    #[serde(default = "default_ink")]
    pub ink: String,
    /// Links and buttons, `#rrggbb`.
    #[serde(default = "default_accent")]
    pub accent: String,
    /// The brand's page.
    pub site_url: Option<String>,
    /// Terms of use.
    pub terms_url: Option<String>,
    /// Privacy statement.
    pub privacy_url: Option<String>,
    /// Where a user changes what is mailed.
    pub preferences_url: Option<String>,
    /// `https` base of one-click unsubscribe links.
    pub unsubscribe_url: Option<String>,
    /// Postal line of the footer.
    pub postal: Option<String>,
    /// Disclaimer of the footer.
    pub disclaimer: Option<String>,
}

fn default_bar() -> String {
    "#19235d".into()
}

fn default_ink() -> String {
    "#111827".into()
}

fn default_accent() -> String {
    "#2563eb".into()
}

/// The tenant's own Postgres.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// File with the URL; else `<TENANT>_DATABASE_URL`. Both is an error.
    pub url_file: Option<PathBuf>,
    /// How it is reached.
    #[serde(default)]
    pub mode: DatabaseMode,
    /// Where recipients come from.
    #[serde(default)]
    pub recipients: Recipients,
    /// The URL itself, filled in when the file is loaded.
    #[serde(skip)]
    pub url: Option<Secret>,
}

/// What stands between us and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseMode {
    /// Nothing.
    #[default]
    Direct,
    /// A pooler that keeps a connection for a session.
    Session,
    /// A pooler that keeps it for a transaction: no named statements.
    Transaction,
}

/// Where the addresses of users come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// The view `bellwether.recipients` of the tenant's database.
    #[default]
    Database,
}

/// How the tenant's mail leaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// `smtps://host`, or `smtp://host:port?tls=required|opportunistic|none`; `none` on loopback only. Without it
    /// every mail fails as not configured.
    pub smtp: Option<String>,
    /// `Name <address>`.
    pub from: String,
    /// Address for answers.
    pub reply_to: Option<String>,
    /// Password file for the user named in `smtp`; else `<TENANT>_SMTP_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// The password itself, filled in when the file is loaded.
    #[serde(skip)]
    pub password: Option<Secret>,
    /// Key file of one-click unsubscribe links; else `<TENANT>_UNSUBSCRIBE_KEY`. Without one mails carry the
    /// `mailto` form alone.
    pub unsubscribe_key_file: Option<PathBuf>,
    /// The key itself, filled in when the file is loaded.
    #[serde(skip)]
    pub unsubscribe_key: Option<Secret>,
}

/// Most of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Alerts of the tenant.
    pub alerts: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { alerts: 1_000_000 }
    }
}

/// Reads every `*.toml` of the directory, in order of id, with what `environment` adds.
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

/// The directory's files, in order of id.
pub(crate) fn tenant_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable =
        |error: std::io::Error| ConfigError::Unreadable { file: dir.into(), reason: error.to_string() };
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

/// Reads one tenant's file.
///
/// # Errors
/// Name, form, value or secret is not right; the error names file and key.
pub fn load_tenant(file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Tenant, ConfigError> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let id: TenantId = stem.parse().map_err(|error| ConfigError::Name {
        file: file.into(),
        reason: format!("the file's name: {error}"),
    })?;
    let text = read(file)?;
    let form = |error: toml::de::Error| ConfigError::Form { file: file.into(), reason: error.to_string() };
    let parsed: File = toml::from_str(&text).map_err(form)?;
    Checker { file, id, environment }.check(parsed)
}

struct Checker<'a> {
    file: &'a Path,
    id: TenantId,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Checker<'_> {
    fn check(self, mut file: File) -> Result<Tenant, ConfigError> {
        let zone = parse_zone(&file.zone).map_err(|error| self.value("zone", &error))?;
        if let Some(time) = &file.daily_brief {
            chrono::NaiveTime::parse_from_str(time, "%H:%M")
                .map_err(|_| self.value("daily_brief", &format!("{time:?} is not a time such as 09:00")))?;
        }
        let settings = self.settings(&file)?;
        for (key, colour) in [
            ("brand.bar", &file.brand.bar),
            ("brand.ink", &file.brand.ink),
            ("brand.accent", &file.brand.accent),
        ] {
            self.colour(key, colour)?;
        }
        file.brand.logo = file.brand.logo.take().map(|logo| self.beside(&logo));
        file.database.url =
            self.secret("database.url_file", file.database.url_file.as_deref(), "DATABASE_URL")?;
        file.mail.password =
            self.secret("mail.password_file", file.mail.password_file.as_deref(), "SMTP_PASSWORD")?;
        file.mail.unsubscribe_key = self.secret(
            "mail.unsubscribe_key_file",
            file.mail.unsubscribe_key_file.as_deref(),
            "UNSUBSCRIBE_KEY",
        )?;
        let File { revision, brand, database, mail, .. } = file;
        Ok(Tenant { id: self.id, revision, zone, settings, brand, database, mail })
    }

    fn settings(&self, file: &File) -> Result<Settings, ConfigError> {
        let names = match &file.symbols {
            Some(names) => names.clone(),
            None => DEFAULT_SYMBOLS.iter().map(|base| format!("{base}{}", file.symbol_suffix)).collect(),
        };
        let parse = |name: &String| name.parse::<Symbol>().map_err(|error| self.value("symbols", &error));
        let symbols: Vec<Symbol> = names.iter().map(parse).collect::<Result<_, _>>()?;
        if symbols.is_empty() {
            return Err(self.value("symbols", &"the list is empty: leave the key out for the 33 defaults"));
        }
        let mut settings = Settings::with_symbols(symbols, &file.symbol_suffix);
        self.mark_always_open(&mut settings, &file.always_open)?;
        if let Some(anchor) = &file.session_anchor {
            settings.session_anchor =
                anchor.parse::<SessionAnchor>().map_err(|error| self.value("session_anchor", &error))?;
        }
        if let Some(basis) = &file.price_basis {
            settings.price_basis =
                basis.parse::<PriceBasis>().map_err(|error| self.value("price_basis", &error))?;
        }
        if let Some(band) = file.absurd_band {
            if !(band > 0.0 && band.is_finite()) {
                return Err(self.value("absurd_band", &format!("{band} is not a fraction above 0")));
            }
            settings.absurd_band = band;
        }
        settings.lateness_max = file.lateness_max.map_or(settings.lateness_max, Span::micros);
        settings.source_idle = file.source_idle.map_or(settings.source_idle, Span::micros);
        settings.heatmap_cooldown = file.heatmap_cooldown.map_or(settings.heatmap_cooldown, Span::micros);
        settings.heatmap_suppression =
            file.heatmap_suppression.map_or(settings.heatmap_suppression, Span::micros);
        settings.max_alerts = file.limits.alerts;
        self.list_pairs(&mut settings, file)?;
        Ok(settings)
    }

    /// A listed pair takes part when both its symbols are listed, so only its form can be wrong.
    fn list_pairs(&self, settings: &mut Settings, file: &File) -> Result<(), ConfigError> {
        let lists = [
            ("positive_pairs", &file.positive_pairs, &mut settings.positive_pairs),
            ("negative_pairs", &file.negative_pairs, &mut settings.negative_pairs),
        ];
        for (key, given, list) in lists {
            let Some(pairs) = given else { continue };
            if let Some(wrong) = pairs.iter().find(|pair| !pair.trim_matches('-').contains('-')) {
                return Err(self.value(key, &format!("{wrong:?} is not a pair such as EURUSD-GBPUSD")));
            }
            list.clone_from(pairs);
        }
        Ok(())
    }

    fn mark_always_open(&self, settings: &mut Settings, names: &[String]) -> Result<(), ConfigError> {
        for name in names {
            let listed = |symbol: &&mut SymbolSettings| symbol.name.as_str() == name;
            match settings.symbols.iter_mut().find(listed) {
                Some(symbol) => symbol.always_open = true,
                None => return Err(self.value("always_open", &format!("{name:?} is not in symbols"))),
            }
        }
        Ok(())
    }

    fn colour(&self, key: &str, text: &str) -> Result<(), ConfigError> {
        let hex =
            text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        hex.map(|_| ()).ok_or_else(|| self.value(key, &format!("{text:?} is not a colour such as #19235d")))
    }

    /// From the file, or from `<TENANT>_<NAME>`; never from both.
    fn secret(&self, key: &str, path: Option<&Path>, name: &str) -> Result<Option<Secret>, ConfigError> {
        let variable = format!("{}_{name}", self.id.as_str().to_uppercase().replace('-', "_"));
        match (path, (self.environment)(&variable)) {
            (Some(_), Some(_)) => {
                Err(self.value(key, &format!("{variable} is set too: keep one of the two")))
            }
            (Some(path), None) => {
                let path = self.beside(path);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    let path = path.display();
                    self.value(
                        key,
                        &format!(
                            "{path}: {error}: put the secret there, or take the key out and set {variable}"
                        ),
                    )
                })?;
                Ok(Some(Secret::new(text.trim())))
            }
            (None, text) => Ok(text.map(Secret::new)),
        }
    }

    fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    fn value(&self, key: &str, reason: &dyn std::fmt::Display) -> ConfigError {
        ConfigError::Value { file: self.file.into(), key: key.into(), reason: reason.to_string() }
    }
}

/// Two tenants on one database or with one sender are one slip away from each other's users.
pub(crate) fn refuse_shared(dir: &Path, tenants: &[Tenant]) -> Result<(), ConfigError> {
    let mut databases: HashMap<&str, &TenantId> = HashMap::new();
    let mut senders: HashMap<&str, &TenantId> = HashMap::new();
    for tenant in tenants {
        let taken = |key: &str, other: &TenantId| ConfigError::Value {
            file: dir.join(format!("{}.toml", tenant.id)),
            key: key.into(),
            reason: format!("is that of tenant {other} too: every tenant has its own"),
        };
        if let Some(url) = &tenant.database.url
            && let Some(other) = databases.insert(url.reveal(), &tenant.id)
        {
            return Err(taken("database.url_file", other));
        }
        if let Some(other) = senders.insert(&tenant.mail.from, &tenant.id) {
            return Err(taken("mail.from", other));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "revision = 1\nzone = \"Asia/Kolkata\"\nsymbol_suffix = \"m\"\n[brand]\nname = \"FX\"\n\
        [database]\n[mail]\nfrom = \"FX <a@fx.example>\"\n";

    fn load(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Vec<Tenant>, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        load_tenants(dir.path(), &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    }

    fn error(text: &str, variables: &[(&str, &str)]) -> String {
        load(&[("fxlabs.toml", text)], variables).unwrap_err().to_string()
    }

    #[test]
    fn a_file_without_symbols_lists_the_33_with_its_suffix() {
        let tenants = load(&[("fxlabs.toml", GOOD)], &[]).unwrap();
        assert_eq!(tenants[0].settings.symbols.len(), 33);
        assert_eq!(tenants[0].settings.symbols[0].name.as_str(), "EURUSDm");
    }

    #[test]
    fn errors_name_file_and_key() {
        let wrong = error(&GOOD.replace("Asia/Kolkata", "Asia/Kolkatta"), &[]);
        assert!(wrong.contains("fxlabs.toml: zone:") && wrong.contains("Asia/Kolkatta"), "{wrong}");
        let wrong = error(&GOOD.replace("revision = 1", "revision = 1\ncolour = 3"), &[]);
        assert!(wrong.contains("fxlabs.toml") && wrong.contains("colour"), "{wrong}");
        let wrong = error(&GOOD.replace("[database]", "[database]\nurl_file = \"nowhere\""), &[]);
        assert!(wrong.contains("database.url_file") && wrong.contains("nowhere"), "{wrong}");
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

    #[test]
    fn tenants_share_neither_database_nor_sender() {
        let two = [("fxlabs.toml", GOOD), ("hextech.toml", GOOD)];
        assert!(load(&two, &[]).unwrap_err().to_string().contains("mail.from"));
        let other = GOOD.replace("a@fx", "a@hex");
        let two = [("fxlabs.toml", GOOD), ("hextech.toml", other.as_str())];
        let url = [("FXLABS_DATABASE_URL", "postgres://x"), ("HEXTECH_DATABASE_URL", "postgres://x")];
        let wrong = load(&two, &url).unwrap_err().to_string();
        assert!(wrong.contains("database.url_file") && !wrong.contains("postgres://x"), "{wrong}");
    }
}
