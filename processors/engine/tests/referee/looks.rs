//! What each kind looks at where something closed, or a tick came.

use bellwether_schemas::alerts::{AlertParameters, PriceAlert, RsiCorrelationTracker, RsiTracker};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::{Timeframe, Timestamp};

use super::{Folded, Glance, Line, Referee, Saw, What};
use crate::naive::{CURRENCIES, Key, Moment, value};

const MINUTE: i64 = 60_000_000;

pub(super) fn style(trading_style: &str) -> &'static [(Timeframe, i32)] {
    use Timeframe::{D1, H1, H4, M5, M15, M30};
    match trading_style {
        "scalper" => &[(M5, 30), (M15, 30), (M30, 20), (H1, 15), (H4, 5)],
        _ => &[(M30, 10), (H1, 25), (H4, 35), (D1, 30)],
    }
}

pub(super) fn line(
    side: &'static str,
    value: f64,
    line: f64,
    missing: f64,
    is: bool,
    was: Option<bool>,
) -> Line {
    let distance = Some(if missing > 0.0 { missing } else { 0.0 });
    Line { side, value: Some(value), line: Some(line), distance, is, was, held: None }
}

impl Referee {
    /// What the alert is evaluated at, each with a symbol whose days its bars follow.
    pub(super) fn subjects(&self) -> (Option<Timeframe>, Vec<(String, String)>) {
        let all = || self.settings.symbols.iter().map(|symbol| symbol.name.to_string());
        let itself = |symbol: String| (symbol.clone(), symbol);
        let named = || {
            let listed = |symbol: &&String| all().any(|listed| listed == **symbol);
            self.alert.symbols.iter().filter(listed).cloned().map(itself).collect()
        };
        match &self.alert.parameters {
            None => (None, Vec::new()),
            Some(AlertParameters::RsiTracker(rsi)) => {
                (Some(rsi.timeframe.for_trackers()), all().map(itself).collect())
            }
            Some(AlertParameters::RsiCorrelationTracker(pairs)) => {
                let subjects = self.pairs().into_iter().map(|(pair, a, ..)| (pair, a)).collect();
                (Some(pairs.timeframe.for_trackers()), subjects)
            }
            Some(AlertParameters::HeatmapTracker(heatmap)) => {
                (Some(style(&heatmap.trading_style)[0].0), named())
            }
            Some(AlertParameters::HeatmapIndicatorTracker(turn)) => {
                (Some(turn.timeframe.for_trackers()), named())
            }
            Some(AlertParameters::CurrencyStrengthTracker(strength)) => {
                let first = all().find(|symbol| is_of_currencies(symbol)).unwrap_or_default();
                (Some(strength.timeframe.for_trackers()), vec![(String::new(), first)])
            }
            Some(AlertParameters::PriceAlert(price)) => (price.on_close, named()),
        }
    }

    /// Listed pairs: key, both symbols, and whether they are to move together.
    pub(super) fn pairs(&self) -> Vec<(String, String, String, bool)> {
        let Settings { positive_pairs, negative_pairs, .. } = &self.settings;
        let positive = positive_pairs.iter().map(|pair| (pair, true));
        let all = positive.chain(negative_pairs.iter().map(|pair| (pair, false)));
        let listed = |name: &str| self.settings.symbols.iter().any(|symbol| symbol.name.as_str() == name);
        let whole = |(pair, together): (&String, bool)| {
            let (a, b) = pair.split_once('-')?;
            let (a, b) = (format!("{a}m"), format!("{b}m"));
            (listed(&a) && listed(&b)).then(|| (pair.clone(), a, b, together))
        };
        all.filter_map(whole).collect()
    }

