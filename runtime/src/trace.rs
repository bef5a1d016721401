//! One trace from a journal record to the row and the mail that came of it: spans of OpenTelemetry, whose context goes
//! along in the headers of records (W3C Trace Context) and which are sent to a collector by OTLP.
//!
//! Off unless `telemetry.traces` names a collector. Nothing that is computed depends on it: a header is no part of what a
//! record says, and a span that cannot be sent is dropped and counted. Who begins a trace decides whether it is recorded;
//! a record without context begins none downstream.

mod context;
mod exporter;
mod otlp;
mod span;

pub use context::{Context, HEADER};
pub use exporter::Exporter;
pub use span::{Span, Step, lines};

use std::sync::OnceLock;

use self::span::Tracer;

static TRACER: OnceLock<Tracer> = OnceLock::new();

/// Has this process record spans and send them to that exporter; false when it does already.
pub fn install(exporter: Exporter, share: crate::config::Share) -> bool {
    TRACER.set(Tracer::new(exporter, share)).is_ok()
}

/// Whether this process records spans.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Waits until what was recorded is sent, or for a few seconds.
pub fn flush() {
    if let Some(tracer) = TRACER.get() {
        tracer.flush();
    }
}
