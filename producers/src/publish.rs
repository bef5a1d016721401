//! Records into the journal: none lost, none out of order, however often the log is out of reach.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::{Ack, Log, LogError, NewRecord, blocking};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::trace::{Context, Span, Step};
use bellwether_schemas::codec::encode_entry;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::{Entry, Origin, TenantId, Topic, TopicKind};

use crate::error::ProducerError;
use crate::events::{AppendRecovered, AppendRetried, Encoded};
use crate::output::Output;
use crate::silence::Silence;

/// Most records that wait behind the append under way; the source waits beyond that.
const MAX_QUEUED: usize = 256;
/// Most records, and about how many bytes, of one append.
const MAX_BATCH: usize = 128;
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// First and longest pause between attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How many more attempts an append out of reach has once a stop was asked for.
const LAST_ATTEMPTS: u32 = 3;
/// How long an answer is waited for once a stop was asked for.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// Who a producer is in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The source's name, which journal records carry.
    pub source: String,
    /// One run of it: `source_seq` rises within. It outlives connections.
    pub session: String,
    /// Its clock is played: event times may lie anywhere, also ahead of the wall's.
    pub played: bool,
}

impl Identity {
    /// A source that plays the past or a market of its own making.
    #[must_use]
    pub fn played(source: &str, session: &str) -> Self {
        Self { source: source.into(), session: session.into(), played: true }
    }

    /// A source that says what happens now.
    #[must_use]
    pub fn live(source: &str, session: &str) -> Self {
        Self { played: false, ..Self::played(source, session) }
    }
}

/// What the progress of everything that is produced for a tenant is called.
pub const PART: &str = "produce";

/// Appends to one tenant's journal, in order. Exactly one append is under way at a time, and what comes in the
/// meantime goes together into the next: with two, a failed first would come to stand behind the second.
pub struct Publisher {
    log: Arc<dyn Log>,
    clock: Clock,
    shutdown: Shutdown,
    progress: Progress,
    incidents: Incidents,
    topic: Topic,
    identity: Identity,
    silence: Silence,
    queued: VecDeque<Traced>,
    under_way: Option<(Append, Ack)>,
}

/// A record, and the trace that begins with it.
struct Traced {
    record: NewRecord,
    span: Span,
}

/// Records that go together, as often as it takes; their spans are over with it.
#[derive(Default)]
struct Append {
    records: Vec<NewRecord>,
    spans: Vec<Span>,
}

impl Append {
    /// The log has them.
    fn acknowledged(mut self) {
        self.spans.iter_mut().for_each(Span::acknowledged);
    }

    fn to(&self, log: &dyn Log, topic: &Topic) -> Ack {
        let traces: Vec<Option<Context>> = self.spans.iter().map(Span::context).collect();
        log.append_traced(topic, self.records.clone(), &traces)
    }
}

impl Publisher {
    /// Publishes into the tenant's journal as this source.
    #[must_use]
    pub fn new(ctx: &crate::run::ProducerContext, tenant: &TenantId, identity: Identity) -> Self {
        Self {
            log: Arc::clone(&ctx.log),
            clock: ctx.clock.clone(),
            shutdown: ctx.shutdown.clone(),
            progress: ctx.progress.clone(),
            incidents: ctx.incidents.clone(),
            topic: Topic::new(tenant, TopicKind::Journal),
            silence: Silence::of(
                tenant,
                &identity.source,
                ctx.settings.clone(),
                (!identity.played).then(|| ctx.incidents.clone()),
            ),
            identity,
            queued: VecDeque::with_capacity(MAX_QUEUED),
            under_way: None,
        }
    }

