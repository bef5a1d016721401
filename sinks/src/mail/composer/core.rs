//! What the composer decides, without IO: inputs in, outputs out. The driver beside it performs them, the simulation in
//! the tests plays them.
//!
//! A batch of triggers becomes groups, and the groups go into the outbox in parts. Only the last part moves the
//! database's cursor, in its transaction: what the parts before it added is known by its occurrence, so a batch can be
//! cut anywhere and begun again. A database whose cursor does not stand where this process put it was restored or is
//! filled by somebody else too: what is in hand is dropped and read again from there.

use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, Retries};

use crate::feed::Batch;
use crate::mail::group::{Collector, Group, Position};

/// Most mails one transaction adds.
pub(super) const MAILS: usize = 50;
/// Between tries where the database or the tenant's file is not right.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    /// What the tenant's file asks for stands; its database's cursor is there.
    Opened(Position),
    /// It does not stand yet.
    NotOpened,
    /// The tenant's file asks for something else than what stands.
    Changed,
    /// Triggers to compose mails of.
    Batch(Batch),
    /// The part is in the outbox.
    Filled,
    /// The part may be in the outbox or not.
    NotFilled,
    /// The part is not in the outbox: the database's cursor stands elsewhere than [`Part`] says.
    Elsewhere(Position),
    /// The wait is over.
    Woke,
}

/// What to do. Outputs are performed in order; the last of a step brings the next input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// Make what the tenant's file asks for now, in place of what stands.
    Open,
    /// Take the next batch.
    Receive,
    /// Put [`Core::part`] into the outbox.
    Fill,
    /// Everything before this offset is in the outbox.
    Commit(u64),
    /// Read the topic again.
    Rewind {
        /// From this offset.
        to: u64,
        /// Where the batch began that is read again.
        start: u64,
    },
    /// Wait so long.
    Wait(Duration),
}

/// What one transaction adds to the outbox.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part<'a> {
    pub(super) groups: &'a [Group],
    /// Where this process knows the cursor to stand.
    pub(super) stands: Position,
    /// Where it stands once the whole batch is filled. It may be found there too: by whoever filled the batch and never
    /// had the answer.
    pub(super) ends: Position,
    /// It is the batch's last part and moves the cursor to [`Self::ends`].
    pub(super) last: bool,
    /// Triggers below this offset may have been mailed before the database was restored.
    pub(super) held_below: u64,
}

/// One tenant's state.
#[derive(Debug)]
pub(super) struct Core {
    open: bool,
    /// None until a database was opened for the first time.
    reading: Option<Reading>,
    work: Option<Work>,
    retries: Retries,
}

/// How far one database is with the topic.
#[derive(Debug)]
struct Reading {
    collector: Collector,
    /// Where its cursor was put last.
    written: Position,
    held_below: u64,
    /// Somebody else has moved the cursor on: what was read beyond it is no sign of a restored database.
    moved_on: bool,
    /// Where reading began again; a topic that starts later than that is read from its start.
    rewound: Option<u64>,
}

/// The groups of one batch.
#[derive(Debug)]
struct Work {
    groups: Vec<Group>,
    /// How many of them are in the outbox.
    filled: usize,
    /// Some may be in the outbox of a database, and so may have been sent.
    tried: bool,
    /// Where the batch begins.
    from: u64,
    /// Where it ends.
    next_offset: u64,
}

impl Core {
    /// Nothing stands yet: the first output to perform is [`Output::Open`].
    pub(super) const fn new() -> Self {
        Self { open: false, reading: None, work: None, retries: Retries::new(BACKOFF) }
    }

