//! Links that go out in mails.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::of_text;

/// Most bytes of a link.
const MAX: usize = 1_000;

/// What a mail client may open: an `https` address, or an `http` one of this machine. It goes out as it stands, so it
/// has no character that could end an attribute or a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Link(String);

impl Link {
    /// The link as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'`\\{}|^".contains(&b));
        if is_plain && text.len() <= MAX && (is_https(text) || is_of_this_machine(text)) {
            return Ok(Self(text.into()));
        }
        Err(format!("{text:?} is not an https link such as https://www.fxlabs.example/terms"))
    }
}

fn is_https(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn is_of_this_machine(text: &str) -> bool {
    ["http://127.0.0.1", "http://localhost"].iter().any(|start| {
        text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

of_text!(Link, String);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_https_or_of_this_machine_and_nothing_else() {
        for bad in [
            "javascript:alert(1)",
            "http://fx.example",
            "https://",
            "https:///x",
            "https://x\" onclick=\"",
            "data:x",
            "http://127.0.0.1.evil.example",
        ] {
            let wrong = bad.parse::<Link>().unwrap_err();
            assert!(wrong.contains("is not an https link"), "{wrong}");
        }
        for good in ["https://fx.example/terms?a=b", "http://127.0.0.1:8080/x", "http://localhost"] {
            assert_eq!(good.parse::<Link>().unwrap().as_str(), good);
        }
    }
}
