//! Why an alert did not fire, found without the engine's own eyes: from its readings and statuses alone, alert by alert and
//! bar by bar. Each alert remembers what it saw last; a bar that is missing is one that a list of all bars has and the
//! readings have not.
#![allow(clippy::float_cmp)]

mod expected;
mod looks;
mod styles;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::Effect;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters};
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::{Reading, Signal, Strength};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::triggers::{AlertState, Outcome};
use bellwether_schemas::{AlertId, Timeframe, Timestamp, price};

use crate::naive::{Key, Moment, Past, is_news, mode, turns};

pub(crate) use expected::told;

/// A record of at most one tick, what the engine said to it, and the watermark after it.
pub(crate) struct Folded {
    pub(crate) offset: u64,
    pub(crate) entry: Entry,
    pub(crate) effects: Vec<Effect>,
    pub(crate) watermark: Timestamp,
}

/// What is known of the market and of one alert.
#[derive(Clone)]
pub(crate) struct Referee {
    settings: Settings,
    revision: i64,
    version: i32,
    series: BTreeMap<Key, Past>,
    /// By pair, how many closes both symbols had together.
    common: BTreeMap<(String, Timeframe), u64>,
    /// When each symbol had ticks that were accepted, and how long the bars were that they came of; 0 for quotes.
    ticks: BTreeMap<String, BTreeSet<(Timestamp, i64)>>,
    alert: Memory,
    pub(crate) story: Story,
}

/// What one alert is, and saw.
#[derive(Clone, Default)]
struct Memory {
    known: Option<i64>,
    version: i64,
    parameters: Option<AlertParameters>,
    symbols: Vec<String>,
    disabled: bool,
    seen: BTreeMap<String, Saw>,
}

#[derive(Clone)]
enum Saw {
    Value(f64),
    Mismatch(bool),
    Turned(Option<Signal>),
    Zone { buy: f64, fired: Option<(Timestamp, &'static str)> },
    Leaders(Strength),
}

/// All that happened to the alert.
#[derive(Clone, Default)]
pub(crate) struct Story {
    looks: Vec<Glance>,
    stands: Vec<Stand>,
    refused: Vec<(Timestamp, String)>,
}

#[derive(Clone)]
struct Stand {
    state: &'static str,
    reason: Option<String>,
    since: u64,
    at: Timestamp,
    /// Of one that is watched: its bars, and what it is evaluated at with the symbol whose days it follows.
    timeframe: Option<Timeframe>,
    subjects: Vec<(String, String)>,
    settings: Settings,
}

/// One look of the alert at one subject.
#[derive(Clone)]
struct Glance {
    at: Timestamp,
    subject: String,
    open: Timestamp,
    close: Timestamp,
    /// How often the alert had come to be watched by then.
    renewed: usize,
    saw: What,
}

#[derive(Clone)]
enum What {
    /// So much time of bars is missing.
    Warming(i64),
    Undefined,
    Lines(Vec<Line>),
}

#[derive(Clone)]
struct Line {
    side: &'static str,
    value: Option<f64>,
    line: Option<f64>,
    distance: Option<f64>,
    is: bool,
    was: Option<bool>,
    held: Option<String>,
}

impl Referee {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            revision: 1,
            version: bellwether_engine::ENGINE_VERSION,
            series: BTreeMap::new(),
            common: BTreeMap::new(),
            ticks: BTreeMap::new(),
            alert: Memory::default(),
            story: Story::default(),
        }
    }

    /// Takes a record in, with an eye on one alert; on none where only the market is to be known.
    pub(crate) fn record(&mut self, folded: &Folded, of: Option<AlertId>) {
        let Folded { entry, effects, .. } = folded;
        let mut moments: BTreeMap<Timestamp, Moment> = BTreeMap::new();
        for effect in effects {
            if let Effect::Reading(reading) = effect
                && !matches!(reading, Reading::Calendar(_) | Reading::Trending(_) | Reading::DailyChange(_))
            {
                moments.entry(reading.close_time()).or_default().add(reading.clone());
            }
        }
        for (at, moment) in moments {
            self.moment(at, moment, folded);
        }
        self.ended(folded, of);
        match entry {
            Entry::Settings(change) => self.settings(change, folded),
            Entry::Alert(change) if Some(change.alert_id) == of => self.change(change, folded),
            Entry::Decision(decided) => match decided.decision {
                Decision::DisableAlert { alert_id } if Some(alert_id) == of => self.decide(true, folded),
                Decision::EnableAlert { alert_id } if Some(alert_id) == of => self.decide(false, folded),
                _ => {}
            },
            Entry::Ticks(block) if !effects.iter().any(|effect| matches!(effect, Effect::Refused(_))) => {
                for tick in &block.ticks {
                    let symbol = &block.symbols[usize::from(tick.symbol)];
                    let spacing =
                        symbol.spacing.filter(|_| self.version >= 2).map_or(0, |spacing| spacing.micros());
                    self.ticks.entry(symbol.name.clone()).or_default().insert((tick.ts, spacing));
                    let bid = price::value(tick.bid, symbol.scale);
                    self.tick(&symbol.name, tick.ts, bid, folded);
                }
            }
            _ => {}
        }
    }

