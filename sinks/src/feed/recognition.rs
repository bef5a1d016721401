//! Whether the triggers topic is the one that a tenant's database was filled from.
//!
//! A sink leaves out what is not past its cursor, and a cursor is a place in a journal. Where journal and triggers were
//! deleted and made anew, or the log is another one, what is new is not past it either, and would be left out without a
//! word. So the topic is known again before anything of it is left out: by where it ends, and by a record that the
//! cursor was moved past.

use std::sync::Arc;

use bellwether_database::cursor::{Mark, Reached};
use bellwether_runtime::log::{Log, LogError, Record, blocking, scan};
use bellwether_schemas::snapshots::ContentHash;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, Topic, TopicKind};

use super::lane::Batch;

/// Why a topic is not the one that a database was filled from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtherTopic {
    /// It ends before the cursor.
    #[error(
        "the cursor of {sink} stands at offset {next_offset}, and {topic} ends at {end}: it is another topic's"
    )]
    Ends {
        /// Whose cursor.
        sink: String,
        /// Where it stands.
        next_offset: u64,
        /// The topic of triggers.
        topic: Topic,
        /// Its next offset.
        end: u64,
    },
    /// It holds another record, or none, where the cursor remembers one.
    #[error(
        "{topic} does not have the record at offset {offset} that the cursor of {sink} passed: it is another topic's"
    )]
    Differs {
        /// Whose cursor.
        sink: String,
        /// Where the record was.
        offset: u64,
        /// The topic of triggers.
        topic: Topic,
    },
}

/// The record as a cursor remembers it.
pub(super) fn mark(record: &Record) -> Mark {
    Mark { offset: record.offset, content: *ContentHash::of_record(&record.key, &record.value).bytes() }
}

/// Compares the topic with how far a sink has got in it; none: it is the same topic, as far as can be told. What
/// retention has taken cannot be compared. Blocks for two answers of the log.
///
/// # Errors
/// The log is out of reach.
pub fn compare(log: &dyn Log, triggers: &Topic, reached: &Reached) -> Result<Option<OtherTopic>, LogError> {
    let bounds = log.bounds(triggers)?;
    let (sink, topic) = (reached.sink.clone(), triggers.clone());
    let Reached { next_offset, mark: remembered, .. } = *reached;
    if next_offset > bounds.next {
        return Ok(Some(OtherTopic::Ends { sink, next_offset, topic, end: bounds.next }));
    }
    let Some(remembered) = remembered.filter(|mark| mark.offset >= bounds.start) else { return Ok(None) };
    let offset = remembered.offset;
    let found = match offset < bounds.next {
        true => scan(log, triggers, offset..offset + 1)?.next().transpose()?,
        false => None,
    };
    let same = found.is_some_and(|record| mark(&record) == remembered);
    Ok((!same).then_some(OtherTopic::Differs { sink, offset, topic }))
}

/// Remembers for one lane whether its topic is known again: it is to be compared when it is read anew, and before what
/// looks like a repeat is left out.
pub(crate) struct Recognition {
    log: Arc<dyn Log>,
    topic: Topic,
    /// Which reading of the topic the last batch was of.
    epoch: Option<u64>,
    /// The largest cause of that reading.
    seen: Option<Cause>,
    known: bool,
}

impl Recognition {
    pub(crate) fn new(log: Arc<dyn Log>, tenant: &TenantId) -> Self {
        let topic = Topic::new(tenant, TopicKind::Triggers);
        Self { log, topic, epoch: None, seen: None, known: false }
    }

    /// Takes note of what is about to be dealt with.
    pub(crate) fn read(&mut self, batch: &Batch) {
        if self.epoch.replace(batch.epoch) != Some(batch.epoch) {
            (self.seen, self.known) = (None, false);
        }
        for cause in batch.records.iter().map(|record| record.outcome.cause()) {
            // A worker that was replaced repeats itself; a journal made anew begins again.
            self.known &= self.seen.is_none_or(|seen| cause > seen);
            self.seen = self.seen.max(Some(cause));
        }
    }

