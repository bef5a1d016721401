//! What comes in: the newest record of the journal, and each symbol's last bar against the hours of its market.

use std::collections::BTreeMap;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::journal::entries;
use bellwether_runtime::log::{Log, Result, scan};
use bellwether_schemas::market_hours::MarketHours;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::time::{DAY, MINUTE};
use bellwether_schemas::{Symbol, TenantId, Timestamp, Topic, TopicKind, codec};

use super::{LATE, ago};

const ABOUT: &str = "feed";
/// Records at the end of a journal among which a time is looked for.
const TAIL: u64 = 256;
/// How far back bars are looked for: further than any weekend.
const BACK: i64 = 4 * DAY;
/// While its market is open a symbol has a bar within this.
const SILENT: i64 = 15 * MINUTE;
/// Symbols that are named in one line.
const NAMED: usize = 6;

/// Where a journal ends.
#[derive(Debug, Clone, Copy)]
struct Tail {
    appended_at: Timestamp,
    /// The newest event time near the end.
    time: Option<Timestamp>,
    /// Its source plays the past.
    played: bool,
}

/// Whether something comes in, and which symbols are silent.
pub(super) fn look(log: &dyn Log, tenant: &Tenant, now: Timestamp) -> Result<Vec<Finding>> {
    let Some(tail) = tail(log, &tenant.id)? else {
        let advice = "start a source: `bellwether produce`";
        return Ok(vec![Finding::fault(ABOUT, "the journal is empty: nothing was ever produced", advice)]);
    };
    let mut findings = vec![produced(tail, now)];
    // Symbols are held against the newest of them: what plays the past, or lags, has a now of its own.
    if let Some(time) = tail.time {
        findings.push(symbols(tenant, &bars(log, &tenant.id)?, time));
    }
    Ok(findings)
}

fn tail(log: &dyn Log, tenant: &TenantId) -> Result<Option<Tail>> {
    let bounds = log.bounds(&Topic::new(tenant, TopicKind::Journal))?;
    let mut tail: Option<Tail> = None;
    for read in entries(log, tenant, bounds.next.saturating_sub(TAIL).max(bounds.start)..bounds.next)? {
        let (record, entry) = read?;
        let before = tail.and_then(|tail| Some((tail.time?, tail.played)));
        let said = entry.ok().and_then(|entry| Some((entry.event_time()?, entry.origin().played)));
        let newest = before.into_iter().chain(said).max_by_key(|(time, _)| *time);
        tail = Some(Tail {
            appended_at: record.appended_at,
            time: newest.map(|(time, _)| time),
            played: newest.is_some_and(|(_, played)| played),
        });
    }
    Ok(tail)
}

fn produced(tail: Tail, now: Timestamp) -> Finding {
    let age = now.since(tail.appended_at);
    let found = format!("the newest record of the journal is {} old", ago(age.max(0)));
    if age <= LATE {
        return fresh(tail, now, found);
    }
    if tail.played {
        let found = format!("{found}: a source played the past and has ended");
        return Finding::warn(ABOUT, found, "start a live source, if there is to be one");
    }
    Finding::fault(ABOUT, found, "see that the source runs: a live one says every second that it does")
}

/// Something comes in: whether it is of now.
fn fresh(tail: Tail, now: Timestamp, found: String) -> Finding {
    let behind = tail.time.map_or(0, |time| now.since(time));
    if tail.played || behind <= SILENT {
        return Finding::ok(ABOUT, found);
    }
    let found = format!("{found}, and what it says is of {} ago", ago(behind));
    Finding::warn(
        ABOUT,
        found,
        "a source that catches up with the present is well; a live one lags: see its clock",
    )
}

