//! Traces through the worker: from a journal record that is folded to the triggers that come of it.
//!
//! Beside the core, which knows nothing of them. What a trigger came of stands in it (its cause), so it is found again
//! whenever the core hands the trigger out: at once, or after what it waited for was acknowledged.

use std::collections::BTreeMap;

use bellwether_runtime::log::{NewRecord, Record};
use bellwether_runtime::trace::{self, Context, Span, Step};
use bellwether_schemas::codec::decode_outcome;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, TopicKind};

/// Most records of a tenant whose spans are kept until they are done with. Those over it are over at once, and what comes
/// of them goes on with nobody's trace.
const MAX_OPEN: usize = 4_096;

/// Spans of the records that are being folded, until everything that came of them is acknowledged.
#[derive(Default)]
pub(crate) struct Traces(BTreeMap<TenantId, BTreeMap<u64, Span>>);

impl Traces {
    /// These records are about to be folded.
    pub(crate) fn begin(&mut self, tenant: &TenantId, records: &[Record]) {
        if !trace::is_on() {
            return;
        }
        let open = self.0.entry(tenant.clone()).or_default();
        let traced = records.iter().filter_map(|record| Some((record.offset, record.trace()?)));
        for (offset, parent) in traced.take(MAX_OPEN.saturating_sub(open.len())) {
            let mut span = Span::of(Some(parent), Step::Fold, tenant);
            span.set("log.offset", offset);
            open.insert(offset, span);
        }
    }

    /// The spans of what goes to that topic, one a record; none where nothing of it is traced.
    pub(crate) fn of(&self, tenant: &TenantId, kind: TopicKind, records: &[NewRecord]) -> Vec<Span> {
        let open = self.0.get(tenant).filter(|open| kind == TopicKind::Triggers && !open.is_empty());
        let Some(open) = open else { return Vec::new() };
        let span = |record: &NewRecord| trigger(tenant, open, &decode_outcome(&record.value).ok()?);
        records.iter().map(|record| span(record).unwrap_or_default()).collect()
    }

    /// Everything that came of the journal before that offset is acknowledged.
    pub(crate) fn done(&mut self, tenant: &TenantId, next_offset: u64) {
        if let Some(open) = self.0.get_mut(tenant) {
            *open = open.split_off(&next_offset);
        }
    }

    /// The tenant is another worker's.
    pub(crate) fn forget(&mut self, tenant: &TenantId) {
        self.0.remove(tenant);
    }
}

fn trigger(tenant: &TenantId, open: &BTreeMap<u64, Span>, outcome: &Outcome) -> Option<Span> {
    let Outcome::Fired(fired) = outcome else { return None };
    let parent = open.get(&fired.cause.offset.cast_unsigned())?.context();
    let mut span = Span::of(parent, Step::Trigger, tenant);
    span.set("trigger.id", fired.id);
    span.set("alert.kind", fired.kind.name());
    Some(span)
}

/// What is handed to the log along with the records.
pub(crate) fn contexts(spans: &[Span]) -> Vec<Option<Context>> {
    spans.iter().map(Span::context).collect()
}
