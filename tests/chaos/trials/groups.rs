//! Members of groups that come, go, stand still, or are there twice.

use std::time::Duration;

use super::{Ground, SESSION};
use crate::argument;
use crate::processes::Role;
use crate::world::now;

/// A member that is held still for longer than two sessions believes that its tenants are its own when it wakes.
const FROZEN: Duration = Duration::from_secs(13);
/// Longer than it takes the others to notice and to go on.
const AWAY_FOR_GOOD: Duration = Duration::from_secs(25);
/// Who dies a third time before it has folded on is taken for one that its record kills.
const APART: Duration = Duration::from_secs(10);

/// How long it takes until everything that was there when it died is folded and written.
pub(super) fn killed_in_place(ground: &mut Ground<'_, '_>) -> String {
    let count = ground.repeats(20);
    ground.times(count, |ground, _| {
        ground.processes.tend_for(APART);
        let choice = ground.random.next();
        ground.processes.kill(Role::Process, choice, Duration::ZERO);
    })
}

pub(super) fn killed_and_moved(ground: &mut Ground<'_, '_>) -> String {
    let count = ground.repeats(20);
    let mut last: Option<std::time::Instant> = None;
    ground.times(count, |ground, _| {
        // The one before has to be back first, or nobody is left.
        if let Some(last) = last {
            ground.processes.tend_for(AWAY_FOR_GOOD.saturating_sub(last.elapsed()));
            ground.processes.tend_until_all_run();
            ground.processes.tend_for(SESSION);
        }
        let choice = ground.random.next();
        ground.processes.kill(Role::Process, choice, AWAY_FOR_GOOD);
        last = Some(now());
    })
}

/// Up to three more of a role come, and go again when asked or with signal 9, about one every second.
pub(super) fn storm(ground: &mut Ground<'_, '_>) -> String {
    members_come_and_go(ground, argument("MOVES", 200))
}

pub(super) fn members_come_and_go(ground: &mut Ground<'_, '_>, moves: u64) -> String {
    let (mut guests, mut largest, mut stood_still) = (Vec::new(), 0, Duration::ZERO);
    let (mut folded, mut moved_at) = (0, now());
    for _ in 0..moves {
        let comes = guests.is_empty() || (guests.len() < 3 && ground.heads());
        if comes {
            let role = if ground.heads() { Role::Process } else { Role::Rows };
            guests.push(ground.processes.join(role));
        } else {
            let at = usize::try_from(ground.random.next()).unwrap() % guests.len();
            let is_asked = ground.heads();
            let guest = guests.swap_remove(at);
            ground.processes.leave(guest, is_asked);
        }
        let pause = Duration::from_millis(500) + ground.up_to(SESSION / 4);
        ground.processes.tend_for(pause);
        largest = largest.max(ground.world.lag(Role::Process).unwrap_or(0));
        let now_folded = ground.world.folded();
        if now_folded > folded {
            (folded, moved_at) = (now_folded, now());
        }
        stood_still = stood_still.max(moved_at.elapsed());
    }
    for guest in guests {
        ground.processes.leave(guest, true);
    }
    let caught_up = ground.times(1, |_, _| {});
    format!(
        "{moves} moves; {largest} records of a journal were behind at most, and nothing was committed for {:.1} s at \
         most; {caught_up}",
        stood_still.as_secs_f64()
    )
}

pub(super) fn zombie_processes(ground: &mut Ground<'_, '_>) -> String {
    frozen(ground, Role::Process)
}

pub(super) fn zombie_sinks(ground: &mut Ground<'_, '_>) -> String {
    frozen(ground, Role::Rows)
}

pub(super) fn twins(ground: &mut Ground<'_, '_>) -> String {
    let mut said = Vec::new();
    for role in [Role::Process, Role::Rows, Role::Mail] {
        match ground.processes.replace_by_a_twin(role) {
            Some(words) => said.push(format!("{} ended with {words}", role.name())),
            None => ground.processes.finding(format!("{}: its twin did not end it", role.name())),
        }
    }
    let caught_up = ground.times(1, |_, _| {});
    format!("{}; {caught_up}", said.join("; "))
}

fn frozen(ground: &mut Ground<'_, '_>, role: Role) -> String {
    let count = ground.repeats(20);
    ground.times(count, |ground, _| {
        let choice = ground.random.next();
        ground.processes.freeze(role, choice, FROZEN);
    })
}
