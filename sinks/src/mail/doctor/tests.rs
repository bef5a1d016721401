//! Senders that are each wrong in one way: the line about it says so, and no other line does.

use bellwether_runtime::finding::{Finding, Level};

use super::dns::Table;
use super::{Sender, sender};

const DOMAIN: &str = "fx.example";

/// A sender as it should be.
fn well() -> Table {
    Table::default()
        .with("TXT", DOMAIN, "site-verification=1")
        .with("TXT", DOMAIN, "v=spf1 include:relay.example -all")
        .with("TXT", "relay.example", "v=spf1 ip4:203.0.113.0/24 ~all")
        .with("TXT", "s1._domainkey.fx.example", "v=DKIM1; k=rsa; p=MIGf")
        .with("TXT", "_dmarc.fx.example", "v=DMARC1; p=reject; rua=mailto:d@fx.example")
        .with("MX", DOMAIN, "mx.fx.example")
        .with("A", "mx.fx.example", "203.0.113.9")
        .with("A", "smtp.relay.example", "203.0.113.5")
        .with("PTR", "203.0.113.5", "out5.relay.example")
        .with("A", "out5.relay.example", "203.0.113.5")
}

/// The same, but for one name.
fn but(kind: &'static str, name: &str, records: &[&str]) -> Table {
    let mut table = well();
    table.0.remove(&(kind, name.into()));
    records.iter().fold(table, |table, record| table.with(kind, name, record))
}

fn us() -> Sender {
    Sender {
        domain: DOMAIN.into(),
        relay: Some("smtp.relay.example".into()),
        selector: Some("s1".into()),
        signer: DOMAIN.into(),
    }
}

async fn findings(table: &Table, who: &Sender) -> Vec<Finding> {
    let findings = sender(table, who).await;
    for finding in &findings {
        assert_eq!(finding.advice.is_none(), finding.level == Level::Ok, "{finding:?}");
    }
    findings
}

/// Which lines are not as they should be.
async fn wrong(table: &Table, who: &Sender) -> Vec<(String, Level, String)> {
    let findings = findings(table, who).await.into_iter();
    let wrong = findings.filter(|finding| finding.level != Level::Ok);
    wrong.map(|finding| (finding.about, finding.level, finding.found)).collect()
}

#[tokio::test]
async fn a_sender_as_it_should_be_has_nothing_to_be_told() {
    assert_eq!(wrong(&well(), &us()).await, []);
    let names: Vec<String> =
        findings(&well(), &us()).await.into_iter().map(|finding| finding.about).collect();
    assert_eq!(names, ["spf", "dkim", "dmarc", "mx", "ptr"]);
}

