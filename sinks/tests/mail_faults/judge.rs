//! What the servers kept beside what the outbox says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::faults::NEVER;
use crate::place::Place;
use crate::smtp::{At, Fault, Smtp};

pub(crate) struct Judgement {
    pub(crate) findings: Vec<String>,
    /// Counts of what was met and what came of it.
    pub(crate) text: String,
}

/// A mail as the outbox has it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) occurrence: String,
    pub(crate) recipient: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) idempotency: Option<String>,
    /// Why it was ambiguous, each time that it was.
    pub(crate) ambiguous: Vec<String>,
}

pub(crate) const ROWS: &str = "select occurrence, recipient, state, reason, content, idempotency,
        array(select coalesce(detail, '') from bellwether.mail_event event
              where event.occurrence = mail.occurrence and event.event = 'ambiguous' order by id) as ambiguous
    from bellwether.mail_outbox mail order by occurrence";

/// The mails that servers have, by whom they are for.
pub(crate) type Ledger = BTreeMap<String, Vec<Vec<u8>>>;

pub(crate) fn ledger<'a>(servers: impl IntoIterator<Item = &'a Smtp>) -> Ledger {
    let mut ledger = Ledger::new();
    for mail in servers.into_iter().flat_map(Smtp::arrived).filter(|mail| mail.kept) {
        ledger.entry(mail.to[0].clone()).or_default().push(mail.content);
    }
    ledger
}

pub(crate) async fn judge(place: &Place, servers: &[Smtp], header: Option<&str>) -> Judgement {
    let rows: Vec<Row> = place.rows(ROWS).await;
    let ledger = ledger(servers);
    let hits: Vec<(At, Fault, String)> = servers.iter().flat_map(Smtp::hits).collect();
    let mut findings = Vec::new();
    let mut counts = BTreeMap::<&str, usize>::new();
    for row in &rows {
        let kept = ledger.get(&row.recipient).map_or(&[][..], Vec::as_slice);
        findings.extend(one(row, kept, header));
        findings.extend(unexplained(row, &hits));
        *counts.entry(what(row, kept.len())).or_default() += 1;
    }
    let mut text = table(&hits);
    let ambiguous: usize = rows.iter().map(|row| row.ambiguous.len()).sum();
    let _ =
        write!(text, "{} faults, {} mails: {counts:?}; {ambiguous} times ambiguous", hits.len(), rows.len());
    Judgement { findings, text }
}

/// What is wrong with one mail.
pub(crate) fn one(row: &Row, kept: &[Vec<u8>], header: Option<&str>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut broken = |what: &str| findings.push(format!("{}: {what}: {row:?}", row.occurrence));
    match row.state.as_str() {
        "sent" if kept.is_empty() => broken("called sent, and no server has it"),
        "sent" => {}
        "failed" if row.reason.as_deref().is_some_and(|reason| reason.contains(NEVER)) => {
            if !kept.is_empty() && row.ambiguous.is_empty() {
                broken("called failed, and a server has it");
            }
        }
        "ambiguous" if header.is_none() => {}
        _ => broken("lost"),
    }
    if kept.len() > 1 && (header.is_some() || kept.len() > row.ambiguous.len() + 1) {
        broken(&format!("kept {} times", kept.len()));
    }
    let expected = match (&row.idempotency, header) {
        (Some(line), Some(name)) if line.starts_with(&format!("{name}: m")) => {
            [line.as_bytes(), b"\r\n", &row.content].concat()
        }
        (None, None) => row.content.clone(),
        _ => return vec![format!("{}: its header is wrong: {row:?}", row.occurrence)],
    };
    if kept.iter().any(|content| *content != expected) {
        broken("other bytes than the outbox has");
    }
    findings
}

/// Each time a mail was ambiguous something was done to its content or to the answer to it.
fn unexplained(row: &Row, hits: &[(At, Fault, String)]) -> Option<String> {
    let done = hits.iter().filter(|(at, _, to)| matches!(at, At::Body | At::Dot) && *to == row.recipient);
    // A machine that stands still for a second makes a good server's answer late.
    let slow = row.ambiguous.iter().filter(|reason| reason.starts_with("no answer within")).count();
    let explained =
        row.ambiguous.len() <= done.count() + slow && row.ambiguous.iter().all(|why| !why.is_empty());
    (!explained).then(|| format!("{}: ambiguous without a fault: {row:?}", row.occurrence))
}

fn what(row: &Row, kept: usize) -> &'static str {
    match (row.state.as_str(), kept) {
        ("sent", 1) => "sent",
        ("sent", _) => "sent twice after an ambiguous end",
        ("failed", 0) => "failed",
        ("failed", _) => "failed after an ambiguous end",
        ("ambiguous", 0) => "held, not arrived",
        ("ambiguous", 1) => "held, arrived",
        ("ambiguous", _) => "held, arrived twice",
        _ => "else",
    }
}

/// Faults by verb and kind.
fn table(hits: &[(At, Fault, String)]) -> String {
    let mut table = BTreeMap::<At, BTreeMap<String, usize>>::new();
    for (at, fault, _) in hits {
        *table.entry(*at).or_default().entry(name(fault)).or_default() += 1;
    }
    let mut text = String::new();
    for (at, faults) in table {
        let faults: Vec<String> = faults.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
        let _ = writeln!(text, "{:<9} {}", format!("{at:?}"), faults.join(", "));
    }
    text
}

fn name(fault: &Fault) -> String {
    match fault {
        Fault::Say(text) if text.contains('\n') => "wrong multi-line".into(),
        Fault::Say(text) => text[..3].into(),
        Fault::Half(text) if text.contains('\n') => "answer without end".into(),
        Fault::Half(_) => "half answer".into(),
        Fault::Forget(fault) => format!("{} and forgotten", name(fault)),
        Fault::Late(_) => "late answer".into(),
        Fault::Drip(_) => "drip".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}
