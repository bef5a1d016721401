//! What the log knows of a user's alerts: the versions that the journal has, and what now stands of the market.

use std::collections::BTreeMap;

use bellwether_runtime::journal::entries;
use bellwether_runtime::log::{Log, Result, scan};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::{AlertId, Entry, TenantId, Timestamp, Topic, TopicKind, codec};

use super::Publications;

/// The newest version of an alert that the journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) version: i64,
    /// Where it came into force.
    pub(super) offset: u64,
    pub(super) at: Timestamp,
}

/// What the log knows.
pub(super) struct Known {
    pub(super) published: Publications,
    /// The newest reading of each key.
    pub(super) readings: BTreeMap<String, Reading>,
}

/// Reads the journal for these alerts, and the readings.
pub(super) fn read(log: &dyn Log, tenant: &TenantId, alerts: &[AlertId]) -> Result<Known> {
    let mut published = Publications::new();
    for read in entries(log, tenant, 0..u64::MAX)? {
        let (record, Ok(Entry::Alert(change))) = read? else { continue };
        let known = published.get(&change.alert_id).map_or(i64::MIN, |known| known.version);
        if alerts.contains(&change.alert_id) && change.version > known {
            let (version, offset, at) = (change.version, record.offset, record.appended_at);
            published.insert(change.alert_id, Published { version, offset, at });
        }
    }
    let mut readings = BTreeMap::new();
    for record in scan(log, &Topic::new(tenant, TopicKind::Readings), 0..u64::MAX)? {
        let reading = codec::decode_reading(&record?.value).ok().and_then(|record| record.reading().ok());
        readings.extend(reading.map(|reading| (reading.key(), reading)));
    }
    Ok(Known { published, readings })
}
