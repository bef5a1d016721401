//! Names of the DNS that a tenant's file gives.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::of_text;

/// Most bytes of a name.
const MAX: usize = 253;

/// A name of the DNS, or labels of one: letters, digits, hyphens and underscores between dots.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DnsName(String);

impl FromStr for DnsName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if text.len() <= MAX && text.split('.').all(is_label) {
            return Ok(Self(text.into()));
        }
        Err(format!("{text:?} is no name of the DNS such as s1 or mail.fxlabs.example"))
    }
}

of_text!(DnsName, String);

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_labels_between_dots() {
        for good in ["s1", "mail.fxlabs.example", "k2._x"] {
            assert_eq!(good.parse::<DnsName>().unwrap().to_string(), good);
        }
        for bad in ["", ".", "a..b", "a b", "ü.example", "a/b", &"x".repeat(64)] {
            assert!(bad.parse::<DnsName>().is_err(), "{bad}");
        }
    }
}
