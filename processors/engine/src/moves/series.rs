//! The closes of each symbol and timeframe: what lies before a trigger, who waits for what follows, and the random bars
//! beside which a trigger is set.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bellwether_schemas::readings::Bar;
use bellwether_schemas::time::{DAY, HOUR};
use bellwether_schemas::{Timeframe, Timestamp};

use super::draws::{Draws, hash, ticket};
use super::event::{Close, Event, POINTS, REACH, path_around};

/// Most symbols whose closes are kept.
const MAX_SYMBOLS: usize = 1_000;
/// Most series of which bars are drawn: a quarter of a megabyte each.
const MAX_DRAWN: usize = 256;
/// Bars drawn of a series for each hour of the day.
const DRAWN_AN_HOUR: usize = 64;

/// A hour of the day of one series: bars are drawn from the same as a trigger's.
pub type Hour = (u32, u8);

/// All series of a run, by symbol without suffix.
#[derive(Debug, Clone, Default)]
pub struct AllSeries {
    symbols: BTreeMap<String, Vec<Series>>,
    /// Timeframes of which bars are drawn: those that some alert is evaluated on.
    drawn: BTreeSet<Timeframe>,
    draws: BTreeMap<Hour, Draws>,
    count_drawn: usize,
}

/// One symbol on one timeframe.
#[derive(Debug, Clone)]
pub struct Series {
    timeframe: Timeframe,
    /// Its name in the draws; none where nothing is drawn.
    number: Option<u32>,
    seed: u64,
    /// The newest closes, as many as a path has points.
    pub recent: VecDeque<Close>,
    waiting: Vec<Event>,
}

impl AllSeries {
    /// Bars of these timeframes are drawn.
    #[must_use]
    pub fn new(drawn: BTreeSet<Timeframe>) -> Self {
        Self { drawn, ..Self::default() }
    }

    /// That of a symbol on a timeframe, once one of its bars closed.
    pub fn get_mut(&mut self, symbol: &str, timeframe: Timeframe) -> Option<&mut Series> {
        self.symbols.get_mut(symbol)?.iter_mut().find(|series| series.timeframe == timeframe)
    }

    /// A bar of that symbol closed: the events that have all their bars now.
    pub fn bar(&mut self, symbol: &str, bar: &Bar) -> Vec<Event> {
        if self.get_mut(symbol, bar.timeframe).is_none() && !self.begin(symbol, bar.timeframe) {
            return Vec::new();
        }
        let Self { symbols, draws, .. } = self;
        let of_symbol = symbols.get_mut(symbol).into_iter().flatten();
        let Some(series) = of_symbol.into_iter().find(|series| series.timeframe == bar.timeframe) else {
            return Vec::new();
        };
        series.close(bar);
        series.draw(draws);
        series.step(bar)
    }

    /// What still waits, at the end of the run.
    pub fn take_waiting(&mut self) -> Vec<Event> {
        let series = self.symbols.values_mut().flatten();
        series.flat_map(|series| std::mem::take(&mut series.waiting)).collect()
    }

    /// The bars drawn at that hour of that series.
    #[must_use]
    pub fn drawn_at(&self, hour: Hour) -> Vec<&[f32; POINTS]> {
        self.draws.get(&hour).map(Draws::paths).unwrap_or_default()
    }

    /// Some were.
    #[must_use]
    pub fn has_drawn_at(&self, hour: Hour) -> bool {
        self.draws.contains_key(&hour)
    }

    fn begin(&mut self, symbol: &str, timeframe: Timeframe) -> bool {
        if self.symbols.len() >= MAX_SYMBOLS && !self.symbols.contains_key(symbol) {
            return false;
        }
        let draws = self.drawn.contains(&timeframe) && self.count_drawn < MAX_DRAWN;
        let number = draws.then_some(self.count_drawn as u32);
        self.count_drawn += usize::from(draws);
        let seed = hash(&format!("{symbol}|{timeframe}"));
        let (recent, waiting) = (VecDeque::with_capacity(POINTS), Vec::new());
        let series = Series { timeframe, number, seed, recent, waiting };
        self.symbols.entry(symbol.into()).or_default().push(series);
        true
    }
}

impl Series {
    /// The hour that a trigger of that time has its random bars from; none where none are drawn.
    #[must_use]
    pub fn hour(&self, at: Timestamp) -> Option<Hour> {
        Some((self.number?, hour_of(at)))
    }

    /// The event of a trigger at that time and price.
    pub fn event(&mut self, at: Timestamp, base: f64, on_close: bool) -> Option<&mut Event> {
        if !self.waiting.last().is_some_and(|last| last.is_also(at, base)) {
            self.waiting.push(Event::new(&self.recent, at, base, on_close));
        }
        self.waiting.last_mut()
    }

    fn close(&mut self, bar: &Bar) {
        if self.recent.len() == POINTS {
            self.recent.pop_front();
        }
        self.recent.push_back(Close { at: bar.close_time, price: bar.close });
    }

    /// The bar in the middle has its whole path now, and a lot like any other of its hour.
    fn draw(&self, draws: &mut BTreeMap<Hour, Draws>) {
        let Some(middle) = self.recent.get(REACH).filter(|_| self.recent.len() == POINTS) else { return };
        let Some(hour) = self.hour(middle.at) else { return };
        let drawn = draws.entry(hour).or_insert_with(|| Draws::new(DRAWN_AN_HOUR));
        let ticket = ticket(self.seed, middle.at.0);
        if drawn.wants(ticket) {
            drawn.add(ticket, &path_around(&self.recent));
        }
    }

    fn step(&mut self, bar: &Bar) -> Vec<Event> {
        self.waiting.extract_if(.., |event| event.bar(bar.open, bar.close)).collect()
    }
}

fn hour_of(at: Timestamp) -> u8 {
    u8::try_from(at.0.rem_euclid(DAY) / HOUR).unwrap_or(0)
}
