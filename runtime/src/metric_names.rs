//! Every metric there is: a stage counts under one of these names and no other, in its `events.rs`. All but the
//! producers' unreadable lines and what is the operator's carry the label `tenant`.

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A count that only rises.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// A distribution; in seconds.
    Histogram,
}

/// A metric as the endpoint and the documents describe it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name that the endpoint shows.
    pub name: &'static str,
    /// Whether it counts, stands or is a distribution.
    pub kind: Kind,
    /// In one sentence, with its labels besides `tenant`.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident = $name:literal, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// All of them, by stage.
        pub const ALL: &[Metric] = &[$(Metric { name: $name, kind: Kind::$kind, help: $help }),*];
    };
}

metrics! {
    PRODUCER_TICKS: Counter = "bellwether_producer_ticks_total", "Ticks appended to the journal.";
    PRODUCER_RECORDS: Counter = "bellwether_producer_records_total", "Records appended to the journal, by `kind`.";
    PRODUCER_APPEND_RETRIES: Counter = "bellwether_producer_append_retries_total",
        "Appends tried again because the log was out of reach.";
    PRODUCER_UNREADABLE_LINES: Counter = "bellwether_producer_unreadable_lines_total",
        "Lines of a source that are no tick.";
    PRODUCER_BAD_ALERTS: Counter = "bellwether_producer_bad_alerts_total",
        "Rows of alerts that cannot be read and so were left out, by `table`.";
    PRODUCER_RECONCILED: Counter = "bellwether_producer_reconciled_total",
        "Alerts in which tables and journal differed, and that were published again.";

    RECORDS_PROCESSED: Counter = "bellwether_records_processed_total", "Journal records folded.";
    TICKS_ACCEPTED: Counter = "bellwether_ticks_accepted_total", "Ticks that moved a tenant's state.";
    REFUSED: Counter = "bellwether_refused_total", "Ticks, bars and heartbeats that were refused, by `reason`.";
    TRIGGERS: Counter = "bellwether_triggers_total", "Triggers handed to the log; those withheld in a recovery are not counted again.";
    WITHHELD: Counter = "bellwether_withheld_total",
        "Effects of a recovery that the log has already, and so were not appended again.";
    DEAD_LETTERS: Counter = "bellwether_dead_letters_total",
        "Records put aside by the processors because they can never succeed, by `reason`.";
    TENANTS_HALTED: Counter = "bellwether_tenants_halted_total", "Tenants stopped until somebody looks at them.";
    SNAPSHOTS: Counter = "bellwether_snapshots_total", "Snapshots of the engine's state stored.";
    SNAPSHOT_BYTES: Counter = "bellwether_snapshot_bytes_total", "Bytes appended for snapshots.";
    SNAPSHOTS_NOT_STORED: Counter = "bellwether_snapshots_not_stored_total", "Snapshots that the log did not take.";
    JOURNALS_CUT: Counter = "bellwether_journals_cut_total", "Times that a journal's front was cut off.";
    JOURNALS_NOT_CUT: Counter = "bellwether_journals_not_cut_total",
        "Times that a journal's front could not be cut off, though its tenant keeps it no longer.";
    SNAPSHOTS_REFUSED: Counter = "bellwether_snapshots_refused_total",
        "Snapshots that a recovery could not go on from.";
    RECOVERY_LEFT_RECORDS: Gauge = "bellwether_recovery_left_records",
        "Journal records that a recovery has still to fold.";
    RECOVERY_RATE: Gauge = "bellwether_recovery_records_per_second", "Journal records that a recovery folds a second.";
    RECOVERY_LEFT_SECONDS: Gauge = "bellwether_recovery_left_seconds", "Until a recovery is over, at its rate so far.";
    WATERMARK: Gauge = "bellwether_watermark_seconds",
        "Event time up to which the tenant's journal is complete, in seconds since 1970.";
    LAG: Gauge = "bellwether_lag_records", "Records of a topic that a `group` has still to read, by `topic`.";

    SCHEMA_HELD: Counter = "bellwether_schema_held_total",
        "Times a topic had to wait because the schema registry did not tell what a record's id means.";

    ROWS_WRITTEN: Counter = "bellwether_rows_written_total", "Rows committed to the tenant's database, by `table`.";
    ROWS_PRESENT: Counter = "bellwether_rows_present_total", "Rows that the database had already.";
    ROWS_REPEATED: Counter = "bellwether_rows_repeated_total", "Records below the database's cursor, left out.";
    ROWS_RETRIES: Counter = "bellwether_rows_retries_total", "Batches tried again.";
    ROWS_USER_GONE: Counter = "bellwether_rows_user_gone_total", "Rows of users who are no longer there.";
    SINK_DEAD_LETTERS: Counter = "bellwether_sink_dead_letters_total",
        "Records put aside by a `sink` because they can never succeed, by `reason`.";
    SINK_TOPIC_STOPPED: Counter = "bellwether_sink_topic_stopped_total", "Topics that a `sink` cannot read on.";
    SINK_REWOUND: Counter = "bellwether_sink_rewound_total", "Times a `sink` read a topic again from its cursor.";
    SINK_TASK_RESTARTED: Counter = "bellwether_sink_task_restarted_total", "Tasks of a `sink` started again.";
    SINK_PARKED: Counter = "bellwether_sink_parked_total", "Times a `sink` parked a tenant that cannot be reached.";
    APPEND_TO_ROW: Histogram = "bellwether_append_to_row_seconds",
        "From the append of a trigger to the commit of its row.";
    MAILS: Counter = "bellwether_mails_total", "Mails by the `outcome` of a try to send them.";
    MAILS_COMPOSED: Counter = "bellwether_mails_composed_total", "Mails added to outboxes.";
    MAILS_HELD: Counter = "bellwether_mails_held_total", "Mails that wait: for the end of quiet hours, or for a digest.";
    MAIL_DIGESTS: Counter = "bellwether_mail_digests_total", "Digests of mails that waited.";
    MAIL_PARTIAL_GROUPS: Counter = "bellwether_mail_partial_groups_total",
        "Groups mailed without a trigger that never came.";
    MAIL_FENCES_LOST: Counter = "bellwether_mail_fences_lost_total", "Claims that another worker had taken over.";
    MAIL_AUTH_STOPPED: Counter = "bellwether_mail_auth_stopped_total",
        "Tenants whose mail stopped because their server refused the password.";
    MAILS_LIMITED: Counter = "bellwether_mails_limited_total",
        "Mails that their server put off because it is sent too many.";
    MAIL_FILL_RETRIES: Counter = "bellwether_mail_fill_retries_total", "Times an outbox could not be filled.";
    OPERATOR_MAILS: Counter = "bellwether_operator_mails_total", "Mails to the operator, by `outcome` of each try.";
    PINGS: Counter = "bellwether_pings_total", "Calls of the operator's address, by `outcome`.";
    MAIL_SEND: Histogram = "bellwether_mail_send_seconds", "From a mail's envelope to the server's 250.";
    RECIPIENTS_UNKNOWN: Counter = "bellwether_recipients_unknown_total",
        "Times a tenant's Auth did not tell its recipients, and an earlier list was used.";
    UNSUBSCRIBES: Counter = "bellwether_unsubscribes_total", "Answers to links in mails, by `outcome`.";
    MAIL_REPORTS: Counter = "bellwether_mail_reports_total",
        "What mail providers reported of mails through the gateway, by `outcome`.";
    GATEWAY_TURNED_AWAY: Counter = "bellwether_gateway_turned_away_total",
        "Requests and connections that were one too many, by `limit`.";
    CALENDAR_CHANGES: Counter = "bellwether_calendar_changes_total", "Items of the news calendar published.";
    CALENDAR_FAILURES: Counter = "bellwether_calendar_failures_total",
        "Times a source of the news calendar could not be read.";
    CALENDAR_ROWS_REFUSED: Counter = "bellwether_calendar_rows_refused_total",
        "Rows of the news calendar that could not be read.";
    SCHEDULE_RUNS: Counter = "bellwether_schedule_runs_total", "Briefs, reminders and corrections that became due.";
    SCHEDULE_MAILS: Counter = "bellwether_schedule_mails_total", "Mails owed by what became due.";
    SCHEDULE_MISSED: Counter = "bellwether_schedule_missed_total",
        "Days and items that passed while nobody kept the schedule.";
    SCHEDULE_RETRIES: Counter = "bellwether_schedule_retries_total", "Times a schedule could not be looked at.";
    SCHEDULE_READINGS_REFUSED: Counter = "bellwether_schedule_readings_refused_total",
        "Records of readings topics that a schedule could not use.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_says_its_kind_and_unit() {
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(metric.name.starts_with("bellwether_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.kind != Kind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}
