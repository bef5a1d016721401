//! `[api]`: who may speak to the gateway for the tenant, and from which pages.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use bellwether_schemas::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::secrets::Secrets;
use crate::config::ConfigError;
use crate::config::values::{Line, Origin, of_text};

/// Most characters of a token's note.
const NOTE: usize = 200;
/// Bytes of a SHA-256.
const HASH: usize = 32;

/// Who may speak to the gateway for the tenant, and from which pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Pages whose browsers may ask; none: no page. No two tenants may name one.
    pub origins: Vec<Origin>,
    /// Credentials that programs show. No two tenants may have one.
    pub tokens: Vec<ApiToken>,
}

/// A credential, of which the text itself is nowhere kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// By which it is found and named: the eight letters of its text behind the tenant.
    pub id: TokenId,
    /// What it may be used for.
    pub role: ApiRole,
    /// SHA-256 of its whole text, 64 hexadecimal digits.
    pub hash: TokenHash,
    /// For people: who has it.
    pub note: Option<Line<NOTE>>,
    /// From when on it counts no more; without it, it does not end.
    pub expires: Option<Timestamp>,
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiRole {
    /// To write ticks, bars and the news calendar.
    Ingest,
    /// To read market data.
    Read,
    /// To look after the tenant.
    Operate,
}

impl ApiRole {
    /// Its name in tenants' files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }
}

/// Eight hexadecimal digits, small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenId(String);

/// SHA-256 of a token's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenHash([u8; HASH]);

impl TokenId {
    /// The eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TokenHash {
    /// Of that text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; HASH] {
        &self.0
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl FromStr for TokenId {
    type Err = String;

    /// The text is not repeated in the error: somebody may have put the token itself there.
    fn from_str(text: &str) -> Result<Self, String> {
        if is_hex(text, 8) {
            return Ok(Self(text.into()));
        }
        Err("is not eight hexadecimal digits".into())
    }
}

impl FromStr for TokenHash {
    type Err = String;

    /// The text is not repeated in the error: somebody may have put the token itself there.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "is not a SHA-256 of 64 hexadecimal digits, small letters".to_owned();
        if !is_hex(text, 2 * HASH) {
            return Err(wrong());
        }
        let mut bytes = [0; HASH];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

of_text!(TokenId, String);
of_text!(TokenHash, String);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Api {
    /// The section, with the one token that an ancestor's installation has in `<TENANT>_API_TOKEN`: it reads.
    pub(super) fn with_secrets(mut self, secrets: &Secrets<'_>) -> Result<Self, ConfigError> {
        if let Some(text) = secrets.get("api.tokens", None, "API_TOKEN")? {
            let hash = TokenHash::of(text.reveal());
            let wrong = |reason| ConfigError::value(secrets.file, "api.tokens", reason);
            let id = hash.to_string()[..8].parse().map_err(wrong)?;
            let note = "API_TOKEN of the environment".parse().ok();
            self.tokens.push(ApiToken { id, role: ApiRole::Read, hash, note, expires: None });
        }
        let mut ids = BTreeSet::new();
        match self.tokens.iter().find(|token| !ids.insert(&token.id)) {
            Some(twice) => {
                let reason = format!("id {} is there twice", twice.id);
                Err(ConfigError::value(secrets.file, "api.tokens", reason))
            }
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf secret | sha256sum`
    const HASHED: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn a_hash_is_that_of_the_whole_text_and_is_written_in_small_hexadecimal_digits() {
        assert_eq!(TokenHash::of("secret").to_string(), HASHED);
        assert_eq!(HASHED.parse::<TokenHash>().unwrap(), TokenHash::of("secret"));
        for bad in ["", "secret", &HASHED[1..], &HASHED.to_uppercase()] {
            let wrong = bad.parse::<TokenHash>().unwrap_err();
            assert!(!wrong.contains("secret"), "{wrong}");
        }
        for bad in ["", "1234567", "123456789", "1234567G", "ABCDEF01"] {
            let wrong = bad.parse::<TokenId>().unwrap_err();
            assert!(bad.is_empty() || !wrong.contains(bad), "{wrong}");
        }
    }
}
