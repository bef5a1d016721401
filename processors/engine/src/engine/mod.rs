//! One record in, its effects out. `intake` takes in what the market says and `changes` what users and the tenant's file
//! say; time that moves brings instants (`instant`), each of which ends with its alerts (`evaluate`, `hits`).

mod changes;
mod evaluate;
mod hits;
mod instant;
mod intake;
mod minutes;
mod observe;
mod state;
mod taking;

use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{TenantId, Timestamp};

pub use self::minutes::PlayedMinute;
use self::observe::Observed;
use crate::Version;
use crate::admission::Sequences;
use crate::alerts::Alerts;
use crate::calendar::Calendar;
use crate::effect::{Effect, Refusal, RefusalReason};
use crate::leaders::Leaders;
use crate::pairs::Pair;
use crate::series::{NEVER, SymbolState};
use crate::snapshot::{Copied, Part};
use crate::symbols::SymbolTable;
use crate::watermark::Watermark;

/// The fold of one tenant's journal. Its whole state can be taken in parts, see [`crate::snapshot`].
#[derive(Debug, Clone)]
pub struct Engine {
    tenant: TenantId,
    revision: Option<i64>,
    /// Whose rules are in force: of the settings.
    version: Version,
    settings: Settings,
    table: SymbolTable,
    symbols: Copied<SymbolState>,
    sequences: Sequences,
    watermark: Watermark,
    alerts: Alerts,
    pairs: Copied<Pair>,
    leaders: Leaders,
    calendar: Calendar,
    /// RSI periods that readings show beside 14, and windows of their coefficients.
    shown: Shown,
    /// Whether readings are asked for; triggers are the same without.
    says_readings: bool,
    /// The same of bars alone.
    says_bars: bool,
    /// The smallest end of an open bar of any symbol: nothing is due before the watermark reaches it.
    next_end: Timestamp,
    halted: bool,
    /// The parts that a snapshot under way has so far.
    taken: Option<Vec<Part>>,
    /// Whose rules hold whatever settings name: no state.
    rules: Option<Version>,
    /// What is noted of alerts that somebody asks about: no state.
    observed: Option<Box<Observed>>,
}

/// What readings show because some alert uses it.
#[derive(Debug, Clone, Default)]
struct Shown {
    periods: Vec<usize>,
    windows: Vec<usize>,
    /// Alerts changed since `periods` and `windows` were collected.
    is_stale: bool,
}

/// The record being applied, and what it has brought so far.
struct Step<'a> {
    offset: u64,
    outcomes: i32,
    effects: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn refuse(&mut self, index: usize, symbol: &str, ts: Timestamp, reason: RefusalReason) {
        let index = u32::try_from(index).ok();
        self.effects.push(Effect::Refused(Refusal { index, symbol: symbol.into(), ts, reason }));
    }

    fn say(&mut self, reading: Reading) {
        self.effects.push(Effect::Reading(reading));
    }

    fn cause(&self) -> Cause {
        Cause { offset: self.offset.cast_signed(), index: self.outcomes }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.outcomes += 1;
        self.effects.push(Effect::Outcome(outcome));
    }
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            revision: None,
            version: Version::V1,
            settings: Settings::with_symbols(Vec::new(), ""),
            table: SymbolTable::default(),
            symbols: Vec::new().into(),
            sequences: Sequences::default(),
            watermark: Watermark::default(),
            alerts: Alerts::default(),
            pairs: Vec::new().into(),
            leaders: Leaders::default(),
            calendar: Calendar::default(),
            shown: Shown::default(),
            says_readings: true,
            says_bars: true,
            next_end: NEVER,
            halted: false,
            taken: None,
            rules: None,
            observed: None,
        }
    }

    /// The same engine without readings among its effects: for those who want triggers only.
    #[must_use]
    pub fn without_readings(mut self) -> Self {
        (self.says_readings, self.says_bars) = (false, false);
        self
    }

    /// The same engine without alerts: for those who ask what others would have given.
    #[must_use]
    pub fn without_alerts(mut self) -> Self {
        self.alerts = Alerts::default();
        self
    }

    /// From the next record on these rules hold, whatever the settings name: for who asks what they would change. It is not
    /// stored with the state.
    pub const fn go_by(&mut self, rules: Version) {
        (self.rules, self.version) = (Some(rules), rules);
    }

    /// Applies the journal record at `offset`; adds its effects, in their order. Total: whatever cannot be used
    /// becomes a [`Effect::Refused`].
    pub fn apply(&mut self, offset: u64, entry: &Entry, effects: &mut Vec<Effect>) {
        if self.halted {
            return;
        }
        let mut step = Step { offset, outcomes: 0, effects };
        match entry {
            Entry::Ticks(block) => self.ticks(block, &mut step),
            Entry::Bars(block) => self.history(block, &mut step),
            Entry::Heartbeat(beat) => self.heartbeat(beat, &mut step),
            Entry::Alert(change) => self.alert(change, &mut step),
            Entry::Settings(change) => self.settings(change, &mut step),
            Entry::Calendar(change) => self.calendar_item(&change.item, &mut step),
            Entry::Decision(decided) => self.decision(decided, &mut step),
        }
    }

    /// Version of the rules in force: what the settings name.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The event time up to which the log is complete; none before the first.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        Some(self.watermark.value()).filter(|time| *time > Timestamp::MIN)
    }

    /// Event time moves; instants that it passes are processed in their order.
    #[inline]
    fn observe(&mut self, source: &str, time: Timestamp, step: &mut Step<'_>) {
        let Settings { source_idle, lateness_max, .. } = self.settings;
        if self.watermark.observe(source, time, source_idle, lateness_max) {
            self.pass_instants(step);
            self.forget_items(step);
        }
    }
}
