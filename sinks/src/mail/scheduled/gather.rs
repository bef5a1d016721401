//! The daily brief out of what is known: the tenant's newest readings and its news calendar. Pure: what is not known,
//! or too old to say something of now, is left out and never made up.

use std::collections::BTreeMap;

use bellwether_runtime::config::Tenant;
use bellwether_schemas::calendar::{CalendarItem, Impact};
use bellwether_schemas::heatmap::Style;
use bellwether_schemas::market_hours::MarketHours;
use bellwether_schemas::readings::{Mover, Reading, Signal};
use bellwether_schemas::settings::{Settings, SymbolSettings};
use bellwether_schemas::{Symbol, Timeframe, Timestamp};
use chrono::NaiveDate;

use super::brief::{Brief, Change, Coefficient, CoreSignal, Rsi, Score};

/// The style whose view the core signals are.
pub(crate) const STYLE: Style = Style::Scalper;
/// The bars whose RSI is listed.
pub(crate) const RSI_TIMEFRAME: Timeframe = Timeframe::H4;
/// From this RSI on a symbol is overbought, 70 included.
pub(crate) const OVERBOUGHT: f64 = 70.0;
/// Down to this it is oversold, 30 included.
pub(crate) const OVERSOLD: f64 = 30.0;
/// The bars and how many of their returns a coefficient is of: the window that readings always have.
pub(crate) const CORRELATION: (Timeframe, i32) = (Timeframe::H1, 50);
/// A change that does not show in three decimals is none.
const LEAST_CHANGE: f64 = 0.001;
/// How often what moved most is read.
const TRENDING_TIMEFRAME: Timeframe = Timeframe::H1;
/// Most symbols that moved most.
const MOST_TRENDING: usize = 5;
/// Older than so many bars, as long as its market was open, a reading says nothing of now.
const STALE_BARS: i64 = 2;

/// After so many of the style's shortest bars without one, as long as its market was open, a symbol's prices have stopped.
const DELAYED_BARS: i64 = 3;

/// Which brief it is, and when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The day of the tenant's calendar that it is for.
    pub date: NaiveDate,
    /// When it was due.
    pub due: Timestamp,
    /// When it is made, by the clock of the tenant's database: what readings have to be fresh at.
    pub now: Timestamp,
    /// When the one after it is due.
    pub next: Option<Timestamp>,
}

/// What a tenant's users are told in the morning, from the newest readings by their keys and all that is known of the
/// news calendar. Changes are those against the brief `previous`.
#[must_use]
pub fn brief(
    readings: &BTreeMap<String, Reading>,
    calendar: &[CalendarItem],
    tenant: &Tenant,
    occasion: Occasion,
    previous: Option<&Brief>,
) -> Brief {
    let Occasion { date, due, now, next } = occasion;
    let market = Market { readings, settings: &tenant.settings, now };
    let pairs = market.pairs();
    let is_today = |item: &&CalendarItem| item.time.utc().with_timezone(&tenant.zone).date_naive() == date;
    let high = calendar.iter().filter(|item| item.impact == Impact::High);
    let mut news: Vec<CalendarItem> = high.filter(is_today).cloned().collect();
    news.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    Brief {
        date,
        due,
        next,
        signals: tenant.core_symbols.iter().filter_map(|symbol| market.signal(symbol)).collect(),
        overbought: market.rsi(|value| value >= OVERBOUGHT, |a, b| b.total_cmp(a)),
        oversold: market.rsi(|value| value <= OVERSOLD, f64::total_cmp),
        news,
        largest: largest(pairs.values(), |coefficient| coefficient.value).cloned(),
        changed: previous.and_then(|previous| changed(&pairs, previous)),
        coefficients: pairs.into_iter().map(|(key, coefficient)| (key, coefficient.value)).collect(),
        trending: market.trending(),
        own: None,
    }
}

/// What is known of a tenant's market.
struct Market<'a> {
    readings: &'a BTreeMap<String, Reading>,
    settings: &'a Settings,
    now: Timestamp,
}