    /// Who says it, now.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            tenant: self.topic.tenant.clone(),
            source: self.identity.source.clone(),
            session: self.identity.session.clone(),
            played: self.identity.played,
            appended_at: self.clock.now(),
        }
    }

    /// Takes a record; waits while too many are on their way.
    ///
    /// # Errors
    /// The log cannot be written any more, or is still out of reach after a stop was asked for.
    pub async fn publish(&mut self, entry: &Entry) -> Result<(), ProducerError> {
        let key = self.topic.tenant.as_str().as_bytes().to_vec();
        let record = NewRecord { key, value: encode_entry(entry)? };
        let mut span = Span::root(Step::Publish, &self.topic.tenant);
        span.set("bellwether.source", &self.identity.source);
        self.queued.push_back(Traced { record, span });
        Encoded { entry }.emit();
        self.silence.note(entry);
        if self.under_way.is_none() {
            self.begin();
        }
        while self.queued.len() >= MAX_QUEUED {
            self.settle().await?;
        }
        Ok(())
    }

    /// As [`Self::publish`], of what a source says. `names` are the source's symbols, by their place.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_output(&mut self, output: Output, names: &[String]) -> Result<(), ProducerError> {
        let origin = self.origin();
        let entry = match output {
            Output::Heartbeat(ts) => Entry::Heartbeat(Heartbeat { origin, ts }),
            Output::Ticks(block, ingested_at) => Entry::Ticks(TickBlock {
                origin,
                ingested_at,
                first_seq: Some(block.first_seq),
                symbols: block.dictionary(names),
                ticks: block.ticks,
                volumes: Vec::new(),
            }),
        };
        self.publish(&entry).await
    }

    /// Waits until everything taken is acknowledged.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn drain(&mut self) -> Result<(), ProducerError> {
        while self.under_way.is_some() || !self.queued.is_empty() {
            self.settle().await?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        let mut batch = Append::default();
        let mut bytes = 0;
        while let Some(Traced { record, span }) = self.queued.pop_front() {
            bytes += record.value.len();
            batch.records.push(record);
            batch.spans.push(span);
            if batch.records.len() >= MAX_BATCH || bytes >= MAX_BATCH_BYTES {
                break;
            }
        }
        if !batch.records.is_empty() {
            let ack = batch.to(&*self.log, &self.topic);
            reach(CrashPoint::ProducerSent);
            self.under_way = Some((batch, ack));
        }
    }

    /// Waits for the append under way, trying it again while the log is out of reach, and begins the next.
    async fn settle(&mut self) -> Result<(), ProducerError> {
        let (mut pause, mut left, mut failed) = (BACKOFF.0, LAST_ATTEMPTS, false);
        while let Some((batch, ack)) = self.under_way.take() {
            match self.answer(ack).await {
                Some(Ok(_)) => {
                    batch.acknowledged();
                    if failed {
                        AppendRecovered { tenant: &self.topic.tenant }.emit();
                    }
                    break;
                }
                None => return Err(self.unanswered().await.into()),
                Some(Err(error @ LogError::Unavailable { .. })) if left > 0 => {
                    let first = !std::mem::replace(&mut failed, true);
                    AppendRetried { tenant: &self.topic.tenant, error: &error, first }.emit();
                    left -= u32::from(self.shutdown.is_raised());
                    self.pause(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    let ack = batch.to(&*self.log, &self.topic);
                    self.under_way = Some((batch, ack));
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        self.progress.moved(&self.topic.tenant, PART);
        self.incidents.end(IncidentKind::RefusedTopic, &self.topic.tenant);
        reach(CrashPoint::ProducerAnswered);
        self.begin();
        Ok(())
    }

    /// None when a stop was asked for and the answer does not come: brokers may hold what they were given for long.
    async fn answer(&self, ack: Ack) -> Option<Result<u64, LogError>> {
        let given_up = async {
            self.shutdown.raised().await;
            tokio::time::sleep(LAST_ANSWER).await;
        };
        tokio::select! {
            answer = ack.answer() => Some(answer),
            () = given_up => None,
        }
    }

    /// Why there is no answer: brokers give none where the topic was deleted with records on their way to it.
    async fn unanswered(&self) -> LogError {
        let log = Arc::clone(&self.log);
        match blocking(move || log.topics()).await {
            Ok(Ok(there)) if !there.contains(&self.topic) => {
                LogError::UnknownTopic { topic: self.topic.to_string() }
            }
            _ => {
                let reason = format!("no answer within {LAST_ANSWER:?} after a stop was asked for");
                LogError::Unavailable { reason }
            }
        }
    }

    /// A raised stop shortens the pause, so that the last attempts come soon, but does not make it none.
    async fn pause(&self, pause: Duration) {
        if self.shutdown.is_raised() {
            tokio::time::sleep(pause.min(BACKOFF.0 * 4)).await;
        } else {
            self.shutdown.sleep(pause).await;
        }
    }
}