    pub(super) fn look(&mut self, at: Timestamp, moment: &Moment, watermark: Timestamp) -> Vec<Glance> {
        if self.alert.disabled {
            return Vec::new();
        }
        match self.alert.parameters.clone() {
            None => Vec::new(),
            Some(AlertParameters::RsiTracker(rsi)) => self.rsi(at, &rsi, moment, watermark),
            Some(AlertParameters::RsiCorrelationTracker(pairs)) => {
                self.of_pairs(at, &pairs, moment, watermark)
            }
            Some(AlertParameters::HeatmapTracker(heatmap)) => self.heatmap(at, &heatmap, moment, watermark),
            Some(AlertParameters::HeatmapIndicatorTracker(turn)) => self.turn(at, &turn, moment, watermark),
            Some(AlertParameters::CurrencyStrengthTracker(strength)) => {
                self.strength(at, strength.timeframe.for_trackers(), moment, watermark)
            }
            Some(AlertParameters::PriceAlert(price)) => self.price(at, &price, moment, watermark),
        }
    }

    /// Why nothing fires of this bar, whatever the alert.
    pub(super) fn held(&self, key: &Key, moment: &Moment, watermark: Timestamp) -> Option<String> {
        let bar = &moment.bars[key];
        let joins = |(ts, spacing): &(Timestamp, i64)| {
            let makes = *spacing == 0 || key.1.nominal() % spacing == 0;
            makes && bar.open_time <= *ts && *ts < bar.close_time
        };
        if !self.ticks.get(&key.0).is_some_and(|ticks| ticks.iter().any(joins)) {
            return Some("history".into());
        }
        (watermark.0 - bar.close_time.0 > 2 * key.1.nominal()).then(|| "stale".into())
    }

    pub(super) fn glance(at: Timestamp, subject: &str, key: &Key, moment: &Moment, saw: What) -> Glance {
        let bar = &moment.bars[key];
        Glance { at, subject: subject.into(), open: bar.open_time, close: bar.close_time, renewed: 0, saw }
    }

    pub(super) fn bars(&self, symbol: &str, timeframe: Timeframe) -> i64 {
        // With the one that closes now.
        i64::try_from(self.series.get(&(symbol.into(), timeframe)).map_or(0, |past| past.bars)).unwrap() + 1
    }

    fn rsi(&mut self, at: Timestamp, rsi: &RsiTracker, moment: &Moment, watermark: Timestamp) -> Vec<Glance> {
        let timeframe = rsi.timeframe.for_trackers();
        let (upper, lower) = (f64::from(rsi.rsi_overbought), f64::from(rsi.rsi_oversold));
        let mut glances = Vec::new();
        for (key, reading) in moment.indicators.iter().filter(|(key, _)| key.1 == timeframe) {
            let saw = match value(reading, rsi.rsi_period) {
                None => {
                    let missing = i64::from(rsi.rsi_period) + 1 - self.bars(&key.0, timeframe);
                    What::Warming(missing * timeframe.nominal())
                }
                Some(now) => {
                    let before = match self.alert.seen.insert(key.0.clone(), Saw::Value(now)) {
                        Some(Saw::Value(before)) => Some(before),
                        _ => None,
                    };
                    let held = self.held(key, moment, watermark);
                    let above =
                        line("overbought", now, upper, upper - now, now >= upper, before.map(|x| x >= upper));
                    let below =
                        line("oversold", now, lower, now - lower, now <= lower, before.map(|x| x <= lower));
                    What::Lines([above, below].map(|line| Line { held: held.clone(), ..line }).to_vec())
                }
            };
            glances.push(Self::glance(at, &key.0, key, moment, saw));
        }
        glances
    }

    fn of_pairs(
        &mut self,
        at: Timestamp,
        alert: &RsiCorrelationTracker,
        moment: &Moment,
        watermark: Timestamp,
    ) -> Vec<Glance> {
        let timeframe = alert.timeframe.for_trackers();
        let mut glances = Vec::new();
        for (pair, a, b, together) in self.pairs() {
            let keys = [(a.clone(), timeframe), (b.clone(), timeframe)];
            if !keys.iter().all(|key| moment.bars.contains_key(key)) {
                continue;
            }
            let saw = if alert.mode == "rsi_threshold" {
                self.rsi_of_pair(alert, &pair, &keys, together, moment)
            } else {
                self.coefficient(alert, &pair, timeframe, together, moment)
            };
            // Either bar of history holds it, and then either that is stale.
            let mut held: Vec<String> =
                keys.iter().filter_map(|key| self.held(key, moment, watermark)).collect();
            held.sort_unstable();
            let held = held.first().cloned();
            let saw = match saw {
                What::Lines(lines) => {
                    What::Lines(lines.into_iter().map(|line| Line { held: held.clone(), ..line }).collect())
                }
                other => other,
            };
            glances.push(Self::glance(at, &pair, &keys[0], moment, saw));
        }
        glances
    }

