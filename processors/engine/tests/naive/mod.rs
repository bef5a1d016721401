//! What alerts must fire, found without an index: every alert is looked at at every bar, and what it looks at is read
//! from the readings alone. Each alert remembers what it saw last, so that a baseline is what nothing was seen before.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::{ENGINE_VERSION, Effect};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, HeatmapTracker, PriceAlert, RsiTracker};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::{Bar, Cell, Indicators, Reading, Signal};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::triggers::{AlertState, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timeframe, Timestamp, price};

pub(crate) const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "NZD"];

#[derive(Clone)]
pub(crate) struct Naive {
    settings: Settings,
    revision: i64,
    version: i32,
    series: BTreeMap<Key, Past>,
    /// When each symbol had ticks that were accepted.
    ticks: BTreeMap<String, BTreeSet<Timestamp>>,
    alerts: BTreeMap<AlertId, Alert>,
    found: Vec<String>,
}

pub(crate) type Key = (String, Timeframe);

/// A series up to the bar before.
#[derive(Clone, Default)]
pub(crate) struct Past {
    pub(crate) bars: usize,
    pub(crate) close: Option<f64>,
    pub(crate) indicators: Option<Indicators>,
    pub(crate) mode: i8,
}

#[derive(Clone)]
struct Alert {
    /// Of the last change, taken or not.
    version: i64,
    watched: Option<Watched>,
}

#[derive(Clone)]
struct Watched {
    version: i64,
    parameters: AlertParameters,
    /// As they were listed when it was accepted.
    symbols: Vec<String>,
    /// By symbol or pair.
    seen: BTreeMap<String, Seen>,
}

