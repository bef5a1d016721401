//! The minutes of one tenant that closed in the last thirty days, and the engine's state before them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bellwether_engine::{Effect, Engine, PlayedMinute};
use bellwether_schemas::readings::Bar;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::{DAY, MINUTE};
use bellwether_schemas::{Entry, Symbol, Timestamp};

/// How far back an answer looks, microseconds.
pub const REACH: i64 = 30 * DAY;

/// Minutes by day, and the state that the first of them is played into. Cheap to clone: days and state are shared.
#[derive(Debug, Clone)]
pub struct Window {
    base: Arc<Base>,
    /// Where what is known begins; none before the first minute of an engine that has seen none.
    from: Option<Timestamp>,
    names: Arc<BTreeMap<Symbol, u16>>,
    days: VecDeque<Arc<Day>>,
}

/// A state, and the number of what is applied to it next: above the offsets of all that it has taken in.
#[derive(Debug, Clone)]
struct Base {
    engine: Engine,
    next_offset: u64,
}

/// One day of UTC: what closed in it, by instants, in columns. A minute takes 34 bytes.
#[derive(Debug, Clone, Default)]
struct Day {
    end: Timestamp,
    events: Vec<Event>,
    symbols: Vec<u16>,
    prices: Vec<[f64; 4]>,
}

#[derive(Debug, Clone)]
enum Event {
    /// The minutes up to this place closed then.
    Closed { at: Timestamp, until: usize },
    /// The settings from here on.
    Settings(Box<SettingsChanged>),
}

impl Window {
    /// Nothing closed yet since the engine stood as it does, before the record at `next_offset`.
    #[must_use]
    pub fn begin(engine: &Engine, next_offset: u64) -> Self {
        let (from, engine) = (engine.watermark(), engine.settled());
        let base = Arc::new(Base { engine, next_offset });
        Self { base, from, names: Arc::default(), days: VecDeque::new() }
    }

    /// Where what is known begins.
    #[must_use]
    pub const fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// How many minutes are kept.
    #[must_use]
    pub fn minutes(&self) -> usize {
        self.days.iter().map(|day| day.symbols.len()).sum()
    }

    /// A minute closed. Those of one instant come together, instants in order.
    pub fn push(&mut self, bar: &Bar) {
        let Some(symbol) = self.number(&bar.symbol) else { return };
        self.from.get_or_insert(bar.open_time);
        let at = bar.close_time;
        let day = self.day_of(at);
        day.symbols.push(symbol);
        day.prices.push([bar.open, bar.high, bar.low, bar.close]);
        let until = day.symbols.len();
        match day.events.last_mut() {
            Some(Event::Closed { at: last, until: end }) if *last == at => *end = until,
            _ => day.events.push(Event::Closed { at, until }),
        }
    }

    /// The settings changed between two minutes.
    pub fn settings(&mut self, change: &SettingsChanged) {
        match self.days.back_mut() {
            Some(day) => Arc::make_mut(day).events.push(Event::Settings(Box::new(change.clone()))),
            None => Arc::make_mut(&mut self.base).apply_settings(change),
        }
    }

    /// Days that end at or before `limit` are played into the state, and kept no longer.
    pub fn advance(&mut self, limit: Timestamp) {
        while let Some(day) = self.days.pop_front_if(|day| day.end <= limit) {
            let names = self.names_by_number();
            let mut player = Player::new(Arc::make_mut(&mut self.base), names, None);
            day.play(&mut player, &mut |player, _| {
                player.effects.clear();
                true
            });
            player.pass(day.end);
            self.from = self.from.max(Some(day.end));
        }
    }

    /// Plays all of it into a copy of its state: each minute of the symbols of `only`, where some are named. `at` is asked
    /// before the minutes of that time close and whether to go on.
    pub fn play(&self, only: Option<&[Symbol]>, at: At<'_>) {
        let mut base = Base::clone(&self.base);
        let mut player = Player::new(&mut base, self.names_by_number(), only);
        for day in &self.days {
            if !day.play(&mut player, at) {
                return;
            }
        }
        at(&mut player, Next::End);
    }

    fn number(&mut self, name: &Symbol) -> Option<u16> {
        if let Some(number) = self.names.get(name) {
            return Some(*number);
        }
        // A tenant's settings never list so many.
        let number = u16::try_from(self.names.len()).ok()?;
        Arc::make_mut(&mut self.names).insert(name.clone(), number);
        Some(number)
    }