    fn rsi_of_pair(
        &mut self,
        alert: &RsiCorrelationTracker,
        pair: &str,
        keys: &[Key; 2],
        together: bool,
        moment: &Moment,
    ) -> What {
        let (upper, lower) = (f64::from(alert.rsi_overbought), f64::from(alert.rsi_oversold));
        let [x, y] = keys.each_ref().map(|key| value(&moment.indicators[key], alert.rsi_period));
        let (Some(x), Some(y)) = (x, y) else {
            let fewest = keys.iter().map(|key| self.bars(&key.0, key.1)).min().unwrap();
            return What::Warming((i64::from(alert.rsi_period) + 1 - fewest) * keys[0].1.nominal());
        };
        let (is, distance) = if together {
            let one = (upper - x).max(0.0).max((y - lower).max(0.0));
            let other = (upper - y).max(0.0).max((x - lower).max(0.0));
            ((x >= upper && y <= lower) || (y >= upper && x <= lower), one.min(other))
        } else {
            let above = (upper - x).max(0.0).max((upper - y).max(0.0));
            let below = (x - lower).max(0.0).max((y - lower).max(0.0));
            ((x >= upper && y >= upper) || (x <= lower && y <= lower), above.min(below))
        };
        let was = match self.alert.seen.insert(pair.into(), Saw::Mismatch(is)) {
            Some(Saw::Mismatch(was)) => Some(was),
            _ => None,
        };
        let (value, distance) = (Some(x), Some(distance));
        What::Lines(vec![Line { side: "rsi_mismatch", value, line: None, distance, is, was, held: None }])
    }

    fn coefficient(
        &mut self,
        alert: &RsiCorrelationTracker,
        pair: &str,
        timeframe: Timeframe,
        together: bool,
        moment: &Moment,
    ) -> What {
        let now = moment.others.iter().find_map(|reading| match reading {
            Reading::Correlation(found)
                if found.pair == pair
                    && found.timeframe == timeframe
                    && found.window == alert.correlation_window =>
            {
                found.value
            }
            _ => None,
        });
        let Some(now) = now else {
            let common = self.common.get(&(pair.to_owned(), timeframe)).copied().unwrap_or_default();
            let missing = i64::from(alert.correlation_window) + 1 - i64::try_from(common).unwrap();
            return if missing > 0 { What::Warming(missing * timeframe.nominal()) } else { What::Undefined };
        };
        let (limit, is) = if together { (0.25, now < 0.25) } else { (-0.15, now > -0.15) };
        let was = match self.alert.seen.insert(pair.into(), Saw::Mismatch(is)) {
            Some(Saw::Mismatch(was)) => Some(was),
            _ => None,
        };
        let missing = if together { now - limit } else { limit - now };
        What::Lines(vec![line("real_mismatch", now, limit, missing, is, was)])
    }

    fn strength(
        &mut self,
        at: Timestamp,
        timeframe: Timeframe,
        moment: &Moment,
        watermark: Timestamp,
    ) -> Vec<Glance> {
        let symbols = self.settings.symbols.iter().map(|symbol| symbol.name.to_string());
        let keys = symbols.filter(|symbol| is_of_currencies(symbol)).map(|symbol| (symbol, timeframe));
        let closed: Vec<Key> = keys.filter(|key| moment.bars.contains_key(key)).collect();
        let Some(first) = closed.first() else { return Vec::new() };
        let part: Vec<&Key> = closed.iter().filter(|key| self.bars(&key.0, timeframe) > 1).collect();
        let reading = moment.others.iter().find_map(|reading| match reading {
            Reading::Strength(found) if found.timeframe == timeframe => Some(found.clone()),
            _ => None,
        });
        let saw = match reading {
            None if part.is_empty() => What::Warming(timeframe.nominal()),
            None => What::Undefined,
            Some(now) => {
                let mut held: Vec<String> =
                    part.iter().filter_map(|key| self.held(key, moment, watermark)).collect();
                held.sort_unstable();
                let before = match self.alert.seen.insert(String::new(), Saw::Leaders(now.clone())) {
                    Some(Saw::Leaders(before)) => Some(before),
                    _ => None,
                };
                What::Lines(leaders(&now, before.as_ref(), held.first()))
            }
        };
        vec![Self::glance(at, "", first, moment, saw)]
    }

