//! Secrets of a tenant: each stands in a file that a key names, or in the environment, and never in the tenant's file.

use std::path::Path;

use bellwether_schemas::TenantId;

use crate::config::ConfigError;
use crate::secret::Secret;

/// Where one tenant's secrets are looked for.
pub(super) struct Secrets<'a> {
    /// The tenant's file, which errors name.
    pub(super) file: &'a Path,
    /// The tenant, whose id begins the names of its variables.
    pub(super) tenant: &'a TenantId,
    /// The value of a variable.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
}

/// The name of a tenant's variable: `<TENANT>_<NAME>`.
pub(super) fn variable(tenant: &TenantId, name: &str) -> String {
    format!("{}_{name}", tenant.as_str().to_uppercase().replace('-', "_"))
}

impl Secrets<'_> {
    /// From the file that `key` names, relative to the tenant's file, from `<TENANT>_<NAME>`, or from the file that
    /// `<TENANT>_<NAME>_FILE` names; never from two of them.
    pub(super) fn get(
        &self,
        key: &str,
        path: Option<&Path>,
        name: &str,
    ) -> Result<Option<Secret>, ConfigError> {
        let variable = variable(self.tenant, name);
        let of_file = format!("{variable}_FILE");
        let twice = |set: &str| {
            Err(ConfigError::value(self.file, key, format!("{set} is set too: keep one of the two")))
        };
        match (path, (self.environment)(&variable), (self.environment)(&of_file)) {
            (Some(_), Some(_), _) => twice(&variable),
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => twice(&of_file),
            (Some(path), None, None) => self.read(key, path, &variable).map(Some),
            (None, None, Some(path)) => self.read(key, Path::new(&path), &variable).map(Some),
            (None, text, None) => Ok(text.map(Secret::new)),
        }
    }

    fn read(&self, key: &str, path: &Path, variable: &str) -> Result<Secret, ConfigError> {
        let there = super::beside(self.file, path);
        let text = std::fs::read_to_string(&there).map_err(|error| {
            let shown = if is_plain(path) { there.display().to_string() } else { UNSHOWN.into() };
            let remedy = format!("put the secret there, or take the key out and set {variable}");
            ConfigError::value(self.file, key, format!("{shown}: {error}: {remedy}"))
        })?;
        Ok(Secret::new(text.trim()))
    }
}

/// Told in place of a path that may be none.
const UNSHOWN: &str = "the file that it is to name";

/// A file in a folder, by letters that paths are made of. What is not may be the secret itself, which somebody put where its
/// file is to be named; and so may what has slashes as base64 has them.
fn is_plain(path: &Path) -> bool {
    const KEY: usize = 20;
    let is_usual = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    let is_path = |text: &str| text.contains('/') && text.bytes().all(is_usual);
    let has = |text: &str, kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    let is_key = |text: &str| {
        let is_mixed = has(text, u8::is_ascii_lowercase) && has(text, u8::is_ascii_uppercase);
        text.len() >= KEY && is_mixed && has(text, u8::is_ascii_digit) && !text.contains('.')
    };
    path.to_str().is_some_and(|text| is_path(text) && !is_key(text))
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use crate::config::load_tenant;

    const TEXT: &str = "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"FX\"\n[database]\n[auth]\n\
        url = \"https://auth.fx.example\"\n[mail]\nsmtp = \"smtps://me@mail.fx.example\"\n\
        from = \"a@fx.example\"\n[[calendar]]\nname = \"feed\"\nurl = \"https://feed.example/?key=swordfish\"\n\
        headers_file = \"headers\"\n";

    fn variable(name: &str) -> Option<String> {
        let text = match name.strip_prefix("FXLABS_")? {
            "DATABASE_URL" | "GATEWAY_DATABASE_URL" => "postgres://me:swordfish@h/d",
            "SMTP_PASSWORD" => "swordfish",
            "UNSUBSCRIBE_KEY" => "swordfish-of-thirty-two-letters-or-more",
            // swordfish, three times.
            "BOUNCE_SECRET" => "whsec_c3dvcmRmaXNoc3dvcmRmaXNoc3dvcmRmaXNo",
            "SUPABASE_SERVICE_KEY" => "sb_secret_swordfish",
            _ => return None,
        };
        Some(text.into())
    }

    #[test]
    fn a_secret_that_stands_where_its_file_is_to_be_named_is_not_told_and_a_path_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fxlabs.toml");
        let told = |section: &str, line: &str| {
            let text = TEXT.replace(section, &format!("{section}\n{line}"));
            std::fs::write(&file, text).unwrap();
            let key = |name: &str| variable(name).filter(|_| name.ends_with("_SERVICE_KEY"));
            load_tenant(&file, &key).unwrap_err().to_string()
        };
        for (section, line) in [
            ("[database]", "url_file = \"postgres://me:swordfish@h/d\""),
            ("[mail]", "password_file = \"swordfish\""),
            ("[mail]", "password_file = \"SG.swordfish\""),
            ("[mail]", "unsubscribe_key_file = \"sword/fish+swordfish=\""),
            ("[mail]", "unsubscribe_key_file = \"swordfish/of32lettersWithoutPads\""),
        ] {
            let told = told(section, line);
            assert!(told.contains("put the secret there") && !told.contains("swordfish"), "{told}");
        }
        let path = told("[mail]", "password_file = \"secrets/fxlabs-smtp.txt\"");
        assert!(path.contains("secrets/fxlabs-smtp.txt: No such file"), "{path}");
    }

    #[test]
    fn no_secret_shows_in_a_panic_that_tells_of_a_tenant() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fxlabs.toml");
        std::fs::write(&file, TEXT).unwrap();
        std::fs::write(dir.path().join("headers"), "Authorization: Bearer swordfish\n").unwrap();
        let tenant = load_tenant(&file, &variable).unwrap();
        for told in
            [|tenant| panic!("{tenant:?}"), |tenant| panic!("{tenant:#?}")] as [fn(&crate::config::Tenant); 2]
        {
            let panicked = catch_unwind(|| told(&tenant)).unwrap_err();
            let text = panicked.downcast_ref::<String>().unwrap();
            for part in ["FX", "gateway_url", "bounce_secret", "[secret]"] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            assert!(!text.contains("swordfish") && !text.contains("c3dvcmRmaXNo"), "{text}");
        }
    }
}
