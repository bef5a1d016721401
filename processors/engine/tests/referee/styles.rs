//! What alerts on the heatmap look at: a style's percentages, and the turns of one cell.

use bellwether_schemas::Timeframe;
use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::{HeatmapIndicatorTracker, HeatmapTracker};
use bellwether_schemas::readings::{Reading, Signal};

use super::looks::{line, style};
use super::{Glance, Line, Referee, Saw, What};
use crate::naive::Moment;

/// Most bars that each of the heatmap's seven cells needs, by the names that alerts have for them.
const CELLS: [(&str, i64); 7] = [
    ("EMA21", 21),
    ("EMA50", 50),
    ("EMA200", 200),
    ("MACD", 34),
    ("RSI", 15),
    ("UTBOT", 50),
    ("ICHIMOKU", 78),
];

fn cell(indicator: &str) -> (&'static str, i64) {
    let name = indicator.to_uppercase();
    let is_it = |cell: &&(&str, i64)| name == cell.0 || (cell.0 == "ICHIMOKU" && name.starts_with(cell.0));
    *CELLS.iter().find(is_it).unwrap()
}

impl Referee {
    pub(super) fn heatmap(
        &mut self,
        at: Timestamp,
        alert: &HeatmapTracker,
        moment: &Moment,
        watermark: Timestamp,
    ) -> Vec<Glance> {
        let mut glances = Vec::new();
        for symbol in self.alert.symbols.clone() {
            let keys = style(&alert.trading_style).iter().map(|(timeframe, _)| (symbol.clone(), *timeframe));
            let Some(key) = keys.clone().find(|key| moment.bars.contains_key(key)) else { continue };
            let reading = moment.others.iter().find_map(|reading| match reading {
                Reading::Heatmap(found)
                    if found.symbol.as_str() == symbol && found.style == alert.trading_style =>
                {
                    Some(found)
                }
                _ => None,
            });
            let saw = match reading {
                None => What::Warming(self.until_half(&alert.trading_style, &symbol, moment)),
                Some(now) => {
                    let held = self.held(&key, moment, watermark);
                    What::Lines(self.zones(at, alert, &symbol, [now.buy_percent, now.sell_percent], held))
                }
            };
            glances.push(Self::glance(at, &symbol, &key, moment, saw));
        }
        glances
    }

    /// The least time after which half of the weights have their sixty bars.
    fn until_half(&self, trading_style: &str, symbol: &str, moment: &Moment) -> i64 {
        let missing = |timeframe: Timeframe| {
            let key = (symbol.to_owned(), timeframe);
            let now = i64::from(moment.bars.contains_key(&key));
            let bars = self.bars(symbol, timeframe) - 1 + now;
            (60 - bars).max(0) * timeframe.nominal()
        };
        let style = style(trading_style);
        let enough = |time: &i64| {
            let there = style.iter().filter(|(timeframe, _)| missing(*timeframe) <= *time);
            there.map(|(_, weight)| weight).sum::<i32>() >= 50
        };
        style.iter().map(|(timeframe, _)| missing(*timeframe)).filter(enough).min().unwrap()
    }

    fn zones(
        &mut self,
        at: Timestamp,
        alert: &HeatmapTracker,
        symbol: &str,
        [buy, sell]: [f64; 2],
        held: Option<String>,
    ) -> Vec<Line> {
        let (before, last) = match self.alert.seen.get(symbol) {
            Some(Saw::Zone { buy, fired }) => (Some(*buy), *fired),
            _ => (None, None),
        };
        let buy_line = f64::from(alert.buy_threshold);
        let given = alert.sell_threshold;
        let sell_line = f64::from(if given >= 50 { given } else { 100 - given });
        let silence = |side: &str| {
            let (fired, of) = last?;
            let (cooldown, both) = (self.settings.heatmap_cooldown, self.settings.heatmap_suppression);
            match at.0 - fired.0 {
                since if since < cooldown => Some(format!("cooldown {}", Timestamp(fired.0 + cooldown))),
                since if of == side && since < both => {
                    Some(format!("suppressed {}", Timestamp(fired.0 + both)))
                }
                _ => None,
            }
        };
        let zone = |side, now: f64, before: Option<f64>, at: f64| {
            let held = held.clone().or_else(|| silence(side));
            Line { held, ..line(side, now, at, at - now, now >= at, before.map(|before| before >= at)) }
        };
        let lines = vec![
            zone("buy", buy, before, buy_line),
            zone("sell", sell, before.map(|buy| 100.0 - buy), sell_line),
        ];
        let now = lines.iter().find(|line| line.fired()).map(|line| (at, line.side));
        self.alert.seen.insert(symbol.into(), Saw::Zone { buy, fired: now.or(last) });
        lines
    }

    pub(super) fn turn(
        &mut self,
        at: Timestamp,
        alert: &HeatmapIndicatorTracker,
        moment: &Moment,
        watermark: Timestamp,
    ) -> Vec<Glance> {
        let timeframe = alert.timeframe.for_trackers();
        let (cell, needs) = cell(&alert.indicator);
        let mut glances = Vec::new();
        for symbol in self.alert.symbols.clone() {
            let key = (symbol.clone(), timeframe);
            let Some(bar) = moment.bars.get(&key) else { continue };
            let Some(turn) = moment.turns.get(&(key.clone(), cell)).copied() else {
                let missing = needs - self.bars(&symbol, timeframe);
                let saw = What::Warming(missing * timeframe.nominal());
                glances.push(Self::glance(at, &symbol, &key, moment, saw));
                continue;
            };
            let before = match self.alert.seen.get(&symbol) {
                Some(Saw::Turned(last)) => Some(*last),
                _ => None,
            };
            let signal = Some(turn.signal).filter(|signal| *signal != Signal::Neutral);
            self.alert.seen.insert(symbol.clone(), Saw::Turned(signal.or(before.flatten())));
            let apart = turn.threshold.map(|threshold| (turn.value - threshold).abs());
            let distance = match cell {
                "RSI" => apart,
                "UTBOT" | "ICHIMOKU" => None,
                _ => apart.map(|apart| 100.0 * apart / bar.close),
            };
            let side = match turn.signal {
                Signal::Buy => "buy",
                Signal::Sell => "sell",
                Signal::Neutral if turn.threshold.is_some_and(|threshold| turn.value < threshold) => "buy",
                Signal::Neutral => "sell",
            };
            let was = before.map(|last| last == signal);
            let held = self.held(&key, moment, watermark);
            let (value, line, is) = (Some(turn.value), turn.threshold, signal.is_some());
            let saw = What::Lines(vec![Line { side, value, line, distance, is, was, held }]);
            glances.push(Self::glance(at, &symbol, &key, moment, saw));
        }
        glances
    }
}