    fn moment(&mut self, at: Timestamp, mut moment: Moment, folded: &Folded) {
        for (key, bar) in &moment.bars {
            let past = self.series.entry(key.clone()).or_default();
            for (cell, turn) in turns(past, bar, &moment.indicators[key]) {
                moment.turns.insert((key.clone(), cell), turn);
            }
        }
        for (pair, a, b, _) in self.pairs() {
            for timeframe in Timeframe::ALL {
                let both = [&a, &b].map(|symbol| moment.bars.contains_key(&(symbol.clone(), timeframe)));
                if both == [true, true] {
                    *self.common.entry((pair.clone(), timeframe)).or_default() += 1;
                }
            }
        }
        let glances = self.look(at, &moment, folded.watermark);
        self.keep(glances, folded);
        for (key, bar) in moment.bars {
            let past = self.series.entry(key.clone()).or_default();
            past.mode = mode(past.mode, bar.close, &moment.indicators[&key]);
            past.bars += 1;
            past.close = Some(bar.close);
            past.indicators = moment.indicators.remove(&key);
        }
    }

    /// One that was to fire once, and did, is over.
    fn keep(&mut self, mut glances: Vec<Glance>, folded: &Folded) {
        let renewed = self.story.stands.iter().filter(|stand| stand.state == "watched").count();
        glances.iter_mut().for_each(|glance| glance.renewed = renewed);
        let fired = |glance: &Glance| match &glance.saw {
            What::Lines(lines) => lines.iter().any(Line::fired),
            _ => false,
        };
        let has_fired = glances.iter().any(fired);
        self.story.looks.extend(glances);
        let once = matches!(&self.alert.parameters, Some(AlertParameters::PriceAlert(price)) if price.fires == "once");
        if has_fired && once {
            self.alert.parameters = None;
            self.stand("spent", None, folded);
        }
    }

    fn ended(&mut self, folded: &Folded, of: Option<AlertId>) {
        let is_over = |effect: &Effect| matches!(effect, Effect::Outcome(Outcome::Status(status)) if Some(status.alert_id) == of && status.state == AlertState::Expired);
        if folded.effects.iter().any(is_over) {
            self.alert.parameters = None;
            self.stand("expired", None, folded);
        }
    }

    fn settings(&mut self, change: &SettingsChanged, folded: &Folded) {
        if !is_news(change, self.revision, self.version) {
            return;
        }
        (self.revision, self.version) = (change.revision, change.engine_version);
        self.settings = change.settings.clone();
        let listed: BTreeSet<String> =
            self.settings.symbols.iter().map(|symbol| symbol.name.to_string()).collect();
        let of_pair = |name: &str| name.split('-').all(|base| listed.contains(&format!("{base}m")));
        self.series.retain(|(symbol, _), _| listed.contains(symbol));
        self.ticks.retain(|symbol, _| listed.contains(symbol));
        self.common.retain(|(pair, _), _| of_pair(pair));
        let is_there = |subject: &str| subject.is_empty() || listed.contains(subject) || of_pair(subject);
        self.alert.seen.retain(|subject, _| is_there(subject));
        if self.alert.parameters.is_some() && !self.alert.disabled {
            self.stand("watched", None, folded);
        }
    }

    fn change(&mut self, change: &AlertChanged, folded: &Folded) {
        if self.alert.known.is_some_and(|known| change.version <= known) {
            return;
        }
        self.alert.known = Some(change.version);
        let refusal = folded.effects.iter().find_map(|effect| match effect {
            Effect::Outcome(Outcome::Status(status)) if status.state == AlertState::Refused => {
                Some(status.reason.clone().unwrap())
            }
            _ => None,
        });
        match (change.deleted, change.active, refusal) {
            (true, ..) => self.off("deleted", None, folded),
            (_, false, _) => self.off("paused", None, folded),
            (.., Some(reason)) if self.alert.parameters.is_some() => {
                self.story.refused.push((folded.watermark, format!("{} {reason}", change.version)));
            }
            (.., Some(reason)) => self.off("refused", Some(reason), folded),
            (.., None) => {
                let symbols = match &change.parameters {
                    AlertParameters::HeatmapTracker(heatmap) => heatmap.pairs.clone(),
                    AlertParameters::HeatmapIndicatorTracker(turn) => turn.pairs.clone(),
                    AlertParameters::PriceAlert(price) => vec![price.symbol.clone()],
                    _ => Vec::new(),
                };
                let mut symbols: Vec<String> = symbols.iter().filter_map(|name| self.listed(name)).collect();
                symbols.sort_unstable();
                symbols.dedup();
                self.alert.symbols = symbols;
                self.alert.parameters = Some(change.parameters.clone());
                self.alert.version = change.version;
                self.alert.seen.clear();
                let state = if self.alert.disabled { "disabled" } else { "watched" };
                self.stand(state, None, folded);
            }
        }
    }

    fn off(&mut self, state: &'static str, reason: Option<String>, folded: &Folded) {
        self.alert.parameters = None;
        self.stand(state, reason, folded);
    }

    fn decide(&mut self, disables: bool, folded: &Folded) {
        if self.alert.known.is_none() || self.alert.disabled == disables {
            return;
        }
        self.alert.disabled = disables;
        self.alert.seen.clear();
        if self.alert.parameters.is_some() {
            self.stand(if disables { "disabled" } else { "watched" }, None, folded);
        }
    }

    fn stand(&mut self, state: &'static str, reason: Option<String>, folded: &Folded) {
        let (timeframe, subjects) = self.subjects();
        self.story.stands.push(Stand {
            state,
            reason,
            since: folded.offset,
            at: folded.watermark,
            timeframe,
            subjects,
            settings: self.settings.clone(),
        });
    }

    fn listed(&self, name: &str) -> Option<String> {
        let key = name.replace(['/', ' '], "").to_uppercase();
        let is_it = |listed: &String| [key.clone(), format!("{key}M")].contains(&listed.to_uppercase());
        self.settings.symbols.iter().map(|symbol| symbol.name.to_string()).find(is_it)
    }
}

impl Line {
    fn fired(&self) -> bool {
        self.is && self.was == Some(false) && self.held.is_none()
    }
}
