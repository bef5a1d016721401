//! The gist of a journal: what producers and operators ask it for, without reading it from its start.
//!
//! Whoever folds a journal keeps its gist along and stores it with each snapshot; who wants it reads the newest snapshot
//! and the records behind it ([`Gist::read`]). So it is a function of the records up to an offset and of nothing else,
//! and a journal that was cut has the gist that it had before.
//!
//! | Of | It has |
//! |---|---|
//! | settings | the record in force |
//! | alerts | of each that ever was, the newest version's record and where it stands: a deleted alert's version stays taken |
//! | the news calendar | the newest record of each item, of the [`MAX_ITEMS`] with the latest times |
//! | ticks, heartbeats, bars | how far each session of a source is, which symbols have ticks, the last bar of each series |

mod sources;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::bars::BarBlock;
use bellwether_schemas::calendar::{CalendarChanged, CalendarItem};
use bellwether_schemas::codec::SchemaName;
use bellwether_schemas::journal::Unusable;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::{AlertId, Entry, TenantId, Timeframe, Timestamp, codec};

use super::entries;
use crate::log::{Log, Record};
use crate::snapshots::{SnapshotFault, StoredState, go_on_from, newest_that};
pub use sources::{MAX_SESSIONS, Session, Sources};
pub use stored::{BadGist, IS_GIST, TakenGist};

/// Items of the news calendar that are kept.
pub const MAX_ITEMS: usize = 10_000;
/// Names of symbols with ticks, and series with bars, that are kept: more than any tenant may list.
const MAX_NAMES: usize = 10_000;
/// Alerts that one part of a stored gist holds, but for the last: as a rule one piece of a snapshot.
const BUCKET: usize = 512;

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct Gist {
    head: Head,
    /// In the order of their first records.
    alerts: Vec<Arc<Vec<SeenAlert>>>,
    /// Where each of them stands.
    places: BTreeMap<AlertId, usize>,
}

/// All but the alerts: little, so that a copy costs nothing worth mentioning.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Head {
    settings: Option<(Arc<SettingsChanged>, Arc<[u8]>)>,
    /// By id.
    calendar: Arc<BTreeMap<String, SeenItem>>,
    sources: Sources,
    ticked: Arc<BTreeSet<String>>,
    bars: Arc<BTreeMap<(String, Timeframe), Timestamp>>,
    newest: Option<Timestamp>,
}

/// When an item of the news calendar is due, and its record.
type SeenItem = (Timestamp, Arc<[u8]>);

/// The newest version of an alert that a journal has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAlert {
    /// Which alert.
    pub id: AlertId,
    /// Its version.
    pub version: i64,
    /// Where that version's first record stands in the journal.
    pub offset: u64,
    /// When the log took that record.
    pub appended_at: Timestamp,
    value: Arc<[u8]>,
}

impl SeenAlert {
    /// What the record says; none where this build cannot read it.
    #[must_use]
    pub fn change(&self) -> Option<AlertChanged> {
        match codec::decode_entry(&self.value) {
            Ok(Entry::Alert(change)) => Some(change),
            _ => None,
        }
    }
}

impl Gist {
    /// Of the tenant's journal as it stands: out of the newest good snapshot, and the records behind it; and the offset
    /// before which everything is taken in. Blocks while both are read.
    ///
    /// # Errors
    /// The log is out of reach, or the journal was cut or replaced and there is nothing to begin with.
    pub fn read(log: &dyn Log, tenant: &TenantId) -> Result<(Self, u64), SnapshotFault> {
        let (mut gist, from) = Self::newest_stored(log, tenant)?;
        let records = entries(log, tenant, from..u64::MAX)?;
        let end = records.end();
        for read in records {
            if let (record, Ok(entry)) = read? {
                gist.see(&record, &entry);
            }
        }
        Ok((gist, end))
    }

