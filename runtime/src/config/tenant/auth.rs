//! `[auth]`: the tenant's Supabase Auth, for tenants whose recipients it tells.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::secrets::Secrets;
use crate::config::{ConfigError, FeedAddress};
use crate::secret::Secret;

/// The keys as they stand in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// Where Auth answers, `https://PROJECT.supabase.co/auth/v1`.
    url: Option<String>,
    /// File with a key that may list users: the service_role key, or a secret key `sb_secret_…`; else
    /// `<TENANT>_SUPABASE_SERVICE_KEY`.
    key_file: Option<PathBuf>,
}

/// Where the tenant's users are listed, and by what right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Where Auth answers.
    pub url: FeedAddress,
    /// What it is asked with.
    pub key: AuthKey,
}

/// A key that may list users. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthKey {
    /// The JWT of the role service_role: it is shown as the bearer's token, too.
    ServiceRole(Secret),
    /// `sb_secret_…`: no token, and refused as one.
    Secret(Secret),
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServiceRole(_) => "ServiceRole",
            Self::Secret(_) => "Secret",
        })
    }
}

impl AuthKey {
    /// Tells the kinds of keys apart; nothing is verified. The key is not repeated in the error.
    fn of(key: Secret) -> Result<Self, String> {
        let text = key.reveal();
        if text.starts_with("sb_secret_") {
            return Ok(Self::Secret(key));
        }
        if text.starts_with("sb_publishable_") {
            return Err(
                "is a publishable key, which may not list users: use a secret key, sb_secret_…".into()
            );
        }
        match role_of(text).as_deref() {
            Some("service_role") => Ok(Self::ServiceRole(key)),
            Some("anon") => Err("is the anon key, which may not list users: use the service_role key".into()),
            Some(_) => Err("is a user's token, which may not list users: use the service_role key".into()),
            None => Err("is no key of Supabase: neither a JWT nor sb_secret_…".into()),
        }
    }
}

/// What a JWT says of its role; none for what is no JWT.
fn role_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        role: String,
    }
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok().map(|Claims { role }| role)
}

impl Keys {
    /// The section with its secret; none where nothing of it is given.
    pub(super) fn with_secret(self, secrets: &Secrets<'_>) -> Result<Option<Auth>, ConfigError> {
        let wrong = |key: &str, reason: &str| ConfigError::value(secrets.file, key, reason);
        let key = secrets.get("auth.key_file", self.key_file.as_deref(), "SUPABASE_SERVICE_KEY")?;
        let (url, key) = match (self.url, key) {
            (None, _) => return Ok(None),
            (Some(_), None) => {
                return Err(wrong("auth.key_file", "is missing: without a key Auth lists nobody"));
            }
            (Some(url), Some(key)) => (url, key),
        };
        let url = url.parse().map_err(|reason| wrong("auth.url", reason))?;
        let key = AuthKey::of(key).map_err(|reason| wrong("auth.key_file", &reason))?;
        Ok(Some(Auth { url, key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims))
    }

    fn kind(key: &str) -> Result<&'static str, String> {
        AuthKey::of(Secret::new(key)).map(|key| match key {
            AuthKey::ServiceRole(_) => "service_role",
            AuthKey::Secret(_) => "secret",
        })
    }

    #[test]
    fn both_forms_of_a_key_that_lists_users_are_taken_and_others_are_named_without_being_repeated() {
        assert_eq!(kind(&jwt(r#"{"role":"service_role"}"#)), Ok("service_role"));
        assert_eq!(kind("sb_secret_abc"), Ok("secret"));
        for (key, word) in [
            (jwt(r#"{"role":"anon"}"#), "anon key"),
            (jwt(r#"{"role":"authenticated","sub":"x"}"#), "user's token"),
            (jwt("{}"), "no key of Supabase"),
            ("sb_publishable_abc".into(), "publishable key"),
            ("swordfish".into(), "no key of Supabase"),
            (String::new(), "no key of Supabase"),
        ] {
            let wrong = kind(&key).unwrap_err();
            assert!(wrong.contains(word) && (key.is_empty() || !wrong.contains(&key)), "{wrong}");
        }
    }
}
