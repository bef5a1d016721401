//! What the composer decides, without IO: inputs in, outputs out. The driver beside it performs them, the simulation in
//! the tests plays them.
//!
//! A batch of triggers becomes groups, and the groups go into the outbox in parts. Only the last part moves the
//! database's cursor, in its transaction: what the parts before it added is known by its occurrence, so a batch can be
//! cut anywhere and read again. After anything but a plain success it is: the database may have been restored, or
//! somebody else may be filling it, so what is in hand is dropped and read again from where its cursor stands.

use std::time::Duration;

use bellwether_database::cursor::{Cursor, Mark};
use bellwether_runtime::backoff::{Backoff, Retries};

use crate::feed::Batch;
use crate::mail::group::{Collector, Group};

/// Most mails one transaction adds.
pub(crate) const MAILS: usize = 50;
/// Between tries where the database or the tenant's file is not right.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// What happened since the last step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// What the tenant's file asks for stands; its database's cursor is there.
    Opened(Cursor),
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
    /// The database was filled from another topic; nothing was put into its outbox.
    OtherTopic,
    /// The database's cursor stands there. Where it is asked for by a part, that part is not in the outbox.
    Stands(Cursor),
    /// The wait is over.
    Woke,
}

/// What to do. Outputs are performed in order; the last of a step brings the next input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Make what the tenant's file asks for now, in place of what stands.
    Open,
    /// Take the next batch.
    Receive,
    /// Put [`Core::part`] into the outbox.
    Fill,
    /// Ask the database where its cursor stands.
    Locate,
    /// Everything before this offset is in the outbox.
    Commit(u64),
    /// The database stands before what was handed over: it was restored, or is a new one.
    Restored {
        /// The offset it wants next.
        stands: u64,
        /// Up to this offset all was handed over.
        seen: u64,
    },
    /// Read the topic again from this offset.
    Rewind(u64),
    /// Let this time pass before the next try.
    Wait(Duration),
}

/// What one transaction adds to the outbox.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part<'a> {
    pub(crate) groups: &'a [Group],
    /// Where this process knows the cursor to stand.
    pub(crate) stands: Cursor,
    /// Where the batch's last part moves it to.
    pub(crate) ends: Cursor,
    /// What the cursor remembers of the topic from then on.
    pub(crate) mark: Option<Mark>,
    /// It is the batch's last part and moves the cursor to [`Self::ends`].
    pub(crate) last: bool,
    /// Triggers below this offset may have been mailed before the database was restored.
    pub(crate) held_below: u64,
}

/// How far one tenant's mails are composed, and what is in hand.
#[derive(Debug)]
pub(crate) struct Core {
    open: bool,
    /// The database was filled from another topic when it was looked at last.
    other_topic: bool,
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
    written: Cursor,
    /// Triggers below this offset may have been mailed before the database was restored.
    held_below: u64,
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
    /// The last record of the batch.
    mark: Option<Mark>,
}

impl Core {
    /// Nothing stands yet: the first output to perform is [`Output::Open`].
    pub(crate) const fn new() -> Self {
        Self { open: false, other_topic: false, reading: None, work: None, retries: Retries::new(BACKOFF) }
    }

