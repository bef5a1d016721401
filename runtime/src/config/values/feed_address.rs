//! Where a feed is read: over TLS, or on this machine.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

use super::endpoint::Endpoint;
use crate::http::Place;

/// `https://HOST[:PORT][/PATH][?QUERY]`; `http://` of this machine alone.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedAddress {
    endpoint: Endpoint,
    path_and_query: String,
}

impl FeedAddress {
    /// Whether it is spoken to over TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.endpoint.is_tls
    }

    /// What to connect to, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.endpoint.host
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.endpoint.port
    }

    /// Host and port as they were written: what a request calls the host.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.endpoint.authority
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        self.endpoint.place()
    }

    /// What is asked for there. It may hold a key: it is not printed.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

impl FromStr for FeedAddress {
    type Err = &'static str;

    /// The text is not repeated in the error: it may hold a password.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is not https://HOST[:PORT][/PATH][?QUERY]";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let endpoint = Endpoint::of(&uri).ok_or(FORM)?;
        if !endpoint.is_tls && !is_this_machine(&endpoint.host) {
            return Err("http:// is for this machine alone: use https://");
        }
        let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str()).into();
        Ok(Self { endpoint, path_and_query })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without what is asked for there, which may hold a key.
impl fmt::Display for FeedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

impl fmt::Debug for FeedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_what_may_be_a_key_is_not_printed() {
        let address: FeedAddress = "https://feed.example/calendar.json?key=s3cret".parse().unwrap();
        assert_eq!((address.is_tls(), address.host(), address.port()), (true, "feed.example", 443));
        assert_eq!(address.path_and_query(), "/calendar.json?key=s3cret");
        assert_eq!(format!("{address} {address:?}"), "https://feed.example https://feed.example");
        let local: FeedAddress = "http://[::1]:8080".parse().unwrap();
        assert_eq!((local.is_tls(), local.host(), local.port()), (false, "::1", 8080));
        assert_eq!(local.path_and_query(), "/");
    }

    #[test]
    fn what_would_be_read_in_the_open_or_is_no_address_is_refused() {
        for bad in
            ["http://feed.example/", "ftp://feed.example", "feed.example", "https://a:b@feed.example", ""]
        {
            assert!(bad.parse::<FeedAddress>().is_err(), "{bad}");
        }
    }
}
