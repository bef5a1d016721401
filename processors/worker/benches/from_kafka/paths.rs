//! The ways through, each in a process of its own, so that its CPU time is its own.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Ack, Assignments, Consumer, Log, Polled, Record, Start, open};
use bellwether_schemas::triggers::Outcome as Found;
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};
use bellwether_worker::core::{AppendId, Core, Input, Output, Recovered};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::Outcome;

const WAIT: Duration = Duration::from_millis(100);

/// How far to go with the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// rdkafka's consumer alone; every record is dropped.
    BaseConsumer,
    /// A member of a group as every role has it; every record is dropped.
    Consumer,
    /// As above, and decoded.
    Decoded,
    /// As above, and folded by an engine without readings: the job and its triggers.
    Triggers,
    /// Folded by an engine that says all its readings, which are dropped.
    Readings,
    /// The worker: readings and triggers encoded, appended, acknowledged.
    Worker,
}

impl Path {
    pub(crate) const ALL: [Self; 6] =
        [Self::BaseConsumer, Self::Consumer, Self::Decoded, Self::Triggers, Self::Readings, Self::Worker];

    pub(crate) const fn looks_for_triggers(self) -> bool {
        matches!(self, Self::Triggers | Self::Readings | Self::Worker)
    }

    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    /// Reads that many records of the tenant's journal; the triggers found, where it looks for any.
    pub(crate) fn run(self, url: &str, tenant: &TenantId, records: u64) -> Outcome<Vec<Uuid>> {
        let mut found = Vec::new();
        match self {
            Self::BaseConsumer => bare(url, tenant, records)?,
            Self::Consumer => consumed(url, tenant, records, |records| drop(black_box(records)))?,
            Self::Decoded => consumed(url, tenant, records, |records| {
                records.iter().for_each(|record| drop(black_box(record.entry(tenant))));
            })?,
            Self::Triggers => {
                folded(Engine::new(tenant.clone()).without_readings(), url, tenant, records, &mut found)?
            }
            Self::Readings => folded(Engine::new(tenant.clone()), url, tenant, records, &mut found)?,
            Self::Worker => worked(url, tenant, records, &mut found)?,
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// With the settings of our own consumers.
fn bare(url: &str, tenant: &TenantId, records: u64) -> Outcome<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", url.trim_start_matches("kafka://"))
        .set("group.id", "discard")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384")
        .create()?;
    let mut start = TopicPartitionList::new();
    let topic = Topic::new(tenant, TopicKind::Journal).to_string();
    start.add_partition_offset(&topic, 0, Offset::Offset(0))?;
    consumer.assign(&start)?;
    let mut read = 0;
    while read < records {
        if let Some(message) = consumer.poll(WAIT) {
            black_box(message?.payload());
            read += 1;
        }
    }
    crate::cpu::report()
}

/// Hands over what each poll brings until the offset `records` was reached.
fn consumed(url: &str, tenant: &TenantId, records: u64, mut take: impl FnMut(Vec<Record>)) -> Outcome<()> {
    let log = open(url, Access::Write, Clock::system())?;
    let mut consumer = member(&log, tenant, "take")?;
    let mut next = 0;
    while next < records {
        if let Polled::Records(_, mut batch) = consumer.poll(WAIT)? {
            batch.truncate(usize::try_from(records - next)?);
            next += batch.len() as u64;
            take(batch);
        }
    }
    crate::cpu::report()
}

fn member(log: &Arc<dyn Log>, tenant: &TenantId, what: &str) -> Outcome<Box<dyn Consumer>> {
    let group = format!("bench-{what}-{}", std::process::id());
    Ok(log.consumer(&group, &[Topic::new(tenant, TopicKind::Journal)], Box::new(FromStart))?)
}

struct FromStart;

impl Assignments for FromStart {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::At(0)
    }

    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

fn folded(
    mut engine: Engine,
    url: &str,
    tenant: &TenantId,
    records: u64,
    found: &mut Vec<Uuid>,
) -> Outcome<()> {
    let mut effects = Vec::new();
    consumed(url, tenant, records, |records| {
        for record in records {
            let Ok(entry) = record.entry(tenant) else { continue };
            engine.apply(record.offset, &entry, &mut effects);
            for effect in effects.drain(..) {
                if let Effect::Outcome(Found::Fired(trigger)) = effect {
                    found.push(trigger.id.0);
                }
            }
        }
    })
}

/// The worker's core on a loop like its driver's; its end is that of the last acknowledgement.
fn worked(url: &str, tenant: &TenantId, records: u64, found: &mut Vec<Uuid>) -> Outcome<()> {
    let log = open(url, Access::Write, Clock::system())?;
    let mut consumer = member(&log, tenant, "worker")?;
    let mut core = Core::new();
    let mut outputs = Vec::new();
    core.step(Input::Assigned(tenant.clone()), &mut outputs);
    if let Some(Output::Recover(tenant, id, _)) = outputs.pop() {
        // Its member reads from the journal's start already.
        core.step(Input::Recovered(tenant.clone(), id, Ok(Recovered::default())), &mut outputs);
        // Its word is not put into the log, and taken for there.
        core.step(Input::Acknowledged(tenant, 1), &mut outputs);
        outputs.clear();
    }
    let mut acks: VecDeque<(AppendId, Ack)> = VecDeque::new();
    let mut next = 0;
    while next < records || !acks.is_empty() {
        let wait = if acks.is_empty() { WAIT } else { Duration::from_millis(1) };
        match consumer.poll(wait)? {
            Polled::Records(_, mut batch) if next < records => {
                batch.truncate(usize::try_from(records - next)?);
                next += batch.len() as u64;
                core.step(Input::Records(tenant.clone(), batch), &mut outputs);
            }
            _ => {}
        }
        while let Some(answer) = acks.front_mut().and_then(|(_, ack)| ack.poll()) {
            answer?;
            let Some((id, _)) = acks.pop_front() else { break };
            core.step(Input::Acknowledged(tenant.clone(), id), &mut outputs);
        }
        for output in outputs.drain(..) {
            match output {
                Output::Append(tenant, id, kind, records) => {
                    if kind == TopicKind::Triggers {
                        found.extend(records.iter().filter_map(|record| trigger(&record.value)));
                    }
                    acks.push_back((id, log.append(&Topic::new(&tenant, kind), records)));
                }
                Output::Commit(tenant, next) => {
                    consumer.commit(&Topic::new(&tenant, TopicKind::Journal), next)?;
                }
                Output::Pause(tenant) => consumer.pause(&Topic::new(&tenant, TopicKind::Journal)),
                Output::Resume(tenant) => consumer.resume(&Topic::new(&tenant, TopicKind::Journal)),
                Output::Halt(_, reason) => return Err(reason.into()),
                // It is told no time, so it takes no snapshot.
                Output::Recover(..) | Output::ReadFrom(..) | Output::Store(..) | Output::Look(..) => {}
            }
        }
    }
    crate::cpu::report()
}

fn trigger(value: &[u8]) -> Option<Uuid> {
    match codec::decode_outcome(value) {
        Ok(Found::Fired(trigger)) => Some(trigger.id.0),
        _ => None,
    }
}