    fn price(
        &mut self,
        at: Timestamp,
        alert: &PriceAlert,
        moment: &Moment,
        watermark: Timestamp,
    ) -> Vec<Glance> {
        let Some(timeframe) = alert.on_close else { return Vec::new() };
        let key = (self.alert.symbols[0].clone(), timeframe);
        let Some(bar) = moment.bars.get(&key) else { return Vec::new() };
        let held = self.held(&key, moment, watermark);
        let lines = self.levels(alert, at, &key.0, bar.close, held);
        vec![Self::glance(at, &key.0, &key, moment, What::Lines(lines))]
    }

    fn levels(
        &mut self,
        alert: &PriceAlert,
        at: Timestamp,
        symbol: &str,
        now: f64,
        held: Option<String>,
    ) -> Vec<Line> {
        let before = match self.alert.seen.insert(symbol.into(), Saw::Value(now)) {
            Some(Saw::Value(before)) => Some(before),
            _ => None,
        };
        let is_over = alert.expires_at.is_some_and(|end| at >= end);
        let held = held.or_else(|| is_over.then(|| "expired".into()));
        let above = alert
            .above
            .map(|level| line("above", now, level, level - now, now >= level, before.map(|x| x >= level)));
        let below = alert
            .below
            .map(|level| line("below", now, level, now - level, now <= level, before.map(|x| x <= level)));
        above.into_iter().chain(below).map(|line| Line { held: held.clone(), ..line }).collect()
    }

    pub(super) fn tick(&mut self, name: &str, ts: Timestamp, bid: f64, folded: &Folded) {
        let Some(AlertParameters::PriceAlert(alert)) = self.alert.parameters.clone() else { return };
        if self.alert.disabled || alert.on_close.is_some() || self.alert.symbols[0] != name {
            return;
        }
        let lines = self.levels(&alert, ts, name, bid, None);
        let open = Timestamp(ts.0.div_euclid(MINUTE) * MINUTE);
        let close = Timestamp(open.0 + MINUTE);
        let glance =
            Glance { at: ts, subject: name.into(), open, close, renewed: 0, saw: What::Lines(lines) };
        self.keep(vec![glance], folded);
    }
}

fn is_of_currencies(symbol: &str) -> bool {
    symbol.len() >= 6 && CURRENCIES.contains(&&symbol[..3]) && CURRENCIES.contains(&&symbol[3..6])
}

/// Of both roles, who took it, or else who was nearest to taking it.
fn leaders(
    now: &bellwether_schemas::readings::Strength,
    before: Option<&bellwether_schemas::readings::Strength>,
    held: Option<&String>,
) -> Vec<Line> {
    let scores: Vec<(&str, f64)> =
        CURRENCIES.iter().filter_map(|name| Some((*name, now.scores[*name]?))).collect();
    let role = |side, leader: &str, was: Option<&str>, from: f64| {
        let changed = was.is_some_and(|was| was != leader);
        let near = |(_, score): &(&str, f64)| (from - score).abs();
        let mut others: Vec<(&str, f64)> =
            scores.iter().copied().filter(|(name, _)| *name != leader).collect();
        others.sort_by(|a, b| near(a).total_cmp(&near(b)));
        let taker = scores.iter().find(|(name, _)| *name == leader);
        let found = if changed { taker } else { others.first() };
        let value = found.map(|(_, score)| *score);
        let distance = found.map(near);
        Line { side, value, line: None, distance, is: changed, was: Some(false), held: held.cloned() }
    };
    vec![
        role("strongest", &now.strongest, before.map(|before| before.strongest.as_ref()), 100.0),
        role("weakest", &now.weakest, before.map(|before| before.weakest.as_ref()), -100.0),
    ]
}
