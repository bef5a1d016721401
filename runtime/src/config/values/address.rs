//! Mail addresses of a tenant: its sender, and where answers go.

use std::fmt;
use std::str::FromStr;

use email_address::EmailAddress as Grammar;
use serde::Deserialize;

use super::{line, of_text};

/// Most characters of a mailbox as it is written.
const MAX: usize = 1_000;

/// An e-mail address of the form `local@domain`, in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailAddress {
    local: String,
    domain: String,
}

impl EmailAddress {
    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// What stands behind it.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The same text for addresses that reach the same person: mail servers tell no capital from a small letter.
    #[must_use]
    pub fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        let is_address = Grammar::is_valid_local_part(local) && Grammar::is_valid_domain(domain);
        if is_address && text.is_ascii() && line::is_printable(text) {
            return Ok(Self { local: local.into(), domain: domain.into() });
        }
        Err(format!("{text:?} is not an address such as alerts@fxlabs.example"))
    }
}

of_text!(EmailAddress, String);

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// An address and the name shown with it: `Name <address>`, or the address alone. A name with punctuation other than
/// a full stop stands in quotes: `"FXLabs, India" <alerts@fxlabs.example>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// The name that people see.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address that mail servers see.
    #[must_use]
    pub const fn address(&self) -> &EmailAddress {
        &self.address
    }
}

impl FromStr for Mailbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        line::check(text, MAX)?;
        let form = || format!("{text:?} is not `Name <address>`");
        let Some(rest) = text.trim().strip_suffix('>') else {
            return Ok(Self { name: None, address: text.trim().parse()? });
        };
        let (name, address) = rest.rsplit_once('<').ok_or_else(form)?;
        let name = unquoted(name).ok_or_else(form)?;
        let name = (!name.is_empty()).then_some(name);
        Ok(Self { name, address: address.parse()? })
    }
}

of_text!(Mailbox, String);

/// The words of a name (RFC 5322, `phrase`) with single spaces between them; none if a quote does not end or a
/// character stands there that needs one.
fn unquoted(text: &str) -> Option<String> {
    let (mut name, mut quoted) = (String::new(), false);
    let mut characters = text.trim().chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => name.push(characters.next()?),
            ' ' if !quoted && name.ends_with(' ') => {}
            c if !quoted && "()<>[]:;@\\,".contains(c) => return None,
            c => name.push(c),
        }
    }
    (!quoted).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, String) {
        let mailbox: Mailbox = text.parse().unwrap();
        (mailbox.name.clone(), mailbox.address.to_string())
    }

    #[test]
    fn a_mailbox_is_a_name_and_an_address_or_an_address_alone() {
        let (name, address) = (|name: &str| Some(name.to_string()), "a@fx.example".to_string());
        assert_eq!(read("FXLabs  Prime <a@fx.example>"), (name("FXLabs Prime"), address.clone()));
        assert_eq!(read(r#""FX, \"Labs\"" <a@fx.example>"#), (name("FX, \"Labs\""), address.clone()));
        assert_eq!(read("Müller & Co. <a@fx.example>"), (name("Müller & Co."), address.clone()));
        assert_eq!(read("<a@fx.example>"), (None, address.clone()));
        assert_eq!(read(" a@fx.example "), (None, address));
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for bad in [
            "",
            "nobody",
            "FX <nobody>",
            "FX <a@fx.example",
            "FX, Labs <a@fx.example>",
            "\"FX <a@fx.example>",
            "A\r\nB <a@b.example>",
            "A\u{202e}B <a@b.example>",
            "FX <a@b@c>",
            "FX <ä@fx.example>",
            "FX <a b@fx.example>",
            "FX <a@-fx.example>",
        ] {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_that_differ_in_capitals_reach_the_same_person() {
        let folded = |text: &str| text.parse::<Mailbox>().unwrap().address().folded();
        assert_eq!(folded("FX <Alerts@FX.example>"), folded("Another <alerts@fx.example>"));
    }
}
