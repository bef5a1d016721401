//! What happens to sinks of any kind and is both logged and counted: one struct each, with one `emit`.

use bellwether_runtime::log::LogError;
use bellwether_runtime::metric_names::{
    SINK_DEAD_LETTERS, SINK_PARKED, SINK_REWOUND, SINK_TASK_RESTARTED, SINK_TOPIC_STOPPED,
};
use bellwether_schemas::{TenantId, Topic};
use metrics::counter;

use crate::feed::OtherTopic;

/// A record can never be delivered; it is among the tenant's dead letters.
pub(crate) struct DeadLettered<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) offset: u64,
    pub(crate) reason: &'a str,
    pub(crate) detail: &'a str,
}

impl DeadLettered<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_DEAD_LETTERS, "sink" => self.sink, "tenant" => self.tenant.to_string(), "reason" => self.reason.to_string())
            .increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.tenant, log.offset = self.offset,
            reason = self.reason, detail = self.detail, "a record was put among the dead letters"
        );
    }
}

/// A topic cannot be read on: its tenant waits for an operator, others go on.
pub(crate) struct TopicStopped<'a> {
    pub(crate) sink: &'static str,
    pub(crate) topic: &'a Topic,
    pub(crate) error: &'a LogError,
}

impl TopicStopped<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_TOPIC_STOPPED, "sink" => self.sink, "tenant" => self.topic.tenant.to_string())
            .increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.topic.tenant, log.topic = %self.topic, error = %self.error,
            "the topic cannot be read on; its tenant is stopped"
        );
    }
}

/// The tenant's database is behind what the group had committed: restored from a backup, or new.
pub(crate) struct Rewound<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) to: u64,
    pub(crate) start: u64,
}

impl Rewound<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_REWOUND, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(
            sink = self.sink, tenant.id = %self.tenant, log.offset = self.to, log.start = self.start,
            "the tenant's database is behind the topic; reading again from where it stands"
        );
    }
}

/// The tenant's database was filled from another topic: it waits for an operator, others go on.
pub(crate) struct TopicUnknown<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) other: &'a OtherTopic,
}

impl TopicUnknown<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_PARKED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.tenant, error = %self.other,
            "the tenant's database was filled from another triggers topic; it is stopped"
        );
    }
}

/// A tenant's own task ended without being asked to.
pub(crate) struct TaskRestarted<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
}

impl TaskRestarted<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_TASK_RESTARTED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(sink = self.sink, tenant.id = %self.tenant, "the tenant's task ended; it is started again");
    }
}