    /// The database may be another one.
    pub(crate) const fn forget(&mut self) {
        self.known = false;
    }

    pub(crate) const fn is_due(&self) -> bool {
        !self.known
    }

    /// Nothing was read yet.
    pub(crate) const fn is_new(&self) -> bool {
        self.epoch.is_none()
    }

    /// Compares the topic with how far each sink has got. None: it is known again.
    pub(crate) async fn compare(&mut self, reached: Vec<Reached>) -> Result<Option<OtherTopic>, LogError> {
        let (log, topic) = (Arc::clone(&self.log), self.topic.clone());
        let compared = blocking(move || {
            let mut compared = reached.iter().map(|reached| compare(log.as_ref(), &topic, reached));
            compared.find_map(Result::transpose).transpose()
        });
        let other = compared.await.and_then(|compared| compared)?;
        self.known = other.is_none();
        Ok(other)
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::log::{Access, NewRecord, open};

    use super::*;
    use crate::feed::Delivered;
    use crate::rows::simulation::trigger;

    struct Place {
        _dir: tempfile::TempDir,
        log: Arc<dyn Log>,
        topic: Topic,
    }

    /// A topic with these values.
    fn place(values: &[&str]) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Triggers);
        log.create(&topic).unwrap();
        let record = |value: &&str| NewRecord { key: Vec::new(), value: value.as_bytes().to_vec() };
        log.append(&topic, values.iter().map(record).collect()).wait().unwrap();
        Place { _dir: dir, log, topic }
    }

    fn reached(next_offset: u64, mark: Option<(u64, &str)>) -> Reached {
        let content = |value: &str| *ContentHash::of_record(b"", value.as_bytes()).bytes();
        let mark = mark.map(|(offset, value)| Mark { offset, content: content(value) });
        Reached { sink: "rows".into(), next_offset, mark, moved_at: chrono::DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_topic_is_known_again_by_its_end_and_by_a_record_that_was_passed() {
        let place = place(&["a", "b", "c"]);
        let differs = |reached: Reached| {
            let other = compare(place.log.as_ref(), &place.topic, &reached).unwrap();
            other.map(|other| other.to_string())
        };
        for same in
            [reached(0, None), reached(3, None), reached(2, Some((1, "b"))), reached(1, Some((2, "c")))]
        {
            assert_eq!(differs(same.clone()), None, "{same:?}");
        }
        for other in [reached(4, None), reached(2, Some((1, "a"))), reached(3, Some((3, "d")))] {
            let said = differs(other.clone()).unwrap();
            assert!(said.ends_with("it is another topic's"), "{said}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_compared_when_it_is_read_anew_and_before_what_looks_like_a_repeat_is_left_out() {
        let place = tokio::task::spawn_blocking(|| place(&["a"])).await.unwrap();
        let mut recognition = Recognition::new(place.log.clone(), &place.topic.tenant);
        let batch = |epoch: u64, causes: &[usize]| {
            let delivered = |number: &usize| {
                let outcome = trigger(*number, 0);
                Delivered { offset: 0, appended_at: bellwether_schemas::Timestamp(0), outcome, trace: None }
            };
            let (tenant, records) = (place.topic.tenant.clone(), causes.iter().map(delivered).collect());
            Batch { tenant, records, from: 0, next_offset: 1, mark: None, epoch }
        };
        for (epoch, causes, due) in [
            (1, &[3, 4][..], true),
            (1, &[5, 7], false),
            (1, &[], false),
            (1, &[8, 6], true),
            (1, &[9], false),
            (2, &[10], true),
        ] {
            recognition.read(&batch(epoch, causes));
            assert_eq!(recognition.is_due(), due, "{causes:?} of reading {epoch}");
            if due {
                assert_eq!(recognition.compare(vec![reached(1, None)]).await.unwrap(), None);
            }
        }
        assert!(recognition.compare(vec![reached(9, None)]).await.unwrap().is_some());
        assert!(recognition.is_due(), "until it is right");
    }
}
