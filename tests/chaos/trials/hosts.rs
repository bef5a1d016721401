//! Machines that are short of memory or time, and versions that run beside each other.

use std::time::Duration;

use super::Ground;
use crate::argument;
use crate::processes::Role;

/// How long each role has a hundredth of its time.
const THROTTLED: Duration = Duration::from_secs(30);
/// Memory that a process may have, in MiB: from too little to begin with to enough.
const MEMORY: [u64; 6] = [64, 128, 256, 512, 768, 1024];

/// One more process of each role with little memory: it dies somewhere, or it works.
pub(super) fn little_memory(ground: &mut Ground<'_, '_>) -> String {
    let mut died = 0;
    let seen = ground.times(MEMORY.len() as u64, |ground, at| {
        let memory = MEMORY[usize::try_from(at).unwrap()];
        for role in [Role::Process, Role::Rows, Role::Mail] {
            let limit = format!("ulimit -v {}", memory * 1024);
            let guest = ground.processes.join_limited(role, &limit);
            ground.processes.tend_for(Duration::from_secs(8));
            died += u64::from(ground.processes.is_gone(guest));
        }
    });
    format!("{died} of {} processes died of it; {seen}", MEMORY.len() * 3)
}

/// Neighbours that keep every processor busy.
pub(super) fn busy_neighbours(ground: &mut Ground<'_, '_>) -> String {
    let count = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    ground.times(1, |ground, _| {
        let spin = || std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let mut neighbours: Vec<_> = (0..count).map(|_| spin()).collect();
        ground.processes.tend_for(Duration::from_secs(60));
        for neighbour in &mut neighbours {
            neighbour.kill().unwrap();
            neighbour.wait().unwrap();
        }
    })
}

/// Every process of a role runs for a hundredth of the time only: what comes before it may not pile up without end.
pub(super) fn throttled(ground: &mut Ground<'_, '_>) -> String {
    let mut largest = Vec::new();
    let seen = ground.times(3, |ground, at| {
        let role = [Role::Process, Role::Rows, Role::Mail][usize::try_from(at).unwrap()];
        ground.processes.throttle(role, THROTTLED);
        let lag = ground.world.lag(role).unwrap_or(0);
        largest.push(format!("{} {lag} behind, {} MiB", role.name(), ground.processes.largest_of(role)));
    });
    format!("{}; {seen}", largest.join(", "))
}

/// Each process goes over to the version that `OLD` names, one after the other, and back.
pub(super) fn mixed_versions(ground: &mut Ground<'_, '_>) -> String {
    let Some(old) = std::env::var_os("OLD") else {
        return "not tried: OLD names no binary of another version".into();
    };
    let stay = Duration::from_secs(argument("STAY", 20));
    let seen = ground.times(2, |ground, time| {
        let version = (time == 0).then(|| old.clone());
        ground.processes.go_over_to(version.as_deref());
        ground.processes.tend_for(stay);
    });
    format!("beside {}; {seen}", old.display())
}
