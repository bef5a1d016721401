//! Triggers from the log to each tenant's own task: the driver that every sink shares.
//!
//! One thread owns the consumer of the sink's group and is the one place that commits. Each tenant has a [`Lane`]: a
//! bounded channel of [`Batch`]es one way, how far it is done the other way. A full lane pauses its own topic and
//! nobody else's.
//!
//! The contract:
//! - batches of a lane come in the order of the topic; what cannot be decoded or belongs to another tenant is among
//!   the dead letters, acknowledged, before the batch that would have held it is handed over;
//! - [`Lane::done`] is called when every effect of what lies before that offset is durable; only then is it committed,
//!   and what was committed never falls;
//! - anything may be delivered again, after a crash or [`Lane::rewind`]: a sink filters by `cause`, once `recognition`
//!   says that the topic is the one its cursor tells of.

mod decode;
mod driver;
mod feeder;
mod lane;
mod recognition;

use std::future::Future;
use std::pin::Pin;

use bellwether_runtime::log::{Ack, Log, NewRecord};
use bellwether_runtime::roles::PREFIX;
use bellwether_schemas::codec::{EncodeError, encode_dead_letter};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::{Topic, TopicKind};

pub use bellwether_runtime::roles::Context;
pub use lane::{Batch, Delivered, Lane};
pub(crate) use recognition::Recognition;
pub use recognition::{OtherTopic, compare};

use crate::error::SinkError;
use crate::thread;

/// Most records of a batch: what one transaction of a tenant's database takes.
pub const BATCH_RECORDS: usize = 500;
/// Batches that may wait for a tenant before its topic is paused.
pub(crate) const LANE_BATCHES: usize = 4;

/// The consumer group of a sink.
#[must_use]
pub fn group(sink: &str) -> String {
    format!("{PREFIX}{sink}")
}

/// What serves one tenant until its lane ends.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Feeds every tenant's lane to a task of its own until shutdown, drains, commits and leaves the group.
///
/// # Errors
/// The log cannot be read on, for all tenants.
pub async fn run(
    context: Context,
    sink: &'static str,
    task: impl Fn(Lane) -> Task + Send + 'static,
) -> Result<(), SinkError> {
    let runtime = tokio::runtime::Handle::current();
    let driver = driver::Driver::new(context, sink, Box::new(move |lane| runtime.spawn(task(lane))));
    thread::on_its_own(sink, move || driver.run()).await
}

/// Appends a dead letter to its tenant's topic; it counts once the answer is there.
///
/// # Errors
/// A letter that its schema cannot hold.
pub fn append_dead_letter(log: &dyn Log, letter: &DeadLetter) -> Result<Ack, EncodeError> {
    let record = NewRecord { key: letter.record_key().into_bytes(), value: encode_dead_letter(letter)? };
    Ok(log.append(&Topic::new(&letter.tenant, TopicKind::DeadLetters), vec![record]))
}