    /// What [`Output::Fill`] speaks of.
    pub(super) fn part(&self) -> Option<Part<'_>> {
        let (reading, work) = (self.reading.as_ref()?, self.work.as_ref()?);
        let end = work.groups.len().min(work.filled + MAILS);
        Some(Part {
            groups: work.groups.get(work.filled..end)?,
            stands: reading.written,
            ends: reading.collector.position(),
            last: end == work.groups.len(),
            held_below: reading.held_below,
        })
    }

    /// Takes in what happened and says what to do.
    pub(super) fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Opened(cursor) => {
                self.open = true;
                self.retries.succeeded();
                self.stands(cursor, outputs);
            }
            Input::NotOpened => outputs.push(Output::Wait(self.retries.failed())),
            Input::Changed => {
                self.open = false;
                outputs.push(Output::Open);
            }
            Input::Batch(batch) => self.take(batch, outputs),
            Input::Filled => self.filled(outputs),
            Input::NotFilled => {
                self.begin_work_again();
                outputs.push(Output::Wait(self.retries.failed()));
            }
            Input::Elsewhere(cursor) => self.stands(cursor, outputs),
            Input::Woke => self.go_on(outputs),
        }
    }

    /// The cursor of the database was read.
    fn stands(&mut self, cursor: Position, outputs: &mut Vec<Output>) {
        if self.is_ours(cursor) {
            if self.work.as_ref().is_some_and(|work| work.filled > 0) {
                self.begin_work_again();
            }
        } else {
            self.reading = Some(Reading::of(cursor, self.reading.as_ref()));
            self.drop_work(outputs);
        }
        self.go_on(outputs);
    }

    /// The database is the one that was filled, perhaps at another address: groups that are not whole yet are still
    /// ours. It may have taken the batch in hand without our having heard of it.
    fn is_ours(&self, cursor: Position) -> bool {
        self.reading.as_ref().is_some_and(|reading| {
            cursor == reading.written || self.work.is_some() && cursor == reading.collector.position()
        })
    }

    /// What is in hand was made of another reading than this database's.
    fn drop_work(&mut self, outputs: &mut Vec<Output>) {
        let (Some(work), Some(reading)) = (self.work.take(), &mut self.reading) else { return };
        let to = reading.begin_again(if work.tried { work.next_offset } else { work.from });
        outputs.push(Output::Rewind { to, start: work.from });
    }

    fn take(&mut self, batch: Batch, outputs: &mut Vec<Output>) {
        let Some(reading) = &mut self.reading else { return outputs.push(Output::Open) };
        if reading.is_behind(&batch) {
            let to = reading.begin_again(batch.from);
            outputs.extend([Output::Rewind { to, start: batch.from }, Output::Receive]);
            return;
        }
        let (from, next_offset) = (batch.from, batch.next_offset);
        let groups = reading.read(batch);
        self.work = Some(Work { groups, filled: 0, tried: false, from, next_offset });
        outputs.push(Output::Fill);
    }

    fn filled(&mut self, outputs: &mut Vec<Output>) {
        self.retries.succeeded();
        let ended = self.part().filter(|part| part.last).map(|part| part.ends);
        let (Some(reading), Some(work)) = (&mut self.reading, &mut self.work) else {
            return self.go_on(outputs);
        };
        match ended {
            Some(ends) => {
                reading.written = ends;
                self.work = None;
                outputs.extend([Output::Commit(ends.next_offset), Output::Receive]);
            }
            None => {
                work.filled += MAILS;
                work.tried = true;
                outputs.push(Output::Fill);
            }
        }
    }

    /// The parts that were filled are filled again: the database may not be the one that has them.
    const fn begin_work_again(&mut self) {
        if let Some(work) = &mut self.work {
            (work.tried, work.filled) = (true, 0);
        }
    }

    fn go_on(&self, outputs: &mut Vec<Output>) {
        outputs.push(match (self.open, &self.work) {
            (false, _) => Output::Open,
            (true, Some(_)) => Output::Fill,
            (true, None) => Output::Receive,
        });
    }
}

impl Reading {
    /// Of a database whose cursor stands there, in place of another reading, if there was one.
    fn of(cursor: Position, before: Option<&Self>) -> Self {
        Self {
            collector: Collector::new(cursor),
            written: cursor,
            held_below: before.map_or(0, |before| before.held_below),
            moved_on: before.is_some_and(|before| cursor.cause > before.written.cause),
            rewound: None,
        }
    }

