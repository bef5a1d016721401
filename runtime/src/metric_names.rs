//! Every metric there is: a stage counts under one of these names and no other, in its `events.rs`, and with the labels
//! given here. `docs/METRICS.md` is made from this list, and what watches over a pipeline (`compose/prometheus`,
//! `compose/grafana`) is held to it.
//!
//! Labels are bounded: a tenant, a stage, one of a closed set of reasons, a symbol of the tenant's settings. Never a user
//! or an alert.

mod kinds;

use bellwether_schemas::TenantId;

pub use self::kinds::{Kind, Stage};
use crate::roles::Role;

/// A metric as the endpoint and the documents describe it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name that the endpoint shows.
    pub name: &'static str,
    /// Whether it counts, stands or is a distribution.
    pub kind: Kind,
    /// In one sentence.
    pub help: &'static str,
    /// Who counts it.
    pub stage: Stage,
    /// Every label that it has, each time it is counted.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($stage:ident { $($constant:ident: $kind:ident = $name:literal [$($label:ident),*], $help:literal;)* })*) => {
        $($(#[doc = $help] pub const $constant: &str = $name;)*)*

        /// All of them, by stage.
        pub const ALL: &[Metric] = &[$($(Metric {
            name: $name,
            kind: Kind::$kind,
            help: $help,
            stage: Stage::$stage,
            labels: &[$(stringify!($label)),*],
        }),*),*];
    };
}

