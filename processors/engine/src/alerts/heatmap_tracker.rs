//! `heatmap_tracker`: a style's reading enters the buy or the sell zone. After a trigger nothing fires for its alert
//! and symbol during the cooldown, and the same side stays silent until the other fires or the suppression ends.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bellwether_schemas::alerts::{AlertKind, HeatmapTracker};
use bellwether_schemas::readings::Cell;
use bellwether_schemas::triggers::{Condition, Detail, ZoneEntered};
use bellwether_schemas::{Timeframe, Timestamp};

use super::columns::{LeftOut, few_symbols, known_symbols, not_one_of, within};
use super::crossing::{Lines, reached_upward};
use super::reason::Reason;
use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::bars::OpenBar;
use crate::heatmap::{CellName, Style, StyleScore, weights};
use crate::series::{Seen, SymbolState};
use crate::snapshot::{Code, codes, stored};
use crate::symbols::SymbolTable;
use crate::why::Held;

/// What one alert watches: one style's reading of a few symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeatmapWatch {
    pub(crate) symbols: Box<[String]>,
    pub(crate) style: Style,
    /// Buy% at which the buy zone begins.
    pub(crate) buy: i32,
    /// Sell% at which the sell zone begins.
    pub(crate) sell: i32,
}

impl HeatmapWatch {
    /// What the columns ask for, and what of it is left out; or why it cannot be watched.
    pub(super) fn parse(columns: &HeatmapTracker, symbols: &SymbolTable) -> Result<(Self, LeftOut), Reason> {
        let (known, left_out) = known_symbols(&columns.pairs, symbols)?;
        let style = Self::style(columns)?;
        // 30 and 70 are the same line seen from two sides.
        let given = columns.sell_threshold;
        let sell = if given >= 50 { given } else { 100 - given };
        Ok((Self { symbols: known, style, buy: columns.buy_threshold, sell }, left_out))
    }

    /// Whether the columns hold whatever symbols the tenant has.
    pub(super) fn check(columns: &HeatmapTracker) -> Result<(), String> {
        few_symbols(&columns.pairs)?;
        Self::style(columns).map(drop)
    }

    /// The style, where both thresholds are percentages.
    fn style(columns: &HeatmapTracker) -> Result<Style, String> {
        let given = &columns.trading_style;
        let style = Style::parse(given)
            .ok_or_else(|| not_one_of("trading_style", given, &Style::ALL.map(Style::name)))?;
        within("buy_threshold", columns.buy_threshold, 0..=100)?;
        within("sell_threshold", columns.sell_threshold, 0..=100)?;
        Ok(style)
    }

    pub(super) fn awaits(&self, symbols: &SymbolTable) -> Vec<Awaited> {
        let places = self.symbols.iter().filter_map(|name| symbols.find(name));
        places.map(|place| Awaited::Style(self.style, place)).collect()
    }
}

/// A style's new reading of one symbol, and the one before.
pub(crate) struct StyleStep {
    pub(crate) symbol: usize,
    pub(crate) style: Style,
    /// The shortest timeframe of the style that closed here.
    pub(crate) timeframe: Timeframe,
    pub(crate) bar: OpenBar,
    pub(crate) score: StyleScore,
    /// Buy% at the reading before.
    pub(crate) before: Option<Seen>,
}

/// Which zone was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Buy,
    Sell,
}

impl Zone {
    pub(crate) const fn condition(self) -> Condition {
        match self {
            Self::Buy => Condition::Buy,
            Self::Sell => Condition::Sell,
        }
    }
}

/// One alert whose zone was entered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ZoneHit {
    pub(crate) rank: Rank,
    pub(crate) zone: Zone,
    /// The user's line, in the percent of that zone.
    pub(crate) line: i32,
}

impl ZoneHit {
    /// The trigger of this hit. `before` is Buy% at the reading before, `state` the symbol.
    pub(crate) fn draft(&self, step: &StyleStep, before: f64, state: &SymbolState) -> Draft {
        let StyleStep { symbol, style, timeframe, bar, score, .. } = step;
        let (value, previous) = match self.zone {
            Zone::Buy => (score.buy_percent(), before),
            Zone::Sell => (score.sell_percent(), 100.0 - before),
        };
        Draft {
            rank: self.rank,
            kind: AlertKind::HeatmapTracker,
            subject: Subject::Symbol(*symbol, state.name.clone()),
            occasion: Occasion::bar(*timeframe, bar),
            condition: self.zone.condition(),
            value: Some(value),
            previous: Some(previous),
            threshold: Some(f64::from(self.line)),
            price: Some(bar.close),
            detail: Detail::Heatmap(ZoneEntered {
                trading_style: *style,
                final_score: score.final_(),
                buy_percent: score.buy_percent(),
                sell_percent: score.sell_percent(),
                coverage: score.coverage(),
                cells: cells(*style, state),
            }),
        }
    }
}

