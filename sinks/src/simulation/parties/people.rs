//! Who writes journals: a producer for each tenant, and the operator who lets records out of quarantine.

use std::collections::VecDeque;

use bellwether_runtime::log::NewRecord;
use bellwether_runtime::words::Words;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Timestamp, TopicKind};

use super::super::faults::Kind;
use super::super::market::{again, tenant};
use super::super::world::Around;
use super::Party;

/// Appends a tenant's journal, a little at a time.
pub(super) struct Producer {
    tenant: usize,
    groups: VecDeque<Vec<NewRecord>>,
    next_at: Timestamp,
}

impl Producer {
    pub(super) fn new(tenant: usize, groups: Vec<Vec<NewRecord>>, now: Timestamp) -> Self {
        Self { tenant, groups: groups.into(), next_at: now }
    }
}

impl Party for Producer {
    fn ready_at(&self, _around: &Around) -> Option<Timestamp> {
        (!self.groups.is_empty()).then_some(self.next_at)
    }

    fn act(&mut self, around: &mut Around) {
        let name = tenant(self.tenant);
        let journal = around.topic(self.tenant, TopicKind::Journal);
        let what = format!("appends {} records at {}", self.groups[0].len(), around.log.end(&journal));
        let fault = around.about_to(&format!("producer of {name}"), what, &[Kind::SentAgain, Kind::LogAway]);
        self.next_at = match around.below(20) {
            0 => around.in_seconds(600, 2_000),
            1..=4 => around.in_seconds(10, 120),
            _ => around.in_seconds(0, 10),
        };
        match fault.map(|fault| fault.kind) {
            Some(Kind::LogAway) => return,
            Some(_) => around.log.write(&journal, self.groups[0].clone()),
            None => {}
        }
        around.log.write(&journal, self.groups.pop_front().unwrap());
        around.to_come[self.tenant] = self.groups.len();
    }
}

/// Looks at tenants that stand, and lets them go on.
pub(super) struct Operator;

/// So long after a tenant stopped its operator has looked.
const LOOKS_AFTER: i64 = 2 * MINUTE;

impl Party for Operator {
    fn ready_at(&self, around: &Around) -> Option<Timestamp> {
        around.standing.iter().flatten().min().map(|since| since.plus(LOOKS_AFTER))
    }

    fn act(&mut self, around: &mut Around) {
        let longest = (0..2).filter(|number| around.standing[*number].is_some());
        let Some(number) = longest.min_by_key(|number| around.standing[*number]) else { return };
        around.standing[number] = None;
        let (name, mut words) = (tenant(number), Words::default());
        for record in around.log.read(&around.topic(number, TopicKind::Snapshots), 0, u64::from(u32::MAX)) {
            words.see(&name, &record);
        }
        let Some(quarantine) = words.quarantine else { return };
        let what = format!("lets the record at {} of {name} out of quarantine", quarantine.offset);
        around.about_to("operator", what, &[]);
        around.log.write(&around.topic(number, TopicKind::Journal), vec![again(&name, quarantine.offset)]);
    }
}
