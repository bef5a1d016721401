//! DKIM (RFC 6376): the key by which receivers check what the relay signs.

use bellwether_runtime::finding::Finding;

use super::Sender;
use super::dns::Dns;
use super::tags::tag;

const ABOUT: &str = "dkim";

pub(super) async fn look(dns: &impl Dns, sender: &Sender) -> Finding {
    let Some(selector) = &sender.selector else {
        return Finding::warn(
            ABOUT,
            "the tenant's file does not say which key its relay signs with",
            "set mail.dkim_selector, and mail.dkim_domain where the relay signs for another domain",
        );
    };
    let name = format!("{selector}._domainkey.{}", sender.signer);
    match dns.txt(&name).await {
        Err(error) => Finding::warn(ABOUT, error.to_string(), "ask again when the DNS answers"),
        Ok(texts) => judged(&name, &texts),
    }
}

fn judged(name: &str, texts: &[String]) -> Finding {
    let keys: Vec<&str> = texts.iter().filter_map(|text| tag(text, "p")).collect();
    match keys.as_slice() {
        [] => Finding::fault(
            ABOUT,
            format!("{name} has no key"),
            "publish the key that the relay's provider gives",
        ),
        [""] => Finding::fault(
            ABOUT,
            format!("the key at {name} was revoked: p is empty"),
            "let the relay sign with another key, and name its selector in mail.dkim_selector",
        ),
        [_] => Finding::ok(ABOUT, format!("{name} has a key")),
        several => Finding::fault(
            ABOUT,
            format!("{name} has {} keys: receivers take any one of them", several.len()),
            "leave the one that the relay signs with",
        ),
    }
}