/// Every timeframe of the style that has a score, with its cells.
fn cells(style: Style, state: &SymbolState) -> BTreeMap<Timeframe, BTreeMap<CellName, Cell>> {
    let of = |(timeframe, _): &(Timeframe, i32)| {
        let indicators = &state.series[timeframe.index()].indicators;
        indicators.score()?;
        let cells =
            CellName::ALL.into_iter().filter_map(|name| Some((name, indicators.cell(name)?.reading())));
        Some((*timeframe, cells.collect()))
    };
    weights(style).iter().filter_map(of).collect()
}

/// The last trigger of one alert and symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    at: Timestamp,
    side: Zone,
}

/// When silence after a trigger ends, in microseconds from its close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silence {
    pub(crate) cooldown: i64,
    pub(crate) suppression: i64,
}

codes!(Zone { Buy = 1, Sell = 2 });

impl Last {
    pub(super) const fn store(self, place: u32) -> stored::Cooldown {
        let Self { at, side } = self;
        stored::Cooldown { place, at: at.0, side: Code(side) }
    }

    fn silences(&self, at: Timestamp, zone: Zone, spans: Silence) -> bool {
        self.silence(at, zone, spans).is_some()
    }

    fn silence(&self, at: Timestamp, zone: Zone, spans: Silence) -> Option<Held> {
        let since = at.since(self.at);
        if since < spans.cooldown {
            return Some(Held::Cooldown(self.at.plus(spans.cooldown)));
        }
        let is_suppressed = zone == self.side && since < spans.suppression;
        is_suppressed.then(|| Held::Suppressed(self.at.plus(spans.suppression)))
    }
}

pub(super) type Cooldowns = BTreeMap<(Rank, usize), Last>;

/// Alerts by style, symbol and line.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeatmapIndex {
    zones: BTreeMap<(Style, usize), Zones>,
    cooldowns: Cooldowns,
}

/// Lines of one style and symbol: in Buy%, and in Sell%.
#[derive(Debug, Clone, Default)]
struct Zones {
    buy: Lines<i32>,
    sell: Lines<i32>,
}

impl HeatmapIndex {
    pub(super) fn with(cooldowns: Cooldowns) -> Self {
        Self { zones: BTreeMap::new(), cooldowns }
    }

    /// The cooldowns under the symbols' new places.
    pub(super) fn take_moved(&mut self, moved: &[Option<usize>]) -> Cooldowns {
        let new_place = |old: usize| moved.iter().position(|from| *from == Some(old));
        let kept = std::mem::take(&mut self.cooldowns).into_iter();
        kept.filter_map(|((rank, old), last)| Some(((rank, new_place(old)?), last))).collect()
    }

    pub(super) fn insert(&mut self, rank: Rank, heatmap: &HeatmapWatch, symbols: &SymbolTable) {
        for place in heatmap.symbols.iter().filter_map(|name| symbols.find(name)) {
            let zones = self.zones.entry((heatmap.style, place)).or_default();
            zones.buy.insert(heatmap.buy, rank);
            zones.sell.insert(heatmap.sell, rank);
        }
    }

    pub(super) fn remove(&mut self, rank: Rank, heatmap: &HeatmapWatch, symbols: &SymbolTable) {
        for place in heatmap.symbols.iter().filter_map(|name| symbols.find(name)) {
            let key = (heatmap.style, place);
            if let Some(zones) = self.zones.get_mut(&key) {
                zones.buy.remove(heatmap.buy, rank);
                zones.sell.remove(heatmap.sell, rank);
                if zones.buy.is_empty() {
                    self.zones.remove(&key);
                }
            }
            self.cooldowns.remove(&(rank, place));
        }
    }

    /// Every alert whose zone is entered when Buy% goes from `previous` to `now`: each side reached (≥) now and not
    /// before. Sell% is 100 less Buy%.
    pub(crate) fn entered(&self, style: Style, symbol: usize, previous: f64, now: f64) -> Vec<ZoneHit> {
        let Some(zones) = self.zones.get(&(style, symbol)) else { return Vec::new() };
        let hit = |zone| move |(line, rank)| ZoneHit { rank, zone, line };
        if now > previous {
            zones.buy.within(reached_upward(previous, now)).map(hit(Zone::Buy)).collect()
        } else {
            let reached = reached_upward(100.0 - previous, 100.0 - now);
            zones.sell.within(reached).map(hit(Zone::Sell)).collect()
        }
    }

    /// A trigger before keeps this alert silent: the hit is lost.
    pub(crate) fn is_silenced(&self, hit: &ZoneHit, symbol: usize, at: Timestamp, spans: Silence) -> bool {
        let last = self.cooldowns.get(&(hit.rank, symbol));
        last.is_some_and(|last| last.silences(at, hit.zone, spans))
    }

    /// What a trigger before keeps this zone of an alert silent by.
    pub(crate) fn silence(
        &self,
        rank: Rank,
        symbol: usize,
        zone: Zone,
        at: Timestamp,
        spans: Silence,
    ) -> Option<Held> {
        self.cooldowns.get(&(rank, symbol))?.silence(at, zone, spans)
    }