    /// What [`Output::Fill`] speaks of.
    pub(crate) fn part(&self) -> Option<Part<'_>> {
        let (reading, work) = (self.reading.as_ref()?, self.work.as_ref()?);
        let end = work.groups.len().min(work.filled + MAILS);
        Some(Part {
            groups: work.groups.get(work.filled..end)?,
            stands: reading.written,
            ends: reading.collector.position(),
            mark: work.mark,
            last: end == work.groups.len(),
            held_below: reading.held_below,
        })
    }

    /// Takes in what happened and says what to do.
    pub(crate) fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
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
                if let Some(work) = &mut self.work {
                    work.tried = true;
                }
                outputs.push(Output::Wait(self.retries.failed()));
            }
            Input::OtherTopic => {
                (self.open, self.other_topic) = (false, true);
                outputs.push(Output::Wait(self.retries.failed()));
            }
            Input::Stands(cursor) => self.stands(cursor, outputs),
            Input::Woke => outputs.push(if self.open { Output::Locate } else { Output::Open }),
        }
    }

    /// The cursor of the database was read: goes on from there.
    fn stands(&mut self, cursor: Cursor, outputs: &mut Vec<Output>) {
        let (work, other_topic) = (self.work.take(), std::mem::take(&mut self.other_topic));
        match &mut self.reading {
            // Somebody has decided that it begins anew: what was read before says nothing of what was mailed.
            Some(_) if other_topic && cursor == Cursor::START => {
                self.reading = Some(Reading::of(cursor));
                outputs.push(Output::Rewind(cursor.next_offset));
            }
            None => self.reading = Some(Reading::of(cursor)),
            Some(reading) if work.is_none() && reading.is_whole() && cursor == reading.written => {}
            Some(reading) => {
                // What may have been mailed: of a batch whose filling was not tried, nothing.
                let untried = work.filter(|work| !work.tried).map(|work| work.from);
                let seen = untried.unwrap_or(reading.collector.next_offset());
                if cursor.cause < reading.written.cause {
                    outputs.push(Output::Restored { stands: cursor.next_offset, seen });
                    reading.held_below = reading.held_below.max(seen);
                }
                reading.begin_at(cursor);
                outputs.push(Output::Rewind(cursor.next_offset));
            }
        }
        outputs.push(Output::Receive);
    }

    fn take(&mut self, batch: Batch, outputs: &mut Vec<Output>) {
        let Some(reading) = &mut self.reading else { return outputs.push(Output::Open) };
        if reading.is_behind(&batch) {
            let (stands, seen) = (reading.collector.next_offset(), batch.from);
            reading.held_below = reading.held_below.max(seen);
            reading.rewound = Some(stands);
            outputs.extend([Output::Restored { stands, seen }, Output::Rewind(stands), Output::Receive]);
            return;
        }
        let (from, mark) = (batch.from, batch.mark);
        let groups = reading.read(batch);
        self.work = Some(Work { groups, filled: 0, tried: false, from, mark });
        outputs.push(Output::Fill);
    }

    fn filled(&mut self, outputs: &mut Vec<Output>) {
        self.retries.succeeded();
        let ended = self.part().filter(|part| part.last).map(|part| part.ends);
        let (Some(reading), Some(work)) = (&mut self.reading, &mut self.work) else {
            return outputs.push(Output::Receive);
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
}

impl Reading {
    const fn of(cursor: Cursor) -> Self {
        Self { collector: Collector::new(cursor), written: cursor, held_below: 0, rewound: None }
    }

    /// No group waits for a trigger that was not read yet.
    fn is_whole(&self) -> bool {
        self.collector.position().next_offset == self.collector.next_offset()
    }

    /// Forgets what was read and begins where the database's cursor stands.
    fn begin_at(&mut self, cursor: Cursor) {
        (self.written, self.rewound) = (cursor, Some(cursor.next_offset));
        self.collector = Collector::new(cursor);
    }

    /// The topic's reading began after where the database stands, and was not begun again for that yet.
    const fn is_behind(&self, batch: &Batch) -> bool {
        let next = self.collector.next_offset();
        let rewound = matches!(self.rewound, Some(to) if to == next);
        batch.from > next && !rewound
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

    fn at(offset: i64, next_offset: u64) -> Cursor {
        let cause = bellwether_schemas::triggers::Cause { offset, index: 0 };
        Cursor { cause, next_offset }
    }

    fn empty(from: u64, next_offset: u64) -> Input {
        let tenant = "fxlabs".parse().unwrap();
        Input::Batch(Batch { tenant, records: Vec::new(), from, next_offset, mark: None, epoch: 0 })
    }

    #[test]
    fn a_topic_that_starts_after_the_database_is_asked_for_once_and_then_read() {
        let mut core = Core::new();
        assert_eq!(performed(&mut core, Input::Opened(at(3, 4))), [Output::Receive]);
        let rewind = [Output::Restored { stands: 4, seen: 10 }, Output::Rewind(4), Output::Receive];
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
        performed(&mut core, Input::Opened(Cursor::START));
        assert_eq!(performed(&mut core, Input::Changed), [Output::Open]);
        assert_eq!(performed(&mut core, Input::Opened(Cursor::START)), [Output::Receive]);
        performed(&mut core, empty(0, 5));
        assert_eq!(performed(&mut core, Input::Changed), [Output::Open]);
        assert_eq!(performed(&mut core, Input::NotOpened), [Output::Wait(Duration::from_secs(1))]);
        assert_eq!(performed(&mut core, Input::Woke), [Output::Open]);
        // What was in hand is read again, and nothing of it is held.
        let again = [Output::Rewind(0), Output::Receive];
        assert_eq!(performed(&mut core, Input::Opened(Cursor::START)), again);
        assert_eq!(performed(&mut core, empty(0, 5)), [Output::Fill]);
        assert_eq!(core.part().unwrap().held_below, 0);
        assert_eq!(performed(&mut core, Input::Filled), [Output::Commit(5), Output::Receive]);
    }

    #[test]
    fn what_a_restored_database_may_have_mailed_is_held() {
        let mut core = Core::new();
        performed(&mut core, Input::Opened(at(3, 4)));
        performed(&mut core, empty(4, 12));
        let again = [Output::Restored { stands: 2, seen: 4 }, Output::Rewind(2), Output::Receive];
        assert_eq!(performed(&mut core, Input::Stands(at(1, 2))), again);
        performed(&mut core, empty(2, 12));
        assert_eq!(core.part().unwrap().held_below, 4);
        performed(&mut core, Input::NotFilled);
        performed(&mut core, Input::Stands(at(0, 1)));
        performed(&mut core, empty(1, 12));
        assert_eq!(core.part().unwrap().held_below, 12, "the part may have been filled, and its mails sent");
    }

    #[test]
    fn a_topic_that_is_not_the_databases_is_read_from_its_start_once_that_is_set_right_and_nothing_of_it_is_held()
     {
        let mut core = Core::new();
        performed(&mut core, Input::Opened(at(3, 4)));
        performed(&mut core, empty(4, 12));
        assert_eq!(performed(&mut core, Input::OtherTopic), [Output::Wait(Duration::from_secs(1))]);
        assert_eq!(performed(&mut core, Input::Woke), [Output::Open]);
        performed(&mut core, Input::NotOpened);
        let anew = [Output::Rewind(0), Output::Receive];
        assert_eq!(performed(&mut core, Input::Opened(Cursor::START)), anew);
        assert_eq!(performed(&mut core, empty(0, 5)), [Output::Fill]);
        assert_eq!(core.part().unwrap().held_below, 0);
        // It may be the same topic after all, and the database one that was restored.
        let mut core = Core::new();
        performed(&mut core, Input::Opened(at(3, 4)));
        performed(&mut core, empty(4, 12));
        performed(&mut core, Input::OtherTopic);
        let restored = [Output::Restored { stands: 2, seen: 4 }, Output::Rewind(2), Output::Receive];
        assert_eq!(performed(&mut core, Input::Opened(at(1, 2))), restored);
    }

    #[test]
    fn a_database_that_fails_is_tried_less_and_less_often() {
        let mut core = Core::new();
        performed(&mut core, Input::Opened(Cursor::START));
        performed(&mut core, empty(0, 5));
        let waits: Vec<u64> = (0..7)
            .map(|_| {
                let outputs = performed(&mut core, Input::NotFilled);
                let [Output::Wait(wait)] = outputs[..] else { panic!("{outputs:?}") };
                assert_eq!(performed(&mut core, Input::Woke), [Output::Locate]);
                wait.as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }
}
