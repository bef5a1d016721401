//! From the triggers topic to whole groups: one group is one mail.
//!
//! Triggers of one group come from one journal record, between those of other groups. A group is handed over when it
//! is whole, or, should a trigger of it never come, as it stands once the topic has gone on to a later journal
//! record. What lies before [`Collector::position`] belongs to groups that were handed over: reading may begin there
//! again and forms no group anew but for parts of groups handed over before, which the outbox knows by their
//! occurrence.

use std::collections::BTreeMap;

use bellwether_database::cursor::Cursor;
use bellwether_runtime::trace::Context;
use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};

use crate::feed::Delivered;

/// Most triggers that wait for the rest of their groups; over it the oldest group goes as it is.
const MAX_WAITING: usize = 10_000;

/// All triggers of one alert at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// In the order of the group; never empty.
    pub triggers: Vec<TriggerFired>,
    /// Where its first trigger lies in the triggers topic.
    pub offset: u64,
    /// When that was appended, wall clock.
    pub appended_at: Timestamp,
    /// False when a trigger of it never came.
    pub whole: bool,
    /// The trace that its first trigger belongs to, where one is recorded.
    pub trace: Option<Context>,
}

/// A group of which something is missing.
#[derive(Debug)]
struct Open {
    triggers: Vec<TriggerFired>,
    offset: u64,
    appended_at: Timestamp,
    trace: Option<Context>,
    /// Where to stand so that its first trigger is read again.
    before: Cursor,
}

/// Collects the triggers of one tenant.
#[derive(Debug)]
pub struct Collector {
    open: BTreeMap<GroupId, Open>,
    waiting: usize,
    read: Cursor,
}

impl Collector {
    /// Goes on where the tenant's cursor stands.
    #[must_use]
    pub const fn new(from: Cursor) -> Self {
        Self { open: BTreeMap::new(), waiting: 0, read: from }
    }

    /// Takes one record; puts what it completes into `groups`. A record whose cause is not above the last one's was
    /// taken before: a worker that did not know it was replaced wrote it again.
    pub fn take(&mut self, record: Delivered, groups: &mut Vec<Group>) {
        let cause = record.outcome.cause();
        let before = self.read;
        self.passed(record.offset + 1);
        if cause <= before.cause {
            return;
        }
        if cause.offset > before.cause.offset {
            self.release_all(groups);
        }
        self.read.cause = cause;
        if let Outcome::Fired(trigger) = record.outcome {
            let Delivered { offset, appended_at, trace, .. } = record;
            let fresh = Open { triggers: Vec::new(), offset, appended_at, trace, before };
            self.add(trigger, fresh, groups);
        }
    }

    /// Everything before `next_offset` was taken or is among the dead letters.
    pub fn passed(&mut self, next_offset: u64) {
        self.read.next_offset = self.read.next_offset.max(next_offset);
    }

    /// The offset to be read next.
    #[must_use]
    pub const fn next_offset(&self) -> u64 {
        self.read.next_offset
    }

    /// Everything before it is handed over.
    #[must_use]
    pub fn position(&self) -> Cursor {
        let earliest = self.open.values().map(|open| open.before).min_by_key(|position| position.cause);
        earliest.unwrap_or(self.read)
    }

    fn add(&mut self, trigger: TriggerFired, fresh: Open, groups: &mut Vec<Group>) {
        let (id, size) = (trigger.group.id, usize::try_from(trigger.group.size).unwrap_or(1));
        let open = self.open.entry(id).or_insert(fresh);
        open.triggers.push(trigger);
        self.waiting += 1;
        if open.triggers.len() >= size {
            self.release(id, true, groups);
        } else if self.waiting > MAX_WAITING {
            self.release_all(groups);
        }
    }

