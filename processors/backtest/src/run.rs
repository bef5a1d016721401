//! One run: records go into the engine, what comes out goes to the outputs.

use bellwether_engine::{Effect, Engine, RefusalReason};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{Entry, Origin, TenantId, Timestamp};

use crate::BacktestError;
use crate::alerts::Alert;
use crate::compare::Comparing;
use crate::entrance::Entrance;
use crate::journal::Base;
use crate::outputs::Outputs;
use crate::resolution::Resolution;
use crate::study::Study;
use crate::summary::Summary;

/// Records between two looks at progress and the wish to stop.
const LOOK_EVERY: u64 = 1024;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of files, or records of a log, that are done.
    pub done: u64,
    /// Bytes or records that there are in all.
    pub of: u64,
    /// Ticks that were played.
    pub ticks: u64,
}

/// Who watches a run, and may stop it.
pub struct Watch<'a> {
    /// Raised to stop it.
    pub shutdown: Shutdown,
    /// Told now and then how far it is.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// The engine with everything around it.
pub struct Run {
    engine: Engine,
    origin: Origin,
    next_offset: u64,
    effects: Vec<Effect>,
    /// What the engine refused of the last record: places in it, and why.
    refusals: Vec<(u32, RefusalReason)>,
    entrance: Entrance,
    /// Readings from before are not written.
    speaks_from: Timestamp,
    /// What is to be compared with what was recorded.
    comparing: Option<Comparing>,
    outputs: Outputs,
    study: Option<Study>,
    summary: Summary,
}

/// What a run gives.
#[derive(Debug)]
pub struct Finished {
    /// Counts and times of the run.
    pub summary: Summary,
    /// What the report needs; none where none was asked for.
    pub study: Option<Study>,
}

