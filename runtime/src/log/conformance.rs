//! The suite every backend passes: what [`super`] promises, seen through the traits alone. Offsets may have gaps
//! and answers may take their time; every wait has a deadline.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test that more than one crate can run")]

mod away;
mod groups;
mod records;
mod retention;
mod support;

use std::sync::Arc;

use bellwether_schemas::TenantId;

use super::Log;

/// A log to test, and names in it that nothing has used yet.
pub struct Fixture {
    /// The log to be tested, opened for writing.
    pub log: Arc<dyn Log>,
    /// A tenant without topics.
    pub tenant: TenantId,
    /// Another tenant without topics.
    pub other: TenantId,
    /// A group without members and positions.
    pub group: String,
    /// Whatever must live as long as the log.
    pub keep: Box<dyn std::any::Any + Send>,
}

pub use away::Away;
#[cfg(test)]
pub(crate) use support::Ledger;

type Case = fn(&Fixture);

/// Every case by its name.
const CASES: &[(&str, Case)] = &[
    ("a topic is created once and listed", records::a_topic_is_created_once_and_listed),
    ("a deleted topic can be made anew", records::a_deleted_topic_is_gone_whole_and_can_be_made_anew),
    ("an append returns the offset it is read from", records::an_append_returns_the_offset_it_is_read_from),
    ("a trace goes along with its record", records::a_trace_goes_along_with_its_record),
    ("appends are read in the order of their calls", records::appends_are_read_in_the_order_of_their_calls),
    ("a reader at the end waits for what comes", records::a_reader_at_the_end_waits_for_what_comes),
    (
        "a scan reads to the end it found and no further",
        records::a_scan_reads_to_the_end_it_found_and_no_further,
    ),
    ("an append time is found", records::an_append_time_is_found),
    ("an unknown topic is said to be unknown", records::an_unknown_topic_is_said_to_be_unknown),
    ("an offset out of range is refused", records::an_offset_out_of_range_is_refused),
    ("a record over the limit is refused whole", records::a_record_over_the_limit_is_refused_whole),
    ("two tenants never see each other", records::two_tenants_never_see_each_other),
    ("a writer and readers at once agree", records::a_writer_and_readers_at_once_agree),
    ("a group begins at the start and goes on", groups::a_group_begins_at_the_start_and_goes_on),
    ("groups do not share positions", groups::groups_do_not_share_positions),
    ("a start given at assignment wins", groups::a_start_given_at_assignment_wins),
    (
        "a topic assigned paused waits for a seek",
        groups::a_topic_assigned_paused_is_silent_until_it_is_sought_and_resumed,
    ),
    ("a paused topic is silent, others go on", groups::a_paused_topic_is_silent_while_others_go_on),
    ("a seek reads again", groups::a_seek_reads_again),
    ("topics take turns", groups::topics_take_turns),
    ("topics come and go by subscribing", groups::topics_come_and_go_by_subscribing),
    ("closing commits what is given up", groups::closing_commits_what_is_given_up),
    ("a group names its members and their topics", groups::a_group_names_its_members_and_their_topics),
    ("a failed topic is reported once", groups::a_failed_topic_is_reported_once_while_others_go_on),
    ("old records go, offsets stay", retention::old_records_go_and_offsets_stay),
    ("a scan passes over what is gone", retention::a_scan_passes_over_what_is_gone),
    ("a journal is kept", retention::a_journal_is_kept),
    ("what is cut off was before the cut", retention::what_is_cut_off_was_before_the_cut_and_nothing_else),
    ("compaction keeps the newest of each key", retention::compaction_keeps_the_newest_of_each_key),
    (
        "a tombstone is read as one and nothing comes back behind it",
        retention::a_tombstone_is_read_as_one_and_nothing_comes_back_behind_it,
    ),
];

/// Runs every case on a log of its own. Panics at the first promise that is not kept, after naming the case.
pub fn run(make: &mut dyn FnMut() -> Fixture) {
    for (name, case) in CASES {
        let _named = Named(name);
        case(&make());
    }
}

struct Named(&'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
            {
                eprintln!("the case that failed: {}", self.0);
            }
        }
    }
}
