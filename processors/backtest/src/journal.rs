//! A run over a tenant's journal: its ticks, bars and settings, with the given alerts instead of its own.

use bellwether_engine::Engine;
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::journal::gist::{Gist, IS_GIST};
use bellwether_runtime::log::Log;
use bellwether_runtime::snapshots::{StoredState, oldest_base};
use bellwether_schemas::journal::Unusable;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Entry, TenantId, Timestamp, Topic, TopicKind};
use ring::digest::{Context, SHA256};

use crate::BacktestError;
use crate::report::{Ingredient, hex};
use crate::run::{Finished, Run, Watch};

/// Where in the journal a run begins to let alerts in, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Before the record at this offset.
    Offset(u64),
    /// Before everything at or after this event time.
    Time(Timestamp),
}

/// The journal of one tenant, and which part of it a run is about.
pub struct Journal<'a> {
    /// The log that holds it.
    pub log: &'a dyn Log,
    /// The tenant whose journal is folded.
    pub tenant: TenantId,
    /// Where the alerts come in; none: before the first tick.
    pub from: Option<Boundary>,
    /// Where it ends; none: where the journal does.
    pub to: Option<Boundary>,
}

impl Journal<'_> {
    /// The event time at which alerts come in, where it is one.
    #[must_use]
    pub const fn from_time(&self) -> Option<Timestamp> {
        match self.from {
            Some(Boundary::Time(time)) => Some(time),
            Some(Boundary::Offset(_)) => Some(Timestamp::MAX),
            None => None,
        }
    }
}

/// What a journal was where its front is cut off.
pub(crate) struct Base {
    pub(crate) engine: Engine,
    /// The journal offset to fold next.
    pub(crate) next_offset: u64,
    /// The settings in force.
    pub(crate) settings: Settings,
    /// Its alerts among other things.
    pub(crate) gist: Gist,
}

impl Base {
    fn of(tenant: &TenantId, state: &StoredState) -> Result<Self, String> {
        let parts = state.parts().filter(|(name, _)| !name.starts_with(IS_GIST));
        let engine = Engine::from_stored(tenant.clone(), parts).map_err(|error| error.to_string())?;
        let gist = Gist::of_parts(state.parts()).map_err(|bad| bad.to_string())?;
        let settings = gist.settings().ok_or("it has no settings")?.settings.clone();
        Ok(Self { engine, next_offset: state.next_offset(), settings, gist })
    }

    /// The run is to begin at it or behind it.
    fn check(&self, journal: &Journal<'_>, topic: &str) -> Result<(), BacktestError> {
        let is_before = match journal.from {
            Some(Boundary::Offset(offset)) => offset < self.next_offset,
            Some(Boundary::Time(time)) => self.engine.watermark().is_some_and(|watermark| time < watermark),
            None => false,
        };
        if is_before {
            return Err(BacktestError::JournalCut { topic: topic.into(), start: self.next_offset });
        }
        Ok(())
    }
}

/// Folds the journal from its start, as a worker would: what that puts aside, this counts and leaves out. One whose front
/// is cut off is folded from its oldest base on.
///
/// # Errors
/// The log cannot be read, is cut at its front without a base or further than the run was to begin, or an output cannot
/// be written.
pub fn fold(journal: &Journal<'_>, mut run: Run, watch: &mut Watch<'_>) -> Result<Finished, BacktestError> {
    let end = match journal.to {
        Some(Boundary::Offset(offset)) => offset,
        _ => u64::MAX,
    };
    let topic = Topic::new(&journal.tenant, TopicKind::Journal).to_string();
    let mut open = |state: StoredState| Base::of(&journal.tenant, &state);
    let base = oldest_base(journal.log, &journal.tenant, &mut open, &mut |_, _| {})?;
    let start = base.as_ref().map_or(0, |base| base.next_offset);
    if let Some(base) = base {
        base.check(journal, &topic)?;
        run.begin_at(base)?;
    }
    let records = entries_to_fold(journal.log, &journal.tenant, start..end.max(start))?;
    let end = records.end();
    let mut digest = Context::new(&SHA256);
    let mut next = start;
    for read in records {
        let (record, entry) = read?;
        digest.update(&record.value);
        next = record.offset + 1;
        step(journal, record.offset, entry, &mut run)?;
        if run.is_stopped(watch, || (record.offset, end)) || is_over(&mut run) {
            break;
        }
    }
    let size = match start {
        0 => format!("{next} records"),
        start => format!("{} records, from offset {start} on", next - start),
    };
    run.summary().journal = Some(Ingredient { name: topic, size, sha256: hex(digest) });
    if let Some(comparing) = run.take_comparing() {
        run.summary().compared = Some(comparing.conclude(journal.log, &journal.tenant, start..next)?);
    }
    run.finish()
}

