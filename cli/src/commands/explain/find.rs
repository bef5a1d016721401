//! A trigger in the log, with the version of its alert that fired it and the record that caused it.

use std::ops::Range;

use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::{Gist, SeenAlert};
use bellwether_runtime::log::{Log, LogError, scan};
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{Entry, TenantId, Timestamp, Topic, TopicKind, TriggerId, codec};

/// Where a record stands in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) appended_at: Timestamp,
}

/// A trigger and what it came of.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) trigger: TriggerFired,
    /// Where it stands first among the triggers.
    pub(super) place: Place,
    /// How often it was written: a worker that was killed may have written it again.
    pub(super) times: u64,
    /// None: the journal does not reach back so far.
    pub(super) version: Option<Version>,
    /// None: the same.
    pub(super) cause: Option<CausingRecord>,
    /// The first offset that the journal still has.
    pub(super) journal_start: u64,
}

/// A version of an alert.
#[derive(Debug, PartialEq)]
pub(super) struct Version {
    pub(super) change: AlertChanged,
    /// Where it came into force.
    pub(super) since: Place,
    /// Where the next came into force; none: it still is.
    pub(super) until: Option<Place>,
}

/// The record of the journal that a trigger came of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CausingRecord {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) event_time: Option<Timestamp>,
}

/// None: there is no such trigger.
pub(super) fn find(log: &dyn Log, tenant: &TenantId, id: TriggerId) -> Result<Option<Found>, SnapshotFault> {
    let Some((trigger, place, times)) = fired(log, tenant, id)? else { return Ok(None) };
    let (version, journal_start) = version(log, tenant, &trigger)?;
    let cause = cause(log, tenant, &trigger)?;
    Ok(Some(Found { trigger, place, times, version, cause, journal_start }))
}

