//! The ancestor's environment: variables of one tenant that an installation of it has, as keys of the tenant's file.
//! Only names that begin with the tenant's are read: those without were how tenants got mixed.

use std::path::Path;

use bellwether_schemas::TenantId;
use toml::{Table, Value};

use super::secrets::variable;
use crate::config::ConfigError;

/// The server that an ancestor's mail key is for: its user has that very name.
const SENDGRID: &str = "smtps://apikey@smtp.sendgrid.net";

/// A variable's name behind the tenant's, the key that it fills, and how.
pub struct AncestorName {
    /// Such as `FROM_EMAIL`, behind `FXLABS_`.
    pub name: &'static str,
    /// The key with its section, or what becomes of it.
    pub key: &'static str,
    /// The text holds a secret: it goes into a file of its own and is never shown.
    pub is_secret: bool,
}

const fn key(name: &'static str, key: &'static str) -> AncestorName {
    AncestorName { name, key, is_secret: false }
}

const fn secret(name: &'static str, key: &'static str) -> AncestorName {
    AncestorName { name, key, is_secret: true }
}

/// Every name that is read, each behind the tenant's and an underscore.
pub const ANCESTOR_NAMES: [AncestorName; 10] = [
    key("SUPABASE_URL", "auth.url"),
    secret("SUPABASE_SERVICE_KEY", "auth.key_file"),
    secret("SENDGRID_API_KEY", "mail.password_file"),
    key("FROM_EMAIL", "mail.from"),
    key("FROM_NAME", "mail.from"),
    key("PUBLIC_BASE_URL", "brand.site_url"),
    key("DAILY_TZ_NAME", "zone"),
    key("DAILY_SEND_LOCAL_TIME", "daily_brief"),
    secret("API_TOKEN", "api.tokens"),
    key("ALLOWED_ORIGINS", "api.origins"),
];

/// The keys of a tenant's file that these variables fill, without secrets. What the ancestor spelt otherwise is
/// written as a file has it.
#[must_use]
pub fn ancestor_keys(value: &dyn Fn(&str) -> Option<String>) -> Vec<(&'static str, Value)> {
    let text = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut keys = Vec::new();
    let mut put = |key, value: Option<Value>| keys.extend(value.map(|value| (key, value)));
    put("zone", text("DAILY_TZ_NAME").map(Value::from));
    put("daily_brief", text("DAILY_SEND_LOCAL_TIME").map(|time| hour_of_two_digits(&time).into()));
    let url = text("SUPABASE_URL").map(|url| format!("{}/auth/v1", url.trim_end_matches('/')).into());
    // Without a key nobody is listed there, so its address is of no use.
    put("auth.url", url.filter(|_| text("SUPABASE_SERVICE_KEY").is_some()));
    put("mail.from", text("FROM_EMAIL").map(|email| mailbox(text("FROM_NAME"), &email).into()));
    put("mail.smtp", text("SENDGRID_API_KEY").map(|_| SENDGRID.into()));
    put("brand.site_url", text("PUBLIC_BASE_URL").map(|url| url.trim_end_matches('/').into()));
    put("api.origins", text("ALLOWED_ORIGINS").map(|text| origins(&text)));
    keys
}

/// Puts into a tenant's file what its variables say. The mail key's server gives way to one that the file names.
pub(super) fn fill(
    path: &Path,
    table: &mut Table,
    tenant: &TenantId,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let value = |name: &str| {
        let variable = variable(tenant, name);
        let is_secret = ANCESTOR_NAMES.iter().any(|known| known.name == name && known.is_secret);
        // Of a secret it is enough here that there is one.
        environment(&variable).or_else(|| environment(&format!("{variable}_FILE")).filter(|_| is_secret))
    };
    for (key, value) in ancestor_keys(&value) {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let table = match section {
            "" => &mut *table,
            _ => match table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
                Value::Table(inner) => inner,
                // What is no section is said when it is read.
                _ => continue,
            },
        };
        match table.get(name) {
            None => drop(table.insert(name.into(), value)),
            Some(_) if key == "mail.smtp" => {}
            Some(_) => return Err(ConfigError::value(path, key, twice(tenant, key))),
        }
    }
    Ok(())
}

fn twice(tenant: &TenantId, key: &str) -> String {
    let names = ANCESTOR_NAMES.iter().filter(|name| name.key == key);
    let names: Vec<String> = names.map(|name| variable(tenant, name.name)).collect();
    format!("{} is set too: keep one of the two", names.join(" or "))
}

fn mailbox(name: Option<String>, email: &str) -> String {
    let quoted = |name: String| name.replace('\\', "\\\\").replace('"', "\\\"");
    name.map_or_else(|| email.to_owned(), |name| format!("\"{}\" <{email}>", quoted(name)))
}

/// `9:00` and `09:00:00` as `09:00`.
fn hour_of_two_digits(time: &str) -> String {
    let mut parts = time.split(':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(hour), Some(minute), None | Some("00")) => format!("{hour:0>2}:{minute}"),
        _ => time.to_owned(),
    }
}

