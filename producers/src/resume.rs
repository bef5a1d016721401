//! Where a producer stood: found in the journal, the only place that knows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bellwether_runtime::journal::entries;
use bellwether_runtime::log::{Log, LogError};
use bellwether_schemas::bars::BarBlock;
use bellwether_schemas::{Entry, TenantId, Timeframe, Timestamp};

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
    pub ticked: HashSet<String>,
    /// The last bar of history by symbol and timeframe, by its first instant.
    pub bars: HashMap<(String, Timeframe), Timestamp>,
}

impl Found {
    /// Takes in one more record.
    pub fn see(&mut self, entry: &Entry, source: &str, session: &str) {
        if let Entry::Bars(block) = entry {
            self.see_bars(block);
        }
        if let Entry::Ticks(block) = entry {
            for symbol in &block.symbols {
                if !self.ticked.contains(&symbol.name) {
                    self.ticked.insert(symbol.name.clone());
                }
            }
        }
        let origin = entry.origin();
        if origin.source != source {
            return;
        }
        self.newest = self.newest.max(entry.event_time());
        if origin.session == session {
            self.position.see(entry);
        } else {
            self.elsewhere = self.elsewhere.max(entry.event_time());
        }
    }

    fn see_bars(&mut self, block: &BarBlock) {
        for bar in &block.bars {
            let last = self.bars.entry((bar.symbol.clone(), bar.timeframe)).or_insert(bar.open_time);
            *last = bar.open_time.max(*last);
        }
    }
}

impl Position {
    fn see(&mut self, entry: &Entry) {
        match entry {
            Entry::Ticks(block) => {
                let last = |first: u64| first + (block.ticks.len() as u64).saturating_sub(1);
                self.last_seq = self.last_seq.max(block.first_seq.map(last));
            }
            Entry::Heartbeat(beat) => self.last_beat = self.last_beat.max(Some(beat.ts)),
            Entry::Bars(_) | Entry::Alert(_) | Entry::Settings(_) | Entry::Calendar(_) => {}
        }
    }
}

/// Reads the tenant's journal. What cannot be decoded, or is another tenant's, is the worker's to report.
///
/// # Errors
/// The journal is missing, damaged or out of reach.
pub async fn find(
    log: &Arc<dyn Log>,
    tenant: &TenantId,
    source: &'static str,
    session: &str,
) -> Result<Found, ProducerError> {
    let (log, tenant) = (Arc::clone(log), tenant.clone());
    let session = session.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&*log, &tenant, source, &session));
    Ok(read.await.map_err(|_| ProducerError::Task("reading the journal"))??)
}

fn read(log: &dyn Log, tenant: &TenantId, source: &str, session: &str) -> Result<Found, LogError> {
    let mut found = Found::default();
    for read in entries(log, tenant, 0..u64::MAX)? {
        if let (_, Ok(entry)) = read? {
            found.see(&entry, source, session);
        }
    }
    Ok(found)
}
