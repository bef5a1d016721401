//! Spans: what one stage did for one thing, from when to when.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use bellwether_schemas::{TenantId, Timestamp};
use sha2::{Digest, Sha256};

use super::{Context, Exporter, TRACER};
use crate::clock::Clock;
use crate::config::Share;

/// What can be done for one thing; each is done by one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A record goes into the journal: from when its source said it to the log's acknowledgement.
    Publish,
    /// A journal record is folded, to the acknowledgement of the last that came of it.
    Fold,
    /// A trigger goes into the log.
    Trigger,
    /// A trigger becomes a row.
    WriteRow,
    /// A group of triggers becomes a mail in the outbox.
    ComposeMail,
    /// A mail is offered to its server, once.
    SendMail,
}

impl Step {
    /// The span's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Fold => "fold",
            Self::Trigger => "trigger",
            Self::WriteRow => "write row",
            Self::ComposeMail => "compose mail",
            Self::SendMail => "send mail",
        }
    }

    /// It comes to nothing as long as the log does not have what it wrote.
    const fn is_to_be_acknowledged(self) -> bool {
        matches!(self, Self::Publish | Self::Fold | Self::Trigger)
    }

    /// Its kind, as OpenTelemetry numbers them: 3 asks another system, 4 writes into the log, 5 reads from it.
    pub(super) const fn kind(self) -> u8 {
        match self {
            Self::SendMail => 3,
            Self::Publish | Self::Trigger => 4,
            Self::Fold | Self::WriteRow | Self::ComposeMail => 5,
        }
    }
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) step: Step,
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) begun: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) attributes: Vec<(&'static str, String)>,
    /// What went wrong, in a word of ours.
    pub(super) failed: Option<&'static str>,
}

/// A span under way, over when it is dropped; or none, which costs nothing and does nothing.
#[derive(Debug, Default)]
#[must_use = "a span is over when it is dropped"]
pub struct Span(Option<Box<Ended>>);

impl Span {
    /// Begins a trace, where this process records any and this is one of its share.
    pub fn root(step: Step, tenant: &TenantId) -> Self {
        TRACER.get().map_or_else(Self::default, |tracer| tracer.root(step, tenant))
    }

    /// Goes on with a trace, where there is one and this process records spans.
    pub fn of(parent: Option<Context>, step: Step, tenant: &TenantId) -> Self {
        match (parent, TRACER.get()) {
            (Some(parent), Some(tracer)) => tracer.child(parent, step, tenant),
            _ => Self::default(),
        }
    }

    /// What goes along with what comes of it.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|span| span.context)
    }

    /// Says something of it: never an address, a token or a body.
    pub fn set(&mut self, name: &'static str, value: impl ToString) {
        if let Some(span) = &mut self.0 {
            span.attributes.push((name, value.to_string()));
        }
    }

    /// The log has what it wrote. One that is over before has failed.
    pub fn acknowledged(&mut self) {
        if let Some(span) = &mut self.0 {
            span.failed = None;
        }
    }

    /// It came to nothing; why, in a word of ours.
    pub fn failed(&mut self, why: &'static str) {
        if let Some(span) = &mut self.0 {
            span.failed = Some(why);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let (Some(mut span), Some(tracer)) = (self.0.take(), TRACER.get()) {
            span.ended = tracer.clock.now().max(span.begun);
            tracer.exporter.take(*span);
        }
    }
}

/// What has log lines within it carry the trace's id; none without one.
#[must_use]
pub fn lines(context: Option<Context>) -> tracing::Span {
    match context.filter(|_| super::is_on()) {
        Some(context) => tracing::error_span!("traced", trace.id = context.trace_id()),
        None => tracing::Span::none(),
    }
}

/// What a process records spans with.
pub(super) struct Tracer {
    exporter: Exporter,
    share: Share,
    clock: Clock,
    /// Differs from process to process.
    seed: [u64; 2],
    numbers: AtomicU64,
}

impl Tracer {
    pub(super) fn new(exporter: Exporter, share: Share) -> Self {
        // The system's randomness, by the one door that the standard library has to it.
        let seed = [RandomState::new().hash_one(0), RandomState::new().hash_one(1)];
        Self { exporter, share, clock: Clock::system(), seed, numbers: AtomicU64::new(0) }
    }

