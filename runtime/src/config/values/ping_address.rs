//! What is called while all is well.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::of_text;
use crate::http::Place;

/// Stands for the process that calls.
const INSTANCE: &str = "{instance}";

/// `http://` or `https://HOST[:PORT][/PATH[?QUERY]]`, in whose path and query `{instance}` stands for the process that
/// calls it. Its path is often a key: nothing but the host is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PingAddress {
    endpoint: Endpoint,
    path_and_query: String,
}

impl PingAddress {
    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        self.endpoint.place()
    }

    /// What that process asks for there. It may hold a key: it is not printed.
    #[must_use]
    pub fn path_and_query(&self, instance: &str) -> String {
        self.path_and_query.replace(INSTANCE, instance)
    }
}

impl FromStr for PingAddress {
    type Err = &'static str;

    /// The text is not repeated in the error: it may hold a key.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str =
            "is not http[s]://HOST[:PORT][/PATH[?QUERY]], with {instance} in path or query alone";
        let uri: Uri = with_instance(text).ok_or(FORM)?.parse().map_err(|_| FORM)?;
        if uri.query().is_some() && asked(text) == "/" {
            return Err(FORM);
        }
        let endpoint = Endpoint::of(&uri).ok_or(FORM)?;
        Ok(Self { endpoint, path_and_query: asked(text).into() })
    }
}

/// The address of one instance; none where a brace stands for anything else, or elsewhere than in what is asked for.
fn with_instance(text: &str) -> Option<String> {
    let asked = asked(text);
    let place = text.strip_suffix(asked).unwrap_or(text);
    let address = format!("{place}{}", asked.replace(INSTANCE, "instance"));
    (!address.contains(['{', '}'])).then_some(address)
}

/// Path and query as they are written; `/` where there are none.
fn asked(text: &str) -> &str {
    let start = text.find("://").map_or(0, |at| at + 3);
    text[start..].find('/').map_or("/", |at| &text[start + at..])
}

of_text!(PingAddress, &'static str);

impl fmt::Display for PingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

impl fmt::Debug for PingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_instance_and_its_path_is_not_printed() {
        let address: PingAddress = "https://watch.example/k3y/{instance}?up={instance}".parse().unwrap();
        let place = address.place();
        assert_eq!((place.is_tls, place.host, place.port), (true, "watch.example", 443));
        assert_eq!(address.path_and_query("host-0"), "/k3y/host-0?up=host-0");
        assert_eq!(format!("{address} {address:?}"), "https://watch.example https://watch.example");
        let inner: PingAddress = "http://[fd00::1]:8080".parse().unwrap();
        let place = inner.place();
        assert_eq!((place.is_tls, place.host, place.port), (false, "fd00::1", 8080));
        assert_eq!(inner.path_and_query("x"), "/");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for bad in [
            "",
            "watch.example",
            "ftp://w.example/",
            "https://a:b@w.example/",
            "https://w/{other}",
            "https://{instance}.w/",
            "https://w/a b",
            "https://w?a=b",
        ] {
            let refused = bad.parse::<PingAddress>().unwrap_err();
            assert!(refused.starts_with("is not http[s]://"), "{bad}");
        }
    }
}
