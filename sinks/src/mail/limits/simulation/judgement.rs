//! What has to hold of a simulated outbox that is done with everything.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::HOUR;

use super::{Row, State, USERS, World, number, user};
use crate::mail::group::Group;

impl World {
    pub(super) fn judge(&self) {
        assert_eq!(self.outbox.rows.len(), self.topic.len(), "a row for each group");
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for mail in self.outbox.digests.iter().flat_map(|digest| &digest.told) {
            *told.entry(&mail.occurrence).or_default() += 1;
        }
        for group in &self.topic {
            let id = group.triggers[0].group.id.to_string();
            let row = &self.outbox.rows[&id];
            let expected = usize::from(matches!(row.state, State::Digested(_)));
            assert_eq!(told.get(id.as_str()).copied().unwrap_or(0), expected, "{id}: {row:?}");
            self.judge_row(group, row);
        }
        (0..USERS as usize).for_each(|user| self.judge_hours(user));
    }

    fn judge_row(&self, group: &Group, row: &Row) {
        match &row.state {
            State::Sent(_) | State::Ambiguous(_) | State::Failed => {}
            State::Digested(digest) => assert_eq!(self.outbox.digests[*digest].user, row.user),
            State::Suppressed(reason) => {
                let old = reason.starts_with("more than 24 hours old");
                assert!(old || self.choosy[number(row.user)], "nobody wanted that: {reason}");
                return;
            }
            State::Pending | State::Held(_) => panic!("it was never done with: {row:?}"),
        }
        let all = group
            .triggers
            .iter()
            .all(|trigger| row.symbols.contains(&trigger.symbol.as_ref().unwrap().to_string()));
        assert!(all || self.choosy[number(row.user)], "a trigger is left out: {row:?}");
        assert!(!row.symbols.is_empty());
    }

    /// No hour has more than the limit.
    fn judge_hours(&self, of: usize) {
        let left = |row: &Row| match row.state {
            State::Sent(at) | State::Ambiguous(at) if row.user == user(of) => Some(at),
            _ => None,
        };
        let mut left: Vec<Timestamp> = self.outbox.rows.values().filter_map(left).collect();
        left.sort_unstable();
        for window in left.windows(self.caps.a_user.get() as usize + 1) {
            let (first, last) = (window[0], window[window.len() - 1]);
            assert!(last.since(first) >= HOUR, "{} mails from {first} to {last}", window.len());
        }
    }
}
