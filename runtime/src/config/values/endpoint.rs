//! The part of an HTTP address that says whom to connect to.

use std::fmt;

use hyper::Uri;

use crate::http::Place;

/// `http[s]://HOST[:PORT]`. What is asked for there may hold a key, and is not part of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) is_tls: bool,
    /// An IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as they were written: what a request calls the host.
    pub(super) authority: String,
}

impl Endpoint {
    /// None where the address has no such part, or a password in it.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let is_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            is_tls,
            host: authority.host().trim_matches(['[', ']']).into(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.to_string(),
        })
    }

    pub(super) fn place(&self) -> Place<'_> {
        let Self { is_tls, port, .. } = *self;
        Place { is_tls, host: &self.host, port, authority: &self.authority }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_tls { "https" } else { "http" }, self.authority)
    }
}