fn origins(text: &str) -> Value {
    let each = text.split(',').map(|origin| origin.trim().trim_end_matches('/'));
    Value::Array(each.filter(|origin| !origin.is_empty()).map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Tenant, load_tenant};
    use super::*;

    const BARE: &str = "revision = 1\n[brand]\nname = \"FX\"\n[database]\n[mail]\n";
    const ALL: [(&str, &str); 10] = [
        ("FXLABS_SUPABASE_URL", "https://x.supabase.co/"),
        ("FXLABS_SUPABASE_SERVICE_KEY", "sb_secret_swordfish"),
        ("FXLABS_SENDGRID_API_KEY", "SG.swordfish"),
        ("FXLABS_FROM_EMAIL", "alerts@fxlabs.example"),
        ("FXLABS_FROM_NAME", "FXLabs, \"India\""),
        ("FXLABS_PUBLIC_BASE_URL", "https://www.fxlabs.example/"),
        ("FXLABS_DAILY_TZ_NAME", "Asia/Kolkata"),
        ("FXLABS_DAILY_SEND_LOCAL_TIME", "9:00"),
        ("FXLABS_API_TOKEN", "secret"),
        ("FXLABS_ALLOWED_ORIGINS", "https://app.fxlabs.example/, https://fxlabs.example"),
    ];

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Tenant, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fxlabs.toml");
        std::fs::write(&file, text).unwrap();
        load_tenant(&file, &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn every_name_of_the_ancestors_is_read() {
        let tenant = load(BARE, &ALL).unwrap();
        assert_eq!(tenant.zone, chrono_tz::Asia::Kolkata);
        assert_eq!(tenant.daily_brief, chrono::NaiveTime::from_hms_opt(9, 0, 0));
        assert_eq!(tenant.mail.from.name(), Some("FXLabs, \"India\""));
        assert_eq!(tenant.mail.from.address().to_string(), "alerts@fxlabs.example");
        let smtp = tenant.mail.smtp.unwrap();
        assert_eq!((smtp.host(), smtp.user()), ("smtp.sendgrid.net", Some("apikey")));
        assert_eq!(tenant.mail.password.unwrap().reveal(), "SG.swordfish");
        assert_eq!(tenant.auth.unwrap().url.path_and_query(), "/auth/v1");
        assert_eq!(tenant.brand.site_url.unwrap().as_str(), "https://www.fxlabs.example");
        let origins: Vec<&str> = tenant.api.origins.iter().map(|origin| origin.as_str()).collect();
        assert_eq!(origins, ["https://app.fxlabs.example", "https://fxlabs.example"]);
        let token = &tenant.api.tokens[0];
        assert_eq!((token.hash, token.role.name()), (super::super::TokenHash::of("secret"), "read"));
    }

    #[test]
    fn names_without_a_tenant_and_those_of_another_are_not_read() {
        let of = |prefix: &str| {
            ALL.map(|(name, value)| (format!("{prefix}{}", name.trim_start_matches("FXLABS_")), value))
        };
        for prefix in ["", "HEXTECH_"] {
            let variables = of(prefix);
            let variables: Vec<(&str, &str)> =
                variables.iter().map(|(name, value)| (&**name, *value)).collect();
            let wrong = load(BARE, &variables).unwrap_err().to_string();
            assert!(wrong.contains("missing field"), "{wrong}");
        }
    }

    #[test]
    fn what_the_file_says_too_is_refused_and_no_secret_is_shown() {
        for (line, key) in [
            ("[mail]\nfrom = \"a@fx.example\"\n", "mail.from: FXLABS_FROM_EMAIL or FXLABS_FROM_NAME"),
            (
                "[api]\norigins = [\"https://fxlabs.example\"]\n[mail]\n",
                "api.origins: FXLABS_ALLOWED_ORIGINS",
            ),
        ] {
            let wrong = load(&BARE.replace("[mail]\n", line), &ALL).unwrap_err().to_string();
            assert!(wrong.contains(&format!("{key} is set too")), "{wrong}");
        }
        let own = BARE.replace("[mail]\n", "[mail]\nsmtp = \"smtps://me@mail.example\"\n");
        let wrong = load(&own, &ALL).unwrap_err().to_string();
        assert!(wrong.contains("FXLABS_SENDGRID_API_KEY") && wrong.contains("apikey"), "{wrong}");
        assert!(!wrong.contains("swordfish"), "{wrong}");
        let anon = ALL.map(|(name, value)| match name {
            "FXLABS_SUPABASE_SERVICE_KEY" => (name, "sb_publishable_swordfish"),
            _ => (name, value),
        });
        let wrong = load(BARE, &anon).unwrap_err().to_string();
        assert!(wrong.contains("is a publishable key") && !wrong.contains("swordfish"), "{wrong}");
        let star = ALL.map(|(name, value)| (name, if name.ends_with("ORIGINS") { "*" } else { value }));
        let wrong = load(BARE, &star).unwrap_err().to_string();
        assert!(wrong.contains("api.origins: \"*\" would let pages of anybody in"), "{wrong}");
    }
}
