//! What a producer does: one struct an occurrence, logged and counted in its one `emit`.

use std::fmt::Display;
use std::path::Path;

use bellwether_runtime::log::LogError;
use bellwether_runtime::metric_names::{
    PRODUCER_APPEND_RETRIES, PRODUCER_EVENT_TIME, PRODUCER_RECORDS, PRODUCER_TICKS,
    PRODUCER_UNREADABLE_LINES, SYMBOL_SILENT,
};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, gauge};

use crate::run::Ended;
use crate::sources::files::report::Notice;

/// A record was handed to the log.
pub(crate) struct Encoded<'a> {
    pub(crate) entry: &'a Entry,
}

impl Encoded<'_> {
    pub(crate) fn emit(self) {
        let origin = self.entry.origin();
        let (tenant, source) = (origin.tenant.to_string(), origin.source.clone());
        if let Entry::Ticks(block) = self.entry {
            counter!(PRODUCER_TICKS, "tenant" => tenant.clone(), "source" => source.clone())
                .increment(block.ticks.len() as u64);
        }
        if let (true, Some(at)) = (self.is_of_a_market(), self.entry.event_time()) {
            gauge!(PRODUCER_EVENT_TIME, "tenant" => tenant.clone(), "source" => source.clone())
                .set(at.0 as f64 / 1e6);
        }
        let kind = self.entry.name();
        counter!(PRODUCER_RECORDS, "tenant" => tenant, "source" => source, "kind" => kind).increment(1);
    }
}

impl Encoded<'_> {
    /// Whoever writes it plays a clock, too.
    const fn is_of_a_market(&self) -> bool {
        matches!(self.entry, Entry::Ticks(_) | Entry::Heartbeat(_))
    }
}

/// A source's clock went on, and this is how long it has said nothing of a symbol whose market was open.
pub(crate) struct Silent<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) source: &'a str,
    pub(crate) symbol: &'a str,
    /// Microseconds.
    pub(crate) silent: i64,
}

impl Silent<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, source, symbol, silent } = self;
        gauge!(
            SYMBOL_SILENT, "tenant" => tenant.to_string(), "source" => source.to_owned(), "symbol" => symbol.to_owned()
        )
        .set(silent as f64 / 1e6);
    }
}

/// An append failed and is tried again. That is said once until one succeeds.
pub(crate) struct AppendRetried<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) error: &'a LogError,
    pub(crate) first: bool,
}

impl AppendRetried<'_> {
    pub(crate) fn emit(self) {
        counter!(PRODUCER_APPEND_RETRIES, "tenant" => self.tenant.to_string()).increment(1);
        if self.first {
            tracing::warn!(
                tenant.id = %self.tenant, error = %self.error,
                "append failed and is tried again until it succeeds"
            );
        } else {
            tracing::debug!(tenant.id = %self.tenant, error = %self.error, "append failed again");
        }
    }
}

/// An append succeeded after some that failed.
pub(crate) struct AppendRecovered<'a> {
    pub(crate) tenant: &'a TenantId,
}

impl AppendRecovered<'_> {
    pub(crate) fn emit(self) {
        tracing::info!(tenant.id = %self.tenant, "the log takes appends again");
    }
}

/// A source begins, or goes on where the journal stands.
pub(crate) struct Started<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) source: &'a str,
    pub(crate) session: &'a str,
    pub(crate) resumed: bool,
}

impl Started<'_> {
    pub(crate) fn emit(self) {
        tracing::info!(
            tenant.id = %self.tenant, source.name = self.source, source.session = self.session,
            resumed = self.resumed, "producing"
        );
    }
}

/// A source has nothing more to say.
pub(crate) struct Stopped<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) source: &'a str,
    pub(crate) ticks: u64,
    pub(crate) ended: Ended,
}

impl Stopped<'_> {
    pub(crate) fn emit(self) {
        tracing::info!(
            tenant.id = %self.tenant, source.name = self.source, ticks = self.ticks,
            "stopped producing: {}", self.ended
        );
    }
}

/// The past of a market stands in the journal.
pub(crate) struct HistoryWritten<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) bars: u64,
    pub(crate) end: Timestamp,
}

impl HistoryWritten<'_> {
    pub(crate) fn emit(self) {
        tracing::info!(tenant.id = %self.tenant, bars = self.bars, end = %self.end, "wrote history");
    }
}

/// A line of a file is no tick. The first of each file are shown.
pub(crate) struct UnreadableLine<'a> {
    pub(crate) file: &'a Path,
    pub(crate) line: u64,
    pub(crate) error: &'a dyn Display,
    pub(crate) shown: bool,
}

impl UnreadableLine<'_> {
    pub(crate) fn emit(self) {
        counter!(PRODUCER_UNREADABLE_LINES).increment(1);
        if self.shown {
            tracing::warn!(
                file.path = %self.file.display(), file.line = self.line, "line left out: {}", self.error
            );
        }
    }
}

/// Something strange about a file.
pub(crate) struct FileNotice<'a> {
    pub(crate) notice: &'a Notice,
}

impl FileNotice<'_> {
    pub(crate) fn emit(self) {
        let Notice { file, line, text } = self.notice;
        match line {
            Some(line) => tracing::warn!(file.path = %file.display(), file.line = line, "{text}"),
            None => tracing::warn!(file.path = %file.display(), "{text}"),
        }
    }
}

/// How many lines of a file were no ticks.
pub(crate) struct UnreadableLines<'a> {
    pub(crate) file: &'a Path,
    pub(crate) lines: u64,
}

impl UnreadableLines<'_> {
    pub(crate) fn emit(self) {
        tracing::warn!(file.path = %self.file.display(), file.lines = self.lines, "lines left out in all");
    }
}
