//! Whom mail goes to: how much each provider gets, and how many send it back.

use bellwether_runtime::finding::{Finding, Level};

use crate::mail::outbox::by_hand::Numbers;

/// From so many mails a day on a provider holds a sender to the rules for bulk mail.
const BULK: i64 = 5_000;
/// Of a thousand mails, so many bounces at most.
const BOUNCES: f64 = 20.0;
/// Of a thousand mails, so many complaints at most.
const COMPLAINTS: f64 = 1.0;
/// Domains of one provider.
const PROVIDERS: [(&str, &[&str]); 3] = [
    ("gmail.com", &["gmail.com", "googlemail.com"]),
    (
        "yahoo.com",
        &["yahoo.com", "yahoo.co.in", "yahoo.in", "yahoo.co.uk", "ymail.com", "rocketmail.com", "aol.com"],
    ),
    ("outlook.com", &["outlook.com", "hotmail.com", "live.com", "msn.com"]),
];

/// What the numbers say; `others` is what was found besides.
#[must_use]
pub fn readers(numbers: &Numbers, others: &[Finding]) -> Vec<Finding> {
    vec![volume(numbers, others), reputation(numbers), pause(numbers)]
}

fn volume(numbers: &Numbers, others: &[Finding]) -> Finding {
    const ABOUT: &str = "volume";
    let most = by_provider(numbers).into_iter().max_by_key(|(_, mails)| *mails);
    let Some((provider, mails)) = most else {
        return Finding::ok(ABOUT, "no mail was sent within a day");
    };
    let found = format!("{mails} mails to {provider} within a day, of {BULK} that make a bulk sender");
    let asked = ["spf", "dkim", "dmarc", "one-click"];
    let lacks: Vec<&str> = others
        .iter()
        .filter(|other| asked.contains(&other.about.as_str()) && other.level != Level::Ok)
        .map(|other| other.about.as_str())
        .collect();
    if mails < BULK || lacks.is_empty() {
        return Finding::ok(ABOUT, found);
    }
    Finding::fault(ABOUT, found, format!("set right what it asks of bulk senders: {}", lacks.join(", ")))
}

fn by_provider(numbers: &Numbers) -> Vec<(&str, i64)> {
    let mut providers: Vec<(&str, i64)> = Vec::new();
    for (domain, mails) in &numbers.by_domain {
        let known = PROVIDERS.iter().find(|(_, domains)| domains.contains(&domain.as_str()));
        let name = known.map_or(domain.as_str(), |(name, _)| *name);
        match providers.iter_mut().find(|(provider, _)| *provider == name) {
            Some((_, sum)) => *sum += mails,
            None => providers.push((name, *mails)),
        }
    }
    providers
}

fn reputation(numbers: &Numbers) -> Finding {
    const ABOUT: &str = "reputation";
    let Numbers { sent, complaints, bounces, .. } = *numbers;
    let found = format!("{bounces} bounces and {complaints} complaints of {sent} mails within 30 days");
    let of_a_thousand = |count: i64| count as f64 * 1_000.0 / (sent.max(1) as f64);
    if of_a_thousand(complaints) > COMPLAINTS {
        return Finding::warn(
            ABOUT,
            found,
            "more than one reader in a thousand complains: see what they are sent",
        );
    }
    if of_a_thousand(bounces) > BOUNCES {
        return Finding::warn(
            ABOUT,
            found,
            "more than two mails in a hundred come back: see where addresses come from",
        );
    }
    Finding::ok(ABOUT, found)
}

fn pause(numbers: &Numbers) -> Finding {
    const ABOUT: &str = "pause";
    match &numbers.paused {
        None => Finding::ok(ABOUT, "mail goes out"),
        Some((since, reason)) => {
            let reason = reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
            let since = since.format("%Y-%m-%dT%H:%M:%SZ");
            Finding::warn(ABOUT, format!("mail is paused since {since}{reason}"), "bellwether mail resume")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(numbers: &Numbers, others: &[Finding]) -> Vec<Level> {
        readers(numbers, others).into_iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_bulk_sender_has_to_be_what_its_providers_ask() {
        let to = |mails| Numbers {
            by_domain: vec![
                ("gmail.com".into(), mails),
                ("googlemail.com".into(), 1_000),
                ("x.example".into(), 4_999),
            ],
            ..Numbers::default()
        };
        let lacking = [Finding::fault("dmarc", "", ""), Finding::ok("spf", "")];
        assert_eq!(levels(&to(3_999), &lacking), [Level::Ok; 3]);
        assert_eq!(levels(&to(4_000), &lacking), [Level::Fault, Level::Ok, Level::Ok]);
        assert_eq!(levels(&to(4_000), &lacking[1..]), [Level::Ok; 3]);
        assert!(readers(&to(4_000), &lacking)[0].found.starts_with("5000 mails to gmail.com"));
    }

    #[test]
    fn one_complaint_in_a_thousand_is_borne_and_two_bounces_in_a_hundred() {
        let of = |complaints, bounces| Numbers { sent: 10_000, complaints, bounces, ..Numbers::default() };
        assert_eq!(levels(&of(10, 200), &[])[1], Level::Ok);
        assert_eq!(levels(&of(11, 0), &[])[1], Level::Warn);
        assert_eq!(levels(&of(0, 201), &[])[1], Level::Warn);
    }
}
