//! What the log knows of a user's alerts: the versions that the journal has, and what now stands of the market.

use std::collections::BTreeMap;

use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, scan};
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::{AlertId, TenantId, Timestamp, Topic, TopicKind, codec};

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

/// What the journal says of these alerts, and the readings.
pub(super) fn read(log: &dyn Log, tenant: &TenantId, alerts: &[AlertId]) -> Result<Known, SnapshotFault> {
    let (gist, _) = Gist::read(log, tenant)?;
    let known = alerts.iter().filter_map(|id| gist.alert(*id));
    let published = known.map(|seen| {
        (seen.id, Published { version: seen.version, offset: seen.offset, at: seen.appended_at })
    });
    let published: Publications = published.collect();
    let mut readings = BTreeMap::new();
    for record in scan(log, &Topic::new(tenant, TopicKind::Readings), 0..u64::MAX)? {
        let reading = codec::decode_reading(&record?.value).ok().and_then(|record| record.reading().ok());
        readings.extend(reading.map(|reading| (reading.key(), reading)));
    }
    Ok(Known { published, readings })
}
