//! What the pipeline must find, computed a second time: plain loops over whole lists, no code of the pipeline's.
//!
//! It knows the kind `rsi_tracker`, alerts that are active from the start, and sources that play a clock, so that no
//! bar is ever stale.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, Duration, NaiveTime, TimeZone};
use chrono_tz::Tz;
use uuid::Uuid;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A quote as its source gave it. Times are microseconds UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    pub ts: i64,
    pub symbol: String,
    pub bid: f64,
    pub ask: f64,
}

/// What a tenant's file source played.
#[derive(Debug, Clone)]
pub struct Market {
    pub tenant: String,
    /// In the order they were played.
    pub quotes: Vec<Quote>,
    pub lateness: i64,
    pub anchor: NaiveTime,
    pub zone: Tz,
    /// Symbols whose days begin at 00:00 UTC instead.
    pub always_open: Vec<String>,
    pub absurd_band: f64,
    /// Closed bars that came before the quotes, in the order of time; minutes build the longer ones.
    pub history: Vec<Given>,
    /// Bars that end here or before came as history: they move state and fire nothing.
    pub history_until: i64,
    /// Bars that end here or before are closed; none: what a file source closes with its last heartbeat.
    pub closed_until: Option<i64>,
}

impl Market {
    /// With the defaults: two seconds of lateness, the day begins at 17:00 in New York, a band of 20 %, no history.
    pub fn new(tenant: &str, quotes: Vec<Quote>) -> Self {
        Self {
            tenant: tenant.into(),
            quotes,
            lateness: 2 * SECOND,
            anchor: NaiveTime::MIN + Duration::hours(17),
            zone: Tz::America__New_York,
            always_open: Vec::new(),
            absurd_band: 0.20,
            history: Vec::new(),
            history_until: i64::MIN,
            closed_until: None,
        }
    }

    fn closed_until(&self) -> i64 {
        let last = self.quotes.iter().map(|quote| quote.ts).max().unwrap_or(i64::MIN);
        self.closed_until.unwrap_or_else(|| floor(last, MINUTE).saturating_add(MINUTE))
    }
}

/// An `rsi_tracker` alert, active before the first quote.
#[derive(Debug, Clone)]
pub struct RsiAlert {
    pub id: Uuid,
    pub version: i64,
    pub user_id: Uuid,
    pub timeframe: String,
    pub period: usize,
    pub overbought: f64,
    pub oversold: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub id: Uuid,
    pub alert_id: Uuid,
    pub alert_version: i64,
    pub user_id: Uuid,
    pub symbol: String,
    pub timeframe: String,
    pub open_time: i64,
    pub close_time: i64,
    pub condition: &'static str,
    pub value: f64,
    pub previous: f64,
    pub threshold: f64,
    pub price: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub open_time: i64,
    pub close_time: i64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub ticks: u64,
}

/// A bar of history.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub symbol: String,
    pub timeframe: String,
    pub bar: Bar,
}

/// Every trigger of these alerts over this market, by close time, symbol and condition.
pub fn triggers(market: &Market, alerts: &[RsiAlert]) -> Result<Vec<Trigger>> {
    let mut quotes_of = minutes_as_quotes(&market.history);
    for (symbol, accepted) in accepted(market) {
        quotes_of.entry(symbol).or_default().extend(accepted);
    }
    let mut found = Vec::new();
    for alert in alerts {
        let timeframe = tracker_timeframe(&alert.timeframe);
        for (symbol, quotes) in &quotes_of {
            let as_such = |given: &&Given| given.symbol == *symbol && given.timeframe == timeframe;
            let mut bars_in_all: Vec<Bar> =
                market.history.iter().filter(as_such).map(|given| given.bar.clone()).collect();
            bars_in_all.extend(bars(market, quotes, timeframe)?);
            let bars = bars_in_all;
            found.extend(of_one_series(market, alert, symbol, &bars)?);
        }
    }
    found.sort_by(|a, b| (a.close_time, &a.symbol, a.alert_id).cmp(&(b.close_time, &b.symbol, b.alert_id)));
    Ok(found)
}

/// One-minute bars as four quotes each: what they say of open, high, low and close, in an order that keeps them.
fn minutes_as_quotes(history: &[Given]) -> BTreeMap<String, Vec<Quote>> {
    let mut quotes: BTreeMap<String, Vec<Quote>> = BTreeMap::new();
    for Given { symbol, bar, .. } in history.iter().filter(|given| given.timeframe == "1M") {
        let prices = [bar.open, bar.high, bar.low, bar.close];
        for (step, bid) in (0..).zip(prices) {
            let quote = Quote { ts: bar.open_time + step, symbol: symbol.clone(), bid, ask: bid };
            quotes.entry(symbol.clone()).or_default().push(quote);
        }
    }
    quotes
}

