//! Clients that read topics apart from any group, kept for whoever reads next. To make one takes connections of its own,
//! and to end one a tenth of a second: rdkafka 0.39 waits that long for a queue in which nothing comes any more.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::client::{Events, Link, create, reading};
use super::locked;
use crate::log::Result;

/// Clients that are kept: as many tenants as a worker recovers at once.
const KEPT: usize = 4;

/// Who reads next takes one of these.
#[derive(Default)]
pub(super) struct Readers {
    idle: Mutex<Vec<BaseConsumer<Events>>>,
}

impl Readers {
    /// One that is assigned nothing.
    pub(super) fn take(&self, brokers: &str, link: &Link) -> Result<BaseConsumer<Events>> {
        let idle = locked(&self.idle).pop();
        if let Some(consumer) = idle {
            // What it met while nobody listened is over.
            while consumer.poll(Duration::ZERO).is_some() {}
            consumer.context().begin();
            return Ok(consumer);
        }
        let mut config = reading(brokers);
        // Never joined: librdkafka wants a name before it hands records out.
        config.set("group.id", "bellwether-reader").set("enable.partition.eof", "true");
        create(&config, Events::new(link))
    }

    /// Kept, if there is room and it can be made to read nothing. What it has fetched is no record of whoever takes it next:
    /// librdkafka drops what was fetched for an assignment that is over.
    pub(super) fn give(&self, consumer: BaseConsumer<Events>) {
        consumer.context().end();
        if consumer.unassign().is_err() {
            return end(consumer);
        }
        let mut idle = locked(&self.idle);
        if idle.len() < KEPT {
            idle.push(consumer);
        } else {
            drop(idle);
            end(consumer);
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        locked(&self.idle).drain(..).for_each(end);
    }
}

/// Whoever let it go does not wait.
pub(super) fn end(consumer: BaseConsumer<Events>) {
    consumer.context().end();
    std::thread::spawn(move || drop(consumer));
}
