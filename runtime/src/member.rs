//! A member of a group that reads one topic of each tenant: the loop that all such members go round.

use std::time::Duration;

use bellwether_schemas::{Topic, TopicKind};

use crate::config::Tenant;
use crate::log::{Assignments, Consumer, LogError, Polled, Record, Result};
use crate::roles::{Context, Group, TenantSet};
use crate::shutdown::Shutdown;

/// What a member does with what comes. It is told of what it was given inside `poll`, on the thread that calls the others.
pub trait Member: Assignments + Clone + 'static {
    /// How long records may be waited for.
    fn wait(&self) -> Duration;

    /// Records of a topic that it was given, in order.
    ///
    /// # Errors
    /// The log cannot be used any more, for all tenants.
    fn records(&self, topic: Topic, records: Vec<Record>, consumer: &mut dyn Consumer) -> Result<()>;

    /// A topic cannot be read on.
    ///
    /// # Errors
    /// As [`Self::records`].
    fn failed(&self, topic: Topic, error: LogError, consumer: &mut dyn Consumer) -> Result<()>;

    /// After each poll, whatever it brought.
    ///
    /// # Errors
    /// As [`Self::records`].
    fn turned(&self, consumer: &mut dyn Consumer) -> Result<()>;

    /// It goes round no more, on an error where there was one. What it was given is still its own.
    fn ends(&self, error: Option<&LogError>);
}

/// Reads for the group until shutdown, or until the log cannot be used any more. Blocks: give it a thread of its own.
///
/// # Errors
/// The log cannot be used any more; another start goes on from what was committed.
pub fn go_round<M: Member>(member: &M, group: Group, context: Context) -> Result<()> {
    let Context { log, mut tenants, shutdown, .. } = context;
    let topics = topics(group.reads, &tenants.borrow_and_update());
    let mut consumer = log.consumer(group.name, &topics, Box::new(member.clone()))?;
    let gone_round = turn_until(member, group.reads, consumer.as_mut(), &mut tenants, &shutdown);
    member.ends(gone_round.as_ref().err());
    gone_round?;
    consumer.close()
}

fn topics(kind: TopicKind, tenants: &[Tenant]) -> Vec<Topic> {
    tenants.iter().map(|tenant| Topic::new(&tenant.id, kind)).collect()
}

fn turn_until<M: Member>(
    member: &M,
    kind: TopicKind,
    consumer: &mut dyn Consumer,
    tenants: &mut TenantSet,
    shutdown: &Shutdown,
) -> Result<()> {
    while !shutdown.is_raised() {
        if tenants.has_changed().unwrap_or(false) {
            consumer.subscribe(&topics(kind, &tenants.borrow_and_update()))?;
        }
        match consumer.poll(member.wait())? {
            Polled::Records(topic, records) => member.records(topic, records, consumer)?,
            Polled::Failed(topic, error) => member.failed(topic, error, consumer)?,
            Polled::Nothing => {}
        }
        member.turned(consumer)?;
    }
    Ok(())
}
