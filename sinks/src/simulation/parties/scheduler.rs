//! Who looks at a tenant's schedule, around its core.

use std::time::Duration;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{MINUTE, SECOND};
use chrono::NaiveTime;
use chrono_tz::Tz;

use super::super::faults::Kind;
use super::super::market;
use super::super::world::Around;
use super::Party;
use crate::schedule::core::{Core, Input, Output};
use crate::schedule::slots::DailyTime;

/// Between looks at a schedule of which nothing is due: longer than in life, where so little happens.
const LONGEST: Duration = Duration::from_hours(1);
/// A clock that is set is at most so far from the true one.
const CLOCK: i64 = 2 * 60;

/// When the tenant wants its brief.
pub(in crate::simulation) fn daily(tenant: usize) -> DailyTime {
    let (zone, hour) = [(Tz::Asia__Kolkata, 9), (Tz::Asia__Dubai, 8)][tenant];
    DailyTime { zone, time: NaiveTime::from_hms_opt(hour, 0, 0).unwrap() }
}

/// One that looks.
pub(super) struct Scheduler {
    tenant: usize,
    number: usize,
    core: Core,
    /// Before that it does nothing.
    next_at: Timestamp,
}

impl Scheduler {
    pub(super) fn new(tenant: usize, number: usize, now: Timestamp) -> Self {
        Self { tenant, number, core: Core::new(LONGEST), next_at: now }
    }

    fn settle(&self, around: &mut Around, fault: Option<Kind>) -> Input {
        if fault == Some(Kind::DatabaseAway) {
            return Input::Failed;
        }
        let users: Vec<_> = (1..=market::USERS).map(market::user).collect();
        let (now, database) = (around.now, &mut around.databases[self.tenant]);
        let next = database.settle(daily(self.tenant), &users, now);
        match fault {
            Some(Kind::AnswerLost) => Input::Failed,
            _ => Input::Settled { now: database.now(now), next },
        }
    }
}

impl Party for Scheduler {
    fn ready_at(&self, _around: &Around) -> Option<Timestamp> {
        Some(self.next_at)
    }

    fn act(&mut self, around: &mut Around) {
        let database = &around.databases[self.tenant];
        let name = format!("schedule {} of {}", self.number, database.tenant);
        let ahead = database.now(around.now).since(around.now) / MINUTE;
        let what = format!("looks at what is due, by a clock that is {ahead} min ahead");
        let possible = [Kind::Dies, Kind::DatabaseAway, Kind::AnswerLost, Kind::ClockSet];
        let fault = around.about_to(&name, what, &possible);
        match fault.map(|fault| (fault.kind, fault)) {
            Some((Kind::Dies, fault)) => {
                self.core = Core::new(LONGEST);
                self.next_at = around.now.plus(fault.below(1_200).cast_signed() * SECOND);
                return;
            }
            Some((Kind::ClockSet, fault)) => {
                let minutes = fault.below(2 * CLOCK.unsigned_abs()).cast_signed() - CLOCK;
                around.databases[self.tenant].set_clock(minutes * MINUTE, around.now);
            }
            _ => {}
        }
        let input = self.settle(around, fault.map(|fault| fault.kind));
        let wait = match self.core.step(input) {
            Output::Wait(wait) => i64::try_from(wait.as_micros()).unwrap(),
            Output::Settle => 0,
        };
        // What follows a wait is always the same.
        assert_eq!(self.core.step(Input::Woke), Output::Settle);
        self.next_at = around.now.plus(wait);
    }
}
