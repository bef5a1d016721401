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

/// Most records of a tenant whose spans are kept until they are done with. For those over it none is begun, and what comes of
/// them goes on with nobody's trace.
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
            let still = open.split_off(&next_offset);
            std::mem::replace(open, still).values_mut().for_each(Span::acknowledged);
        }
    }

    /// The tenant is another worker's, or folded anew: what is open was not acknowledged.
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

#[cfg(test)]
mod tests {
    use bellwether_runtime::trace::Exporter;
    use bellwether_schemas::Timestamp;

    use super::*;

    fn records(count: u64) -> Vec<Record> {
        let trace: Context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let record = |offset| Record {
            offset,
            appended_at: Timestamp(0),
            key: Vec::new(),
            headers: vec![trace.header()],
            value: Vec::new(),
        };
        (0..count).map(record).collect()
    }

    #[test]
    fn a_tenant_whose_records_are_not_done_keeps_no_more_spans_than_may_be_open() {
        // Nobody listens there: what is recorded is dropped.
        trace::install(Exporter::to("http://127.0.0.1:9".parse().unwrap()).unwrap(), "100%".parse().unwrap());
        let (mut traces, tenant) = (Traces::default(), "fxlabs".parse().unwrap());
        let open = |traces: &Traces| traces.0.get(&tenant).map_or(0, BTreeMap::len);
        traces.begin(&tenant, &records(5_000));
        assert_eq!(open(&traces), MAX_OPEN);
        traces.done(&tenant, 1_000);
        assert_eq!(open(&traces), MAX_OPEN - 1_000);
        traces.begin(&tenant, &records(10));
        assert_eq!(open(&traces), MAX_OPEN - 990, "there is room again");
        traces.forget(&tenant);
        assert_eq!(open(&traces), 0);
    }
}
