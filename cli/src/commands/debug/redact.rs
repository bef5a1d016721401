//! Every secret that the configuration leads to, taken out of what is shown.
//!
//! Nothing of ours shows one. But logs and metrics are given to us by whoever calls, and a supervisor may have written
//! anything there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bellwether_runtime::config::{AuthKey, CalendarPlace, Config, Tenant, load_tenant};
use bellwether_runtime::secret::Secret;

use crate::wiring::environment;

/// Shorter ones say nothing, and would take ordinary text out.
const SHORTEST: usize = 4;
/// What stands in a secret's place.
const SHOWN: &str = "[secret]";
/// Names the process in the address of a ping.
const ANY_INSTANCE: &str = "";
/// Of base64, as it is usual and as URLs have it.
const DIGITS: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];
/// Fewer digits stand in ordinary text, too.
const LEAST_DIGITS: usize = 8;

/// Knows the secrets of a process and of its tenants.
pub(super) struct Redactor {
    /// The longest first: one may hold another.
    texts: Vec<String>,
}

impl Redactor {
    /// Of the process and of every tenant's file, whoever is asked about: in a log of several stands what is of all. Of a file
    /// that is bad, the secrets are those of the files that it names, and of the environment.
    pub(super) fn of(config: &Config, files: &[PathBuf]) -> Self {
        let passwords = [&config.operator.password, &config.kafka.password];
        let mut texts: Vec<String> = passwords.into_iter().flatten().map(revealed).collect();
        texts
            .extend(config.operator.ping.values().flat_map(|ping| asked(&ping.path_and_query(ANY_INSTANCE))));
        for file in files {
            texts.extend(of_named_files(file));
            texts.extend(of_environment(&file.file_stem().unwrap_or_default().to_string_lossy()));
            texts.extend(load_tenant(file, &environment).iter().flat_map(of_tenant));
        }
        Self::new(texts)
    }

    fn new(secrets: Vec<String>) -> Self {
        let mut texts: Vec<String> = secrets.into_iter().flat_map(|secret| forms(&secret)).collect();
        texts.retain(|text| text.len() >= SHORTEST);
        texts.sort_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        texts.dedup();
        Self { texts }
    }

    /// The text without them.
    pub(super) fn cleaned(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), SHOWN) } else { text }
        })
    }
}

fn revealed(secret: &Secret) -> String {
    secret.reveal().to_owned()
}

fn of_tenant(tenant: &Tenant) -> Vec<String> {
    let Tenant { database, auth, mail, calendar, .. } = tenant;
    let urls = [&database.url, &database.gateway_url].into_iter().flatten();
    let mut texts: Vec<String> = urls.flat_map(|url| of_url(url.reveal())).collect();
    texts.extend(
        [&mail.password, &mail.unsubscribe_key, &mail.bounce_secret].into_iter().flatten().map(revealed),
    );
    if let Some(auth) = auth {
        let (AuthKey::ServiceRole(key) | AuthKey::Secret(key)) = &auth.key;
        texts.push(revealed(key));
    }
    for source in calendar {
        if let CalendarPlace::Url { address, headers } = &source.place {
            texts.extend(asked(address.path_and_query()));
            texts.extend(headers.iter().flat_map(|(_, value)| of_header(value.reveal())));
        }
    }
    texts
}

/// What stands in the files that keys such as `password_file` name, as whole texts and by their lines.
fn of_named_files(file: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
    let named = text.lines().filter_map(|line| {
        let (key, path) = line.split_once('=')?;
        let path = path.trim().trim_matches(['"', '\'']);
        key.trim().ends_with("_file").then(|| file.with_file_name("").join(path))
    });
    let held: Vec<String> = named.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let of_line = |line: &str| {
        let value = line.split_once(": ").map(|(_, value)| of_header(value.trim()));
        [of_url(line.trim()), value.unwrap_or_default()].concat()
    };
    held.iter().flat_map(|text| text.lines()).flat_map(of_line).collect()
}

/// What the environment holds for the tenant: commands by hand take the owner's URL and passwords from there.
fn of_environment(tenant: &str) -> Vec<String> {
    const SECRETS: [&str; 5] = ["URL", "PASSWORD", "KEY", "SECRET", "TOKEN"];
    let prefix = format!("{}_", tenant.to_uppercase().replace('-', "_"));
    let is_secret = |name: &str| SECRETS.iter().any(|part| name.contains(part));
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let ours = all.filter(|(name, _)| name.starts_with(&prefix) && is_secret(name));
    let text = |(name, value): (String, String)| match name.ends_with("_FILE") {
        true => std::fs::read_to_string(value).ok(),
        false => Some(value),
    };
    ours.filter_map(text).flat_map(|text| of_url(text.trim())).collect()
}

