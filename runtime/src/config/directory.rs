//! The directory of tenants' files, and what no two of them may share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bellwether_schemas::TenantId;

use super::database_place::{DatabasePlace, Login};
use super::tenant::{examine, is_stand_in};
use super::{ConfigError, Database, Fault, Origin, Tenant, TokenHash, load_tenant, toml_file};

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
    let clashes = clashes(dir, tenants.iter().filter(|tenant| !is_stand_in(tenant)));
    faults.extend(clashes.iter().map(with_line));
    Ok((tenants, faults))
}

/// Everything that is wrong with one tenant's file, apart from others.
#[must_use]
pub fn examine_tenant(file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Vec<Fault> {
    examine(file, environment).faults
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
fn unknown(dir: &Path, name: &TenantId) -> Result<ConfigError, ConfigError> {
    let stem = |file: &PathBuf| Some(file.file_stem()?.to_string_lossy().into_owned());
    let known: Vec<String> = tenant_files(dir)?.iter().filter_map(stem).collect();
    Ok(ConfigError::UnknownTenant { tenant: name.to_string(), dir: dir.into(), known: known.join(", ") })
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
pub(crate) fn refuse_shared(dir: &Path, tenants: &[Tenant]) -> Result<(), ConfigError> {
    clashes(dir, tenants.iter()).into_iter().next().map_or(Ok(()), Err)
}

/// Everything that two tenants have and only one may, told of the later one.
fn clashes<'a>(dir: &Path, tenants: impl Iterator<Item = &'a Tenant>) -> Vec<ConfigError> {
    let mut found = Vec::new();
    let mut databases: HashMap<DatabasePlace, &Tenant> = HashMap::new();
    let mut logins: HashMap<Login, &TenantId> = HashMap::new();
    let mut senders: HashMap<String, &TenantId> = HashMap::new();
    let mut tokens: HashMap<TokenHash, &TenantId> = HashMap::new();
    let mut origins: HashMap<&Origin, &TenantId> = HashMap::new();
    for tenant in tenants {
        let taken = |key: &str, other: &TenantId, but: &str| {
            let reason = format!("is that of tenant {other} too: every tenant has its own{but}");
            ConfigError::value(&tenant_file(dir, &tenant.id), key, reason)
        };
        let Database { url, gateway_url, shared, .. } = &tenant.database;
        for (key, url) in [("database.url_file", url), ("database.gateway_url_file", gateway_url)] {
            let Some(login) = url.as_ref().map(Login::of) else { continue };
            if let Some(other) = databases.insert(login.place.clone(), tenant)
                && other.id != tenant.id
                && !(*shared && other.database.shared)
            {
                found.push(taken(key, &other.id, " unless both say database.shared = true"));
            }
            if let Some(other) = logins.insert(login, &tenant.id)
                && *other != tenant.id
            {
                found.push(taken(key, other, " role, in a shared database too"));
            }
        }
        if let Some(other) = senders.insert(tenant.mail.from.address().folded(), &tenant.id) {
            found.push(taken("mail.from", other, ""));
        }
        for token in &tenant.api.tokens {
            if let Some(other) = tokens.insert(token.hash, &tenant.id) {
                found.push(taken("api.tokens", other, ""));
            }
        }
        for origin in &tenant.api.origins {
            if let Some(other) = origins.insert(origin, &tenant.id)
                && *other != tenant.id
            {
                found.push(taken("api.origins", other, ""));
            }
        }
    }
    found
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