/// A stored `1M` is read as `5M`.
fn tracker_timeframe(timeframe: &str) -> &str {
    if timeframe == "1M" { "5M" } else { timeframe }
}

fn of_one_series(market: &Market, alert: &RsiAlert, symbol: &str, bars: &[Bar]) -> Result<Vec<Trigger>> {
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    let values = rsi(&closes, alert.period);
    let mut found = Vec::new();
    for at in 1..bars.len() {
        // The first value is the baseline: it has none before it.
        let (Some(previous), Some(value)) = (values[at - 1], values[at]) else { continue };
        if bars[at].close_time <= market.history_until {
            continue;
        }
        if let Some((condition, threshold)) = crossed(alert, previous, value) {
            let timeframe = tracker_timeframe(&alert.timeframe);
            found.push(Trigger {
                id: trigger_id(market, alert, symbol, &bars[at], condition)?,
                alert_id: alert.id,
                alert_version: alert.version,
                user_id: alert.user_id,
                symbol: symbol.into(),
                timeframe: timeframe.into(),
                open_time: bars[at].open_time,
                close_time: bars[at].close_time,
                condition,
                value,
                previous,
                threshold,
                price: bars[at].close,
            });
        }
    }
    Ok(found)
}

/// The side and the line that was reached: touching counts.
pub fn crossed(alert: &RsiAlert, previous: f64, value: f64) -> Option<(&'static str, f64)> {
    if previous < alert.overbought && value >= alert.overbought {
        Some(("overbought", alert.overbought))
    } else if previous > alert.oversold && value <= alert.oversold {
        Some(("oversold", alert.oversold))
    } else {
        None
    }
}

fn trigger_id(market: &Market, alert: &RsiAlert, symbol: &str, bar: &Bar, condition: &str) -> Result<Uuid> {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"triggers.bellwether");
    let timeframe = tracker_timeframe(&alert.timeframe);
    let open = DateTime::from_timestamp_micros(bar.open_time).context("a time with a date")?;
    let open = open.format("%Y-%m-%dT%H:%M:%S%.6fZ");
    let Market { tenant, .. } = market;
    let RsiAlert { id, version, .. } = alert;
    let cause = format!("{tenant}|rsi_tracker|{id}|{version}|{symbol}|{timeframe}|{open}|{condition}");
    Ok(Uuid::new_v5(&namespace, cause.as_bytes()))
}

/// Wilder's: at the close p the mean of p gains and losses, then `(a·(p−1) + x)/p`.
pub fn rsi(closes: &[f64], period: usize) -> Vec<Option<f64>> {
    if closes.len() <= period {
        return vec![None; closes.len()];
    }
    let gain = |at: usize| (closes[at] - closes[at - 1]).max(0.0);
    let loss = |at: usize| (closes[at - 1] - closes[at]).max(0.0);
    let p = period as f64;
    let mut gains = (1..=period).map(gain).sum::<f64>() / p;
    let mut losses = (1..=period).map(loss).sum::<f64>() / p;
    let mut values = vec![None; period];
    values.push(Some(strength(gains, losses)));
    for at in period + 1..closes.len() {
        gains = (gains * (p - 1.0) + gain(at)) / p;
        losses = (losses * (p - 1.0) + loss(at)) / p;
        let stands = closes[at] == closes[at - 1];
        values.push(if stands { values[at - 1] } else { Some(strength(gains, losses)) });
    }
    values
}

fn strength(gains: f64, losses: f64) -> f64 {
    if losses == 0.0 {
        return if gains == 0.0 { 50.0 } else { 100.0 };
    }
    100.0 - 100.0 / (1.0 + gains / losses)
}

/// The quotes that may enter a bar, by symbol: sound, not late, not absurd.
pub fn accepted(market: &Market) -> BTreeMap<String, Vec<Quote>> {
    let mut found: BTreeMap<String, Vec<Quote>> = BTreeMap::new();
    let mut absurd: BTreeMap<String, Absurd> = BTreeMap::new();
    let mut watermark = i64::MIN;
    let mut next_beat = market.quotes.first().map_or(0, |quote| floor(quote.ts + MINUTE - 1, MINUTE));
    for quote in &market.quotes {
        while next_beat <= quote.ts {
            watermark = watermark.max(next_beat - market.lateness);
            next_beat += MINUTE;
        }
        let sound =
            quote.bid.is_finite() && quote.ask.is_finite() && quote.bid > 0.0 && quote.ask >= quote.bid;
        let late = floor(quote.ts, MINUTE) + MINUTE <= watermark;
        if !sound
            || late
            || absurd.entry(quote.symbol.clone()).or_default().refuses(quote, market.absurd_band)
        {
            continue;
        }
        watermark = watermark.max(quote.ts - market.lateness);
        found.entry(quote.symbol.clone()).or_default().push(quote.clone());
    }
    found
}

