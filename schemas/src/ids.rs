//! Names that decide who sees what: parsed once by a checked constructor, opaque after.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// UUIDv5 of `triggers.bellwether` in the DNS namespace: every derived id hangs below it.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x64a1b937_bfe8_5204_bbd3_75bb08ade502);

/// Why a text is not the id it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Tenant ids are `^[a-z][a-z0-9-]{1,30}$`.
    #[error("tenant id {0:?} is not of the form [a-z][a-z0-9-]{{1,30}}")]
    Tenant(String),
    /// A symbol is not of the form `[A-Za-z0-9._-]{1,32}`.
    #[error("symbol {0:?} is not of the form [A-Za-z0-9._-]{{1,32}}")]
    Symbol(String),
    /// Alert, user and trigger ids are UUIDs.
    #[error("{0:?} is not a UUID")]
    Uuid(String),
}

/// A brand that watches prices for its users: `fxlabs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if first && rest && (2..=31).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::Tenant(text.into()))
        }
    }
}

/// A symbol in the tenant's own spelling: `EURUSDm`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// The symbol as the tenant spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the tenant's suffix: legs, pair lists and pair keys use it.
    #[must_use]
    pub fn base<'a>(&'a self, suffix: &str) -> &'a str {
        match self.0.strip_suffix(suffix) {
            Some(base) if !base.is_empty() => base,
            _ => &self.0,
        }
    }

    /// As shown to people: `EUR/USD`; `OIL/USD` for `USOIL`.
    #[must_use]
    pub fn display(&self, suffix: &str) -> String {
        let base = self.base(suffix);
        match base {
            "USOIL" => "OIL/USD".into(),
            six if six.len() == 6 && six.bytes().all(|b| b.is_ascii_alphabetic()) => {
                format!("{}/{}", &six[..3], &six[3..])
            }
            other => other.into(),
        }
    }
}

impl FromStr for Symbol {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let ok = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if ok && (1..=32).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::Symbol(text.into()))
        }
    }
}

/// What a name is matched by: case, slashes and spaces do not count.
#[must_use]
pub fn match_key(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '/' | ' ')).flat_map(char::to_uppercase).collect()
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().into()
            }
        }
    };
}
text_id!(TenantId);
text_id!(Symbol);

macro_rules! uuid_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError::Uuid(text.into()))
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }
    };
}
uuid_id!(AlertId, "An alert: what a user configured.");
uuid_id!(UserId, "A user of one tenant, as its Auth knows them.");
uuid_id!(TriggerId, "The fact that an alert fired; derived from its cause.");
uuid_id!(GroupId, "All triggers of one alert at one instant: one mail.");

/// The id that the text of a cause has under [`NAMESPACE`].
#[must_use]
pub fn derive(text: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_one_of_the_spec() {
        assert_eq!(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"triggers.bellwether"), NAMESPACE);
    }

    #[test]
    fn tenant_ids_are_checked() {
        for good in ["fxlabs", "a1", "a-b", &"a".repeat(31)] {
            assert!(good.parse::<TenantId>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Fx", "1a", "a_b", "a.b", &"a".repeat(32), "a\n"] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn symbols_are_shown_as_people_write_them() {
        let shown = |s: &str| s.parse::<Symbol>().unwrap().display("m");
        assert_eq!(shown("EURUSDm"), "EUR/USD");
        assert_eq!(shown("EURUSD"), "EUR/USD");
        assert_eq!(shown("USOILm"), "OIL/USD");
        assert_eq!(shown("US500"), "US500");
        assert_eq!(shown("m"), "m");
    }

    #[test]
    fn symbols_are_checked() {
        assert!("EUR/USD".parse::<Symbol>().is_err());
        assert!("".parse::<Symbol>().is_err());
        assert!("x".repeat(33).parse::<Symbol>().is_err());
        assert!("BRK.B-x_1".parse::<Symbol>().is_ok());
    }
}