impl Run {
    /// Nothing is folded yet. The alerts come in at event time `from`; without one before everything. Readings are
    /// built only where an output or a study asks for them.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        alerts: &[Alert],
        from: Option<Timestamp>,
        outputs: Outputs,
        study: Option<Study>,
    ) -> Self {
        let origin = Origin {
            tenant: tenant.clone(),
            source: "backtest".into(),
            session: "backtest".into(),
            played: true,
            appended_at: Timestamp(0),
        };
        let changes: Vec<AlertChanged> = alerts.iter().filter_map(|alert| alert.change(&origin)).collect();
        let needs_readings = outputs.has_readings() || study.is_some();
        let engine = Engine::new(tenant);
        Self {
            engine: if needs_readings { engine } else { engine.without_readings() },
            origin,
            next_offset: 0,
            effects: Vec::new(),
            refusals: Vec::new(),
            entrance: Entrance::new(changes, from),
            speaks_from: from.unwrap_or(Timestamp::MIN),
            comparing: None,
            outputs,
            study,
            summary: Summary::new(alerts),
        }
    }

    /// Its triggers are compared with recorded ones: alerts that the tenant has too come in where the tenant's do.
    #[must_use]
    pub fn compared(mut self, mut comparing: Comparing) -> Self {
        self.entrance.retain(|alert| !comparing.own().has(alert.alert_id));
        self.comparing = Some(comparing);
        self
    }

    /// Goes on from what a journal was at its base, with this run's alerts and none of its own but those that are compared.
    pub(crate) fn begin_at(&mut self, base: Base) -> Result<(), BacktestError> {
        let Base { engine, next_offset, settings, gist } = base;
        let engine = if self.comparing.is_some() { engine } else { engine.without_alerts() };
        let needs_readings = self.outputs.has_readings() || self.study.is_some();
        self.engine = if needs_readings { engine } else { engine.without_readings() };
        self.next_offset = next_offset;
        self.settings(&settings);
        let known = self.comparing.as_mut().map(|comparing| comparing.own().at_base(&gist));
        for (change, is_other) in known.into_iter().flatten() {
            if is_other {
                self.apply(&Entry::Alert(change))?;
            } else if change.active && !change.deleted {
                self.summary.is_watched(change.alert_id);
            }
        }
        Ok(())
    }

    fn settings(&mut self, settings: &Settings) {
        self.entrance.set_lateness(settings.lateness_max);
        self.study.iter_mut().for_each(|study| study.settings(settings));
    }

    /// What records of this run carry.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) const fn entrance(&mut self) -> &mut Entrance {
        &mut self.entrance
    }

    pub(crate) const fn summary(&mut self) -> &mut Summary {
        &mut self.summary
    }

    pub(crate) const fn comparing(&mut self) -> Option<&mut Comparing> {
        self.comparing.as_mut()
    }

    pub(crate) const fn take_comparing(&mut self) -> Option<Comparing> {
        self.comparing.take()
    }

    /// Everything before that time has happened.
    pub(crate) fn is_past(&self, time: Timestamp) -> bool {
        self.engine.watermark().is_some_and(|watermark| watermark >= time)
    }

    /// What the engine refused of the last record: places in it, and why.
    pub(crate) fn take_refusals(&mut self) -> Vec<(u32, RefusalReason)> {
        std::mem::take(&mut self.refusals)
    }

    /// Alerts on timeframes that the inputs cannot make do not come in.
    pub(crate) fn refuse_finer(&mut self, resolution: &Resolution) {
        let summary = &mut self.summary;
        self.entrance.retain(|alert| match resolution.refuses(&alert.parameters) {
            Some(reason) => {
                summary.refuse(alert.alert_id, reason);
                false
            }
            None => true,
        });
    }

    /// Readings from this event time on are written.
    pub(crate) const fn speak_from(&mut self, from: Timestamp) {
        self.speaks_from = from;
    }

    /// The alerts that come in before an event of that time.
    pub(crate) fn let_in(&mut self, ts: Timestamp) -> Result<(), BacktestError> {
        self.entrance.take(ts).iter().try_for_each(|entry| self.apply(entry))
    }

    /// All alerts that still wait come in.
    pub(crate) fn let_all_in(&mut self) -> Result<(), BacktestError> {
        self.entrance.take_rest().iter().try_for_each(|entry| self.apply(entry))
    }

    /// Folds one record and passes on what comes of it.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), BacktestError> {
        if let Entry::Settings(change) = entry {
            self.settings(&change.settings);
        }
        self.refusals.clear();
        self.engine.apply(self.next_offset, entry, &mut self.effects);
        self.next_offset += 1;
        self.summary.records += 1;
        let mut effects = std::mem::take(&mut self.effects);
        let taken = effects.drain(..).try_for_each(|effect| self.take(effect));
        self.effects = effects;
        taken
    }

    fn take(&mut self, effect: Effect) -> Result<(), BacktestError> {
        match effect {
            Effect::Reading(reading) if !self.speaks_at(reading.close_time()) => {}
            Effect::Forgotten(_) => {}
            Effect::Reading(reading) => {
                self.outputs.reading(&reading)?;
                self.study.iter_mut().for_each(|study| study.reading(&reading));
            }
            Effect::Outcome(Outcome::Fired(trigger)) => {
                if self.comparing.as_mut().is_some_and(|comparing| !comparing.take(&trigger)) {
                    return Ok(());
                }
                self.summary.fired(&trigger);
                self.outputs.trigger(&trigger)?;
                self.study.iter_mut().for_each(|study| study.trigger(&trigger));
            }
            Effect::Outcome(Outcome::Status(status)) => self.summary.status(&status),
            Effect::Refused(refusal) => {
                self.refusals.extend(refusal.index.map(|index| (index, refusal.reason)));
                self.summary.refused(refusal.reason);
            }
            Effect::Halt(reason) => return Err(BacktestError::Halted(reason)),
        }
        Ok(())
    }

    fn speaks_at(&self, time: Timestamp) -> bool {
        let until = self.comparing.as_ref().map_or(Timestamp::MAX, Comparing::until);
        self.speaks_from <= time && time <= until
    }

    /// Tells how far it is, now and then. True when somebody wants it to stop.
    pub(crate) fn is_stopped(&mut self, watch: &mut Watch<'_>, done: impl Fn() -> (u64, u64)) -> bool {
        if self.summary.records.is_multiple_of(LOOK_EVERY) {
            let (done, of) = done();
            (watch.progress)(Progress { done, of, ticks: self.summary.ticks });
        }
        self.summary.stopped |= watch.shutdown.is_raised();
        self.summary.stopped
    }

    /// Alerts whose time never came are told to the engine all the same, so that it says what is wrong with them.
    pub(crate) fn finish(mut self) -> Result<Finished, BacktestError> {
        self.let_all_in()?;
        self.outputs.flush()?;
        if let Some(study) = &mut self.study {
            study.finish();
            self.summary.followed(study);
        }
        Ok(Finished { summary: self.summary, study: self.study })
    }
}