/// Per symbol: the last level that was believed, and the quotes far from it since.
#[derive(Default)]
struct Absurd {
    last: Option<(f64, i64)>,
    run: Vec<i64>,
}

impl Absurd {
    fn refuses(&mut self, quote: &Quote, band: f64) -> bool {
        let far = self
            .last
            .is_some_and(|(bid, ts)| (quote.bid - bid).abs() > band * bid && quote.ts - ts <= MINUTE);
        if !far {
            self.last = Some((quote.bid, quote.ts));
            self.run.clear();
            return false;
        }
        self.run.push(quote.ts);
        let ten_ago = self.run.len().checked_sub(10).map(|at| self.run[at]);
        if ten_ago.is_some_and(|first| quote.ts - first <= 5 * SECOND) {
            self.last = self.last.map(|(_, ts)| (quote.bid, ts));
            self.run.clear();
        }
        true
    }
}

/// The closed bars of one symbol.
pub fn bars(market: &Market, quotes: &[Quote], timeframe: &str) -> Result<Vec<Bar>> {
    let grid = Grid::new(market, quotes)?;
    let closed_until = market.closed_until();
    let mut by_open: BTreeMap<i64, (i64, Vec<&Quote>)> = BTreeMap::new();
    for quote in quotes {
        let (open, close) = grid.bounds(timeframe, quote.ts)?;
        by_open.entry(open).or_insert_with(|| (close, Vec::new())).1.push(quote);
    }
    by_open.retain(|_, (close, _)| *close <= closed_until);
    Ok(by_open.into_iter().map(|(open, (close, inside))| bar_of(open, close, &inside)).collect())
}

fn bar_of(open_time: i64, close_time: i64, inside: &[&Quote]) -> Bar {
    let mut by_time = inside.to_vec();
    by_time.sort_by_key(|quote| quote.ts); // stable: of equal times the first stays first, the last last
    let bids: Vec<f64> = by_time.iter().map(|quote| quote.bid).collect();
    Bar {
        open_time,
        close_time,
        open: bids[0],
        high: bids.iter().copied().fold(f64::MIN, f64::max),
        low: bids.iter().copied().fold(f64::MAX, f64::min),
        close: bids[bids.len() - 1],
        ticks: bids.len() as u64,
    }
}

/// The session's days written out, from before the first quote to after the last.
struct Grid {
    days: Vec<i64>,
    weeks: Vec<i64>,
}

impl Grid {
    fn new(market: &Market, quotes: &[Quote]) -> Result<Self> {
        let (mut days, mut weeks) = (Vec::new(), Vec::new());
        let times = || quotes.iter().map(|quote| quote.ts);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return Ok(Self { days, weeks });
        };
        let around_the_clock = quotes.iter().any(|quote| market.always_open.contains(&quote.symbol));
        let (anchor, zone) =
            if around_the_clock { (NaiveTime::MIN, Tz::UTC) } else { (market.anchor, market.zone) };
        let date = |ts| DateTime::from_timestamp_micros(ts).map(|time| time.date_naive());
        let mut day = date(first).context("a date")? - Duration::days(10);
        while day <= date(last).context("a date")? + Duration::days(10) {
            let local = zone.from_local_datetime(&day.and_time(anchor)).earliest();
            let start = local.with_context(|| format!("{day} has no {anchor}"))?.timestamp_micros();
            days.push(start);
            if day.weekday().num_days_from_sunday() == 0 {
                weeks.push(start);
            }
            day += Duration::days(1);
        }
        Ok(Self { days, weeks })
    }

    fn bounds(&self, timeframe: &str, ts: i64) -> Result<(i64, i64)> {
        let fixed = |length: i64| (floor(ts, length), floor(ts, length) + length);
        Ok(match timeframe {
            "1M" => fixed(MINUTE),
            "5M" => fixed(5 * MINUTE),
            "15M" => fixed(15 * MINUTE),
            "30M" => fixed(30 * MINUTE),
            "1H" => fixed(HOUR),
            "4H" => {
                let (day, next_day) = between(&self.days, ts)?;
                let open = day + (ts - day) / (4 * HOUR) * 4 * HOUR;
                (open, next_day.min(open + 4 * HOUR))
            }
            "1D" => between(&self.days, ts)?,
            "1W" => between(&self.weeks, ts)?,
            other => anyhow::bail!("{other} is not a timeframe"),
        })
    }
}

/// The last start at or before `ts`, and the one after it.
fn between(starts: &[i64], ts: i64) -> Result<(i64, i64)> {
    let pair = starts.windows(2).find(|pair| pair[0] <= ts && ts < pair[1]);
    pair.map(|pair| (pair[0], pair[1])).context("the grid covers every quote")
}

fn floor(ts: i64, length: i64) -> i64 {
    ts.div_euclid(length) * length
}
