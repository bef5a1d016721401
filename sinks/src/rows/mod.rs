//! Triggers into rows: each tenant's own task, its own database, one transaction a batch. And beside the status of an alert,
//! what would have come of it ([`previews`]).

pub mod core;
mod events;
pub mod piece;
pub(crate) mod plan;
mod previews;
mod redrive;
#[cfg(test)]
pub(crate) mod simulation;
#[cfg(test)]
mod tests;
mod writer;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::Log;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::ROWS;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::trace::lines;
use bellwether_schemas::codec::encode_outcome;
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::{Topic, TopicKind};
use tracing::Instrument as _;

pub use self::plan::{Plan, plan};
pub use self::redrive::Redrive;
pub use self::writer::{Receipt, Writer, Wrote};

use self::core::{Core, FailureClass, Input, Output, WriteFailure};
use self::events::{RowsRetired, RowsRetried, RowsWritten, TenantParked, TenantResumed, UserGone};
use self::piece::Piece;
use crate::error::SinkError;
use crate::events::{DeadLettered, TopicUnknown};
use crate::feed::{Context, Lane, Recognition, Task, append_dead_letter, run as feed};

/// The sink's name: its group in the log and its cursor in the database.
pub const SINK: &str = ROWS.short_name();

/// Between two looks for rows that are kept no longer.
const RETIRE_EVERY: Duration = Duration::from_hours(1);
/// Between two times that a tenant with nothing to write is told to go on.
const TELL_IDLE: Duration = Duration::from_secs(15);
/// Where one look found as much as it may remove, until the next.
const RETIRE_ON: Duration = Duration::from_secs(5);

/// Writes every tenant's triggers into its database until shutdown.
///
/// # Errors
/// The log cannot be read on. A tenant's database out of reach is no error: that tenant waits.
pub async fn run(context: Context) -> Result<(), SinkError> {
    let Context { log, clock, shutdown, incidents, progress, .. } = context.clone();
    let task = move |lane: Lane| {
        let core = Core::new(seed(&lane));
        let (log, clock, shutdown) = (log.clone(), clock.clone(), shutdown.clone());
        let (incidents, progress) = (incidents.clone(), progress.clone());
        let (writer, recognition) = (Writer::default(), Recognition::new(log.clone(), lane.tenant_id()));
        let retirement = tokio::time::interval(RETIRE_EVERY);
        let idle = tokio::time::interval(TELL_IDLE);
        Shell {
            core,
            lane,
            writer,
            recognition,
            log,
            clock,
            shutdown,
            incidents,
            progress,
            retirement,
            idle,
            failing: false,
            standing: false,
            refilled_at: None,
        }
    };
    let run = move |lane| -> Task {
        let task = task.clone();
        // Made in it, on the runtime whose timers it uses.
        Box::pin(async move { task(lane).run().await })
    };
    tokio::try_join!(feed(context.clone(), SINK, run), previews::run(context)).map(drop)
}

/// Tenants retry apart from each other.
fn seed(lane: &Lane) -> u64 {
    let mut hasher = DefaultHasher::new();
    lane.tenant_id().hash(&mut hasher);
    hasher.finish()
}

/// Performs what the core decides.
struct Shell {
    core: Core,
    lane: Lane,
    writer: Writer,
    recognition: Recognition,
    log: Arc<dyn Log>,
    clock: Clock,
    shutdown: Shutdown,
    incidents: Incidents,
    progress: Progress,
    /// When to say that there is nothing to do.
    idle: tokio::time::Interval,
    /// When to look for rows that are kept no longer; first at once.
    retirement: tokio::time::Interval,
    /// The last write failed: that it does was said.
    failing: bool,
    /// The database was filled from another topic: that it was is said.
    standing: bool,
    /// The database was found behind: from this offset on it is what it was.
    refilled_at: Option<u64>,
}

impl Shell {
    async fn run(mut self) {
        let mut next = self.receive().await;
        let mut outputs = Vec::new();
        while let Some(input) = next.take() {
            self.core.step(self.clock.now(), input, &mut outputs);
            for output in outputs.drain(..) {
                next = self.perform(output).await;
            }
        }
        self.progress.left(self.lane.tenant_id(), SINK);
    }

