//! `bellwether tenants import`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bellwether_runtime::config::{ANCESTOR_NAMES, TokenHash, ancestor_keys, examine_tenant};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use clap::Args;
use serde_json::{Map, Value};

use super::env_file::{self, Variable};
use super::file_text;
use super::secret_files::{NewFiles, take_back};
use crate::exit::{CONFIG, Coded, NO_INPUT};
use crate::output::tell;
use crate::wiring::Process;

/// Variables of ours that hold a secret, and the key of the file that has it.
const OURS: [(&str, &str); 5] = [
    ("DATABASE_URL", "database.url_file"),
    ("GATEWAY_DATABASE_URL", "database.gateway_url_file"),
    ("SMTP_PASSWORD", "mail.password_file"),
    ("UNSUBSCRIBE_KEY", "mail.unsubscribe_key_file"),
    ("BOUNCE_SECRET", "mail.bounce_secret_file"),
];

/// Makes a tenant's file, and files with its secrets, out of the environment of an earlier installation.
///
/// FILE has lines NAME=value, such as .env.fxlabs. Only names that begin with the tenant's are read, such as
/// FXLABS_FROM_EMAIL; what is not understood is said. No secret is printed: each goes into a file of its own that its
/// owner alone can read. Nothing is overwritten, and where something is wrong nothing is written.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether tenants import .env.fxlabs --as fxlabs")]
pub(crate) struct Import {
    /// The environment's file.
    file: PathBuf,
    /// The tenant that it becomes.
    #[arg(long = "as", value_name = "T")]
    tenant: TenantId,
    /// Where its secrets are written [default: the folder `secrets` beside the tenants' files]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
}

/// What is to be written.
struct Plan {
    files: NewFiles,
    /// What is told, a line each.
    told: Vec<String>,
}

impl Import {
    pub(super) fn run(&self, process: &Process) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&self.file).map_err(|error| Coded {
            code: NO_INPUT,
            message: format!("{}: cannot be read: {error}", self.file.display()),
        })?;
        let (variables, unreadable) = env_file::parse(&text);
        let target = process.config.tenants.join(format!("{}.toml", self.tenant));
        let plan = self.plan(&target, variables)?;
        if let Some(there) = plan.files.existing().first() {
            let message = format!("{} is there already, and nothing is overwritten", there.display());
            return Err(Coded { code: CONFIG, message }.into());
        }
        let written = plan.files.write()?;
        let faults = examine_tenant(&target, &|_| None);
        if !faults.is_empty() {
            take_back(&written);
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let message = format!(
                "nothing is written, for the file would not be right: {}: set what is missing in {}",
                faults.join("; "),
                self.file.display()
            );
            return Err(Coded { code: CONFIG, message }.into());
        }
        let lines = unreadable.iter().map(|line| format!("line {line} is no variable, and is left out"));
        let done = written.iter().map(|path| format!("wrote {}", path.display()));
        tell(&plan.told.into_iter().chain(lines).chain(done).map(|line| line + "\n").collect::<String>())
    }

    fn plan(&self, target: &Path, variables: Vec<Variable>) -> Result<Plan, Coded> {
        let prefix = format!("{}_", self.tenant.as_str().to_uppercase().replace('-', "_"));
        let (mut own, mut told) = (BTreeMap::new(), Vec::new());
        for Variable { name, value } in variables {
            match name.strip_prefix(&prefix) {
                Some(known) if is_known(known) => drop(own.insert(known.to_owned(), value)),
                Some(_) => told.push(format!("{name} is not understood, and is left out")),
                None => told.push(format!("{name} does not begin with {prefix}, and is not read")),
            }
        }
        own.retain(|_, value| !value.reveal().is_empty());
        let mut files = NewFiles::default();
        let mut keys = Map::new();
        put(&mut keys, "revision", 1.into());
        put(&mut keys, "database", Value::Object(Map::new()));
        let name =
            own.get("FROM_NAME").map_or_else(|| self.tenant.to_string(), |name| name.reveal().to_owned());
        put(&mut keys, "brand.name", name.into());
        let value = |name: &str| own.get(name).map(|value| value.reveal().to_owned());
        for (key, value) in ancestor_keys(&value) {
            put(&mut keys, key, serde_json::to_value(value).unwrap_or_default());
        }
        let base = target.parent().unwrap_or(Path::new(""));
        let secrets = self.secrets.clone().unwrap_or_else(|| base.join("secrets"));
        for (name, key) in secret_keys() {
            let Some(secret) = own.get(name) else { continue };
            let file = secrets.join(format!("{}-{}", self.tenant, name.to_lowercase().replace('_', "-")));
            put(&mut keys, key, named(base, &file).into());
            files.secret(file, secret.clone());
        }
        if let Some(token) = own.get("API_TOKEN") {
            put(&mut keys, "api.tokens", token_keys(token));
            told.push(format!("{prefix}API_TOKEN is kept as its hash, with the role read: `[[api.tokens]]`"));
        }
        if !own.contains_key("DATABASE_URL") {
            told.push(format!(
                "{} names no database: `bellwether tenants init {}` makes its role, and database.url_file is to name its URL",
                target.display(),
                self.tenant
            ));
        }
        files.plain(target.into(), file_text(&keys)?);
        Ok(Plan { files, told })
    }
}

fn is_known(name: &str) -> bool {
    ANCESTOR_NAMES.iter().any(|known| known.name == name) || OURS.iter().any(|(known, _)| *known == name)
}

/// Secrets that have a file, each with the key that names it.
fn secret_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ancestors = ANCESTOR_NAMES.iter().filter(|name| name.is_secret && name.key.ends_with("_file"));
    ancestors.map(|name| (name.name, name.key)).chain(OURS)
}

/// Relative to the tenants' files, where it lies below them.
fn named(base: &Path, file: &Path) -> String {
    match file.strip_prefix(base) {
        Ok(below) => below.display().to_string(),
        Err(_) => std::path::absolute(file).unwrap_or_else(|_| file.into()).display().to_string(),
    }
}

fn token_keys(token: &Secret) -> Value {
    let hash = TokenHash::of(token.reveal()).to_string();
    serde_json::json!([{ "id": &hash[..8], "role": "read", "hash": hash, "note": "imported" }])
}

/// Sets a key that may stand in a section.
pub(super) fn put(keys: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(keys.insert(key.into(), value)),
        Some((section, rest)) => {
            let inner = keys.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