/// Everything that is to be compared is there.
fn is_over(run: &mut Run) -> bool {
    let until = run.comparing().map(|comparing| comparing.until());
    until.is_some_and(|until| run.is_past(until))
}

fn step(
    journal: &Journal<'_>,
    offset: u64,
    entry: Result<Entry, Unusable>,
    run: &mut Run,
) -> Result<(), BacktestError> {
    if journal.from == Some(Boundary::Offset(offset)) {
        run.let_all_in()?;
        run.speak_from(Timestamp::MIN);
    }
    let entry = match entry {
        Ok(entry) => entry,
        Err(unusable) => {
            run.summary().put_aside(unusable.reason());
            return Ok(());
        }
    };
    let to = match journal.to {
        Some(Boundary::Time(time)) => time,
        _ => Timestamp::MAX,
    };
    let entry = match run.comparing() {
        Some(comparing) => comparing.entry(offset, entry),
        None => before(entry, to),
    };
    entry.map_or(Ok(()), |entry| apply(entry, run))
}

/// What of a record lies before that time. Heartbeats go on until the minutes before it have closed.
fn before(mut entry: Entry, to: Timestamp) -> Option<Entry> {
    match &mut entry {
        Entry::Alert(_) => return None,
        Entry::Settings(_) | Entry::Calendar(_) | Entry::Decision(_) => {}
        Entry::Heartbeat(beat) => return (beat.ts.since(to) < 2 * MINUTE).then_some(entry),
        Entry::Bars(block) => block.bars.retain(|bar| bar.close_time <= to),
        Entry::Ticks(block) => {
            let kept = block.ticks.iter().take_while(|tick| tick.ts < to).count();
            // What follows a tick beyond the end keeps its number only where it is left in place.
            let all = block.ticks.iter().skip(kept).all(|tick| tick.ts >= to);
            if all {
                block.ticks.truncate(kept);
                block.volumes.truncate(kept);
            } else {
                block.ticks.retain(|tick| tick.ts < to);
                block.volumes.clear();
                block.first_seq = None;
            }
        }
    }
    Some(entry)
}

/// Applies a record; one of ticks in two parts where alerts come in between.
fn apply(mut entry: Entry, run: &mut Run) -> Result<(), BacktestError> {
    if let Entry::Ticks(block) = &mut entry {
        while let Some(place) = block.ticks.iter().position(|tick| run.entrance().is_due(tick.ts)) {
            let ts = block.ticks[place].ts;
            if place > 0 {
                let mut first = block.clone();
                first.ticks.truncate(place);
                first.volumes.truncate(place);
                block.ticks.drain(..place);
                block.volumes.drain(..place.min(block.volumes.len()));
                block.first_seq = block.first_seq.map(|seq| seq.wrapping_add(place as u64));
                count(&Entry::Ticks(first), run)?;
            }
            run.let_in(ts)?;
        }
    } else if let Some(ts) = entry.event_time() {
        run.let_in(ts)?;
    }
    count(&entry, run)
}

fn count(entry: &Entry, run: &mut Run) -> Result<(), BacktestError> {
    if let Entry::Ticks(block) = entry {
        let until = run.comparing().map_or(Timestamp::MAX, |comparing| comparing.until());
        let played = block.ticks.iter().filter(|tick| tick.ts < until);
        played.for_each(|tick| run.summary().tick(tick.ts));
    }
    run.apply(entry)
}
