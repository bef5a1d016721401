//! From which pages a browser may speak to the gateway.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use serde::Deserialize;

use super::of_text;

/// The origin of a page, exactly as browsers send it: `https://app.fxlabs.example`, or `http` of this machine. Never
/// `*`: a page of anybody's could speak with its reader's credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// As browsers send it: without a slash at its end, in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "is not the origin of a page such as https://app.fxlabs.example";
        if text.contains('*') {
            return Err(format!("{text:?} would let pages of anybody in: name each origin"));
        }
        let wrong = || format!("{text:?} {FORM}");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let of_this_machine = ["127.0.0.1", "localhost", "[::1]"].contains(&authority.host());
        let is_safe = scheme == "https" || (scheme == "http" && of_this_machine);
        let is_bare = text == format!("{scheme}://{authority}") && !authority.as_str().contains('@');
        if !is_safe || !is_bare || !text.is_ascii() {
            return Err(wrong());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

of_text!(Origin, String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_never_anybody() {
        for good in ["https://app.fxlabs.example", "https://a.b:8443", "http://localhost:3000"] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
        assert_eq!("https://App.Example".parse::<Origin>().unwrap().as_str(), "https://app.example");
        for bad in [
            "*",
            "https://*.fxlabs.example",
            "http://app.fxlabs.example",
            "https://app.fxlabs.example/",
            "https://a:b@app.example",
            "https://app.example/x",
            "app.example",
            "null",
            "",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
