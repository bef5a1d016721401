//! The name of a mail's header that a tenant may choose.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::of_text;

/// Most characters of one.
const LONGEST: usize = 60;
/// Headers that say what a mail is, by the beginning of their names: none of them is the tenant's to set.
const OURS: [&str; 13] = [
    "from",
    "to",
    "cc",
    "bcc",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-",
    "content-",
    "list-",
    "auto-submitted",
];

/// The name of a header, such as `Resend-Idempotency-Key`; none that a mail has anyway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderName(String);

impl HeaderName {
    /// As the file has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// Not letters, digits and hyphens.
    #[error("is no header's name: letters, digits and hyphens, at most 60")]
    Form,
    /// A header that every mail has.
    #[error("is a header that mails have already")]
    Ours,
}

impl FromStr for HeaderName {
    type Err = HeaderNameError;

    fn from_str(text: &str) -> Result<Self, HeaderNameError> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !begins_well || text.len() > LONGEST || !text.bytes().all(known) {
            return Err(HeaderNameError::Form);
        }
        let lower = text.to_ascii_lowercase();
        let ours = |name: &&str| lower == **name || (name.ends_with('-') && lower.starts_with(*name));
        if OURS.iter().any(ours) {
            return Err(HeaderNameError::Ours);
        }
        Ok(Self(text.into()))
    }
}

of_text!(HeaderName, HeaderNameError);

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_header_that_mails_do_not_have_can_be_named() {
        for good in ["Resend-Idempotency-Key", "X-Message-Key", "Topic"] {
            assert_eq!(good.parse::<HeaderName>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "X:", "1st", "-x", "X\r\nBcc", "ключ", &"x".repeat(61)] {
            assert_eq!(bad.parse::<HeaderName>(), Err(HeaderNameError::Form), "{bad:?}");
        }
        for ours in ["From", "bcc", "Message-ID", "Content-Type", "List-Unsubscribe", "MIME-Version"] {
            assert_eq!(ours.parse::<HeaderName>(), Err(HeaderNameError::Ours), "{ours}");
        }
    }
}