    /// What the newest good snapshot has, and the offset before which it has everything in. Blocks while it is read.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn newest_stored(log: &dyn Log, tenant: &TenantId) -> Result<(Self, u64), SnapshotFault> {
        let found = go_on_from(log, tenant, &mut |state| Self::of(&state), &mut |next_offset, why| {
            tracing::debug!(tenant.id = %tenant, log.offset = next_offset, reason = %why, "a snapshot is not used");
        })?;
        Ok(found.state.unwrap_or_default())
    }

    /// The same of the newest good snapshot that stands for no later offset than that; nothing where there is none.
    /// Blocks while it is read.
    ///
    /// # Errors
    /// The log is out of reach, or the journal is not the one that the snapshot was taken of.
    pub fn stored_before(
        log: &dyn Log,
        tenant: &TenantId,
        offset: u64,
    ) -> Result<(Self, u64), SnapshotFault> {
        let found =
            newest_that(log, tenant, &|next_offset, _| next_offset <= offset, &mut |state| Self::of(&state))?;
        Ok(found.unwrap_or_default())
    }

    /// The offset that the newest good snapshot stands for before which no entry carries that event time or a later one;
    /// 0 where there is none. Blocks while it is read.
    ///
    /// # Errors
    /// As [`Self::stored_before`].
    pub fn stored_before_time(log: &dyn Log, tenant: &TenantId, at: Timestamp) -> Result<u64, SnapshotFault> {
        // A watermark is never above the largest time that there was: one that is too late need not be read.
        let may_fit = |_, watermark: Option<Timestamp>| watermark.is_none_or(|watermark| watermark < at);
        let found = newest_that(log, tenant, &may_fit, &mut |state| match Self::of(&state)? {
            (gist, next_offset) if gist.newest().is_none_or(|newest| newest < at) => Ok(next_offset),
            _ => Err("it has seen that time".into()),
        })?;
        Ok(found.unwrap_or_default())
    }

    fn of(state: &StoredState) -> Result<(Self, u64), String> {
        let gist = Self::of_parts(state.parts()).map_err(|bad| bad.to_string())?;
        Ok((gist, state.next_offset()))
    }

    /// Takes in the journal's next record.
    pub fn see(&mut self, record: &Record, entry: &Entry) {
        match entry {
            Entry::Ticks(block) => self.head.see_ticks(block),
            Entry::Bars(block) => self.head.see_bars(block),
            Entry::Heartbeat(_) | Entry::Decision(_) => {}
            Entry::Alert(change) => self.see_alert(record, change),
            Entry::Settings(change) => self.head.see_settings(record, change),
            Entry::Calendar(change) => self.head.see_item(record, change),
        }
        let time = entry.event_time();
        self.head.newest = self.head.newest.max(time);
        self.head.sources.see(record.offset, entry, time);
    }

    /// Takes in the journal's next record, which is put aside. Of an alert or an item of the calendar that is skipped it was said
    /// all the same: whoever compares its source with the journal would say it again. Nothing else of it is looked into;
    /// settings that are skipped are published anew.
    pub fn see_put_aside(&mut self, tenant: &TenantId, record: &Record, why: &Unusable) {
        let schema = codec::schema_id(&record.value).and_then(SchemaName::by_id);
        let is_compared = matches!(
            schema,
            Some(SchemaName::AlertChangedV1 | SchemaName::AlertChanged | SchemaName::CalendarItem)
        );
        if let (Unusable::Skipped { .. }, true, Ok(entry)) = (why, is_compared, record.entry(tenant)) {
            self.see(record, &entry);
        }
    }

    fn see_alert(&mut self, record: &Record, change: &AlertChanged) {
        let seen = SeenAlert {
            id: change.alert_id,
            version: change.version,
            offset: record.offset,
            appended_at: record.appended_at,
            value: record.value.as_slice().into(),
        };
        let Some(place) = self.places.get(&seen.id) else { return self.add(seen) };
        let known = self.alerts.get_mut(place / BUCKET).map(Arc::make_mut);
        if let Some(known) = known.and_then(|bucket| bucket.get_mut(place % BUCKET))
            && known.version < seen.version
        {
            *known = seen;
        }
    }

    fn add(&mut self, seen: SeenAlert) {
        let place = self.places.len();
        self.places.insert(seen.id, place);
        if place.is_multiple_of(BUCKET) {
            self.alerts.push(Arc::default());
        }
        if let Some(last) = self.alerts.last_mut() {
            Arc::make_mut(last).push(seen);
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Option<&SettingsChanged> {
        self.head.settings.as_ref().map(|(settings, _)| settings.as_ref())
    }

    /// Every alert that ever was, deleted ones too, in the order of their first records.
    pub fn alerts(&self) -> impl Iterator<Item = &SeenAlert> {
        self.alerts.iter().flat_map(|bucket| bucket.iter())
    }

    /// That alert.
    #[must_use]
    pub fn alert(&self, id: AlertId) -> Option<&SeenAlert> {
        let place = *self.places.get(&id)?;
        self.alerts.get(place / BUCKET)?.get(place % BUCKET)
    }

    /// The items of the news calendar that this build can read.
    pub fn calendar(&self) -> impl Iterator<Item = CalendarItem> {
        self.head.calendar.values().filter_map(|(_, value)| match codec::decode_entry(value) {
            Ok(Entry::Calendar(change)) => Some(change.item),
            _ => None,
        })
    }

    /// How far sources are.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.head.sources
    }

    /// Symbols, as sources spell them, that have ticks.
    #[must_use]
    pub fn ticked(&self) -> &BTreeSet<String> {
        &self.head.ticked
    }

    /// The last bar of history by symbol and timeframe, by its first instant.
    #[must_use]
    pub fn bars(&self) -> &BTreeMap<(String, Timeframe), Timestamp> {
        &self.head.bars
    }

    /// The largest event time that any entry carries, whether it was used or not.
    #[must_use]
    pub const fn newest(&self) -> Option<Timestamp> {
        self.head.newest
    }
}

