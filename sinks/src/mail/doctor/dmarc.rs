//! DMARC (RFC 7489): what receivers do with mail that is not the sender's, and whether its own mail is known as such.

use bellwether_runtime::finding::Finding;

use super::Sender;
use super::dns::{Dns, DnsError};
use super::tags::{related, tag};

const ABOUT: &str = "dmarc";
/// Labels that are taken off a name while a record is looked for.
const MOST_LABELS: usize = 8;

pub(super) async fn look(dns: &impl Dns, sender: &Sender) -> Finding {
    match record(dns, &sender.domain).await {
        Err(error) => Finding::warn(ABOUT, error.to_string(), "ask again when the DNS answers"),
        Ok(found) => judged(sender, &found),
    }
}

/// The records of the domain, or of the next one above it that has any, and whose they are.
async fn record(dns: &impl Dns, domain: &str) -> Result<(String, Vec<String>), DnsError> {
    let mut name = domain;
    for _ in 0..MOST_LABELS {
        let place = format!("_dmarc.{name}");
        let is_dmarc = |text: &String| tag(text, "v").is_some_and(|version| version == "DMARC1");
        let found: Vec<String> = dns.txt(&place).await?.into_iter().filter(is_dmarc).collect();
        match name.split_once('.') {
            Some((_, above)) if found.is_empty() && above.contains('.') => name = above,
            _ => return Ok((place, found)),
        }
    }
    Ok((format!("_dmarc.{domain}"), Vec::new()))
}

fn judged(sender: &Sender, (place, records): &(String, Vec<String>)) -> Finding {
    let [record] = records.as_slice() else {
        let found = match records.len() {
            0 => format!("_dmarc.{} has no record", sender.domain),
            several => format!("{place} has {several} records, so none counts"),
        };
        return Finding::fault(
            ABOUT,
            found,
            "publish one TXT record there: v=DMARC1; p=quarantine; rua=mailto:…",
        );
    };
    if !aligned(sender, record) {
        let strict = if is_strict(record) { ", and adkim=s asks for the same domain" } else { "" };
        let Sender { signer, domain, .. } = sender;
        return Finding::fault(
            ABOUT,
            format!("the relay signs for {signer}, the sender is of {domain}{strict}"),
            "let the relay sign for the sender's domain, or say in mail.dkim_domain for which it does",
        );
    }
    // The policy of a domain for the names below it, where the sender's is one.
    let is_above = *place != format!("_dmarc.{}", sender.domain);
    let below = is_above.then(|| tag(record, "sp")).flatten();
    match below.or_else(|| tag(record, "p")) {
        Some("quarantine" | "reject") => {
            Finding::ok(ABOUT, format!("{place} has a policy; envelope, signature and sender agree"))
        }
        Some("none") => Finding::warn(
            ABOUT,
            format!("{place} says p=none: what others forge is delivered"),
            "say p=quarantine once the reports show no mail of your own that fails",
        ),
        _ => Finding::fault(ABOUT, format!("{place} has no policy"), "say p=quarantine in it"),
    }
}

/// The envelope has the sender's own address, so SPF agrees by itself; the signature has to as well, for mail that
/// somebody passes on.
fn aligned(sender: &Sender, record: &str) -> bool {
    if is_strict(record) { sender.signer == sender.domain } else { related(&sender.signer, &sender.domain) }
}

fn is_strict(record: &str) -> bool {
    tag(record, "adkim").is_some_and(|mode| mode.eq_ignore_ascii_case("s"))
}