impl Market<'_> {
    /// None of a symbol that the tenant does not watch.
    fn signal(&self, symbol: &Symbol) -> Option<CoreSignal> {
        let listed = self.listed(symbol)?;
        Some(CoreSignal {
            symbol: symbol.clone(),
            open: MarketHours::from(listed).is_open(self.now),
            score: self.score(listed),
            delayed: self.is_delayed(listed),
        })
    }

    /// Of a symbol that never had a price nothing is late.
    fn is_delayed(&self, symbol: &SymbolSettings) -> bool {
        let last =
            STYLE.timeframes().first().and_then(|shortest| match self.indicators(symbol, *shortest)? {
                Reading::Indicators(indicators) => Some((shortest.nominal(), indicators.close_time)),
                _ => None,
            });
        last.is_some_and(|(bar, close_time)| {
            MarketHours::from(symbol).open_between(close_time, self.now) > DELAYED_BARS * bar
        })
    }

    fn score(&self, symbol: &SymbolSettings) -> Option<Score> {
        let longest = STYLE.timeframes().last().copied()?;
        let Reading::Heatmap(heatmap) =
            self.readings.get(&format!("heatmap|{}|{}", symbol.name, STYLE.name()))?
        else {
            return None;
        };
        let hours = MarketHours::from(symbol);
        if !self.is_fresh(hours, heatmap.close_time, longest) || !heatmap.buy_percent.is_finite() {
            return None;
        }
        // What its timeframes had when it was scored, so as old as the whole may be.
        let of = |timeframe: &Timeframe| {
            let Reading::Indicators(indicators) = self.indicators(symbol, *timeframe)? else { return None };
            let known = indicators.buy_percent.filter(|percent| percent.is_finite())?;
            self.is_fresh(hours, indicators.close_time, longest).then_some((*timeframe, known))
        };
        Some(Score {
            buy_percent: heatmap.buy_percent,
            acts: [Signal::Buy, Signal::Sell].iter().any(|side| side.name() == heatmap.label),
            by_timeframe: STYLE.timeframes().iter().filter_map(of).collect(),
        })
    }

    /// Symbols whose RSI is such, in that order.
    fn rsi(
        &self,
        is_such: impl Fn(f64) -> bool,
        order: impl Fn(&f64, &f64) -> std::cmp::Ordering,
    ) -> Vec<Rsi> {
        let of = |symbol: &SymbolSettings| {
            let Reading::Indicators(indicators) = self.indicators(symbol, RSI_TIMEFRAME)? else {
                return None;
            };
            let value = indicators.rsi14.filter(|value| is_such(*value))?;
            let is_fresh = self.is_fresh(MarketHours::from(symbol), indicators.close_time, RSI_TIMEFRAME);
            is_fresh.then(|| Rsi { symbol: symbol.name.clone(), value })
        };
        let mut found: Vec<Rsi> = self.settings.symbols.iter().filter_map(of).collect();
        found.sort_by(|a, b| order(&a.value, &b.value));
        found
    }

    /// By the key of its pair, every coefficient that says something of now.
    fn pairs(&self) -> BTreeMap<String, Coefficient> {
        let (timeframe, window) = CORRELATION;
        let listed = self.settings.positive_pairs.iter().chain(&self.settings.negative_pairs);
        let of = |key: &String| {
            let Reading::Correlation(reading) =
                self.readings.get(&format!("correlation|{key}|{timeframe}|{window}"))?
            else {
                return None;
            };
            let value = reading.value.filter(|value| value.is_finite())?;
            let (a, b) = self.legs(key)?;
            // They move together only while both markets are open.
            let hours = [a, b].map(MarketHours::from);
            let hours = hours.into_iter().find(|hours| *hours != MarketHours::Always).unwrap_or(hours[0]);
            let legs = [a.name.clone(), b.name.clone()];
            let is_fresh = self.is_fresh(hours, reading.close_time, timeframe);
            is_fresh.then(|| (key.clone(), Coefficient { legs, value }))
        };
        listed.filter_map(of).collect()
    }

    fn trending(&self) -> Vec<Mover> {
        let Some(Reading::Trending(trending)) = self.readings.get("trending") else { return Vec::new() };
        let moves = |mover: &&Mover| {
            self.listed(&mover.symbol).is_some_and(|symbol| {
                let hours = MarketHours::from(symbol);
                // What is closed does not move, whatever it did before.
                hours.is_open(self.now) && self.is_fresh(hours, trending.close_time, TRENDING_TIMEFRAME)
            })
        };
        trending.symbols.iter().filter(moves).take(MOST_TRENDING).cloned().collect()
    }

    fn is_fresh(&self, hours: MarketHours, close_time: Timestamp, timeframe: Timeframe) -> bool {
        hours.open_between(close_time, self.now) <= STALE_BARS * timeframe.nominal()
    }

    fn indicators(&self, symbol: &SymbolSettings, timeframe: Timeframe) -> Option<&Reading> {
        self.readings.get(&format!("indicators|{}|{timeframe}", symbol.name))
    }

    fn listed(&self, symbol: &Symbol) -> Option<&SymbolSettings> {
        self.settings.symbols.iter().find(|listed| listed.name == *symbol)
    }

    /// Both symbols of a pair. A name may have a dash of its own: the first split at which both are listed counts.
    fn legs(&self, key: &str) -> Option<(&SymbolSettings, &SymbolSettings)> {
        let suffix = &self.settings.symbol_suffix;
        let of = |base: &str| self.settings.symbols.iter().find(|symbol| symbol.name.base(suffix) == base);
        key.match_indices('-').find_map(|(at, dash)| Some((of(&key[..at])?, of(&key[at + dash.len()..])?)))
    }
}

/// What is furthest from 0; of equals the first.
fn largest<T>(items: impl IntoIterator<Item = T>, value: impl Fn(&T) -> f64) -> Option<T> {
    let further = |most: T, item: T| if value(&item).abs() > value(&most).abs() { item } else { most };
    items.into_iter().reduce(further)
}

fn changed(pairs: &BTreeMap<String, Coefficient>, previous: &Brief) -> Option<Change> {
    let of = |(key, now): (&String, &Coefficient)| {
        let before = *previous.coefficients.get(key)?;
        Some(Change { now: now.clone(), before, since: previous.date })
    };
    let change = largest(pairs.iter().filter_map(of), |change| change.now.value - change.before)?;
    ((change.now.value - change.before).abs() >= LEAST_CHANGE).then_some(change)
}

#[cfg(test)]
mod tests;
