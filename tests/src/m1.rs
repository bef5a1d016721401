//! One-minute bars of bid and ask as a file holds them, played as quotes. A reader of the tests' own.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDateTime};

use crate::reference::Quote;

const SECOND: i64 = 1_000_000;

/// Open, high, low, close.
type Corners = [f64; 4];

/// The quotes of a bid file and, where there is one, its ask file.
pub fn read(symbol: &str, bid: &Path, ask: Option<&Path>) -> Result<Vec<Quote>> {
    let text = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let asks = ask.map(text).transpose()?.unwrap_or_default();
    quotes(symbol, &text(bid)?, &asks)
}

/// The same from texts; lines that are no bar are left out.
pub fn quotes(symbol: &str, bid: &str, ask: &str) -> Result<Vec<Quote>> {
    let asks: BTreeMap<i64, Corners> = ask.lines().filter_map(bar).collect();
    let played = bid.lines().filter_map(bar).flat_map(|(open_time, bids)| {
        let asks = asks.get(&open_time).copied().unwrap_or(bids);
        played(symbol, open_time, bids, asks)
    });
    Ok(played.collect())
}

/// Open at +0 s; low then high where close ≥ open, else high then low, at +20 s and +40 s; close at +59.999 s.
fn played(symbol: &str, open_time: i64, bids: Corners, asks: Corners) -> [Quote; 4] {
    let [open, high, low, close] = [0, 1, 2, 3];
    let rises = bids[close] >= bids[open];
    let middle = if rises { [low, high] } else { [high, low] };
    let quote = |after: i64, corner: usize| Quote {
        ts: open_time + after,
        symbol: symbol.into(),
        bid: bids[corner],
        ask: asks[corner].max(bids[corner]),
    };
    [
        quote(0, open),
        quote(20 * SECOND, middle[0]),
        quote(40 * SECOND, middle[1]),
        quote(59_999 * SECOND / 1000, close),
    ]
}

/// `timestamp,open,high,low,close`; further columns are ignored.
fn bar(line: &str) -> Option<(i64, Corners)> {
    let columns: Vec<&str> = line.split(',').map(str::trim).collect();
    let number = |at: usize| columns.get(at)?.parse().ok();
    Some((time(columns.first()?)?, [number(1)?, number(2)?, number(3)?, number(4)?]))
}

/// RFC 3339 with a `T` or a space; no zone means UTC.
fn time(text: &str) -> Option<i64> {
    let text = text.replace('T', " ");
    let zoned = DateTime::parse_from_str(&text.replace('Z', "+00:00"), "%Y-%m-%d %H:%M:%S%.f%:z");
    let plain = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc());
    zoned.map(|time| time.timestamp_micros()).or_else(|_| plain().map(|time| time.timestamp_micros())).ok()
}