    fn names_by_number(&self) -> Vec<Symbol> {
        let mut names: Vec<(u16, &Symbol)> =
            self.names.iter().map(|(name, number)| (*number, name)).collect();
        names.sort_unstable_by_key(|(number, _)| *number);
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// The day in which minutes of that end lie: its last one ends with it.
    fn day_of(&mut self, at: Timestamp) -> &mut Day {
        let end = at.plus(-1).floor(DAY).plus(DAY);
        if self.days.back().is_none_or(|day| day.end < end) {
            self.days.push_back(Arc::new(Day { end, ..Day::default() }));
        }
        let last = self.days.len() - 1;
        Arc::make_mut(&mut self.days[last])
    }
}

/// Asked while a window is played, before what comes next, and whether to go on.
pub type At<'a> = &'a mut dyn FnMut(&mut Player<'_>, Next) -> bool;

/// What comes next while a window is played.
#[derive(Debug, Clone, Copy)]
pub enum Next {
    /// Minutes close at that time.
    Minutes(Timestamp),
    /// Other settings have just come into force.
    Settings,
    /// Nothing.
    End,
}

/// A state into which minutes are played.
pub struct Player<'a> {
    base: &'a mut Base,
    /// What was applied last brought these, in their order.
    pub effects: Vec<Effect>,
    names: Vec<Symbol>,
    only: Option<&'a [Symbol]>,
    /// By the window's numbers, places in the settings in force.
    places: Vec<Option<usize>>,
    minutes: Vec<PlayedMinute>,
}

impl<'a> Player<'a> {
    fn new(base: &'a mut Base, names: Vec<Symbol>, only: Option<&'a [Symbol]>) -> Self {
        let mut player =
            Self { base, effects: Vec::new(), names, only, places: Vec::new(), minutes: Vec::new() };
        player.find_places();
        player
    }

    /// The engine as it stands.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.base.engine
    }

    /// Applies an entry between two minutes.
    pub fn apply(&mut self, entry: &Entry) {
        let offset = self.base.next();
        self.base.engine.apply(offset, entry, &mut self.effects);
    }

    /// Closes what ends up to that time.
    pub fn pass(&mut self, to: Timestamp) {
        let offset = self.base.next();
        self.base.engine.pass(offset, to, &mut self.effects);
    }

    fn find_places(&mut self) {
        let only = self.only;
        let engine = &self.base.engine;
        let place = |name: &Symbol| {
            let is_played = only.is_none_or(|only| only.contains(name));
            let place = engine.place_of(name.as_str()).filter(|_| is_played)?;
            // Another symbol may be listed now that the name would be taken for.
            (engine.symbol_at(place) == Some(name)).then_some(place)
        };
        self.places = self.names.iter().map(place).collect();
    }

    /// Whether there is any to play.
    fn gather(&mut self, symbols: &[u16], prices: &[[f64; 4]]) -> bool {
        self.minutes.clear();
        for (number, [open, high, low, close]) in symbols.iter().zip(prices) {
            if let Some(symbol) = self.places.get(usize::from(*number)).copied().flatten() {
                let (open, high, low, close) = (*open, *high, *low, *close);
                self.minutes.push(PlayedMinute { symbol, open, high, low, close });
            }
        }
        !self.minutes.is_empty()
    }

    fn play(&mut self, at: Timestamp) {
        let offset = self.base.next();
        self.base.engine.play(offset, at, &self.minutes, &mut self.effects);
    }
}

impl Base {
    const fn next(&mut self) -> u64 {
        let offset = self.next_offset;
        self.next_offset += 1;
        offset
    }

    /// Whoever is watched here was counted where it was accepted.
    fn apply_settings(&mut self, change: &SettingsChanged) {
        let mut change = change.clone();
        change.settings.max_alerts = i64::MAX;
        let (offset, mut effects) = (self.next(), Vec::new());
        self.engine.apply(offset, &Entry::Settings(change), &mut effects);
    }
}

impl Day {
    /// False when it was asked to stop.
    fn play(&self, player: &mut Player<'_>, at: At<'_>) -> bool {
        let mut from = 0;
        for event in &self.events {
            match event {
                Event::Closed { at: time, until } => {
                    let (symbols, prices) = (&self.symbols[from..*until], &self.prices[from..*until]);
                    from = *until;
                    if !player.gather(symbols, prices) {
                        continue;
                    }
                    if !at(player, Next::Minutes(*time)) {
                        return false;
                    }
                    player.play(*time);
                }
                Event::Settings(change) => {
                    player.base.apply_settings(change);
                    player.find_places();
                    if !at(player, Next::Settings) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// The beginning of the thirty days that end at `to`, at a full minute.
#[must_use]
pub const fn reach_back(to: Timestamp) -> Timestamp {
    to.plus(-REACH).floor(MINUTE)
}
