//! Where a process can be told to die, between every two of its durable effects: for tests, and in no other build.
//!
//! A build with the feature `crash_points` dies at the point that `CRASH=point:nth` names, the nth time that it gets there:
//! at once, as with kill -9, with nothing flushed and nobody told. Before that it writes the point's name as a line behind
//! what is in the file that `CRASH_LOG` names. Without the feature [`reach`] is nothing, and no name of a point is in the
//! program.
//!
//! `make chaos` arms each of them in turn (`tests/chaos/trials/crashes.rs`).

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use crate::roles::Role;

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal, $role:ident;)*) => {
        /// A gap between two durable effects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CrashPoint {
            $($(#[$doc])* $point),*
        }

        impl CrashPoint {
            /// Every point.
            pub const ALL: &[Self] = &[$(Self::$point),*];

            /// What `CRASH` calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name),* }
            }

            /// A role that gets there.
            #[must_use]
            pub const fn role(self) -> Role {
                match self { $(Self::$point => Role::$role),* }
            }
        }
    };
}

points! {
    /// Records were given to the log, which has not answered.
    ProducerSent = "producer-sent", ProduceSynthetic;
    /// The log has the records, and what comes next was not given to it.
    ProducerAnswered = "producer-answered", ProduceSynthetic;
    /// C1: changes were read from the queue, and the journal does not have them.
    ChangesRead = "changes-read", ProduceAlerts;
    /// C1: the journal has the changes, and the queue has them, too.
    ChangesPublished = "changes-published", ProduceAlerts;
    /// P7: a journal is given to this worker, inside the group's callback.
    JournalAssigned = "journal-assigned", Process;
    /// P1: records of a journal were polled, and no state has changed.
    JournalPolled = "journal-polled", Process;
    /// P2: records were folded, and nothing that came of them was given to the log.
    JournalFolded = "journal-folded", Process;
    /// P3: triggers were given to the log, which has not answered.
    TriggersSent = "triggers-sent", Process;
    /// P4: everything of a batch is acknowledged, and its offset is not committed.
    TriggersAnswered = "triggers-answered", Process;
    /// P5: pieces of a snapshot are in the log, and its manifest is not.
    SnapshotTorn = "snapshot-torn", Process;
    /// P6: a snapshot is in the log, and what it makes needless is still there, too.
    SnapshotStored = "snapshot-stored", Process;
    /// P7: a journal is taken from this worker, inside the group's callback.
    JournalRevoked = "journal-revoked", Process;
    /// S1: triggers were read, and no transaction was begun.
    RowsRead = "rows-read", SinkRows;
    /// S2: rows were inserted, in a transaction that was not committed.
    RowsInserted = "rows-inserted", SinkRows;
    /// S3: the commit was sent, and is not answered.
    RowsCommitSent = "rows-commit-sent", SinkRows;
    /// S4: rows are committed, and the offset is not.
    RowsCommitted = "rows-committed", SinkRows;
    /// Mails and cursor were written, in a transaction that was not committed.
    MailsInserted = "mails-inserted", SinkMail;
    /// Mails are in the outbox, and the offset is not committed.
    MailsOwed = "mails-owed", SinkMail;
    /// E1: a mail is claimed, and its server is not spoken to.
    MailClaimed = "mail-claimed", SinkMail;
    /// E2: the server took the sender.
    SenderTaken = "sender-taken", SinkMail;
    /// E2: the server took the recipient, and it is not noted that content leaves.
    RecipientTaken = "recipient-taken", SinkMail;
    /// E3: it is noted that content leaves, and none has.
    ContentNoted = "content-noted", SinkMail;
    /// E3: the server waits for content.
    ContentAwaited = "content-awaited", SinkMail;
    /// E3: content was given to the socket, and the server has not answered.
    ContentSent = "content-sent", SinkMail;
    /// E4: the server has the mail, and the outbox does not know.
    MailTaken = "mail-taken", SinkMail;
    /// D1: a run is recorded, and its mails are not, in a transaction that was not committed.
    RunRecorded = "run-recorded", SinkSchedule;
    /// D1: a run is recorded and its mails are, in a transaction that was not committed.
    RunOwed = "run-owed", SinkSchedule;
    /// D1: a run is committed with its mails.
    RunCommitted = "run-committed", SinkSchedule;
}

/// The process gets to that point, and dies there if it was told to.
#[cfg(feature = "crash_points")]
pub fn reach(point: CrashPoint) {
    armed::reach(point);
}

/// Nothing: this build has no crash points.
#[cfg(not(feature = "crash_points"))]
#[inline(always)]
pub const fn reach(_point: CrashPoint) {}

/// Waits for something, and gets to that point once it has begun and waits for an answer.
pub async fn reach_within<F: Future>(point: CrashPoint, begun: F) -> F::Output {
    let mut begun = pin!(begun);
    std::future::poll_fn(move |context| {
        let polled = begun.as_mut().poll(context);
        if matches!(polled, Poll::Pending) {
            reach(point);
        }
        polled
    })
    .await
}

#[cfg(any(test, feature = "crash_points"))]
mod armed {
    #![cfg_attr(
        not(feature = "crash_points"),
        allow(dead_code, reason = "only tests parse without the feature")
    )]

    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::CrashPoint;

    const VARIABLE: &str = "CRASH";
    const LOG: &str = "CRASH_LOG";

    /// What the environment asks for, and how often the point is passed before that.
    struct Armed {
        point: CrashPoint,
        left: AtomicU64,
    }

    pub(super) fn reach(point: CrashPoint) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let Some(armed) = ARMED.get_or_init(asked) else { return };
        if armed.point == point && armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            note(point);
            std::process::abort();
        }
    }

    /// One that names no point is a mistake of the test's, which must not pass for one that is never reached.
    fn asked() -> Option<Armed> {
        let text = std::env::var(VARIABLE).ok()?;
        let Some((point, nth)) = parsed(&text) else {
            tracing::error!(crash = text, "CRASH names no crash point: it is to be name:nth");
            std::process::abort()
        };
        Some(Armed { point, left: AtomicU64::new(nth) })
    }

    pub(super) fn parsed(text: &str) -> Option<(CrashPoint, u64)> {
        let (name, nth) = text.split_once(':')?;
        let point = CrashPoint::ALL.iter().copied().find(|point| point.name() == name)?;
        Some((point, nth.parse().ok().filter(|nth| *nth > 0)?))
    }

    fn note(point: CrashPoint) {
        let Ok(file) = std::env::var(LOG) else { return };
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
            let _ = writeln!(file, "{}", point.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_point_is_named_with_how_often_it_is_passed_and_nothing_else_is_one() {
        assert_eq!(armed::parsed("rows-committed:3"), Some((CrashPoint::RowsCommitted, 3)));
        for other in ["rows-committed", "rows-committed:0", "rows-committed:x", "rows:1", ""] {
            assert_eq!(armed::parsed(other), None, "{other}");
        }
        let names: BTreeSet<&str> = CrashPoint::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), CrashPoint::ALL.len());
    }
}
