//! What can go wrong with brokers and groups, one trial a row, each as often as `REPEATS` says, under load.
//!
//! A trial disturbs, heals, and tells how long it took until everybody had caught up. Whether anything was lost or came
//! twice is judged once, over all of them.

mod brokers;
mod crashes;
mod groups;
mod hosts;

use std::time::Duration;

use crate::argument;
use crate::judged::Random;
use crate::processes::Processes;
use crate::world::{World, now, progress};

/// How long a member may be silent before its group takes it for dead.
pub(crate) const SESSION: Duration = Duration::from_secs(6);

/// One row.
struct Trial {
    row: &'static str,
    what: &'static str,
    run: fn(&mut Ground<'_, '_>) -> String,
}

const TRIALS: [Trial; 15] = [
    Trial { row: "K1", what: "a broker killed -9 and started again", run: brokers::killed },
    Trial { row: "K2", what: "a broker held still for 1 to 60 s", run: brokers::frozen },
    Trial { row: "K3", what: "all brokers away", run: brokers::away },
    Trial { row: "K4", what: "a group's coordinator killed -9", run: brokers::coordinators_killed },
    Trial { row: "K5", what: "members join and leave all the time", run: groups::storm },
    Trial { row: "K6", what: "a process held still for two sessions", run: groups::zombie_processes },
    Trial { row: "K7", what: "a rows sink held still for two sessions", run: groups::zombie_sinks },
    Trial { row: "K8", what: "two processes with one static id", run: groups::twins },
    Trial { row: "crashes", what: "every crash point armed in turn", run: crashes::crashes },
    Trial { row: "in-place", what: "a process killed -9 that is back at once", run: groups::killed_in_place },
    Trial { row: "moved", what: "a process killed -9 that stays away", run: groups::killed_and_moved },
    Trial { row: "H2", what: "one more of each role with little memory", run: hosts::little_memory },
    Trial { row: "H4", what: "neighbours that keep every processor busy", run: hosts::busy_neighbours },
    Trial { row: "H11", what: "a role that has a hundredth of the time", run: hosts::throttled },
    Trial { row: "H12", what: "two versions beside each other", run: hosts::mixed_versions },
];

pub(crate) struct Ground<'g, 'w> {
    world: &'g World,
    processes: &'g mut Processes<'w>,
    random: &'g mut Random,
}

/// The rows that `TRIALS` names, or every one for `all`; a line a row.
pub(crate) fn run(
    world: &World,
    processes: &mut Processes<'_>,
    random: &mut Random,
    rows: &str,
) -> Vec<String> {
    let wanted: Vec<&str> = rows.split([' ', ',']).filter(|row| !row.is_empty()).collect();
    let unknown: Vec<&&str> =
        wanted.iter().filter(|row| **row != "all" && TRIALS.iter().all(|trial| trial.row != **row)).collect();
    assert!(unknown.is_empty(), "TRIALS: there are no rows {unknown:?}");
    world.wait_until_it_flows(processes);
    let mut lines = Vec::new();
    for Trial { row, what, run } in TRIALS {
        if !wanted.contains(&"all") && !wanted.contains(&row) {
            continue;
        }
        progress(&format!("{row}: {what}"));
        let begun = now();
        let seen = run(&mut Ground { world, processes, random });
        let line = format!("{row}: {what}: {seen} ({:.0} s)", begun.elapsed().as_secs_f64());
        progress(&line);
        lines.push(line);
    }
    lines
}

/// Up to three more members of groups come, and go, so often altogether; what was seen.
pub(crate) fn members_come_and_go(
    world: &World,
    processes: &mut Processes<'_>,
    random: &mut Random,
    moves: u64,
) -> String {
    groups::members_come_and_go(&mut Ground { world, processes, random }, moves)
}

impl Ground<'_, '_> {
    fn repeats(&self, otherwise: u64) -> u64 {
        argument("REPEATS", otherwise)
    }

    fn heads(&mut self) -> bool {
        self.random.next().is_multiple_of(2)
    }

    fn up_to(&mut self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_millis()).unwrap().max(1);
        Duration::from_millis(self.random.next() % limit)
    }

    /// Disturbs that often, and says how long it took each time until everybody had caught up.
    fn times(&mut self, count: u64, mut disturb: impl FnMut(&mut Self, u64)) -> String {
        let mut times = Vec::new();
        for time in 0..count {
            disturb(self, time);
            times.extend(self.world.time_to_catch_up(self.processes));
        }
        times.sort();
        let seconds = |at: usize| times.get(at).map_or(0.0, Duration::as_secs_f64);
        format!(
            "{} times; caught up after {:.1} s in the middle, {:.1} s at most",
            times.len(),
            seconds(times.len() / 2),
            seconds(times.len().saturating_sub(1))
        )
    }
}
