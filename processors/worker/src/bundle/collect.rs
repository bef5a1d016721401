//! Taking a bundle out of a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, LogError, Record, scan};
use bellwether_runtime::snapshots::{SnapshotFault, StoredState, newest_that};
use bellwether_schemas::codec::{SchemaName, decode_outcome, schema_id};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::snapshots::FORMAT as SNAPSHOT_FORMAT;
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{AlertId, Entry, TenantId, Topic, TopicKind, TriggerId};
use uuid::Uuid;

use super::{About, BadBundle, Bundle, Head, Parts, Recorded, Versions};

/// Records between two words on progress.
const TELL_EVERY: u64 = 1024;

/// What somebody names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A trigger's id, or an alert's.
    Id(Uuid),
    /// An offset of the journal.
    Offset(u64),
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum NotCollected {
    /// The log, or a journal that is not the one of its snapshots.
    #[error(transparent)]
    Fault(#[from] SnapshotFault),
    /// Nothing in the log has that id.
    #[error("no trigger and no alert {0} is in the log")]
    Unknown(Uuid),
    /// The journal does not have that record.
    #[error("offset {offset} is not in the journal, which has {start} to {next}")]
    Outside {
        /// What was asked for.
        offset: u64,
        /// The first offset that there is.
        start: u64,
        /// The one behind the last.
        next: u64,
    },
    /// What a program of ours stored cannot be read.
    #[error(transparent)]
    Bad(#[from] BadBundle),
}

impl From<LogError> for NotCollected {
    fn from(error: LogError) -> Self {
        Self::Fault(error.into())
    }
}

/// The part of a journal that a question is about.
struct Asked {
    about: About,
    /// A state has to stand before this.
    from: u64,
    /// Nothing from here on matters.
    end: u64,
}

/// Takes a bundle out of the log about what is wanted, up to `end` where that is given: of a trigger up to its cause, of an
/// alert from its newest version to the last trigger of it, or to the journal's end where there is none. Blocks while
/// the log is read; `progress` is told how many records of the journal are done, and of how many.
///
/// # Errors
/// The log is out of reach, has nothing of that name, or was cut so that there is no state to begin with.
pub fn collect(
    log: &dyn Log,
    tenant: &TenantId,
    wanted: Wanted,
    end: Option<u64>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Bundle, NotCollected> {
    let mut asked = find(log, tenant, wanted)?;
    asked.end = end.map_or(asked.end, |end| end.max(asked.from + 1));
    let state = newest_that(log, tenant, &|next, _| next <= asked.from, &mut |state| opened(&state))?;
    let start = log.bounds(&Topic::new(tenant, TopicKind::Journal))?.start;
    if state.is_none() && start > 0 {
        let topic = |kind| Topic::new(tenant, kind).to_string();
        let (topic, snapshots) = (topic(TopicKind::Journal), topic(TopicKind::Snapshots));
        return Err(SnapshotFault::JournalCut { topic, start, snapshots }.into());
    }
    let (state_at, gist, parts) = match state {
        Some((next_offset, gist, parts)) => (Some(next_offset), gist, Some(Arc::new(parts))),
        None => (None, Gist::default(), None),
    };
    let records = records(log, tenant, state_at.unwrap_or(0), asked.end, progress)?;
    let settings = settings(tenant, gist.settings().cloned(), &records);
    let head = Head {
        tenant: tenant.clone(),
        about: asked.about,
        state_at,
        end: asked.end,
        removed: 0,
        versions: Versions {
            bellwether: env!("CARGO_PKG_VERSION").into(),
            engine: ENGINE_VERSION,
            rules: settings.as_ref().map(|change| change.engine_version),
            snapshots: SNAPSHOT_FORMAT,
        },
        settings: settings.and_then(|change| serde_json::to_value(change.settings).ok()),
    };
    let recorded = recorded(log, tenant, state_at.unwrap_or(0)..asked.end)?;
    Ok(Bundle { head, state: parts, records, recorded: Some(recorded) })
}

fn opened(state: &StoredState) -> Result<(u64, Gist, Parts), String> {
    let gist = Gist::of_parts(state.parts()).map_err(|bad| bad.to_string())?;
    let parts = state.parts().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    Ok((state.next_offset(), gist, parts))
}

fn find(log: &dyn Log, tenant: &TenantId, wanted: Wanted) -> Result<Asked, NotCollected> {
    let bounds = log.bounds(&Topic::new(tenant, TopicKind::Journal))?;
    let id = match wanted {
        Wanted::Offset(offset) if (bounds.start..bounds.next).contains(&offset) => {
            return Ok(Asked { about: About::Record { offset }, from: offset, end: offset + 1 });
        }
        Wanted::Offset(offset) => {
            return Err(NotCollected::Outside { offset, start: bounds.start, next: bounds.next });
        }
        Wanted::Id(id) => id,
    };
    if let Some(cause) = cause_of(log, tenant, TriggerId(id))? {
        let (about, from) =
            (About::Trigger { id: TriggerId(id), cause }, cause.offset.max(0).cast_unsigned());
        return Ok(Asked { about, from, end: from + 1 });
    }
    let (gist, end) = Gist::read(log, tenant)?;
    let Some(seen) = gist.alert(AlertId(id)) else { return Err(NotCollected::Unknown(id)) };
    let last = last_cause_of(log, tenant, seen.id, seen.version)?;
    let end = last.map_or(end, |cause| cause.offset.max(0).cast_unsigned() + 1);
    Ok(Asked { about: About::Alert { id: seen.id }, from: seen.offset, end })
}

fn cause_of(log: &dyn Log, tenant: &TenantId, id: TriggerId) -> Result<Option<Cause>, LogError> {
    let key = id.to_string();
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        let record = record?;
        if record.key == key.as_bytes()
            && let Ok(Outcome::Fired(trigger)) = decode_outcome(&record.value)
        {
            return Ok(Some(trigger.cause));
        }
    }
    Ok(None)
}

fn last_cause_of(
    log: &dyn Log,
    tenant: &TenantId,
    alert: AlertId,
    version: i64,
) -> Result<Option<Cause>, LogError> {
    let mut last = None;
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        if let Ok(Outcome::Fired(trigger)) = decode_outcome(&record?.value)
            && (trigger.alert_id, trigger.alert_version) == (alert, version)
        {
            last = last.max(Some(trigger.cause));
        }
    }
    Ok(last)
}

/// The journal's records of that range, and operators' decisions behind it.
fn records(
    log: &dyn Log,
    tenant: &TenantId,
    from: u64,
    end: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Arc<Record>>, LogError> {
    let mut records = Vec::new();
    let read = scan(log, &Topic::new(tenant, TopicKind::Journal), from..u64::MAX)?;
    let (start, all) = (read.start(), read.end().saturating_sub(read.start()));
    for record in read {
        let record = record?;
        if record.offset.is_multiple_of(TELL_EVERY) {
            progress(record.offset - start, all);
        }
        if record.offset < end || schema_id(&record.value) == Some(SchemaName::OperatorDecision.id()) {
            records.push(Arc::new(record));
        }
    }
    Ok(records)
}

/// The settings in force at the end.
fn settings(
    tenant: &TenantId,
    mut settings: Option<SettingsChanged>,
    records: &[Arc<Record>],
) -> Option<SettingsChanged> {
    let ids = [SchemaName::SettingsChanged.id(), SchemaName::SettingsChangedV1.id()];
    let of_settings =
        records.iter().filter(|record| schema_id(&record.value).is_some_and(|id| ids.contains(&id)));
    for record in of_settings {
        if let Ok(Entry::Settings(change)) = record.entry(tenant)
            && settings.as_ref().is_none_or(|known| change.is_news_after(known))
        {
            settings = Some(change);
        }
    }
    settings
}

/// What was recorded of the journal's records in that range: of each cause the first copy.
fn recorded(
    log: &dyn Log,
    tenant: &TenantId,
    range: std::ops::Range<u64>,
) -> Result<Vec<Recorded>, LogError> {
    let mut recorded: BTreeMap<Cause, Recorded> = BTreeMap::new();
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        let Record { key, value, .. } = record?;
        let cause = decode_outcome(&value).ok().map(|outcome| outcome.cause());
        if let Some(cause) = cause.filter(|cause| range.contains(&cause.offset.cast_unsigned())) {
            recorded.entry(cause).or_insert(Recorded { cause, key, value });
        }
    }
    Ok(recorded.into_values().collect())
}
