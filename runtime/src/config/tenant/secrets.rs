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
        let path = super::beside(self.file, path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            let remedy = format!("put the secret there, or take the key out and set {variable}");
            ConfigError::value(self.file, key, format!("{path}: {error}: {remedy}"))
        })?;
        Ok(Secret::new(text.trim()))
    }
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