    /// The topic's reading began after where the database stands, and was not begun again for that yet.
    const fn is_behind(&self, batch: &Batch) -> bool {
        let next = self.collector.next_offset();
        let rewound = matches!(self.rewound, Some(to) if to == next);
        batch.from > next && !rewound
    }

    /// The topic is read again from where the database stands, which is returned. What lies between that and `seen`
    /// was handed over before: it may have been mailed, out of a database that knew more than this one.
    fn begin_again(&mut self, seen: u64) -> u64 {
        let next = self.collector.next_offset();
        self.rewound = Some(next);
        if seen > next && !self.moved_on {
            self.held_below = self.held_below.max(seen);
        }
        next
    }

    fn read(&mut self, batch: Batch) -> Vec<Group> {
        let mut groups = Vec::new();
        for record in batch.records {
            self.collector.take(record, &mut groups);
        }
        self.collector.passed(batch.next_offset);
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn performed(core: &mut Core, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        core.step(input, &mut outputs);
        outputs
    }

    fn at(offset: i64, next_offset: u64) -> Position {
        let cause = bellwether_schemas::triggers::Cause { offset, index: 0 };
        Position { cause, next_offset }
    }

    fn empty(from: u64, next_offset: u64) -> Input {
        let tenant = "fxlabs".parse().unwrap();
        Input::Batch(Batch { tenant, records: Vec::new(), from, next_offset, epoch: 0 })
    }

    #[test]
    fn a_topic_that_starts_after_the_database_is_asked_for_once_and_then_read() {
        let mut core = Core::new();
        assert_eq!(performed(&mut core, Input::Opened(at(3, 4))), [Output::Receive]);
        let rewind = [Output::Rewind { to: 4, start: 10 }, Output::Receive];
        assert_eq!(performed(&mut core, empty(10, 12)), rewind);
        assert_eq!(performed(&mut core, empty(9, 12)), [Output::Fill]);
        assert_eq!(core.part().unwrap().held_below, 10);
        assert_eq!(performed(&mut core, Input::Filled), [Output::Commit(12), Output::Receive]);
    }

    #[test]
    fn another_brand_or_address_is_opened_between_batches_and_between_tries() {
        let mut core = Core::new();
        assert_eq!(performed(&mut core, Input::NotOpened), [Output::Wait(Duration::from_secs(1))]);
        assert_eq!(performed(&mut core, Input::Woke), [Output::Open]);
        performed(&mut core, Input::Opened(Position::START));
        assert_eq!(performed(&mut core, Input::Changed), [Output::Open]);
        assert_eq!(performed(&mut core, Input::Opened(Position::START)), [Output::Receive]);
        performed(&mut core, empty(0, 5));
        assert_eq!(performed(&mut core, Input::Changed), [Output::Open]);
        assert_eq!(performed(&mut core, Input::NotOpened), [Output::Wait(Duration::from_secs(1))]);
        assert_eq!(performed(&mut core, Input::Woke), [Output::Open]);
        assert_eq!(performed(&mut core, Input::Opened(Position::START)), [Output::Fill]);
        assert_eq!(performed(&mut core, Input::Filled), [Output::Commit(5), Output::Receive]);
    }

    #[test]
    fn a_database_that_fails_is_tried_less_and_less_often() {
        let mut core = Core::new();
        performed(&mut core, Input::Opened(Position::START));
        performed(&mut core, empty(0, 5));
        let waits: Vec<u64> = (0..7)
            .map(|_| {
                let outputs = performed(&mut core, Input::NotFilled);
                let [Output::Wait(wait)] = outputs[..] else { panic!("{outputs:?}") };
                assert_eq!(performed(&mut core, Input::Woke), [Output::Fill]);
                wait.as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }
}
