//! Closed minutes played once more into a state from before them, for those who ask what an alert would have done over
//! bars that were kept: the same instants, with the same code behind them, as when the minutes closed.

use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::{MINUTE, Span};
use bellwether_schemas::{AlertId, Symbol, Timestamp};

use super::{Engine, Shown, Step};
use crate::admission::Sequences;
use crate::alerts::{Alerts, Watch};
use crate::bars::{OpenBar, Prices};
use crate::calendar::Calendar;
use crate::effect::Effect;
use crate::series::NEVER;
use crate::watermark::Watermark;

/// How long before a minute's end its last price is shown to alerts on ticks, microseconds.
const BEFORE_END: i64 = 1_000;

/// One symbol's closed minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlayedMinute {
    /// The symbol's place in the settings in force, see [`Engine::place_of`].
    pub symbol: usize,
    /// First price, on the tenant's basis.
    pub open: f64,
    /// Largest price.
    pub high: f64,
    /// Smallest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}

impl PlayedMinute {
    /// The path through it: low before high where it rose or stood.
    const fn path(&self) -> [f64; 4] {
        let Self { open, high, low, close, .. } = *self;
        if close >= open { [open, low, high, close] } else { [open, high, low, close] }
    }
}

impl Engine {
    /// The same engine without readings other than bars.
    #[must_use]
    pub const fn with_bars_alone(mut self) -> Self {
        (self.says_readings, self.says_bars) = (false, true);
        self
    }

    /// What its closed bars left behind, to play the minutes into that close from here on: without alerts, without the
    /// minutes that are open, and with a time that [`Self::play`] alone moves. However many alerts there may be, it takes
    /// them: each was counted where it was accepted.
    #[must_use]
    pub fn settled(&self) -> Self {
        let mut settled = Self {
            tenant: self.tenant.clone(),
            revision: self.revision,
            version: self.version,
            settings: Settings { max_alerts: i64::MAX, ..self.settings.clone() },
            table: self.table.clone(),
            symbols: self.symbols.clone(),
            sequences: Sequences::default(),
            watermark: Watermark::without_sources(self.watermark()),
            alerts: Alerts::default(),
            pairs: self.pairs.clone(),
            leaders: self.leaders.clone(),
            calendar: Calendar::default(),
            shown: Shown { is_stale: true, ..Shown::default() },
            says_readings: false,
            says_bars: true,
            next_end: NEVER,
            halted: self.halted,
            taken: None,
            rules: self.rules,
            observed: None,
        };
        for place in 0..settled.symbols.len() {
            settled.symbols[place].drop_open_minutes();
        }
        settled.find_next_end();
        settled
    }

    /// The place of a symbol, however it is spelled.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.table.find(name)
    }

    /// The symbol at that place of the settings.
    #[must_use]
    pub fn symbol_at(&self, place: usize) -> Option<&Symbol> {
        self.settings.symbols.get(place).map(|symbol| &symbol.name)
    }

    /// The newest version of an alert that was applied, taken or not.
    #[must_use]
    pub fn known_version(&self, alert: AlertId) -> Option<i64> {
        self.alerts.version_of(alert)
    }

    /// Whether the settings in force have what the alert names.
    #[must_use]
    pub fn has_what_it_names(&self, change: &AlertChanged) -> bool {
        Watch::parse(&change.parameters, &self.table).is_ok()
    }

    /// Lets time pass: what ends at or before `to` closes, one instant after the other. `offset` is above those of all
    /// records and minutes before.
    pub fn pass(&mut self, offset: u64, to: Timestamp, effects: &mut Vec<Effect>) {
        let mut step = Step { offset, outcomes: 0, effects };
        self.pass_to(to, &mut step);
    }

    /// Closes these minutes at `at`, a full minute, after everything that ends before. Alerts on ticks see the open, low,
    /// high and close of each, in the order in which its price is likely to have been there. `offset` as in [`Self::pass`].
    pub fn play(&mut self, offset: u64, at: Timestamp, minutes: &[PlayedMinute], effects: &mut Vec<Effect>) {
        let span = Span { open: at.plus(-MINUTE), close: at };
        let mut step = Step { offset, outcomes: 0, effects };
        self.pass_to(span.open, &mut step);
        let listed = self.symbols.len();
        for minute in minutes.iter().filter(|minute| minute.symbol < listed) {
            self.show_to_tick_alerts(minute, span, &mut step);
            let PlayedMinute { symbol, open, high, low, close } = *minute;
            let bar = OpenBar::of_prices(span, Prices { open, high, low, close });
            self.symbols[symbol].join_minute(bar);
        }
        self.find_next_end();
        self.pass_to(at, &mut step);
    }

    fn show_to_tick_alerts(&mut self, minute: &PlayedMinute, span: Span, step: &mut Step<'_>) {
        if !self.alerts.price.watches_ticks(minute.symbol) {
            return;
        }
        let offsets = [0, MINUTE / 3, MINUTE * 2 / 3, MINUTE - BEFORE_END];
        for (offset, price) in offsets.into_iter().zip(minute.path()) {
            self.tick_alerts(minute.symbol, span.open.plus(offset), price, step);
        }
    }

    fn pass_to(&mut self, to: Timestamp, step: &mut Step<'_>) {
        if self.halted {
            return;
        }
        // No further at once than the next instant: a bar that ended during a silence is not stale when it closes.
        while self.next_end < NEVER && self.next_end <= to {
            self.watermark.reach(self.next_end);
            self.pass_instants(step);
        }
        if self.watermark.reach(to) {
            self.expire(step);
        }
    }

    fn find_next_end(&mut self) {
        self.next_end = self.symbols.iter().map(|state| state.next_end).min().unwrap_or(NEVER);
    }
}