    /// The last trigger of each of these alerts and symbol, by rank and then by place.
    pub(super) fn cooldowns(&self, ranks: RangeInclusive<Rank>) -> impl Iterator<Item = (Rank, usize, Last)> {
        let of_alerts = self.cooldowns.range((*ranks.start(), 0)..=(*ranks.end(), usize::MAX));
        of_alerts.map(|((rank, place), last)| (*rank, *place, *last))
    }

    /// The alert fired: its silence begins.
    pub(super) fn fired(&mut self, rank: Rank, symbol: usize, at: Timestamp, zone: Zone) {
        self.cooldowns.insert((rank, symbol), Last { at, side: zone });
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::settings::Settings;
    use bellwether_schemas::time::HOUR;

    use super::*;

    const SPANS: Silence = Silence { cooldown: 4 * HOUR, suppression: 24 * HOUR };
    const RANK: Rank = 7;

    fn symbols() -> SymbolTable {
        SymbolTable::new(&Settings::with_symbols(vec!["BTCUSDm".parse().unwrap()], "m"))
    }

    fn watch(buy: i32, sell: i32) -> HeatmapWatch {
        let pairs = vec!["BTCUSD".into()];
        let tracker = HeatmapTracker {
            pairs,
            trading_style: "scalper".into(),
            buy_threshold: buy,
            sell_threshold: sell,
        };
        let (watch, left_out) = HeatmapWatch::parse(&tracker, &symbols()).unwrap();
        assert_eq!(left_out, None);
        watch
    }

    /// Position and side of each entry along readings of Buy%; position 0 is the baseline.
    fn entries(watch: &HeatmapWatch, readings: &[f64]) -> Vec<(usize, &'static str)> {
        let mut index = HeatmapIndex::default();
        index.insert(RANK, watch, &symbols());
        let step = |(position, two): (usize, &[f64])| -> Vec<_> {
            let entries = index.entered(Style::Scalper, 0, two[0], two[1]);
            entries.into_iter().map(|entry| (position + 1, entry.zone.condition().name())).collect()
        };
        readings.windows(2).enumerate().flat_map(step).collect()
    }

    #[test]
    fn heatmap_sell_threshold_70_means_sell_percent() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/indicators.json")).unwrap();
        let case = &vectors["heatmap_sell_threshold_70_means_sell_percent"];
        let line = |key: &str| i32::try_from(case[key].as_i64().unwrap()).unwrap();
        let watch = watch(line("buy_threshold"), line("sell_threshold"));
        let readings: Vec<f64> =
            case["buy_percent"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let expected: Vec<(usize, &str)> = case["triggers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(position, side)| (position.parse().unwrap(), side.as_str().unwrap()))
            .collect();
        assert_eq!(entries(&watch, &readings), expected);
    }

    #[test]
    fn sell_threshold_30_and_70_are_one_line_and_50_stays_50() {
        for sell in [30, 70] {
            assert_eq!(entries(&watch(70, sell), &[50.0, 30.0, 31.0, 29.9]), [(1, "sell"), (3, "sell")]);
        }
        assert_eq!((watch(70, 50).sell, watch(70, 49).sell, watch(70, 0).sell), (50, 51, 100));
    }

    #[test]
    fn touching_counts_as_inside_and_leaving_arms_again() {
        let readings = [69.9, 70.0, 90.0, 69.9, 70.0, 30.0, 70.0];
        let expected = [(1, "buy"), (4, "buy"), (5, "sell"), (6, "buy")];
        assert_eq!(entries(&watch(70, 70), &readings), expected);
    }

    #[test]
    fn the_suppression_of_a_side_ends_after_its_span_or_with_the_other_side_whichever_is_first() {
        let mut index = HeatmapIndex::default();
        let silenced = |index: &HeatmapIndex, side, hours: i64, micros: i64| {
            let entry = ZoneHit { rank: RANK, zone: side, line: 70 };
            index.is_silenced(&entry, 0, Timestamp(hours * HOUR + micros), SPANS)
        };
        assert!(!silenced(&index, Zone::Buy, 7, 0));
        index.fired(RANK, 0, Timestamp(7 * HOUR), Zone::Buy);
        assert!(silenced(&index, Zone::Sell, 11, -1) && !silenced(&index, Zone::Sell, 11, 0));
        assert!(silenced(&index, Zone::Buy, 31, -1) && !silenced(&index, Zone::Buy, 31, 0));
        let other = ZoneHit { rank: RANK + 1, zone: Zone::Buy, line: 70 };
        assert!(!index.is_silenced(&other, 0, Timestamp(8 * HOUR), SPANS), "of another alert");
        let elsewhere = ZoneHit { rank: RANK, zone: Zone::Buy, line: 70 };
        assert!(!index.is_silenced(&elsewhere, 1, Timestamp(8 * HOUR), SPANS), "of another symbol");
        index.fired(RANK, 0, Timestamp(12 * HOUR), Zone::Sell);
        assert!(silenced(&index, Zone::Buy, 16, -1) && !silenced(&index, Zone::Buy, 16, 0));
    }
}