    /// None where it brings no input, or where there is nothing left to do.
    async fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Receive => self.receive().await,
            Output::Write => {
                let traced = lines(self.core.piece().and_then(Piece::trace));
                Some(self.write().instrument(traced).await)
            }
            Output::Keep(failure) => {
                let traced = lines(self.core.piece().and_then(Piece::trace));
                Some(Input::Kept(self.keep(&failure).instrument(traced).await))
            }
            Output::Wait(time) => self.wait(time).await,
            other => {
                self.tell(other);
                None
            }
        }
    }

    /// A database that the tenant's file says something new of is tried at once.
    async fn wait(&self, time: Duration) -> Option<Input> {
        let said = self.lane.tenant().database;
        let tried = self.writer.tried().unwrap_or(&said);
        let stop = tokio::select! {
            stop = self.shutdown.sleep(time) => stop,
            () = self.lane.moves_from(tried) => false,
        };
        (!stop && !self.lane.is_closed()).then_some(Input::Woke)
    }

    fn tell(&self, output: Output) {
        let tenant = self.lane.tenant_id();
        match output {
            Output::Commit(next_offset) => self.lane.done(next_offset),
            Output::Rewind(offset) => self.lane.rewind(offset),
            Output::Parked(failure) => {
                TenantParked { sink: SINK, tenant, failure: &failure }.emit();
                self.progress.parked(tenant, SINK);
                let WriteFailure { code, message, .. } = failure;
                self.incidents.begin(IncidentKind::Parked, tenant, format_args!("{code}: {message}"));
            }
            Output::Resumed => TenantResumed { sink: SINK, tenant }.emit(),
            Output::Dropped(records) => UserGone { tenant, records: records as u64 }.emit(),
            Output::Receive | Output::Write | Output::Keep(_) | Output::Wait(_) => {}
        }
    }

    async fn receive(&mut self) -> Option<Input> {
        loop {
            tokio::select! {
                batch = self.lane.next() => {
                    batch.iter().for_each(|batch| self.recognition.read(batch));
                    return batch.map(Input::Batch);
                }
                _ = self.retirement.tick() => self.retire().await,
                _ = self.idle.tick() => self.look_on().await,
            }
        }
    }

    /// A tenant without triggers is compared with its topic, too, when it is taken up.
    async fn look_on(&mut self) {
        let tenant = self.lane.tenant();
        if self.recognition.is_new() {
            let _ = self.recognise(&tenant).await;
        }
        if self.standing {
            self.progress.parked(&tenant.id, SINK);
        } else {
            self.progress.moved(&tenant.id, SINK);
        }
    }

    /// # Errors
    /// The topic is not known again.
    async fn recognise(&mut self, tenant: &Tenant) -> Result<(), WriteFailure> {
        if !self.writer.is_connected(tenant) {
            self.recognition.forget();
        }
        if !self.recognition.is_due() {
            return Ok(());
        }
        let reached = self.writer.reached(tenant).await?;
        match self.recognition.compare(reached).await {
            Ok(None) => {
                self.standing = false;
                self.incidents.end(IncidentKind::OtherTopic, &tenant.id);
                Ok(())
            }
            Ok(Some(other)) => {
                self.incidents.begin(IncidentKind::OtherTopic, &tenant.id, &other);
                if !std::mem::replace(&mut self.standing, true) {
                    TopicUnknown { sink: SINK, tenant: &tenant.id, other: &other }.emit();
                }
                self.progress.parked(&tenant.id, SINK);
                Err(WriteFailure::of_log(FailureClass::OtherTopic, &other))
            }
            Err(error) => Err(WriteFailure::of_log(FailureClass::Transient, &error)),
        }
    }

    async fn retire(&mut self) {
        let tenant = self.lane.tenant();
        let done = self.writer.retire(&tenant).await;
        RowsRetired { tenant: &tenant.id, done: &done }.emit();
        if done.is_ok_and(|tables| tables.iter().any(|table| table.is_full())) {
            self.retirement.reset_after(RETIRE_ON);
        }
    }

    async fn write(&mut self) -> Input {
        let tenant = self.lane.tenant();
        if let Err(failure) = self.recognise(&tenant).await {
            return self.failed(failure);
        }
        let Some(piece) = self.core.piece() else { return Input::Written };
        let mut spans = piece.spans(&tenant.id);
        let wrote = self.writer.write(&tenant, piece).await;
        if !matches!(wrote, Ok(Wrote::Piece(_))) {
            spans.iter_mut().for_each(|span| span.failed("not written"));
        }
        drop(spans);
        match wrote {
            Ok(Wrote::Piece(receipt)) => {
                self.failing = false;
                RowsWritten { tenant: &tenant.id, receipt: &receipt, piece, now: self.clock.now() }.emit();
                self.progress.moved(&tenant.id, SINK);
                self.incidents.end(IncidentKind::Parked, &tenant.id);
                if self.refilled_at.is_none_or(|offset| offset <= piece.next_offset) {
                    self.refilled_at = None;
                    self.incidents.end(IncidentKind::Restored, &tenant.id);
                }
                Input::Written
            }
            Ok(Wrote::Behind(offset)) => {
                self.refilled_at = self.refilled_at.max(Some(piece.from));
                let from = piece.from;
                let text =
                    format_args!("it stands at offset {offset} of its triggers, not at {from} as before");
                self.incidents.begin(IncidentKind::Restored, &tenant.id, text);
                Input::Behind(offset)
            }
            Err(failure) => self.failed(failure),
        }
    }

    fn failed(&mut self, failure: WriteFailure) -> Input {
        if matches!(failure.class, FailureClass::Transient | FailureClass::Denied) {
            let first = !std::mem::replace(&mut self.failing, true);
            RowsRetried { tenant: self.lane.tenant_id(), failure: &failure, first }.emit();
        }
        Input::Failed(failure)
    }

    /// True once the dead letter is acknowledged.
    async fn keep(&self, failure: &WriteFailure) -> bool {
        let Some(record) = self.core.piece().and_then(|piece| piece.records.first()) else { return true };
        let tenant = self.lane.tenant_id();
        let detail = format!("{}: {}", failure.code, failure.message);
        let topic = Topic::new(tenant, TopicKind::Triggers);
        let (key, original) = (record.outcome.key(), encode_outcome(&record.outcome).unwrap_or_default());
        let letter = DeadLetter::new(&topic, record.offset, "row_refused", detail.clone());
        let letter = letter.with_record(key.as_bytes(), &[], &original);
        let kept = match append_dead_letter(&*self.log, &letter) {
            Ok(ack) => ack.answer().await.is_ok(),
            Err(_) => false,
        };
        if kept {
            let reason = &letter.reason;
            DeadLettered { sink: SINK, tenant, offset: record.offset, reason, detail: &detail }.emit();
        }
        kept
    }
}