/// The end of each symbol's last bar.
fn bars(log: &dyn Log, tenant: &TenantId) -> Result<BTreeMap<Symbol, Timestamp>> {
    let readings = Topic::new(tenant, TopicKind::Readings);
    let newest = scan(log, &readings, 0..u64::MAX)?;
    let (start, end) = (newest.start(), newest.end());
    drop(newest);
    let mut last: BTreeMap<Symbol, Timestamp> = BTreeMap::new();
    let appended = scan(log, &readings, end.saturating_sub(1).max(start)..end)?.last().transpose()?;
    let Some(appended) = appended else { return Ok(last) };
    let from = log.offset_at(&readings, appended.appended_at.plus(-BACK))?;
    for record in scan(log, &readings, from..end)? {
        let record = record?;
        if !record.key.starts_with(b"bar|") {
            continue;
        }
        let reading = codec::decode_reading(&record.value).ok().and_then(|record| record.reading().ok());
        if let Some(Reading::Bar(bar)) = reading {
            let newest = last.entry(bar.symbol).or_insert(bar.close_time);
            *newest = bar.close_time.max(*newest);
        }
    }
    Ok(last)
}

fn symbols(tenant: &Tenant, last: &BTreeMap<Symbol, Timestamp>, now: Timestamp) -> Finding {
    const ABOUT: &str = "symbols";
    let silence = |settings: &bellwether_schemas::settings::SymbolSettings| {
        let last = last.get(&settings.name)?;
        Some(MarketHours::from(settings).open_between(*last, now))
    };
    let all = &tenant.settings.symbols;
    let silent: Vec<String> = all
        .iter()
        .filter_map(|settings| match silence(settings) {
            None => Some(format!("{} (no bar for {})", settings.name, ago(BACK))),
            Some(open) if open > SILENT => Some(format!("{} ({} of open market)", settings.name, ago(open))),
            Some(_) => None,
        })
        .collect();
    if silent.is_empty() {
        return Finding::ok(ABOUT, format!("each of {} has a bar of this quarter of an hour", all.len()));
    }
    let more = silent.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let named = silent.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = format!("{} of {} are silent: {named}{more}", silent.len(), all.len());
    let advice = "see that the source knows these names, and the letters of reason unknown_symbol";
    if silent.len() == all.len() {
        Finding::fault(ABOUT, found, advice)
    } else {
        Finding::warn(ABOUT, found, advice)
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;
    use crate::mail::samples;

    #[test]
    fn a_weekend_is_no_silence_and_a_working_day_is() {
        let tenant = samples::tenant("fxlabs");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let friday = at("2026-03-06T21:55:00Z");
        let all: BTreeMap<Symbol, Timestamp> =
            tenant.settings.symbols.iter().map(|settings| (settings.name.clone(), friday)).collect();
        let closed = all.iter().filter(|(name, _)| !name.as_str().starts_with("BTC")).count();
        let saturday = symbols(&tenant, &all, at("2026-03-07T12:00:00Z"));
        assert!(closed < all.len() && saturday.level == Level::Warn, "{saturday:?}");
        assert!(saturday.found.contains("BTCUSDm") && !saturday.found.contains("EURUSDm"), "{saturday:?}");
        assert_eq!(symbols(&tenant, &all, friday.plus(5 * MINUTE)).level, Level::Ok);
        assert_eq!(symbols(&tenant, &all, at("2026-03-09T12:00:00Z")).level, Level::Fault);
        assert_eq!(symbols(&tenant, &BTreeMap::new(), friday).level, Level::Fault);
    }

    #[test]
    fn a_source_that_played_the_past_may_end() {
        let tail = |played| Tail { appended_at: Timestamp(0), time: None, played };
        assert_eq!(produced(tail(false), Timestamp(LATE)).level, Level::Ok);
        assert_eq!(produced(tail(false), Timestamp(LATE + 1)).level, Level::Fault);
        assert_eq!(produced(tail(true), Timestamp(LATE + 1)).level, Level::Warn);
        let lagging = |played| Tail { time: Some(Timestamp(-SILENT - 1)), ..tail(played) };
        assert_eq!(produced(lagging(false), Timestamp(0)).level, Level::Warn);
        assert_eq!(produced(lagging(true), Timestamp(0)).level, Level::Ok);
    }
}
