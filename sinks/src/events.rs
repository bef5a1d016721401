//! Occurrences that are both logged and counted: one struct each, with one `emit`.

use bellwether_runtime::log::LogError;
use bellwether_schemas::{TenantId, Topic};
use metrics::counter;

/// Records that a sink put among the dead letters.
pub const DEAD_LETTERS: &str = "bellwether_sink_dead_letters_total";
/// Times a topic could not be read on.
pub const TOPIC_STOPPED: &str = "bellwether_sink_topic_stopped_total";
/// Times a sink went back in its topic because the tenant's database was behind it.
pub const REWOUND: &str = "bellwether_sink_rewound_total";
/// Times a tenant's own task ended and was started again.
pub const TASK_RESTARTED: &str = "bellwether_sink_task_restarted_total";

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
        counter!(DEAD_LETTERS, "sink" => self.sink, "tenant" => self.tenant.to_string(), "reason" => self.reason.to_string())
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
        counter!(TOPIC_STOPPED, "sink" => self.sink, "tenant" => self.topic.tenant.to_string()).increment(1);
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
        counter!(REWOUND, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(
            sink = self.sink, tenant.id = %self.tenant, log.offset = self.to, log.start = self.start,
            "the tenant's database is behind the topic; reading again from where it stands"
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
        counter!(TASK_RESTARTED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(sink = self.sink, tenant.id = %self.tenant, "the tenant's task ended; it is started again");
    }
}
