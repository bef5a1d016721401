//! One tenant's journal, folded for its minutes: record after record, and which changes of alerts are to be answered.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::Record;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::bars::BarBlock;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::ticks::{BlockSymbol, TickBlock};
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::{AlertState, Outcome};
use bellwether_schemas::{AlertId, Entry, TenantId, Timeframe, Timestamp};

use crate::answer::{Request, symbols_of};
use crate::fired::Fired;
use crate::followed::priced_by;
use crate::users::Ended;
use crate::window::{Window, reach_back};

/// The fold, and the minutes and triggers that came of it.
#[derive(Debug)]
pub struct Fold {
    tenant: TenantId,
    engine: Engine,
    decisions: Decisions,
    window: Window,
    fired: Fired,
    /// The last midnight of UTC that the watermark had reached when it was asked for.
    midnight: Option<Timestamp>,
    /// Bars longer than a minute came: what minutes alone make of the state is not what it is. The window begins anew.
    is_torn: bool,
}

/// A newer version of an alert than was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Which.
    pub alert_id: AlertId,
    /// What is to be answered; none where nobody watches it: it is gone, switched off, refused or disabled.
    pub asked: Option<Box<Request>>,
}

/// Why a fold does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It cannot: somebody has to do something.
    Halted(String),
    /// An operator decided about a record before this one: all is folded anew.
    Decided,
}

impl Fold {
    /// Goes on from that state with the record at `next_offset`; `decisions` are those from there on.
    #[must_use]
    pub fn new(tenant: TenantId, engine: Engine, next_offset: u64, decisions: Decisions) -> Self {
        let engine = engine.with_bars_alone();
        let (window, from) = (Window::begin(&engine, next_offset), engine.watermark());
        let (fired, midnight) = (Fired::begin(from), from.map(midnight_before));
        Self { tenant, engine, decisions, window, fired, midnight, is_torn: false }
    }

    /// The minutes so far.
    #[must_use]
    pub const fn window(&self) -> &Window {
        &self.window
    }

    /// The newest version of an alert that was folded.
    #[must_use]
    pub fn known_version(&self, alert: AlertId) -> Option<i64> {
        self.engine.known_version(alert)
    }

    /// Event time up to which the journal is complete.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        self.engine.watermark()
    }

    /// Minutes that closed before `limit` are kept no longer, as far as whole days allow.
    pub fn forget_before(&mut self, limit: Timestamp) {
        self.window.advance(limit);
    }

    /// The midnight of UTC that the watermark has reached since this was asked last; of several, the last. To be asked after
    /// each record: whoever folds it sees the same.
    pub fn midnight(&mut self) -> Option<Timestamp> {
        let reached = midnight_before(self.engine.watermark()?);
        let before = self.midnight.replace(reached)?;
        (before < reached).then_some(reached)
    }

    /// The day that ended at that midnight, as it is known now.
    #[must_use]
    pub fn ended(&self, to: Timestamp) -> Ended {
        let Self { tenant, window, fired, .. } = self;
        Ended { tenant: tenant.clone(), to, window: window.clone(), fired: fired.clone() }
    }

    /// Users are told what followed up to that midnight: what is older than that is not told again.
    pub fn told(&mut self, to: Timestamp) {
        self.fired.forget_before(reach_back(to));
    }

    /// Folds the next record; what of an alert changed with it.
    ///
    /// # Errors
    /// It does not go on.
    pub fn apply(&mut self, record: &Record) -> Result<Option<Changed>, Stop> {
        // What is put aside is the worker's to keep.
        let Ok(entry) = self.decisions.entry(&self.tenant, record) else { return Ok(None) };
        if let Entry::Decision(decided) = &entry
            && record.offset >= self.decisions.read_to()
            && self.decisions.see(record.offset, decided.clone())
        {
            return Err(Stop::Decided);
        }
        let is_longer = has_longer_bars(&entry);
        if self.is_torn && !is_longer {
            self.window = Window::begin(&self.engine, record.offset);
        }
        self.is_torn = is_longer;
        let before = match &entry {
            Entry::Alert(change) => self.engine.known_version(change.alert_id),
            _ => None,
        };
        let effects = self.fold(record, &entry)?;
        if let Entry::Settings(change) = &entry {
            self.window.settings(change);
        }
        Ok(match entry {
            Entry::Alert(change) if Some(change.version) > before => {
                Some(self.changed(record, change, &effects))
            }
            _ => None,
        })
    }

    fn fold(&mut self, record: &Record, entry: &Entry) -> Result<Vec<Effect>, Stop> {
        let mut effects = Vec::new();
        let applied =
            catch_unwind(AssertUnwindSafe(|| self.engine.apply(record.offset, entry, &mut effects)));
        if applied.is_err() {
            let offset = record.offset;
            return Err(Stop::Halted(format!(
                "the engine panicked at journal offset {offset}: this is a bug"
            )));
        }
        for effect in &effects {
            match effect {
                Effect::Reading(Reading::Bar(bar)) if bar.timeframe == Timeframe::M1 => {
                    self.fired.bar(bar.open_time);
                    if !self.is_torn {
                        self.window.push(bar);
                    }
                }
                Effect::Outcome(Outcome::Fired(trigger)) => {
                    self.fired.add(trigger, priced_by(trigger, &self.engine));
                }
                Effect::Halt(reason) => return Err(Stop::Halted(reason.clone())),
                _ => {}
            }
        }
        Ok(effects)
    }

    fn changed(&self, record: &Record, change: AlertChanged, effects: &[Effect]) -> Changed {
        let watched = effects.iter().any(|effect| {
            matches!(effect, Effect::Outcome(Outcome::Status(status))
                if matches!(status.state, AlertState::Active | AlertState::Warming))
        });
        let request = |change: AlertChanged| Request {
            offset: record.offset,
            appended_at: record.appended_at,
            to: self.engine.watermark(),
            only: symbols_of(&self.engine, &change.parameters),
            change,
        };
        Changed { alert_id: change.alert_id, asked: watched.then(|| Box::new(request(change))) }
    }
}

const fn midnight_before(watermark: Timestamp) -> Timestamp {
    watermark.floor(DAY)
}

/// Some of it makes bars longer than a minute without making minutes.
fn has_longer_bars(entry: &Entry) -> bool {
    let is_long = |symbol: &BlockSymbol| symbol.spacing.is_some_and(|spacing| !spacing.makes(Timeframe::M1));
    match entry {
        Entry::Ticks(TickBlock { symbols, .. }) => symbols.iter().any(is_long),
        Entry::Bars(BarBlock { bars, .. }) => bars.iter().any(|bar| bar.timeframe != Timeframe::M1),
        Entry::Heartbeat(_)
        | Entry::Alert(_)
        | Entry::Settings(_)
        | Entry::Calendar(_)
        | Entry::Decision(_) => false,
    }
}