impl PartialEq for Gist {
    /// Places follow from the alerts.
    fn eq(&self, other: &Self) -> bool {
        self.head == other.head && self.alerts == other.alerts
    }
}

impl Head {
    fn see_ticks(&mut self, block: &TickBlock) {
        for symbol in &block.symbols {
            if !self.ticked.contains(&symbol.name) && self.ticked.len() < MAX_NAMES {
                Arc::make_mut(&mut self.ticked).insert(symbol.name.clone());
            }
        }
    }

    fn see_bars(&mut self, block: &BarBlock) {
        let bars = Arc::make_mut(&mut self.bars);
        for bar in &block.bars {
            let key = (bar.symbol.clone(), bar.timeframe);
            if bars.len() < MAX_NAMES || bars.contains_key(&key) {
                let last = bars.entry(key).or_insert(bar.open_time);
                *last = bar.open_time.max(*last);
            }
        }
    }

    fn see_settings(&mut self, record: &Record, change: &SettingsChanged) {
        if self.settings.as_ref().is_none_or(|(known, _)| change.is_news_after(known)) {
            self.settings = Some((Arc::new(change.clone()), record.value.as_slice().into()));
        }
    }

    fn see_item(&mut self, record: &Record, change: &CalendarChanged) {
        let calendar = Arc::make_mut(&mut self.calendar);
        let CalendarItem { id, time, .. } = &change.item;
        calendar.insert(id.clone(), (*time, record.value.as_slice().into()));
        if calendar.len() > MAX_ITEMS {
            let first = calendar.iter().min_by_key(|(_, (time, _))| *time).map(|(id, _)| id.clone());
            first.iter().for_each(|id| drop(calendar.remove(id)));
        }
    }
}

#[cfg(test)]
mod tests;