    fn release_all(&mut self, groups: &mut Vec<Group>) {
        let mut ids: Vec<(Cause, GroupId)> =
            self.open.iter().map(|(id, open)| (open.before.cause, *id)).collect();
        ids.sort_unstable();
        for (_, id) in ids {
            self.release(id, false, groups);
        }
    }

    fn release(&mut self, id: GroupId, whole: bool, groups: &mut Vec<Group>) {
        let Some(mut open) = self.open.remove(&id) else { return };
        self.waiting -= open.triggers.len();
        open.triggers.sort_by_key(|trigger| trigger.group.index);
        let Open { triggers, offset, appended_at, trace, .. } = open;
        groups.push(Group { triggers, offset, appended_at, whole, trace });
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::triggers::{AlertState, AlertStatus};
    use proptest::prelude::*;

    use super::*;
    use crate::mail::samples;

    /// Group `group` of `size`, its `index`-th trigger, from journal record `cause.0`, effect `cause.1`.
    fn fired(offset: u64, cause: (i64, i32), group: u8, index: i32, size: i32) -> Delivered {
        let mut trigger = samples::triggers("fxlabs").remove(0);
        trigger.cause = Cause { offset: cause.0, index: cause.1 };
        trigger.group.id = GroupId(uuid::Uuid::from_u128(u128::from(group)));
        (trigger.group.index, trigger.group.size) = (index, size);
        Delivered {
            offset,
            appended_at: Timestamp(i64::from(group)),
            outcome: Outcome::Fired(trigger),
            trace: None,
        }
    }

    fn status(offset: u64, cause: (i64, i32)) -> Delivered {
        let Outcome::Fired(of) = fired(offset, cause, 0, 0, 1).outcome else { unreachable!() };
        let status = AlertStatus {
            tenant: of.tenant,
            kind: of.kind,
            alert_id: of.alert_id,
            user_id: of.user_id,
            version: 1,
            state: AlertState::Active,
            reason: None,
            since: Some(Timestamp(0)),
            cause: of.cause,
        };
        Delivered { offset, appended_at: Timestamp(0), outcome: Outcome::Status(status), trace: None }
    }

    /// Group and trigger indices of what was handed over, and whether whole.
    fn told(groups: &[Group]) -> Vec<(u128, Vec<i32>, bool)> {
        let told = groups.iter().map(|group| {
            let indices = group.triggers.iter().map(|trigger| trigger.group.index).collect();
            (group.triggers[0].group.id.0.as_u128(), indices, group.whole)
        });
        told.collect()
    }

    fn take(collector: &mut Collector, records: Vec<Delivered>) -> Vec<(u128, Vec<i32>, bool)> {
        let mut groups = Vec::new();
        for record in records {
            collector.take(record, &mut groups);
        }
        told(&groups)
    }

    fn at(cause: (i64, i32), next_offset: u64) -> Cursor {
        Cursor { cause: Cause { offset: cause.0, index: cause.1 }, next_offset }
    }

    #[test]
    fn a_group_is_handed_over_when_it_is_whole_and_not_before() {
        let mut collector = Collector::new(Cursor::START);
        assert_eq!(
            take(&mut collector, vec![fired(0, (5, 0), 1, 0, 2), fired(1, (5, 1), 2, 0, 1)]),
            [(2, vec![0], true)]
        );
        assert_eq!(collector.position(), Cursor::START);
        assert_eq!(take(&mut collector, vec![fired(2, (5, 2), 1, 1, 2)]), [(1, vec![0, 1], true)]);
        assert_eq!(collector.position(), at((5, 2), 3));
    }

    #[test]
    fn the_position_stands_before_the_earliest_group_that_is_not_whole() {
        let mut collector = Collector::new(Cursor::START);
        let records = vec![
            fired(0, (5, 0), 1, 0, 1),
            fired(1, (5, 1), 2, 0, 2),
            fired(2, (5, 2), 3, 0, 2),
            fired(3, (5, 3), 3, 1, 2),
        ];
        assert_eq!(take(&mut collector, records).len(), 2);
        assert_eq!(collector.position(), at((5, 0), 1));
    }

    #[test]
    fn a_group_that_lost_a_trigger_goes_as_it_is_when_the_journal_has_gone_on() {
        let mut collector = Collector::new(Cursor::START);
        let records = vec![fired(0, (5, 0), 1, 1, 3), fired(1, (5, 1), 1, 0, 3), status(2, (6, 0))];
        assert_eq!(take(&mut collector, records), [(1, vec![0, 1], false)]);
        assert_eq!(collector.position(), at((6, 0), 3));
    }

    #[test]
    fn what_a_replaced_worker_writes_again_is_no_second_mail() {
        let mut collector = Collector::new(at((5, 0), 1));
        let records = vec![
            fired(1, (5, 0), 1, 0, 1),
            fired(2, (6, 0), 2, 0, 1),
            fired(3, (5, 0), 1, 0, 1),
            fired(4, (6, 0), 2, 0, 1),
        ];
        assert_eq!(take(&mut collector, records), [(2, vec![0], true)]);
        assert_eq!(collector.position(), at((6, 0), 5));
    }

    #[test]
    fn no_number_of_open_groups_grows_without_end() {
        let mut collector = Collector::new(Cursor::START);
        let count = i32::try_from(MAX_WAITING).unwrap() + 1;
        let records = (0..count).map(|n| {
            let mut record = fired(u64::try_from(n).unwrap(), (5, n), 0, 0, 2);
            let Outcome::Fired(trigger) = &mut record.outcome else { unreachable!() };
            trigger.group.id = GroupId(uuid::Uuid::from_u128(u128::try_from(n).unwrap()));
            record
        });
        assert_eq!(take(&mut collector, records.collect()).len(), MAX_WAITING + 1);
    }

    proptest! {
        /// Stop anywhere, begin again at the position of that moment: together the two runs hand over every group
        /// whole, and what the second hands over again is a part of a group that the first one had.
        #[test]
        fn stopping_anywhere_loses_no_group(sizes in prop::collection::vec((1u8..4, any::<u64>()), 1..12), cut in 0usize..40) {
            let mut records = Vec::new();
            for (n, (size, shuffle)) in sizes.iter().enumerate() {
                // Two groups a journal record, their triggers between each other as `shuffle` says.
                let (a, b) = (n * 2, n * 2 + 1);
                let mut left = [(a, 0, *size), (b, 0, 2)];
                for index in 0..i32::from(*size) + 2 {
                    let pick = usize::from(shuffle >> index & 1 == 1);
                    let pick = if left[pick].1 < left[pick].2 { pick } else { 1 - pick };
                    let (group, at, size) = &mut left[pick];
                    let offset = records.len() as u64;
                    let cause = (i64::try_from(n).unwrap(), index);
                    records.push(fired(offset, cause, u8::try_from(*group).unwrap(), i32::from(*at), i32::from(*size)));
                    *at += 1;
                }
            }
            let cut = cut.min(records.len());
            let mut first = Collector::new(Cursor::START);
            let before = take(&mut first, records[..cut].to_vec());
            let position = first.position();
            let mut second = Collector::new(position);
            let from = usize::try_from(position.next_offset).unwrap();
            let after = take(&mut second, records[from..].to_vec());
            let all = |handed: &[(u128, Vec<i32>, bool)]| -> Vec<u128> {
                handed.iter().filter(|group| group.2).map(|group| group.0).collect()
            };
            let mut whole: Vec<u128> = all(&before).into_iter().chain(all(&after)).collect();
            whole.sort_unstable();
            whole.dedup();
            prop_assert_eq!(whole.len(), sizes.len() * 2);
            let known = all(&before);
            let parts = after.iter().filter(|group| !group.2);
            for part in parts {
                prop_assert!(known.contains(&part.0));
            }
        }
    }
}