#[tokio::test]
async fn each_of_these_is_wrong_in_one_way_and_told_so_and_in_no_other() {
    let eleven = "v=spf1 a mx ptr exists:a.example a:b.example a:c.example a:d.example a:e.example a:f.example \
                  a:g.example a:h.example -all";
    let nested = but("TXT", "relay.example", &[&eleven.replace("a:g.example a:h.example ", "")]);
    for (table, about, level, words) in [
        (but("TXT", DOMAIN, &["site-verification=1"]), "spf", Level::Fault, "has no SPF record"),
        (but("TXT", DOMAIN, &["v=spf1 -all", "v=spf1 ~all"]), "spf", Level::Fault, "has 2 SPF records"),
        (but("TXT", DOMAIN, &["v=spf1 +all"]), "spf", Level::Fault, "lets anybody send"),
        (but("TXT", DOMAIN, &["v=spf1 all"]), "spf", Level::Fault, "lets anybody send"),
        (but("TXT", DOMAIN, &["v=spf1 a ?all"]), "spf", Level::Warn, "does not say that nobody else"),
        (but("TXT", DOMAIN, &[eleven]), "spf", Level::Fault, "more than 10 lookups"),
        (nested.with("A", "x", "1.1.1.1"), "", Level::Ok, ""),
        (
            but("TXT", DOMAIN, &["v=spf1 include:gone.example -all"]),
            "spf",
            Level::Fault,
            "gone.example has no SPF",
        ),
        (
            but("TXT", DOMAIN, &["v=spf1 redirect=open.example"]).with("TXT", "open.example", "v=spf1 +all"),
            "spf",
            Level::Fault,
            "lets anybody send",
        ),
        (but("TXT", "s1._domainkey.fx.example", &[]), "dkim", Level::Fault, "has no key"),
        (but("TXT", "s1._domainkey.fx.example", &["v=DKIM1; p="]), "dkim", Level::Fault, "was revoked"),
        (but("TXT", "_dmarc.fx.example", &[]), "dmarc", Level::Fault, "has no record"),
        (but("TXT", "_dmarc.fx.example", &["v=DMARC1; p=none"]), "dmarc", Level::Warn, "p=none"),
        (
            but("TXT", "_dmarc.fx.example", &["v=DMARC1; rua=mailto:x@fx.example"]),
            "dmarc",
            Level::Fault,
            "has no policy",
        ),
        (but("MX", DOMAIN, &[]), "mx", Level::Fault, "has no MX record"),
        (but("MX", DOMAIN, &[""]), "mx", Level::Fault, "takes no mail"),
        (but("A", "mx.fx.example", &[]), "mx", Level::Fault, "has no address"),
        (but("PTR", "203.0.113.5", &[]), "ptr", Level::Fault, "has no PTR record"),
        (but("A", "out5.relay.example", &["203.0.113.6"]), "ptr", Level::Fault, "does not lead back"),
    ] {
        let found = wrong(&table, &us()).await;
        if level == Level::Ok {
            assert_eq!(found, []);
            continue;
        }
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        assert_eq!((found[0].0.as_str(), found[0].1), (about, level), "{found:?}");
        assert!(found[0].2.contains(words), "{words:?} is not in {:?}", found[0].2);
    }
}

#[tokio::test]
async fn a_signature_for_another_domain_is_told_and_one_below_or_above_is_not() {
    let signed = |signer: &str| Sender { signer: signer.into(), ..us() };
    let keyed = |signer: &str| well().with("TXT", &format!("s1._domainkey.{signer}"), "p=MIGf");
    let other = wrong(&keyed("relay.example"), &signed("relay.example")).await;
    assert_eq!(other.len(), 1, "{other:?}");
    assert!(other[0].0 == "dmarc" && other[0].2.contains("the relay signs for relay.example"), "{other:?}");
    assert_eq!(wrong(&keyed("mail.fx.example"), &signed("mail.fx.example")).await, []);
    let strict = ["v=DMARC1; p=reject; adkim=s"];
    let strict =
        but("TXT", "_dmarc.fx.example", &strict).with("TXT", "s1._domainkey.mail.fx.example", "p=MIGf");
    let strictly = wrong(&strict, &signed("mail.fx.example")).await;
    assert!(strictly.len() == 1 && strictly[0].2.contains("adkim=s"), "{strictly:?}");
}

#[tokio::test]
async fn a_subdomain_is_under_the_policy_of_the_domain_above_it() {
    let below = Sender { domain: "mail.fx.example".into(), signer: "mail.fx.example".into(), ..us() };
    let table = well()
        .with("TXT", "mail.fx.example", "v=spf1 -all")
        .with("TXT", "s1._domainkey.mail.fx.example", "p=MIGf")
        .with("MX", "mail.fx.example", "mx.fx.example");
    assert_eq!(wrong(&table, &below).await, []);
    let mut lenient = table;
    lenient.0.insert(("TXT", "_dmarc.fx.example".into()), vec!["v=DMARC1; p=reject; sp=none".into()]);
    assert_eq!(wrong(&lenient, &below).await.len(), 1);
}

#[tokio::test]
async fn a_relay_of_this_machine_is_nobodys_to_look_up_and_a_selector_that_is_not_named_is_asked_for() {
    let local = Sender { relay: Some("127.0.0.1".into()), ..us() };
    assert_eq!(wrong(&well(), &local).await, []);
    let unnamed = Sender { selector: None, ..us() };
    let found = wrong(&well(), &unnamed).await;
    assert!(found.len() == 1 && found[0].0 == "dkim" && found[0].1 == Level::Warn, "{found:?}");
}