fn fired(
    log: &dyn Log,
    tenant: &TenantId,
    id: TriggerId,
) -> Result<Option<(TriggerFired, Place, u64)>, LogError> {
    let key = id.to_string();
    let mut found: Option<(TriggerFired, Place, u64)> = None;
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        let record = record?;
        if record.key != key.as_bytes() {
            continue;
        }
        match (&mut found, codec::decode_outcome(&record.value)) {
            (Some((.., times)), Ok(Outcome::Fired(_))) => *times += 1,
            (None, Ok(Outcome::Fired(trigger))) if trigger.tenant == *tenant => {
                let place = Place { offset: record.offset, appended_at: record.appended_at };
                found = Some((trigger, place, 1));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The version that fired, and where the journal begins. Versions count as the engine counts them: one that is not above
/// the known changes nothing. The journal is read from the newest snapshot before the trigger's cause; where the version
/// was in force there and is in the newest snapshot, from that one.
fn version(
    log: &dyn Log,
    tenant: &TenantId,
    trigger: &TriggerFired,
) -> Result<(Option<Version>, u64), SnapshotFault> {
    let start = log.bounds(&Topic::new(tenant, TopicKind::Journal))?.start;
    let behind = u64::try_from(trigger.cause.offset).map_or(0, |offset| offset.saturating_add(1));
    let (gist, mut from) = Gist::stored_before(log, tenant, behind)?;
    let mut fired = gist.alert(trigger.alert_id).and_then(|seen| in_force(seen, trigger));
    if fired.is_some() {
        let (newest, next) = Gist::stored_before(log, tenant, u64::MAX)?;
        let is_unchanged = newest.alert(trigger.alert_id).and_then(|seen| in_force(seen, trigger)).is_some();
        from = if is_unchanged { next } else { from };
    }
    for read in entries(log, tenant, from..u64::MAX)? {
        let (record, Ok(Entry::Alert(change))) = read? else { continue };
        if change.alert_id != trigger.alert_id {
            continue;
        }
        let place = Place { offset: record.offset, appended_at: record.appended_at };
        match &mut fired {
            None if change.version == trigger.alert_version => {
                fired = Some(Version { change, since: place, until: None });
            }
            Some(fired) if change.version > trigger.alert_version => {
                fired.until = Some(place);
                break;
            }
            _ => {}
        }
    }
    Ok((fired, start))
}

/// The trigger's version, if it is the newest of its alert there.
fn in_force(seen: &SeenAlert, trigger: &TriggerFired) -> Option<Version> {
    if seen.version != trigger.alert_version {
        return None;
    }
    let since = Place { offset: seen.offset, appended_at: seen.appended_at };
    Some(Version { change: seen.change()?, since, until: None })
}

fn cause(
    log: &dyn Log,
    tenant: &TenantId,
    trigger: &TriggerFired,
) -> Result<Option<CausingRecord>, LogError> {
    let Ok(offset) = u64::try_from(trigger.cause.offset) else { return Ok(None) };
    let only: Range<u64> = offset..offset.saturating_add(1);
    let journal = Topic::new(tenant, TopicKind::Journal);
    if !(log.bounds(&journal)?.start..log.bounds(&journal)?.next).contains(&offset) {
        return Ok(None);
    }
    let Some((record, Ok(entry))) = entries(log, tenant, only)?.next().transpose()? else { return Ok(None) };
    let place = Place { offset, appended_at: record.appended_at };
    Ok(Some(CausingRecord { place, name: entry.name(), event_time: entry.event_time() }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::log::{Access, NewRecord, open};
    use bellwether_schemas::alerts::{AlertKind, AlertParameters, RsiTracker};
    use bellwether_schemas::ids::GroupId;
    use bellwether_schemas::journal::Origin;
    use bellwether_schemas::triggers::{Cause, Condition, DetailText, Group};
    use bellwether_schemas::{AlertId, UserId};
    use uuid::Uuid;

    use super::*;

    const ALERT: AlertId = AlertId(Uuid::from_u128(7));
    const USER: UserId = UserId(Uuid::from_u128(8));

    fn tenant() -> TenantId {
        "fxlabs".parse().unwrap()
    }

    fn changed(version: i64) -> NewRecord {
        let origin = Origin {
            tenant: tenant(),
            source: "test".into(),
            session: "1".into(),
            played: false,
            appended_at: Timestamp(0),
        };
        let change = AlertChanged {
            origin,
            alert_id: ALERT,
            user_id: USER,
            version,
            active: true,
            deleted: false,
            parameters: AlertParameters::RsiTracker(RsiTracker::default()),
        };
        NewRecord { key: Vec::new(), value: codec::encode_entry(&Entry::Alert(change)).unwrap() }
    }

    fn fired(version: i64, offset: i64) -> TriggerFired {
        TriggerFired {
            id: TriggerId(Uuid::from_u128(9)),
            tenant: tenant(),
            kind: AlertKind::RsiTracker,
            alert_id: ALERT,
            alert_version: version,
            user_id: USER,
            symbol: None,
            pair: None,
            timeframe: None,
            open_time: Timestamp(0),
            close_time: Timestamp(0),
            condition: Condition::Overbought,
            value: None,
            previous: None,
            threshold: None,
            price: None,
            detail: DetailText::from("{}".to_string()),
            cause: Cause { offset, index: 0 },
            engine_version: 1,
            group: Group { id: GroupId(Uuid::from_u128(10)), index: 0, size: 1 },
        }
    }

    /// A log with these versions of the alert as its journal, and the trigger written twice.
    fn log(versions: &[i64], trigger: &TriggerFired) -> (tempfile::TempDir, Arc<dyn Log>) {
        let dir = tempfile::tempdir().unwrap();
        let log =
            open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
        for topic in Topic::all(&tenant()) {
            log.create(&topic).unwrap();
        }
        let journal = versions.iter().map(|version| changed(*version)).collect();
        log.append(&Topic::new(&tenant(), TopicKind::Journal), journal).wait().unwrap();
        let outcome = Outcome::Fired(trigger.clone());
        let record =
            NewRecord { key: outcome.key().into_bytes(), value: codec::encode_outcome(&outcome).unwrap() };
        let twice = vec![record.clone(), record];
        log.append(&Topic::new(&tenant(), TopicKind::Triggers), twice).wait().unwrap();
        (dir, log)
    }

    fn between(versions: &[i64], version: i64) -> Option<(u64, Option<u64>)> {
        let trigger = fired(version, 1);
        let (_dir, log) = log(versions, &trigger);
        let found = find(log.as_ref(), &tenant(), trigger.id).unwrap().unwrap();
        assert_eq!((found.place.offset, found.times), (0, 2));
        found.version.map(|version| (version.since.offset, version.until.map(|until| until.offset)))
    }

    #[test]
    fn a_version_is_in_force_from_its_first_record_to_that_of_a_larger_one() {
        assert_eq!(between(&[1, 2, 2, 1, 4], 2), Some((1, Some(4))));
        assert_eq!(between(&[1, 2, 2, 1, 4], 1), Some((0, Some(1))));
        assert_eq!(between(&[1, 2, 2, 1, 4], 4), Some((4, None)));
        assert_eq!(between(&[2, 4], 1), None, "a journal that begins later does not know it");
    }

    #[test]
    fn a_trigger_that_is_not_there_is_not_found() {
        let trigger = fired(1, 0);
        let (_dir, log) = log(&[1], &trigger);
        assert!(find(log.as_ref(), &tenant(), TriggerId(Uuid::from_u128(1))).unwrap().is_none());
        let cause = find(log.as_ref(), &tenant(), trigger.id).unwrap().unwrap().cause.unwrap();
        assert_eq!((cause.place.offset, cause.name), (0, "alert_changed"));
    }
}
