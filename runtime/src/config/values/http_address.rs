//! Where a service of this network answers.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use serde::Deserialize;

/// `http://HOST[:PORT][/PATH]`: no password, no query.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HttpAddress {
    text: String,
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl HttpAddress {
    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port as they were written: what a request calls the host.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What to connect to, an IPv6 address without its brackets.
    pub(crate) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// What every path begins with, without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for HttpAddress {
    type Err = &'static str;

    /// The text is not repeated in the error: it may hold a password.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is not http://HOST[:PORT][/PATH]";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let (Some("http"), Some(authority), None) = (uri.scheme_str(), authority, uri.query()) else {
            return Err(FORM);
        };
        Ok(Self {
            text: text.into(),
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).into(),
            port: authority.port_u16().unwrap_or(80),
            path: uri.path().trim_end_matches('/').into(),
        })
    }
}

impl TryFrom<String> for HttpAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_what_may_follow_it() {
        let read = |text: &str| {
            let address: HttpAddress = text.parse().unwrap();
            (address.host.clone(), address.port, address.path.clone(), address.authority)
        };
        let of = |host: &str, port, path: &str, authority: &str| {
            (host.to_string(), port, path.to_string(), authority.to_string())
        };
        assert_eq!(read("http://registry"), of("registry", 80, "", "registry"));
        assert_eq!(read("http://[::1]:8081/apis/"), of("::1", 8081, "/apis", "[::1]:8081"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for bad in [
            "",
            "https://registry",
            "registry:8081",
            "http://user:secret@registry",
            "http://",
            "http://r/?a=b",
        ] {
            assert_eq!(bad.parse::<HttpAddress>(), Err("is not http://HOST[:PORT][/PATH]"), "{bad}");
        }
    }
}
