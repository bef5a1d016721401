//! What the rows sink decides, without IO: inputs in, outputs out. The async shell performs them, the simulation in
//! the tests plays them.
//!
//! A batch is written whole. Where the database refuses it for good, an empty write finds out whether the fault is a
//! record's or the table's: a table that refuses everybody is waited for, a record is found by halving, and everything
//! around it is written. Pieces are written in the topic's order and each one moves the cursor, so the work can be cut
//! anywhere and begun again.

use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, spread};
use bellwether_schemas::Timestamp;

use super::piece::{Piece, user_of};
use crate::feed::Batch;

/// A tenant whose database has failed for so long is parked: said once, retried on a slower schedule.
pub const PARK_AFTER: Duration = Duration::from_secs(30);
/// Waits after failures, while the tenant is not parked.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
/// Wait between tries of a parked tenant.
const RETRY_PARKED: Duration = Duration::from_secs(10);
/// Wait before the topic is compared with the database again.
const RETRY_OTHER: Duration = Duration::from_secs(5);
/// Wait after credentials were not accepted; at least half of it.
const RETRY_DENIED: Duration = Duration::from_secs(60);

/// What happened since the last step.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Records of the topic that are to be written.
    Batch(Batch),
    /// The write that was asked for is committed.
    Written,
    /// The write was not begun: the database's cursor stands at this offset, before the batch.
    Behind(u64),
    /// The write failed; it may have been committed all the same.
    Failed(WriteFailure),
    /// The dead letter is acknowledged, or not.
    Kept(bool),
    /// The wait is over.
    Woke,
}

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFailure {
    /// What to do about it.
    pub class: FailureClass,
    /// SQLSTATE, or a word where the server gave none.
    pub code: String,
    /// The server's message without its detail, which may hold a row.
    pub message: String,
}

impl WriteFailure {
    /// Said by the log, or of it.
    pub(super) fn of_log(class: FailureClass, what: &dyn std::fmt::Display) -> Self {
        Self { class, code: "log".into(), message: what.to_string() }
    }
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The same may succeed later.
    Transient,
    /// Our credentials are not accepted: asked rarely, so that nobody is locked out.
    Denied,
    /// The same will never succeed.
    Refused,
    /// The user of a record does not exist any more.
    UserGone,
    /// The database was filled from another topic: nothing may be written or left out.
    OtherTopic,
}

/// What to do. Outputs are performed in order; the last of a step brings the next input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Take the next batch.
    Receive,
    /// Write [`Core::piece`] in one transaction.
    Write,
    /// Put the only record of [`Core::piece`] among the dead letters.
    Keep(WriteFailure),
    /// Let this time pass before the next try.
    Wait(Duration),
    /// Everything before this offset is durable.
    Commit(u64),
    /// Read again from this offset.
    Rewind(u64),
    /// The tenant has failed for [`PARK_AFTER`].
    Parked(WriteFailure),
    /// It writes again after it had failed.
    Resumed,
    /// Records of a user who is gone were dropped.
    Dropped(usize),
}

/// What one tenant has in hand, and how its database fares.
#[derive(Debug)]
pub struct Core {
    /// What is left of the batch, next piece last.
    pieces: Vec<Piece>,
    /// The empty write in place of a refused piece.
    probe: Option<Piece>,
    fault: Fault,
    /// The record that is being put among the dead letters.
    keeping: Option<WriteFailure>,
    trouble: Option<Trouble>,
    /// When the last step was: when what it asked for began.
    asked_at: Timestamp,
    random: u64,
}

/// What is known about why a piece is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It was not asked yet whose fault it is.
    Unknown,
    /// The table took an empty write: some record's.
    SomeRecord,
    /// The table took an empty write after it had refused this one record: if it does so again, the record's.
    ThisRecord,
}

/// A database that fails, and since when.
#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    tries: u32,
    parked: bool,
}