metrics! {
    Every {
        BUILD: Gauge = "bellwether_build_info" [version], "1, with the version that runs.";
        STARTED: Gauge = "bellwether_started_seconds" [], "When the process began, in seconds since 1970.";
        MEMORY: Gauge = "bellwether_memory_bytes" [],
            "Memory of the process that is in use, as the system counts it.";
        INCIDENT_BEGUN: Gauge = "bellwether_incident_begun_seconds" [tenant, kind],
            "When it was last said that an incident of the `kind` has begun or goes on, in seconds since 1970.";
        INCIDENT_OVER: Gauge = "bellwether_incident_over_seconds" [tenant, kind],
            "When it was last said that there is no incident of the `kind`, in seconds since 1970. It is open \
             where the other one is later.";
        LAG: Gauge = "bellwether_lag_records" [tenant, group, topic],
            "Records of a topic that a `group` has still to read, by `topic`.";
        SCHEMA_HELD: Counter = "bellwether_schema_held_total" [tenant],
            "Times a topic had to wait because the schema registry did not tell what a record's id means.";
        DATABASE_BEGIN: Histogram = "bellwether_database_begin_seconds" [tenant],
            "From asking for a transaction of the tenant's database to having it: a wait for a connection, and \
             one round trip.";
        DATABASE_CONNECTIONS: Gauge = "bellwether_database_connections" [tenant, state],
            "Connections that the process has to the tenant's database, by `state` (`busy`, `idle`), as they \
             were when a transaction began.";
        OPERATOR_MAILS: Counter = "bellwether_operator_mails_total" [outcome],
            "Mails to the operator, by `outcome` of each try.";
        PINGS: Counter = "bellwether_pings_total" [outcome], "Calls of the operator's address, by `outcome`.";
        SPANS: Counter = "bellwether_spans_total" [outcome],
            "Spans of traces, by `outcome`: sent to the collector, or dropped.";
    }

    Produce {
        PRODUCER_TICKS: Counter = "bellwether_producer_ticks_total" [tenant, source],
            "Ticks appended to the journal.";
        PRODUCER_RECORDS: Counter = "bellwether_producer_records_total" [tenant, source, kind],
            "Records appended to the journal, by `kind`.";
        PRODUCER_EVENT_TIME: Gauge = "bellwether_producer_event_time_seconds" [tenant, source],
            "Event time of the latest record of a `source`, in seconds since 1970.";
        SYMBOL_SILENT: Gauge = "bellwether_symbol_silent_seconds" [tenant, source, symbol],
            "For how long of event time a `source` has said nothing of a `symbol` while the symbol's market was \
             open.";
        PRODUCER_APPEND_RETRIES: Counter = "bellwether_producer_append_retries_total" [tenant],
            "Appends tried again because the log was out of reach.";
        PRODUCER_UNREADABLE_LINES: Counter = "bellwether_producer_unreadable_lines_total" [],
            "Lines of a source that are no tick.";
        PRODUCER_BAD_ALERTS: Counter = "bellwether_producer_bad_alerts_total" [tenant, table],
            "Rows of alerts that cannot be read and so were left out, by `table`.";
        PRODUCER_RECONCILED: Counter = "bellwether_producer_reconciled_total" [tenant],
            "Alerts in which tables and journal differed, and that were published again.";
        CALENDAR_CHANGES: Counter = "bellwether_calendar_changes_total" [tenant],
            "Items of the news calendar published.";
        CALENDAR_FAILURES: Counter = "bellwether_calendar_failures_total" [tenant],
            "Times a source of the news calendar could not be read.";
        CALENDAR_ROWS_REFUSED: Counter = "bellwether_calendar_rows_refused_total" [tenant],
            "Rows of the news calendar that could not be read.";
    }

    Process {
        RECORDS_PROCESSED: Counter = "bellwether_records_processed_total" [tenant], "Journal records folded.";
        TICKS_ACCEPTED: Counter = "bellwether_ticks_accepted_total" [tenant],
            "Ticks that moved a tenant's state.";
        REFUSED: Counter = "bellwether_refused_total" [tenant, reason],
            "Ticks, bars and heartbeats that were refused, by `reason`.";
        TRIGGERS: Counter = "bellwether_triggers_total" [tenant],
            "Triggers handed to the log; those withheld in a recovery are not counted again.";
        WITHHELD: Counter = "bellwether_withheld_total" [tenant],
            "Effects of a recovery that the log has already, and so were not appended again.";
        APPEND_TO_TRIGGER: Histogram = "bellwether_append_to_trigger_seconds" [tenant],
            "From the append of the oldest journal record that was folded along to the moment the log has the \
             triggers that came of it.";
        DEAD_LETTERS: Counter = "bellwether_dead_letters_total" [tenant, reason],
            "Records put aside by the processors because they can never succeed, by `reason`.";
        TENANTS_HALTED: Counter = "bellwether_tenants_halted_total" [tenant],
            "Tenants stopped until somebody looks at them.";
        SNAPSHOTS: Counter = "bellwether_snapshots_total" [tenant], "Snapshots of the engine's state stored.";
        SNAPSHOT_STORED: Gauge = "bellwether_snapshot_stored_seconds" [tenant],
            "When the tenant's newest snapshot was stored, in seconds since 1970.";
        SNAPSHOT_BYTES: Counter = "bellwether_snapshot_bytes_total" [tenant], "Bytes appended for snapshots.";
        SNAPSHOTS_NOT_STORED: Counter = "bellwether_snapshots_not_stored_total" [tenant],
            "Snapshots that the log did not take.";
        JOURNALS_CUT: Counter = "bellwether_journals_cut_total" [tenant],
            "Times that a journal's front was cut off.";
        JOURNALS_NOT_CUT: Counter = "bellwether_journals_not_cut_total" [tenant],
            "Times that a journal's front could not be cut off, though its tenant keeps it no longer.";
        SNAPSHOTS_REFUSED: Counter = "bellwether_snapshots_refused_total" [tenant],
            "Snapshots that a recovery could not go on from.";
        RECOVERY_LEFT_RECORDS: Gauge = "bellwether_recovery_left_records" [tenant],
            "Journal records that a recovery has still to fold.";
        RECOVERY_RATE: Gauge = "bellwether_recovery_records_per_second" [tenant],
            "Journal records that a recovery folds a second.";
        RECOVERY_LEFT_SECONDS: Gauge = "bellwether_recovery_left_seconds" [tenant],
            "Until a recovery is over, at its rate so far.";
        WATERMARK: Gauge = "bellwether_watermark_seconds" [tenant],
            "Event time up to which the tenant's journal is complete, in seconds since 1970.";
    }

    Preview {
        PREVIEWS: Counter = "bellwether_previews_total" [tenant],
            "Answers to new alerts of how often they would have fired, as far as the log has them.";
        APPEND_TO_PREVIEW: Histogram = "bellwether_append_to_preview_seconds" [tenant],
            "From the append of a changed alert to the moment the log has its answer; of several that are \
             answered together, from the oldest.";
        PREVIEWS_STOPPED: Counter = "bellwether_previews_stopped_total" [tenant],
            "Times a tenant's journal could not be folded for previews; it is tried again.";
    }

    Sinks {
        SINK_DEAD_LETTERS: Counter = "bellwether_sink_dead_letters_total" [sink, tenant, reason],
            "Records put aside by a `sink` because they can never succeed, by `reason`.";
        SINK_TOPIC_STOPPED: Counter = "bellwether_sink_topic_stopped_total" [sink, tenant],
            "Topics that a `sink` cannot read on.";
        SINK_REWOUND: Counter = "bellwether_sink_rewound_total" [sink, tenant],
            "Times a `sink` read a topic again from its cursor.";
        SINK_TASK_RESTARTED: Counter = "bellwether_sink_task_restarted_total" [sink, tenant],
            "Tasks of a `sink` started again.";
        SINK_PARKED: Counter = "bellwether_sink_parked_total" [sink, tenant],
            "Times a `sink` parked a tenant that cannot be reached.";
    }

    Rows {
        ROWS_WRITTEN: Counter = "bellwether_rows_written_total" [tenant, table],
            "Rows committed to the tenant's database, by `table`.";
        ROWS_PRESENT: Counter = "bellwether_rows_present_total" [tenant], "Rows that the database had already.";
        ROWS_REPEATED: Counter = "bellwether_rows_repeated_total" [tenant],
            "Records below the database's cursor, left out.";
        ROWS_RETRIES: Counter = "bellwether_rows_retries_total" [tenant], "Batches tried again.";
        ROWS_USER_GONE: Counter = "bellwether_rows_user_gone_total" [tenant],
            "Rows of users who are no longer there.";
        APPEND_TO_ROW: Histogram = "bellwether_append_to_row_seconds" [tenant],
            "From the append of a trigger to the commit of its row.";
        PREVIEWS_STORED: Counter = "bellwether_previews_stored_total" [tenant],
            "Previews stored beside the status of their alerts.";
        PREVIEWS_RETRIES: Counter = "bellwether_previews_retries_total" [tenant],
            "Times previews could not be stored, and were tried again.";
        PREVIEWS_REFUSED: Counter = "bellwether_previews_refused_total" [tenant],
            "Records of previews topics that could not be used.";
    }

    Mail {
        MAILS: Counter = "bellwether_mails_total" [tenant, outcome],
            "Mails by the `outcome` of a try to send them.";
        MAILS_COMPOSED: Counter = "bellwether_mails_composed_total" [tenant], "Mails added to outboxes.";
        MAILS_HELD: Counter = "bellwether_mails_held_total" [tenant],
            "Mails that wait: for the end of quiet hours, or for a digest.";
        MAIL_DIGESTS: Counter = "bellwether_mail_digests_total" [tenant], "Digests of mails that waited.";
        MAIL_PARTIAL_GROUPS: Counter = "bellwether_mail_partial_groups_total" [tenant],
            "Groups mailed without a trigger that never came.";
        MAIL_FENCES_LOST: Counter = "bellwether_mail_fences_lost_total" [tenant],
            "Claims that another worker had taken over.";
        MAIL_AUTH_STOPPED: Counter = "bellwether_mail_auth_stopped_total" [tenant],
            "Tenants whose mail stopped because their server refused the password.";
        MAILS_LIMITED: Counter = "bellwether_mails_limited_total" [tenant],
            "Mails that their server put off because it is sent too many.";
        MAIL_FILL_RETRIES: Counter = "bellwether_mail_fill_retries_total" [tenant],
            "Times an outbox could not be filled.";
        MAIL_SEND: Histogram = "bellwether_mail_send_seconds" [tenant],
            "From a mail's envelope to the server's 250.";
        MAIL_ON_TIME: Waits = "bellwether_mail_owed_seconds" [tenant],
            "From the moment a mail was owed (its triggers' append, its schedule's hour, the end of its wait) \
             to the server's 250.";
        OUTBOX_MAILS: Gauge = "bellwether_outbox_mails" [tenant, state],
            "Mails in the outbox that are not settled, by `state`.";
        OUTBOX_OLDEST: Gauge = "bellwether_outbox_oldest_seconds" [tenant],
            "How long the oldest mail that is owed has been; those that are held for a reason, or may have \
             arrived, do not count.";
        RECIPIENTS_UNKNOWN: Counter = "bellwether_recipients_unknown_total" [tenant],
            "Times a tenant's Auth did not tell its recipients, and an earlier list was used.";
    }

    Schedule {
        SCHEDULE_RUNS: Counter = "bellwether_schedule_runs_total" [tenant],
            "Briefs, reminders and corrections that became due.";
        SCHEDULE_NEXT: Gauge = "bellwether_schedule_next_seconds" [tenant],
            "When the next brief or reminder is due, in seconds since 1970.";
        SCHEDULE_MAILS: Counter = "bellwether_schedule_mails_total" [tenant], "Mails owed by what became due.";
        SCHEDULE_MISSED: Counter = "bellwether_schedule_missed_total" [tenant],
            "Days and items that passed while nobody kept the schedule.";
        SCHEDULE_RETRIES: Counter = "bellwether_schedule_retries_total" [tenant],
            "Times a schedule could not be looked at.";
        SCHEDULE_READINGS_REFUSED: Counter = "bellwether_schedule_readings_refused_total" [tenant],
            "Records of readings topics that a schedule could not use.";
    }

    Gateway {
        UNSUBSCRIBES: Counter = "bellwether_unsubscribes_total" [outcome, tenant],
            "Answers to links in mails, by `outcome`.";
        MAIL_REPORTS: Counter = "bellwether_mail_reports_total" [outcome, tenant],
            "What mail providers reported of mails through the gateway, by `outcome`.";
        GATEWAY_TURNED_AWAY: Counter = "bellwether_gateway_turned_away_total" [limit],
            "Requests and connections that were one too many, by `limit`.";
    }
}

/// Shows 0 for what a process of the role counts of the tenant and has not counted yet: a count that appears out of nothing
/// has no rate, and nobody is alarmed by the first of something. Where a label tells more than whose it is, there is no
/// saying beforehand what it will be.
pub fn begin_at_zero(role: Role, tenant: &TenantId) {
    for metric in ALL.iter().filter(|metric| metric.kind == Kind::Counter && metric.stage.is_of(role)) {
        let known = |label: &&str| match *label {
            "tenant" => Some(metrics::Label::new("tenant", tenant.to_string())),
            "sink" => role.group().map(|group| metrics::Label::new("sink", group.short_name())),
            _ => None,
        };
        let labels: Option<Vec<metrics::Label>> = metric.labels.iter().map(known).collect();
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            metrics::counter!(metric.name, labels).increment(0);
        }
    }
}

#[cfg(test)]
mod tests;
