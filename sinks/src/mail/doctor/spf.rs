//! SPF (RFC 7208): who may send for the sender's domain.

use bellwether_runtime::finding::Finding;

use super::dns::{Dns, DnsError};

const ABOUT: &str = "spf";
/// Most terms that ask the DNS, those of included records too: a receiver gives up above it.
const MOST_LOOKUPS: usize = 10;

/// What is wrong with a record, or how it ends.
enum Verdict {
    /// It names nobody else in the end, with so many lookups.
    Closed(usize),
    /// It says nothing of others.
    Open,
    /// It lets everybody send.
    Anybody,
    TooMany,
    /// There is no record, or there are several, or it cannot be read.
    Broken(String),
}

/// A record's terms, and those of what it includes, as they are counted.
struct Walk {
    lookups: usize,
    left: Vec<(String, usize)>,
}

pub(super) async fn look(dns: &impl Dns, domain: &str) -> Finding {
    let publish = "publish one TXT record at it that names the relay: v=spf1 include:… -all";
    match walk(dns, domain).await {
        Err(error) => Finding::warn(ABOUT, error.to_string(), "ask again when the DNS answers"),
        Ok(Verdict::Closed(lookups)) => Finding::ok(
            ABOUT,
            format!("{domain} names who may send, with {lookups} lookups of {MOST_LOOKUPS}"),
        ),
        Ok(Verdict::Open) => Finding::warn(
            ABOUT,
            format!("{domain} does not say that nobody else may send"),
            "end its record with -all or ~all",
        ),
        Ok(Verdict::Anybody) => Finding::fault(
            ABOUT,
            format!("{domain} lets anybody send for it: +all"),
            "end its record with -all or ~all",
        ),
        Ok(Verdict::TooMany) => Finding::fault(
            ABOUT,
            format!("the record of {domain} takes more than {MOST_LOOKUPS} lookups, so receivers give up"),
            "take includes out of it that are not needed",
        ),
        Ok(Verdict::Broken(reason)) => Finding::fault(ABOUT, reason, publish),
    }
}

async fn walk(dns: &impl Dns, domain: &str) -> Result<Verdict, DnsError> {
    let mut walk = Walk { lookups: 0, left: vec![(domain.into(), 0)] };
    let mut end = None;
    while let Some((name, depth)) = walk.left.pop() {
        let record = match record(dns, &name).await? {
            Ok(record) => record,
            Err(reason) => return Ok(Verdict::Broken(reason)),
        };
        let all = walk.terms(&record, depth);
        if depth == 0 {
            end = all.or(end);
        }
        if walk.lookups > MOST_LOOKUPS {
            return Ok(Verdict::TooMany);
        }
    }
    Ok(match end {
        Some('-' | '~') => Verdict::Closed(walk.lookups),
        Some('+') => Verdict::Anybody,
        _ => Verdict::Open,
    })
}

impl Walk {
    /// Counts what asks the DNS, and remembers what is to be read too; how the record ends.
    fn terms(&mut self, record: &str, depth: usize) -> Option<char> {
        let mut all = None;
        let mut redirect = None;
        for term in record.split_ascii_whitespace().skip(1) {
            let term = term.to_ascii_lowercase();
            let (sign, bare) = match term.strip_prefix(['+', '-', '~', '?']) {
                Some(bare) => (term.chars().next().unwrap_or('+'), bare),
                None => ('+', term.as_str()),
            };
            let name = bare.split([':', '/', '=']).next().unwrap_or_default();
            match name {
                "all" => all = Some(sign),
                "include" => self.left.extend(target(bare).map(|domain| (domain, depth + 1))),
                "redirect" => redirect = target(bare),
                _ => {}
            }
            self.lookups += usize::from(matches!(name, "include" | "a" | "mx" | "ptr" | "exists"));
        }
        // Where a record says something of everybody, what it redirects to is not asked.
        if let (None, Some(domain)) = (all, redirect) {
            self.lookups += 1;
            self.left.push((domain, depth));
        }
        all
    }
}

/// The domain that a term names; one with a macro is counted and not followed.
fn target(term: &str) -> Option<String> {
    let (_, domain) = term.split_once([':', '='])?;
    (!domain.is_empty() && !domain.contains('%')).then(|| domain.into())
}

/// The one record of a domain, or what is wrong.
async fn record(dns: &impl Dns, domain: &str) -> Result<Result<String, String>, DnsError> {
    let is_spf = |text: &String| {
        text.get(..6).is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
            && text[6..].chars().next().is_none_or(|next| next == ' ')
    };
    let mut records: Vec<String> = dns.txt(domain).await?.into_iter().filter(is_spf).collect();
    Ok(match (records.pop(), records.len()) {
        (None, _) => Err(format!("{domain} has no SPF record")),
        (Some(record), 0) => Ok(record),
        (Some(_), more) => Err(format!("{domain} has {} SPF records, so none counts", more + 1)),
    })
}