impl Core {
    /// Nothing to do yet. The seed only spreads retries.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            pieces: Vec::new(),
            probe: None,
            fault: Fault::Unknown,
            keeping: None,
            trouble: None,
            asked_at: Timestamp::MIN,
            random: seed,
        }
    }

    /// What [`Output::Write`] and [`Output::Keep`] speak of.
    #[must_use]
    pub fn piece(&self) -> Option<&Piece> {
        self.probe.as_ref().or_else(|| self.pieces.last())
    }

    /// Takes in what happened and says what to do.
    pub fn step(&mut self, now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Batch(batch) => self.begin(batch, outputs),
            Input::Written => self.written(outputs),
            Input::Behind(offset) => self.behind(offset, outputs),
            Input::Failed(failure) => self.failed(now, failure, outputs),
            Input::Kept(true) => self.kept(outputs),
            Input::Kept(false) => self.retry(now, no_log(), outputs),
            Input::Woke => self.again(outputs),
        }
        self.asked_at = now;
    }

    fn begin(&mut self, batch: Batch, outputs: &mut Vec<Output>) {
        self.pieces = vec![Piece::from(batch)];
        self.fault = Fault::Unknown;
        outputs.push(Output::Write);
    }

    fn written(&mut self, outputs: &mut Vec<Output>) {
        if self.trouble.take().is_some() {
            outputs.push(Output::Resumed);
        }
        if self.probe.take().is_some() {
            let alone = self.pieces.last().is_some_and(|piece| piece.records.len() == 1);
            self.fault = if alone { Fault::ThisRecord } else { Fault::SomeRecord };
            return self.again(outputs);
        }
        self.passed();
        let Some(piece) = self.pieces.pop() else { return outputs.push(Output::Receive) };
        if self.pieces.is_empty() {
            outputs.extend([Output::Commit(piece.next_offset), Output::Receive]);
        } else {
            outputs.push(Output::Write);
        }
    }

    fn behind(&mut self, offset: u64, outputs: &mut Vec<Output>) {
        self.pieces.clear();
        self.probe = None;
        outputs.extend([Output::Rewind(offset), Output::Receive]);
    }

    fn failed(&mut self, now: Timestamp, failure: WriteFailure, outputs: &mut Vec<Output>) {
        let records = self.piece().map_or(0, |piece| piece.records.len());
        match failure.class {
            FailureClass::OtherTopic => self.stand(outputs),
            // An empty write that is refused: no record's fault.
            _ if records == 0 => self.retry(now, failure, outputs),
            FailureClass::Transient | FailureClass::Denied => self.retry(now, failure, outputs),
            FailureClass::Refused if self.fault == Fault::Unknown => self.probe(outputs),
            FailureClass::Refused | FailureClass::UserGone if records > 1 => self.halve(outputs),
            FailureClass::Refused if self.fault != Fault::ThisRecord => self.probe(outputs),
            FailureClass::Refused => {
                self.keeping = Some(failure.clone());
                outputs.push(Output::Keep(failure));
            }
            FailureClass::UserGone => self.drop_user(outputs),
        }
    }

    fn probe(&mut self, outputs: &mut Vec<Output>) {
        self.probe = self.pieces.last().map(Piece::probe);
        outputs.push(Output::Write);
    }

    fn halve(&mut self, outputs: &mut Vec<Output>) {
        if let Some(mut first) = self.pieces.pop() {
            let rest = first.halve();
            self.pieces.extend([rest, first]);
        }
        outputs.push(Output::Write);
    }

    /// The cursor passes a record that is kept or dropped by an empty write of its own.
    fn kept(&mut self, outputs: &mut Vec<Output>) {
        self.keeping = None;
        self.passed();
        if let Some(piece) = self.pieces.last_mut() {
            piece.records.clear();
        }
        outputs.push(Output::Write);
    }

    /// What was found out about one record says nothing about the next.
    fn passed(&mut self) {
        if self.fault == Fault::ThisRecord {
            self.fault = Fault::SomeRecord;
        }
    }

    fn drop_user(&mut self, outputs: &mut Vec<Output>) {
        let user = self.pieces.last().and_then(|piece| piece.records.first());
        let user = user.map(|record| user_of(&record.outcome));
        let before = self.records_left();
        for piece in &mut self.pieces {
            piece.records.retain(|record| Some(user_of(&record.outcome)) != user);
        }
        outputs.extend([Output::Dropped(before - self.records_left()), Output::Write]);
    }

    fn records_left(&self) -> usize {
        self.pieces.iter().map(|piece| piece.records.len()).sum()
    }

    fn retry(&mut self, now: Timestamp, failure: WriteFailure, outputs: &mut Vec<Output>) {
        // Whether the records are sound is asked again once the database works.
        self.probe = None;
        self.fault = Fault::Unknown;
        // What failed after a long time has been in trouble all along.
        let since = self.asked_at.min(now);
        let trouble = self.trouble.get_or_insert(Trouble { since, tries: 0, parked: false });
        trouble.tries += 1;
        let denied = failure.class == FailureClass::Denied;
        if !trouble.parked && now.since(trouble.since) >= micros(PARK_AFTER) {
            trouble.parked = true;
            outputs.push(Output::Parked(failure));
        }
        let wait = match (denied, trouble.parked) {
            (true, _) => RETRY_DENIED,
            (false, true) => RETRY_PARKED,
            (false, false) => BACKOFF.after(trouble.tries),
        };
        outputs.push(Output::Wait(self.spread(wait)));
    }

    /// Until somebody has set right what the database or the log is.
    fn stand(&mut self, outputs: &mut Vec<Output>) {
        (self.probe, self.fault) = (None, Fault::Unknown);
        let wait = self.spread(RETRY_OTHER);
        outputs.push(Output::Wait(wait));
    }

    fn again(&self, outputs: &mut Vec<Output>) {
        outputs.push(match (&self.keeping, self.pieces.is_empty()) {
            (Some(failure), _) => Output::Keep(failure.clone()),
            (None, false) => Output::Write,
            (None, true) => Output::Receive,
        });
    }

    /// Between half and all of it, so that a fleet does not return at one moment.
    fn spread(&mut self, wait: Duration) -> Duration {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        spread(wait, 500..=1_000, self.random >> 40)
    }
}

fn no_log() -> WriteFailure {
    WriteFailure::of_log(FailureClass::Transient, &"the dead letter was not acknowledged")
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
