//! Where a tenant's mail goes and how it is spoken to there.

use std::str::FromStr;

use serde::Deserialize;

/// Whether mails travel encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte: `smtps://`.
    Implicit,
    /// After STARTTLS, or not at all: `smtp://`, `?tls=required`.
    Required,
    /// After STARTTLS where it is offered: `?tls=opportunistic`.
    Opportunistic,
    /// Never, on this machine only: `?tls=none`.
    None,
}

impl Tls {
    /// The port where a URL names none.
    const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Required | Self::Opportunistic | Self::None => 587,
        }
    }
}

/// A mail server as a tenant names it:
/// `smtps://[USER@]HOST[:PORT]` or `smtp://[USER@]HOST[:PORT][?tls=required|opportunistic|none]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: Tls,
    user: Option<String>,
}

impl SmtpServer {
    /// One on 127.0.0.1 that is spoken to in the clear.
    #[must_use]
    pub fn on_this_machine(port: u16) -> Self {
        Self { host: "127.0.0.1".into(), port, tls: Tls::None, user: None }
    }

    /// Name or address, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to: the one in the URL, else the scheme's own.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Encryption; [`Tls::None`] only where the host is this machine.
    #[must_use]
    pub const fn tls(&self) -> Tls {
        self.tls
    }

    /// Who we are there, where it asks.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

/// What is wrong with the address of a server. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// Not of a form we know.
    #[error(
        "is not smtps://[USER@]HOST[:PORT] or smtp://[USER@]HOST[:PORT][?tls=required|opportunistic|none]"
    )]
    Form,
    /// Mails and passwords in the clear.
    #[error("tls=none is for this machine only (127.0.0.1, ::1, localhost)")]
    ClearText,
    /// A secret in a file that is none.
    #[error("holds a password: put it into mail.password_file or <TENANT>_SMTP_PASSWORD")]
    Password,
}

impl FromStr for SmtpServer {
    type Err = SmtpError;

    fn from_str(text: &str) -> Result<Self, SmtpError> {
        let (scheme, rest) = text.split_once("://").ok_or(SmtpError::Form)?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let tls = tls(scheme, query)?;
        let authority = authority.trim_end_matches('/');
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place, tls.port())?;
        if tls == Tls::None && !matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost") {
            return Err(SmtpError::ClearText);
        }
        Ok(Self { host, port, tls, user: user.map(decoded_user).transpose()? })
    }
}

impl TryFrom<String> for SmtpServer {
    type Error = SmtpError;

    fn try_from(text: String) -> Result<Self, SmtpError> {
        text.parse()
    }
}

fn tls(scheme: &str, query: &str) -> Result<Tls, SmtpError> {
    match (scheme, query) {
        ("smtps", "") => Ok(Tls::Implicit),
        ("smtp", "" | "tls=required") => Ok(Tls::Required),
        ("smtp", "tls=opportunistic") => Ok(Tls::Opportunistic),
        ("smtp", "tls=none") => Ok(Tls::None),
        _ => Err(SmtpError::Form),
    }
}

fn host_and_port(place: &str, default: u16) -> Result<(String, u16), SmtpError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(SmtpError::Form)?;
            (host, after.strip_prefix(':').or(if after.is_empty() { Some("") } else { None }))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("")),
        },
    };
    let port = match port.ok_or(SmtpError::Form)? {
        "" => default,
        digits => digits.parse().ok().filter(|port| *port > 0).ok_or(SmtpError::Form)?,
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_');
    if host.is_empty() || !host.bytes().all(known) {
        return Err(SmtpError::Form);
    }
    Ok((host.into(), port))
}

fn decoded_user(user: &str) -> Result<String, SmtpError> {
    if user.contains(':') {
        return Err(SmtpError::Password);
    }
    decoded(user).filter(|user| !user.is_empty()).ok_or(SmtpError::Form)
}

/// Undoes `%40` and its like; control characters are nobody's name.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SmtpServer, SmtpError> {
        text.parse()
    }

    #[test]
    fn addresses_read_with_their_defaults() {
        let server = |host: &str, port, tls| Ok(SmtpServer { host: host.into(), port, tls, user: None });
        assert_eq!(read("smtps://mail.example"), server("mail.example", 465, Tls::Implicit));
        assert_eq!(read("smtp://mail.example"), server("mail.example", 587, Tls::Required));
        assert_eq!(
            read("smtp://mail.example:25?tls=opportunistic"),
            server("mail.example", 25, Tls::Opportunistic)
        );
        assert_eq!(read("smtp://127.0.0.1:1025?tls=none"), server("127.0.0.1", 1025, Tls::None));
        assert_eq!(read("smtp://[::1]:1025?tls=none"), server("::1", 1025, Tls::None));
        let user = |text| read(text).unwrap().user.unwrap();
        assert_eq!(user("smtps://apikey@mail.example"), "apikey");
        assert_eq!(user("smtps://me%40here.example@mail.example"), "me@here.example");
    }

    #[test]
    fn what_would_send_in_the_clear_or_is_no_address_is_refused() {
        assert_eq!(read("smtp://mail.example?tls=none"), Err(SmtpError::ClearText));
        assert_eq!(read("smtps://user:pass@mail.example"), Err(SmtpError::Password));
        for bad in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://h:0",
            "smtp://h:x",
            "smtps://h?tls=none",
            "smtp://h?tls=maybe",
            "smtp://a b",
            "smtp://[::1",
            "smtps://%zz@h",
            "smtps://%0a@h",
        ] {
            assert_eq!(read(bad), Err(SmtpError::Form), "{bad}");
        }
    }
}
