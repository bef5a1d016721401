//! Where a tenant's mail goes: its `mail.smtp` address, checked.

use bellwether_runtime::config::Mail;
use bellwether_runtime::secret::Secret;

/// Whether mails travel encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// After STARTTLS, or not at all.
    Required,
    /// After STARTTLS where it is offered.
    Opportunistic,
    /// Never: this machine only.
    None,
}

/// An SMTP server and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Encryption.
    pub tls: Tls,
    /// Who we are there, where it asks.
    pub login: Option<(String, Secret)>,
}

/// What is wrong with `mail.smtp`. The address itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Not of a form we know.
    #[error(
        "mail.smtp is not smtps://[USER@]HOST[:PORT] or smtp://[USER@]HOST[:PORT][?tls=required|opportunistic|none]"
    )]
    Form,
    /// Mails and passwords in the clear.
    #[error("mail.smtp: tls=none is for this machine only (127.0.0.1, ::1, localhost)")]
    ClearText,
    /// A secret in a file that is none.
    #[error("mail.smtp holds a password: put it into mail.password_file or <TENANT>_SMTP_PASSWORD")]
    Password,
    /// A user and no password.
    #[error("mail.smtp names a user: set mail.password_file or <TENANT>_SMTP_PASSWORD")]
    NoPassword,
}

impl Server {
    /// Reads the tenant's address; none when it has no server.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn of(mail: &Mail) -> Result<Option<Self>, ServerError> {
        let Some(address) = mail.smtp.as_deref() else { return Ok(None) };
        let (scheme, rest) = address.split_once("://").ok_or(ServerError::Form)?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let tls = tls(scheme, query)?;
        let (user, place) = match authority.trim_end_matches('/').rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.trim_end_matches('/')),
        };
        let (host, port) = host_and_port(place, if tls == Tls::Implicit { 465 } else { 587 })?;
        if tls == Tls::None && !matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost") {
            return Err(ServerError::ClearText);
        }
        let login = user.map(|user| login(user, mail.password.as_ref())).transpose()?;
        Ok(Some(Self { host, port, tls, login }))
    }
}

fn tls(scheme: &str, query: &str) -> Result<Tls, ServerError> {
    match (scheme, query) {
        ("smtps", "") => Ok(Tls::Implicit),
        ("smtp", "" | "tls=required") => Ok(Tls::Required),
        ("smtp", "tls=opportunistic") => Ok(Tls::Opportunistic),
        ("smtp", "tls=none") => Ok(Tls::None),
        _ => Err(ServerError::Form),
    }
}

fn host_and_port(place: &str, default: u16) -> Result<(String, u16), ServerError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(ServerError::Form)?;
            (host, after.strip_prefix(':').or(if after.is_empty() { Some("") } else { None }))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("")),
        },
    };
    let port = match port.ok_or(ServerError::Form)? {
        "" => default,
        digits => digits.parse().ok().filter(|port| *port > 0).ok_or(ServerError::Form)?,
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_');
    if host.is_empty() || !host.bytes().all(known) {
        return Err(ServerError::Form);
    }
    Ok((host.into(), port))
}

fn login(user: &str, password: Option<&Secret>) -> Result<(String, Secret), ServerError> {
    if user.contains(':') {
        return Err(ServerError::Password);
    }
    let user = decoded(user).filter(|user| !user.is_empty()).ok_or(ServerError::Form)?;
    let password = password.ok_or(ServerError::NoPassword)?;
    Ok((user, password.clone()))
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
    use crate::mail::samples;

    fn read(address: &str) -> Result<Option<Server>, ServerError> {
        let mut mail = samples::tenant("fxlabs").mail;
        mail.smtp = Some(address.into());
        mail.password = Some(Secret::new("secret"));
        Server::of(&mail)
    }

    #[test]
    fn addresses_read_with_their_defaults() {
        let server = |host: &str, port, tls| Ok(Some(Server { host: host.into(), port, tls, login: None }));
        assert_eq!(read("smtps://mail.example"), server("mail.example", 465, Tls::Implicit));
        assert_eq!(read("smtp://mail.example"), server("mail.example", 587, Tls::Required));
        assert_eq!(
            read("smtp://mail.example:25?tls=opportunistic"),
            server("mail.example", 25, Tls::Opportunistic)
        );
        assert_eq!(read("smtp://127.0.0.1:1025?tls=none"), server("127.0.0.1", 1025, Tls::None));
        assert_eq!(read("smtp://[::1]:1025?tls=none"), server("::1", 1025, Tls::None));
        let login = |address| read(address).unwrap().unwrap().login.unwrap().0;
        assert_eq!(login("smtps://apikey@mail.example"), "apikey");
        assert_eq!(login("smtps://me%40here.example@mail.example"), "me@here.example");
        let mut mail = samples::tenant("fxlabs").mail;
        mail.smtp = None;
        assert_eq!(Server::of(&mail), Ok(None));
    }

    #[test]
    fn what_would_send_in_the_clear_or_is_no_address_is_refused() {
        assert_eq!(read("smtp://mail.example?tls=none"), Err(ServerError::ClearText));
        assert_eq!(read("smtps://user:pass@mail.example"), Err(ServerError::Password));
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
            assert_eq!(read(bad), Err(ServerError::Form), "{bad}");
        }
        let mut mail = samples::tenant("fxlabs").mail;
        mail.smtp = Some("smtps://me@mail.example".into());
        assert_eq!(Server::of(&mail), Err(ServerError::NoPassword));
    }
}
