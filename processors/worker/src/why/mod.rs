//! Asking the fold itself: why an alert did not fire in a span, and what the market was around a trigger.
//!
//! The engine goes on from the newest snapshot before what is asked about and is [asked](bellwether_engine::why) while it
//! folds the journal from there. Nothing is appended, and no group is joined.

mod around;
mod before;

use std::collections::BTreeMap;

use bellwether_engine::Engine;
use bellwether_engine::why::{Answer, Finding, Inquiry, Sight, Sighting};
use bellwether_runtime::journal::{entries, entries_to_fold};
use bellwether_runtime::log::{Log, Record};
use bellwether_runtime::snapshots::{SnapshotFault, StoredState, newest_that};
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{AlertId, Entry, TenantId, Timestamp, Topic, TopicKind};

use crate::WorkerError;
use crate::snapshots::{State, load_oldest, restore};

use self::before::Before;
pub use around::{Around, Priced, around};

/// Journal records between two words on progress.
const TELL_EVERY: u64 = 1024;
/// A tick of the span may come so much after event time passed its end: it counts while its minute is open.
const LATEST: i64 = 2 * MINUTE;

/// Where a span begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// With the journal: its first event time, or its last watermark.
    Journal,
    /// At the watermark before the record at this offset.
    Offset(u64),
    /// At this event time.
    Time(Timestamp),
}

/// What somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Why this alert did not fire…
    pub alert: AlertId,
    /// …from here…
    pub from: Edge,
    /// …to there.
    pub to: Edge,
}

/// What the fold says.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Why; none where the journal has no event time within the span's edges.
    pub answer: Option<Answer>,
    /// When the log took the records that the answer names by their offsets, of those that it still has.
    pub appended: BTreeMap<u64, Timestamp>,
    /// The journal offset that the fold began at.
    pub began: u64,
    /// How many records it read.
    pub records: u64,
}

/// Folds as much of the tenant's journal as the question needs. Blocks while that is read; `progress` is told how many
/// records are done, and of how many at most.
///
/// # Errors
/// The log is out of reach, or the journal was cut and there is no state from before the span.
pub fn why_not(
    log: &dyn Log,
    tenant: &TenantId,
    asked: &Asked,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Told, WorkerError> {
    let state = state_before(log, tenant, asked.from)?;
    let began = state.next_offset;
    let mut fold = Asking::begin(log, tenant, asked, state)?;
    let journal = entries_to_fold(log, tenant, began..u64::MAX)?;
    let of = journal.end().saturating_sub(began);
    let mut records: u64 = 0;
    for read in journal {
        let (record, entry) = read?;
        if fold.is_over(&record) {
            break;
        }
        records += 1;
        if records.is_multiple_of(TELL_EVERY) {
            progress(records, of);
        }
        if let Ok(entry) = entry {
            fold.step(&record, &entry);
        }
    }
    let answer = fold.answer();
    let appended = appended(log, tenant, answer.as_ref())?;
    Ok(Told { answer, appended, began, records })
}

/// The newest state that has seen nothing of the span; the journal's beginning where there is none.
pub(super) fn state_before(log: &dyn Log, tenant: &TenantId, from: Edge) -> Result<State, WorkerError> {
    let fits = |next_offset: u64, watermark: Option<Timestamp>| match from {
        Edge::Journal => false,
        Edge::Offset(offset) => next_offset <= offset,
        // A watermark is never above the largest time that there was: one that is too late need not be read.
        Edge::Time(time) => watermark.is_none_or(|watermark| watermark < time),
    };
    let mut open = |stored: StoredState| {
        let state = restore(tenant, &stored)?;
        let newest = state.gist.newest();
        match from {
            Edge::Time(time) if newest.is_some_and(|newest| newest >= time) => {
                Err("it has seen that time".into())
            }
            _ => Ok(state),
        }
    };
    if let Some(state) = newest_that(log, tenant, &fits, &mut open)? {
        return Ok(state);
    }
    let oldest = load_oldest(log, tenant)?;
    let is_late = match from {
        Edge::Journal => false,
        Edge::Offset(offset) => oldest.next_offset > offset,
        Edge::Time(time) => oldest.gist.newest().is_some_and(|newest| newest >= time),
    };
    if oldest.next_offset > 0 && is_late {
        let topic = |kind| Topic::new(tenant, kind).to_string();
        let (topic, snapshots) = (topic(TopicKind::Journal), topic(TopicKind::Snapshots));
        return Err(SnapshotFault::JournalCut { topic, start: oldest.next_offset, snapshots }.into());
    }
    Ok(oldest)
}

/// A fold under way.
struct Asking<'a> {
    asked: &'a Asked,
    engine: Engine,
    /// How the alert stood where the fold began.
    before: Before,
    /// What was seen of it before the span's first instant is known.
    early: Vec<Sighting>,
    inquiry: Option<Inquiry>,
}

