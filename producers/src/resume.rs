//! Where a producer stood: found in the journal, the only place that knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::Log;
use bellwether_schemas::{TenantId, Timeframe, Timestamp};

use crate::error::ProducerError;
use crate::timeline::Event;

/// How much of a session the journal has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The last tick's place.
    pub last_seq: Option<u64>,
    /// The last heartbeat's event time.
    pub last_beat: Option<Timestamp>,
}

impl Position {
    /// The journal has it already. Both kinds rise, and were written in the order of the timeline.
    #[must_use]
    pub fn has(&self, event: &Event) -> bool {
        match event {
            Event::Tick(tick) => self.last_seq.is_some_and(|last| tick.seq <= last),
            Event::Beat(ts) => self.last_beat.is_some_and(|last| *ts <= last),
        }
    }
}

/// What the journal tells a producer at its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How much of the session there is.
    pub position: Position,
    /// The newest event time of the source, whatever the session.
    pub newest: Option<Timestamp>,
    /// The newest event time of its other sessions.
    pub elsewhere: Option<Timestamp>,
    /// Symbols, as sources spell them, that have ticks.
    pub ticked: BTreeSet<String>,
    /// The last bar of history by symbol and timeframe, by its first instant.
    pub bars: BTreeMap<(String, Timeframe), Timestamp>,
}

impl Found {
    /// What a session of a source finds in a journal with that gist.
    #[must_use]
    pub fn of(gist: &Gist, source: &str, session: &str) -> Self {
        let own = gist.sources().of(source).find(|known| known.name == session);
        let others = gist.sources().of(source).filter(|known| known.name != session);
        let elsewhere = others.filter_map(|known| known.newest).max().max(gist.sources().forgotten(source));
        Self {
            position: own.map_or_else(Position::default, |own| Position {
                last_seq: own.last_seq,
                last_beat: own.last_beat,
            }),
            newest: own.and_then(|own| own.newest).max(elsewhere),
            elsewhere,
            ticked: gist.ticked().clone(),
            bars: gist.bars().clone(),
        }
    }
}

/// Reads the tenant's newest snapshot and its journal behind that, or the whole journal where there is none. What cannot be
/// decoded, or is another tenant's, is the worker's to report.
///
/// # Errors
/// The journal is missing, damaged or out of reach; or it was cut, and there is no snapshot.
pub async fn find(
    log: &Arc<dyn Log>,
    tenant: &TenantId,
    source: &'static str,
    session: &str,
) -> Result<Found, ProducerError> {
    let (log, tenant) = (Arc::clone(log), tenant.clone());
    let session = session.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        Gist::read(log.as_ref(), &tenant).map(|(gist, _)| Found::of(&gist, source, &session))
    });
    Ok(read.await.map_err(|_| ProducerError::Task("reading the journal"))??)
}
