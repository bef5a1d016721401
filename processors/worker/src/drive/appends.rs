//! Appends of what the core asked for, with the traces that go along.

use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::log::NewRecord;
use bellwether_runtime::trace::Span;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use tokio::time::Instant;

use super::Worker;
use crate::core::AppendId;
use crate::traces::contexts;

/// An append that is not known to be in the log.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) id: AppendId,
    pub(super) begun: Instant,
    /// Of triggers: when the oldest of the journal records was appended that were folded when they fired.
    pub(super) since: Option<Timestamp>,
    /// Of triggers that are traced: over with it.
    pub(super) spans: Vec<Span>,
}

impl Append {
    /// The log has it.
    pub(super) fn acknowledged(&mut self) {
        self.spans.iter_mut().for_each(Span::acknowledged);
    }
}

impl Worker {
    pub(super) fn append(&self, tenant: TenantId, id: AppendId, kind: TopicKind, records: Vec<NewRecord>) {
        let spans = self.lock().traces.of(&tenant, kind, &records);
        let ack = self.log.append_traced(&Topic::new(&tenant, kind), records, &contexts(&spans));
        if kind == TopicKind::Triggers {
            reach(CrashPoint::TriggersSent);
        }
        let mut state = self.lock();
        let since = state.folding_since.filter(|_| kind == TopicKind::Triggers);
        state.appends.push(tenant, ack, Append { id, begun: Instant::now(), since, spans });
    }
}