#[derive(Clone)]
enum Seen {
    Value(f64),
    Mismatch(bool, f64),
    Turned(Option<Signal>),
    Zone { buy: f64, fired: Option<(Timestamp, &'static str)> },
    Leaders(bellwether_schemas::readings::Strength),
}

/// All that closed at one instant.
#[derive(Default)]
pub(crate) struct Moment {
    pub(crate) bars: BTreeMap<Key, Bar>,
    pub(crate) indicators: BTreeMap<Key, Indicators>,
    pub(crate) others: Vec<Reading>,
    pub(crate) turns: BTreeMap<(Key, &'static str), Turn>,
}

#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) signal: Signal,
    pub(crate) value: f64,
    pub(crate) previous: Option<f64>,
    pub(crate) threshold: Option<f64>,
}

/// One firing, apart from who it is for.
struct Hit<'a> {
    subject: &'a str,
    timeframe: Option<Timeframe>,
    open: Timestamp,
    close: Timestamp,
    condition: &'a str,
    value: Option<f64>,
    previous: Option<f64>,
    threshold: Option<f64>,
    price: Option<f64>,
}

/// Of a higher revision, or the same one by newer rules.
pub(crate) fn is_news(change: &SettingsChanged, revision: i64, version: i32) -> bool {
    change.revision > revision || (change.revision == revision && change.engine_version > version)
}

impl Naive {
    pub(crate) fn new(settings: Settings) -> Self {
        let (revision, version) = (1, ENGINE_VERSION);
        Self {
            settings,
            revision,
            version,
            series: BTreeMap::new(),
            ticks: BTreeMap::new(),
            alerts: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// In no order.
    pub(crate) fn found(self) -> Vec<String> {
        self.found
    }

    /// A record of at most one tick, what the engine said to it, and the watermark after it.
    pub(crate) fn record(&mut self, entry: &Entry, effects: &[Effect], watermark: Option<Timestamp>) {
        let mut moments: BTreeMap<Timestamp, Moment> = BTreeMap::new();
        for effect in effects {
            if let Effect::Reading(reading) = effect {
                moments.entry(reading.close_time()).or_default().add(reading.clone());
            }
        }
        for (at, moment) in moments {
            self.moment(at, moment, watermark.unwrap_or(Timestamp::MIN));
        }
        match entry {
            Entry::Settings(change) if is_news(change, self.revision, self.version) => {
                (self.revision, self.version) = (change.revision, change.engine_version);
                self.settings(&change.settings);
            }
            Entry::Alert(change) => self.change(change, effects),
            Entry::Ticks(block) if !effects.iter().any(|effect| matches!(effect, Effect::Refused(_))) => {
                for tick in &block.ticks {
                    let symbol = &block.symbols[usize::from(tick.symbol)];
                    self.tick(&symbol.name, tick.ts, price::value(tick.bid, symbol.scale));
                }
            }
            _ => {}
        }
    }

    fn settings(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        let listed = |name: &str| settings.symbols.iter().any(|symbol| symbol.name.as_str() == name);
        let of_pair = |name: &str| name.split('-').all(|base| listed(&format!("{base}m")));
        self.series.retain(|(symbol, _), _| listed(symbol));
        self.ticks.retain(|symbol, _| listed(symbol));
        for watched in self.alerts.values_mut().filter_map(|alert| alert.watched.as_mut()) {
            watched.seen.retain(|subject, _| subject.is_empty() || listed(subject) || of_pair(subject));
        }
    }

    fn change(&mut self, change: &AlertChanged, effects: &[Effect]) {
        let symbols = match &change.parameters {
            AlertParameters::HeatmapTracker(heatmap) => heatmap.pairs.clone(),
            AlertParameters::HeatmapIndicatorTracker(turn) => turn.pairs.clone(),
            AlertParameters::PriceAlert(price) => vec![price.symbol.clone()],
            _ => Vec::new(),
        };
        let mut symbols: Vec<String> = symbols.iter().filter_map(|name| self.listed(name)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let none = Alert { version: i64::MIN, watched: None };
        let alert = self.alerts.entry(change.alert_id).or_insert(none);
        if change.version <= alert.version {
            return;
        }
        alert.version = change.version;
        let refused = |effect: &Effect| matches!(effect, Effect::Outcome(Outcome::Status(status)) if status.state == AlertState::Refused);
        if change.deleted || !change.active {
            alert.watched = None;
        } else if effects.iter().any(refused) {
            // What was watched before stays, under its own version.
        } else {
            alert.watched = Some(Watched {
                version: change.version,
                parameters: change.parameters.clone(),
                symbols,
                seen: BTreeMap::new(),
            });
        }
    }

    fn listed(&self, name: &str) -> Option<String> {
        let key = name.replace(['/', ' '], "").to_uppercase();
        let is_it = |listed: &String| [key.clone(), format!("{key}M")].contains(&listed.to_uppercase());
        self.settings.symbols.iter().map(|symbol| symbol.name.to_string()).find(is_it)
    }

    fn moment(&mut self, at: Timestamp, mut moment: Moment, watermark: Timestamp) {
        for (key, bar) in &moment.bars {
            let past = self.series.entry(key.clone()).or_default();
            let now = &moment.indicators[key];
            for (cell, turn) in turns(past, bar, now) {
                moment.turns.insert((key.clone(), cell), turn);
            }
        }
        let Self { settings, series, ticks, alerts, found, .. } = self;
        let world = World { at, settings, series, ticks, moment: &moment, watermark };
        for (id, alert) in alerts {
            let Some(watched) = &mut alert.watched else { continue };
            let (version, mut fired) = (watched.version, 0);
            let mut fire = |hit: Hit<'_>| {
                fired += 1;
                found.push(hit.text(*id, version));
            };
            world.evaluate(watched, &mut fire);
            let once = |price: &PriceAlert| price.fires == "once";
            if fired > 0 && matches!(&watched.parameters, AlertParameters::PriceAlert(price) if once(price)) {
                alert.watched = None;
            }
        }
        for (key, bar) in moment.bars {
            let past = self.series.entry(key.clone()).or_default();
            past.mode = mode(past.mode, bar.close, &moment.indicators[&key]);
            past.bars += 1;
            past.close = Some(bar.close);
            past.indicators = moment.indicators.remove(&key);
        }
    }

    fn tick(&mut self, name: &str, ts: Timestamp, bid: f64) {
        self.ticks.entry(name.into()).or_default().insert(ts);
        for (id, alert) in &mut self.alerts {
            let Some(watched) = &mut alert.watched else { continue };
            let AlertParameters::PriceAlert(price) = &watched.parameters else { continue };
            if price.on_close.is_some() || watched.symbols[0] != name {
                continue;
            }
            let (version, once, found) = (watched.version, price.fires == "once", self.found.len());
            let before = watched.seen.insert(name.into(), Seen::Value(bid));
            if let (Some(Seen::Value(before)), true) = (before, in_time(price, ts)) {
                for (condition, level) in crossed(price, before, bid) {
                    let hit = Hit {
                        subject: name,
                        timeframe: None,
                        open: ts,
                        close: ts,
                        condition,
                        value: Some(bid),
                        previous: Some(before),
                        threshold: Some(level),
                        price: Some(bid),
                    };
                    self.found.push(hit.text(*id, version));
                }
            }
            if once && self.found.len() > found {
                alert.watched = None;
            }
        }
    }
}

impl Moment {
    pub(crate) fn add(&mut self, reading: Reading) {
        match reading {
            Reading::Bar(bar) => {
                self.bars.insert((bar.symbol.to_string(), bar.timeframe), bar);
            }
            Reading::Indicators(reading) => {
                self.indicators.insert((reading.symbol.to_string(), reading.timeframe), *reading);
            }
            other => self.others.push(other),
        }
    }
}

struct World<'a> {
    at: Timestamp,
    settings: &'a Settings,
    /// Up to the bar before.
    series: &'a BTreeMap<Key, Past>,
    ticks: &'a BTreeMap<String, BTreeSet<Timestamp>>,
    moment: &'a Moment,
    watermark: Timestamp,
}

impl World<'_> {
    fn evaluate(&self, watched: &mut Watched, fire: &mut impl FnMut(Hit<'_>)) {
        let Watched { parameters, symbols, seen, .. } = watched;
        match parameters {
            AlertParameters::RsiTracker(rsi) => self.rsi(rsi, seen, fire),
            AlertParameters::RsiCorrelationTracker(pairs) => {
                let timeframe = pairs.timeframe.for_trackers();
                if pairs.mode == "rsi_threshold" {
                    let lines = (pairs.rsi_overbought.into(), pairs.rsi_oversold.into());
                    self.rsi_mismatch(timeframe, pairs.rsi_period, lines, seen, fire);
                } else {
                    self.real_mismatch(timeframe, pairs.correlation_window, seen, fire);
                }
            }
            AlertParameters::HeatmapTracker(heatmap) => self.heatmap(heatmap, symbols, seen, fire),
            AlertParameters::HeatmapIndicatorTracker(turn) => {
                self.turn(turn.timeframe.for_trackers(), &turn.indicator, symbols, seen, fire);
            }
            AlertParameters::CurrencyStrengthTracker(strength) => {
                self.strength(strength.timeframe.for_trackers(), seen, fire);
            }
            AlertParameters::PriceAlert(price) => self.price(price, &symbols[0], seen, fire),
        }
    }

    fn bar(&self, symbol: &str, timeframe: Timeframe) -> Option<&Bar> {
        self.moment.bars.get(&(symbol.into(), timeframe))
    }

    /// Neither of history alone, in which no tick was, nor stale.
    fn may_fire(&self, symbol: &str, timeframe: Timeframe) -> bool {
        let bar = &self.moment.bars[&(symbol.to_string(), timeframe)];
        let ticks = self.ticks.get(symbol);
        let is_live = ticks.is_some_and(|ticks| ticks.range(bar.open_time..bar.close_time).next().is_some());
        is_live && self.watermark.0 - self.at.0 <= 2 * timeframe.nominal()
    }

    fn rsi(&self, rsi: &RsiTracker, seen: &mut BTreeMap<String, Seen>, fire: &mut impl FnMut(Hit<'_>)) {
        let timeframe = rsi.timeframe.for_trackers();
        for ((symbol, of), reading) in &self.moment.indicators {
            let Some(now) = value(reading, rsi.rsi_period).filter(|_| *of == timeframe) else { continue };
            let Some(Seen::Value(before)) = seen.insert(symbol.clone(), Seen::Value(now)) else { continue };
            let (upper, lower) = (rsi.rsi_overbought.into(), rsi.rsi_oversold.into());
            let (condition, line) = match () {
                () if before < upper && upper <= now => ("overbought", upper),
                () if before > lower && lower >= now => ("oversold", lower),
                () => continue,
            };
            if self.may_fire(symbol, timeframe) {
                let bar = self.bar(symbol, timeframe).unwrap();
                fire(Hit::of_bar(bar, condition, Some(now), Some(before), Some(line)));
            }
        }
    }

    /// Listed pairs: key, both symbols, and whether they are to move together.
    fn pairs(&self) -> Vec<(String, String, String, bool)> {
        let Settings { positive_pairs, negative_pairs, .. } = self.settings;
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

    fn rsi_mismatch(
        &self,
        timeframe: Timeframe,
        period: i32,
        (upper, lower): (f64, f64),
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        for (key, a, b, together) in self.pairs() {
            let rsi =
                |symbol: &String| value(self.moment.indicators.get(&(symbol.clone(), timeframe))?, period);
            let (Some(x), Some(y)) = (rsi(&a), rsi(&b)) else { continue };
            let mismatch = if together {
                (x >= upper && y <= lower) || (y >= upper && x <= lower)
            } else {
                (x >= upper && y >= upper) || (x <= lower && y <= lower)
            };
            let mean = (x + y) / 2.0;
            let Some(Seen::Mismatch(before, mean_before)) =
                seen.insert(key.clone(), Seen::Mismatch(mismatch, mean))
            else {
                continue;
            };
            if mismatch && !before && self.may_fire(&a, timeframe) && self.may_fire(&b, timeframe) {
                let bar = self.bar(&a, timeframe).unwrap();
                let hit = Hit::of_bar(bar, "rsi_mismatch", Some(mean), Some(mean_before), None);
                fire(Hit { subject: &key, price: None, ..hit });
            }
        }
    }

    fn real_mismatch(
        &self,
        timeframe: Timeframe,
        window: i32,
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        for (key, a, b, together) in self.pairs() {
            let coefficient = self.moment.others.iter().find_map(|reading| match reading {
                Reading::Correlation(found)
                    if found.pair == key && found.timeframe == timeframe && found.window == window =>
                {
                    found.value
                }
                _ => None,
            });
            let Some(now) = coefficient else { continue };
            let (limit, mismatch) = if together { (0.25, now < 0.25) } else { (-0.15, now > -0.15) };
            let Some(Seen::Mismatch(before, value)) = seen.insert(key.clone(), Seen::Mismatch(mismatch, now))
            else {
                continue;
            };
            if mismatch && !before && self.may_fire(&a, timeframe) && self.may_fire(&b, timeframe) {
                let bar = self.bar(&a, timeframe).unwrap();
                let hit = Hit::of_bar(bar, "real_mismatch", Some(now), Some(value), Some(limit));
                fire(Hit { subject: &key, price: None, ..hit });
            }
        }
    }

    fn heatmap(
        &self,
        alert: &HeatmapTracker,
        symbols: &[String],
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        use Timeframe::{D1, H1, H4, M5, M15, M30};
        let timeframes: &[Timeframe] =
            if alert.trading_style == "scalper" { &[M5, M15, M30, H1, H4] } else { &[M30, H1, H4, D1] };
        let buy_line = f64::from(alert.buy_threshold);
        let sell = alert.sell_threshold;
        let sell_line = f64::from(if sell >= 50 { sell } else { 100 - sell });
        for reading in &self.moment.others {
            let Reading::Heatmap(reading) = reading else { continue };
            let symbol = reading.symbol.to_string();
            if reading.style != alert.trading_style || !symbols.contains(&symbol) {
                continue;
            }
            let now = reading.buy_percent;
            let last = seen.get(&symbol).cloned();
            let mut fired = None;
            if let Some(Seen::Zone { buy: before, fired: last }) = last {
                fired = last;
                let sides = [
                    ("buy", now, before, buy_line),
                    ("sell", reading.sell_percent, 100.0 - before, sell_line),
                ];
                let entered = sides.into_iter().find(|(_, now, before, line)| now >= line && before < line);
                let timeframe = timeframes.iter().find(|of| self.bar(&symbol, **of).is_some()).unwrap();
                if let Some((side, now, before, line)) = entered
                    && self.may_fire(&symbol, *timeframe)
                    && !self.is_silent(last, side)
                {
                    fired = Some((self.at, side));
                    let bar = self.bar(&symbol, *timeframe).unwrap();
                    fire(Hit::of_bar(bar, side, Some(now), Some(before), Some(line)));
                }
            }
            seen.insert(symbol, Seen::Zone { buy: now, fired });
        }
    }

    fn is_silent(&self, last: Option<(Timestamp, &'static str)>, side: &str) -> bool {
        let Some((at, last)) = last else { return false };
        let since = self.at.0 - at.0;
        since < self.settings.heatmap_cooldown || (last == side && since < self.settings.heatmap_suppression)
    }

    fn turn(
        &self,
        timeframe: Timeframe,
        indicator: &str,
        symbols: &[String],
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        let indicator = indicator.to_uppercase();
        for symbol in symbols {
            let key = (symbol.clone(), timeframe);
            let is_it =
                |name: &&str| indicator.starts_with(*name) && (*name == "ICHIMOKU" || *name == indicator);
            let turn =
                CELLS.into_iter().find(is_it).and_then(|cell| self.moment.turns.get(&(key.clone(), cell)));
            let Some(turn) = turn else { continue };
            let signal = Some(turn.signal).filter(|signal| *signal != Signal::Neutral);
            let before = match seen.get(symbol) {
                Some(Seen::Turned(before)) => Some(*before),
                _ => None,
            };
            seen.insert(symbol.clone(), Seen::Turned(signal.or(before.flatten())));
            if signal.is_some()
                && before.is_some_and(|before| before != signal)
                && self.may_fire(symbol, timeframe)
            {
                let bar = self.bar(symbol, timeframe).unwrap();
                fire(Hit::of_bar(bar, turn.signal.name(), Some(turn.value), turn.previous, turn.threshold));
            }
        }
    }

    fn strength(
        &self,
        timeframe: Timeframe,
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        let reading = self.moment.others.iter().find_map(|reading| match reading {
            Reading::Strength(reading) if reading.timeframe == timeframe => Some(reading),
            _ => None,
        });
        let Some(now) = reading else { return };
        let Some(Seen::Leaders(before)) = seen.insert(String::new(), Seen::Leaders(now.clone())) else {
            return;
        };
        let takes_part = |symbol: &&String| {
            let is_pair = CURRENCIES.contains(&&symbol[..3]) && CURRENCIES.contains(&&symbol[3..6]);
            let key = ((*symbol).clone(), timeframe);
            is_pair && self.moment.bars.contains_key(&key) && self.series[&key].bars > 0
        };
        let symbols: Vec<String> =
            self.settings.symbols.iter().map(|symbol| symbol.name.to_string()).collect();
        let part: Vec<&String> = symbols.iter().filter(takes_part).collect();
        if !part.iter().all(|symbol| self.may_fire(symbol, timeframe)) {
            return;
        }
        let bar = self.bar(part[0], timeframe).unwrap();
        let roles =
            [("strongest", &now.strongest, &before.strongest), ("weakest", &now.weakest, &before.weakest)];
        for (role, leader, _) in roles.into_iter().filter(|(_, now, before)| now != before) {
            let hit = Hit::of_bar(bar, role, now.scores[leader], before.scores[leader], None);
            fire(Hit { subject: "", price: None, ..hit });
        }
    }

    fn price(
        &self,
        alert: &PriceAlert,
        symbol: &str,
        seen: &mut BTreeMap<String, Seen>,
        fire: &mut impl FnMut(Hit<'_>),
    ) {
        let Some(timeframe) = alert.on_close else { return };
        let Some(bar) = self.bar(symbol, timeframe) else { return };
        let Some(Seen::Value(before)) = seen.insert(symbol.into(), Seen::Value(bar.close)) else { return };
        if !in_time(alert, self.at) || !self.may_fire(symbol, timeframe) {
            return;
        }
        for (side, level) in crossed(alert, before, bar.close) {
            fire(Hit::of_bar(bar, side, Some(bar.close), Some(before), Some(level)));
        }
    }
}

fn in_time(alert: &PriceAlert, at: Timestamp) -> bool {
    alert.expires_at.is_none_or(|end| at < end)
}

fn crossed(alert: &PriceAlert, before: f64, now: f64) -> Vec<(&'static str, f64)> {
    let above = alert.above.filter(|level| before < *level && *level <= now).map(|level| ("above", level));
    let below = alert.below.filter(|level| before > *level && *level >= now).map(|level| ("below", level));
    above.into_iter().chain(below).collect()
}

pub(crate) fn value(reading: &Indicators, period: i32) -> Option<f64> {
    if period == 14 {
        reading.rsi14
    } else {
        reading.other_rsi.get(&format!("rsi{period}")).copied().flatten()
    }
}

const CELLS: [&str; 7] = ["EMA21", "EMA50", "EMA200", "MACD", "RSI", "UTBOT", "ICHIMOKU"];

/// What each cell that exists says at this bar, given the bar before.
pub(crate) fn turns(past: &Past, bar: &Bar, now: &Indicators) -> Vec<(&'static str, Turn)> {
    let before = past.indicators.as_ref();
    let close = |cell: &Option<Cell>, signal, threshold| {
        cell.as_ref().map(|_| Turn { signal, value: bar.close, previous: past.close, threshold })
    };
    let ema = |cell, ema: Option<f64>, before: Option<f64>| {
        close(cell, cross(past.close.zip(before), Some((bar.close, ema?))), ema)
    };
    let rsi_before = before.and_then(|before| before.rsi14);
    let macd_before = before.and_then(|before| before.macd.zip(before.macd_signal));
    let macd = now.macd.zip(now.macd_signal).map(|(line, signal)| Turn {
        signal: match cross(macd_before, Some((line, signal))) {
            Signal::Buy if line > 0.0 => Signal::Buy,
            Signal::Sell if line < 0.0 => Signal::Sell,
            _ => Signal::Neutral,
        },
        value: line,
        previous: macd_before.map(|(line, _)| line),
        threshold: Some(signal),
    });
    let rsi = now.rsi14.map(|rsi| Turn {
        signal: cross(rsi_before.map(|rsi| (rsi, 50.0)), Some((rsi, 50.0))),
        value: rsi,
        previous: rsi_before,
        threshold: Some(50.0),
    });
    let (flip, broken) = match (past.mode, mode(past.mode, bar.close, now)) {
        (before, after) if before == after => (Signal::Neutral, None),
        (_, 1) => (Signal::Buy, now.utbot_short_stop),
        _ => (Signal::Sell, now.utbot_long_stop),
    };
    let ichimoku = now.cells.ichimoku.as_ref().map_or(Signal::Neutral, |cell| cell.signal);
    let found = [
        ema(&now.cells.ema21, now.ema21, before.and_then(|before| before.ema21)),
        ema(&now.cells.ema50, now.ema50, before.and_then(|before| before.ema50)),
        ema(&now.cells.ema200, now.ema200, before.and_then(|before| before.ema200)),
        macd,
        rsi,
        close(&now.cells.utbot, flip, broken),
        close(&now.cells.ichimoku, ichimoku, None),
    ];
    CELLS.into_iter().zip(found).filter_map(|(cell, turn)| Some((cell, turn?))).collect()
}

/// Which way the first of each pair crossed the second.
fn cross(before: Option<(f64, f64)>, now: Option<(f64, f64)>) -> Signal {
    match (before.map(|(a, b)| a - b), now.map(|(a, b)| a - b)) {
        (Some(before), Some(now)) if before <= 0.0 && now > 0.0 => Signal::Buy,
        (Some(before), Some(now)) if before >= 0.0 && now < 0.0 => Signal::Sell,
        _ => Signal::Neutral,
    }
}

/// 1 long, −1 short.
pub(crate) fn mode(before: i8, close: f64, now: &Indicators) -> i8 {
    match (now.utbot_long_stop, now.utbot_short_stop) {
        (Some(long), _) if before != -1 && close < long => -1,
        (_, Some(short)) if before != 1 && close > short => 1,
        _ => before,
    }
}

impl<'a> Hit<'a> {
    fn of_bar(
        bar: &'a Bar,
        condition: &'a str,
        value: Option<f64>,
        previous: Option<f64>,
        threshold: Option<f64>,
    ) -> Self {
        Self {
            subject: bar.symbol.as_str(),
            timeframe: Some(bar.timeframe),
            open: bar.open_time,
            close: bar.close_time,
            condition,
            value,
            previous,
            threshold,
            price: Some(bar.close),
        }
    }

    fn text(&self, alert: AlertId, version: i64) -> String {
        let Hit { subject, timeframe, open, close, condition, value, previous, threshold, price } = self;
        let timeframe = timeframe.map_or("tick", Timeframe::code);
        format!(
            "{alert} v{version} {subject} {timeframe} {open} {close} {condition} {value:?} {previous:?} {threshold:?} {price:?}"
        )
    }
}

/// The engine's trigger in the same words.
pub(crate) fn text(trigger: &TriggerFired) -> String {
    let symbol = trigger.symbol.as_ref().map(|symbol| symbol.as_str());
    let hit = Hit {
        subject: symbol.or(trigger.pair.as_deref()).unwrap_or_default(),
        timeframe: trigger.timeframe,
        open: trigger.open_time,
        close: trigger.close_time,
        condition: trigger.condition.name(),
        value: trigger.value,
        previous: trigger.previous,
        threshold: trigger.threshold,
        price: trigger.price,
    };
    hit.text(trigger.alert_id, trigger.alert_version)
}