impl<'a> Asking<'a> {
    fn begin(log: &dyn Log, tenant: &TenantId, asked: &'a Asked, state: State) -> Result<Self, WorkerError> {
        let before = before::standing(log, tenant, asked.alert, &state)?;
        let began = state.next_offset;
        let mut engine = state.engine.without_readings();
        engine.ask_about([asked.alert]);
        let mut asking = Self { asked, engine, before, early: Vec::new(), inquiry: None };
        match asked.from {
            Edge::Time(time) => asking.begin_span(time),
            Edge::Offset(offset) if offset > began => {}
            // Of a journal that was cut, what is behind its base.
            Edge::Journal | Edge::Offset(_) => asking.begin_behind_watermark(),
        }
        Ok(asking)
    }

    fn begin_behind_watermark(&mut self) {
        if let Some(watermark) = self.engine.watermark() {
            self.begin_span(watermark.plus(1));
        }
    }

    fn begin_span(&mut self, from: Timestamp) {
        let to = match self.asked.to {
            Edge::Time(time) => time,
            Edge::Journal | Edge::Offset(_) => Timestamp::MAX,
        };
        let mut inquiry = Inquiry::new(from, to);
        inquiry.stood(self.before.state.clone(), self.before.since);
        self.early.drain(..).for_each(|sighting| inquiry.see(&sighting));
        self.inquiry = Some(inquiry);
    }

    /// Nothing of the span comes from here on.
    fn is_over(&self, record: &Record) -> bool {
        match self.asked.to {
            Edge::Journal => false,
            Edge::Offset(offset) => record.offset >= offset,
            Edge::Time(time) => self.engine.watermark().is_some_and(|mark| mark > time.plus(LATEST)),
        }
    }

    fn step(&mut self, record: &Record, entry: &Entry) {
        let is_before = matches!(self.asked.from, Edge::Offset(offset) if record.offset < offset);
        if self.inquiry.is_none() && !is_before {
            self.begin_behind_watermark();
            if let (None, Some(first)) = (&self.inquiry, entry.event_time()) {
                self.begin_span(first);
            }
        }
        self.engine.apply(record.offset, entry, &mut Vec::new());
        for sighting in self.engine.take_sightings() {
            match &mut self.inquiry {
                Some(inquiry) => inquiry.see(&sighting),
                None if matches!(sighting.sight, Sight::Stands(_)) => self.early.push(sighting),
                None => {}
            }
        }
    }

    fn answer(self) -> Option<Answer> {
        let watermark = self.engine.watermark();
        let mut inquiry = self.inquiry?;
        match (self.asked.to, watermark) {
            (Edge::Time(_), _) => {}
            (_, Some(watermark)) => inquiry.ends(watermark),
            (_, None) => return None,
        }
        // Edges of different kinds may turn out to be the wrong way round.
        Some(inquiry.answer(watermark)).filter(|answer| answer.from <= answer.to)
    }
}

/// When the log took the records that an answer names.
fn appended(
    log: &dyn Log,
    tenant: &TenantId,
    answer: Option<&Answer>,
) -> Result<BTreeMap<u64, Timestamp>, WorkerError> {
    let named = answer.into_iter().flat_map(|answer| &answer.findings).filter_map(|finding| match finding {
        Finding::Off { since, .. } => *since,
        Finding::EditRefused { offset, .. } => Some(*offset),
        _ => None,
    });
    let bounds = log.bounds(&Topic::new(tenant, TopicKind::Journal))?;
    let mut appended = BTreeMap::new();
    for offset in named.filter(|offset| (bounds.start..bounds.next).contains(offset)) {
        if let Some((record, _)) = entries(log, tenant, offset..offset + 1)?.next().transpose()? {
            appended.insert(offset, record.appended_at);
        }
    }
    Ok(appended)
}
