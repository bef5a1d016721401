//! Enhanced status codes (RFC 3463, the registry of RFC 5248): what a server means, in three numbers.

use std::fmt;
use std::str::FromStr;

/// `class.subject.detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status {
    class: u8,
    subject: u16,
    detail: u16,
}

impl Status {
    /// The mailbox exists and takes nothing more for now, though servers call it for good.
    pub const MAILBOX_FULL: Self = Self::new(5, 2, 2);

    const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// The server would refuse the same mail again.
    #[must_use]
    pub const fn is_for_good(self) -> bool {
        self.class == 5
    }

    /// What it means, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match (self.class, self.subject, self.detail) {
            (2, ..) => "arrived",
            (_, 1, 1) => "no such mailbox",
            (_, 1, 2) => "no such domain",
            (_, 1, 6) => "the mailbox has moved",
            (_, 1, 10) => "the domain takes no mail",
            (_, 1, _) => "a bad address",
            (_, 2, 1) => "the mailbox is disabled",
            (_, 2, 2) => "the mailbox is full",
            (_, 2, _) => "the mailbox takes no mail",
            (_, 3, 4) => "the mail is too big",
            (_, 4, 7) => "it could not be delivered in time",
            (_, 3 | 4, _) => "a fault of the receiving system",
            (_, 7, _) => "refused by policy",
            (5, ..) => "refused for good",
            _ => "refused for now",
        }
    }

    /// The first status in a text, else the class that an SMTP reply in it has: `smtp; 550 5.1.1 unknown`.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        let mut words = text.split(|c: char| c.is_whitespace() || ";-#(),:[]".contains(c));
        words.clone().find_map(|word| word.parse().ok()).or_else(|| {
            let code =
                words.find(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
            let class = code.bytes().next().map(|digit| digit.wrapping_sub(b'0'))?;
            matches!(class, 2 | 4 | 5).then(|| Self::new(class, 0, 0))
        })
    }
}

/// The text is not `class.subject.detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a status such as 5.1.1")]
pub struct NoStatus;

impl FromStr for Status {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, NoStatus> {
        let number = |text: &str| {
            let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { text.parse::<u16>().map_err(|_| NoStatus) } else { Err(NoStatus) }
        };
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NoStatus).and_then(number);
        let (class, subject, detail) = (next()?, next()?, next()?);
        match (class, parts.next()) {
            (2 | 4 | 5, None) => Ok(Self::new(u8::try_from(class).map_err(|_| NoStatus)?, subject, detail)),
            _ => Err(NoStatus),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_numbers_of_a_known_class() {
        assert_eq!("5.1.10".parse::<Status>().unwrap().to_string(), "5.1.10");
        for bad in ["", "5.1", "5.1.1.1", "3.1.1", "5.1.1000", "5.-1.1", "5.1.x", "５.1.1"] {
            assert!(bad.parse::<Status>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_status_is_found_in_what_a_server_said() {
        let found = |text: &str| Status::in_text(text).map(|status| status.to_string());
        assert_eq!(found("smtp; 550-5.1.1 The email account").as_deref(), Some("5.1.1"));
        assert_eq!(found("smtp; 452 4.2.2 full").as_deref(), Some("4.2.2"));
        assert_eq!(found("smtp;550 unknown user").as_deref(), Some("5.0.0"));
        assert_eq!(found("X-Postfix; host 10.1.1.1 said nothing"), None);
    }
}