    pub(super) fn flush(&self) {
        self.exporter.flush();
    }

    fn root(&self, step: Step, tenant: &TenantId) -> Span {
        let (trace, span) = self.ids();
        if !self.share.holds((trace >> 64) as u64) {
            return Span::default();
        }
        self.begin(Context::new(trace, span), None, step, tenant)
    }

    fn child(&self, parent: Context, step: Step, tenant: &TenantId) -> Span {
        let context = Context::new(parent.trace(), self.ids().1);
        self.begin(context, Some(parent.span()), step, tenant)
    }

    fn begin(&self, context: Context, parent: Option<u64>, step: Step, tenant: &TenantId) -> Span {
        let (begun, attributes) = (self.clock.now(), vec![("tenant.id", tenant.to_string())]);
        let failed = step.is_to_be_acknowledged().then_some("not acknowledged");
        Span(Some(Box::new(Ended { step, context, parent, begun, ended: begun, attributes, failed })))
    }

    /// A trace's id and a span's that nobody else has; neither is 0.
    fn ids(&self) -> (u128, u64) {
        let mut hash = Sha256::new();
        for number in [self.seed[0], self.seed[1], self.numbers.fetch_add(1, Ordering::Relaxed)] {
            hash.update(number.to_le_bytes());
        }
        let hash = hash.finalize();
        let word = |at: usize| hash[at..at + 8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let trace = u128::from(word(0)) << 64 | u128::from(word(8)) | 1;
        (trace, word(16) | 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn tracer(share: &str) -> Tracer {
        Tracer::new(Exporter::nowhere(), share.parse().unwrap())
    }

    #[test]
    fn a_process_that_records_nothing_begins_nothing_and_writes_no_header() {
        let parent: Context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let tenant: TenantId = "fxlabs".parse().unwrap();
        assert_eq!(Span::root(Step::Publish, &tenant).context(), None);
        assert_eq!(Span::of(Some(parent), Step::Fold, &tenant).context(), None);
        assert!(lines(Some(parent)).is_none());
    }

    #[test]
    fn a_span_goes_on_with_its_parents_trace_under_an_id_of_its_own() {
        let (tracer, tenant) = (tracer("100%"), "fxlabs".parse().unwrap());
        let root = tracer.root(Step::Publish, &tenant);
        let child = tracer.child(root.context().unwrap(), Step::Fold, &tenant);
        let (root, child) = (root.0.as_ref().unwrap(), child.0.as_ref().unwrap());
        assert_eq!(child.context.trace(), root.context.trace());
        assert_eq!((root.parent, child.parent), (None, Some(root.context.span())));
        assert_ne!(child.context.span(), root.context.span());
        let ids: BTreeSet<u128> = (0..1_000).map(|_| tracer.ids().0).collect();
        assert_eq!(ids.len(), 1_000, "no id is given twice");
    }

    #[test]
    fn what_goes_into_the_log_has_failed_until_it_is_acknowledged() {
        let (tracer, tenant) = (tracer("100%"), "fxlabs".parse().unwrap());
        let parent = tracer.root(Step::Publish, &tenant).context().unwrap();
        for (step, failed) in [
            (Step::Publish, Some("not acknowledged")),
            (Step::Fold, Some("not acknowledged")),
            (Step::Trigger, Some("not acknowledged")),
            (Step::WriteRow, None),
        ] {
            let mut span = tracer.child(parent, step, &tenant);
            assert_eq!(span.0.as_ref().unwrap().failed, failed, "{step:?}");
            span.acknowledged();
            assert_eq!(span.0.as_ref().unwrap().failed, None, "{step:?}");
        }
    }

    #[test]
    fn a_share_of_traces_is_recorded() {
        let tenant = "fxlabs".parse().unwrap();
        let recorded = |share: &str| {
            let tracer = tracer(share);
            (0..4_000).filter(|_| tracer.root(Step::Publish, &tenant).context().is_some()).count()
        };
        assert_eq!((recorded("0%"), recorded("100%")), (0, 4_000));
        let quarter = recorded("25%");
        assert!((700..1_300).contains(&quarter), "{quarter} of 4,000");
    }
}