/// A URL, and the password in it.
fn of_url(url: &str) -> Vec<String> {
    let login = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(login, _)| login);
    let password = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
    [Some(url), password].into_iter().flatten().map(str::to_owned).collect()
}

/// What is asked of an address, and each value in its query and part of its path that is long enough to be a key.
fn asked(path_and_query: &str) -> Vec<String> {
    const KEY: usize = 12;
    let parts = path_and_query.split(['/', '?', '&', '=']);
    let keys = parts.filter(|part| part.len() >= KEY).map(str::to_owned);
    keys.chain((path_and_query.len() >= KEY).then(|| path_and_query.to_owned())).collect()
}

/// A header's value, and the token behind a scheme such as `Bearer`.
fn of_header(value: &str) -> Vec<String> {
    let token = value.split_once(' ').map(|(_, token)| token.trim().to_owned());
    [value.to_owned()].into_iter().chain(token).collect()
}

/// As it is, with and without percent signs, as JSON has it, in hexadecimal, and within any base64.
fn forms(secret: &str) -> Vec<String> {
    let decoded = decoded(secret);
    let percent = encoded(&decoded);
    let json = serde_json::Value::from(decoded.as_str()).to_string();
    let json = json.trim_matches('"').to_owned();
    let hex = decoded.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let plain = [secret.to_owned(), percent.to_lowercase(), percent, json, hex.to_uppercase(), hex];
    let within = DIGITS.iter().flat_map(|digits| (0..3).map(|before| base64(&decoded, before, digits)));
    let mut all: Vec<String> = within.filter(|digits| digits.len() >= LEAST_DIGITS).collect();
    all.extend(plain);
    all.push(decoded);
    all
}

/// The digits that any text in base64 has which holds the secret `before` bytes behind a multiple of three.
fn base64(secret: &str, before: usize, digits: &[u8; 64]) -> String {
    let bytes: Vec<u8> = vec![0; before].into_iter().chain(secret.bytes()).collect();
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digit = |place: usize| (0..6).fold(0, |digit, at| digit << 1 | bit(place * 6 + at));
    let places = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    places.filter_map(|place| digits.get(digit(place))).map(|digit| char::from(*digit)).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *byte == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_however_it_is_written() {
        let redactor = Redactor::new(of_url("postgres://me:sword%2Ffish@db.example/d"));
        for shown in [
            "at sword/fish now",
            "at sword%2Ffish now",
            "at sword%2ffish now",
            "at postgres://me:sword%2Ffish@db.example/d now",
            "at 73776f72642f66697368 now",
        ] {
            assert_eq!(redactor.cleaned(shown), "at [secret] now");
        }
        // Of `\0me\0sword/fish`, as a mail server is told it: the last bits are the end's as well.
        assert_eq!(redactor.cleaned("AUTH PLAIN AG1lAHN3b3JkL2Zpc2g="), "AUTH PLAIN AG1lAH[secret]g=");
        let redactor = Redactor::new(vec!["quote\"d".into()]);
        assert_eq!(redactor.cleaned(r#"{"told":"quote\"d"}"#), r#"{"told":"[secret]"}"#);
        let redactor = Redactor::new(of_url("postgres://me:sword%2Ffish@db.example/d"));
        assert_eq!(redactor.cleaned("postgres://me@db.example/d"), "postgres://me@db.example/d");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_takes_no_text_out() {
        let redactor = Redactor::new(vec!["abc".into(), String::new()]);
        assert_eq!(redactor.cleaned("abc is plain"), "abc is plain");
    }

    #[test]
    fn keys_in_addresses_and_headers_are_secrets_and_their_names_are_none() {
        let mut found = asked("/calendar/feed?key=swordfish-of-length&zone=UTC");
        found.extend(of_header("Bearer swordfish"));
        let redactor = Redactor::new(found);
        assert_eq!(
            redactor.cleaned("GET /calendar/feed?key=swordfish-of-length and swordfish"),
            "GET /calendar/feed?key=[secret] and [secret]"
        );
    }
}
