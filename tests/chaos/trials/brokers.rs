//! Brokers that die, stand still or are away.

use std::time::Duration;

use super::Ground;
use crate::argument;
use crate::faults::kill_broker;
use crate::processes::Role;

pub(super) fn killed(ground: &mut Ground<'_, '_>) -> String {
    let (count, brokers) = (ground.repeats(20), ground.world.brokers);
    ground.times(count, |ground, time| {
        let away = ground.up_to(Duration::from_secs(3));
        let node = 1 + u8::try_from(time % u64::from(brokers)).unwrap();
        kill_broker(ground.world, ground.processes, node, away);
    })
}

pub(super) fn frozen(ground: &mut Ground<'_, '_>) -> String {
    const TIMES: [u64; 4] = [1, 5, 15, 60];
    let brokers = ground.world.brokers;
    ground.times(TIMES.len() as u64 * u64::from(brokers), |ground, time| {
        let node = 1 + u8::try_from(time % u64::from(brokers)).unwrap();
        let time = TIMES[usize::try_from(time / u64::from(brokers)).unwrap()];
        ground.world.kafka.signal(node, "STOP").unwrap();
        ground.processes.tend_for(Duration::from_secs(time));
        ground.world.kafka.signal(node, "CONT").unwrap();
    })
}

pub(super) fn away(ground: &mut Ground<'_, '_>) -> String {
    let away = Duration::from_secs(argument("AWAY", 600));
    let before = ground.processes.largest();
    ground.world.kafka.down().unwrap();
    ground.processes.tend_for(away);
    let after = ground.processes.largest();
    ground.world.kafka.up().unwrap();
    let caught_up = ground.times(1, |_, _| {});
    format!("for {away:?}: largest process {before} MiB before, {after} MiB after; {caught_up}")
}

pub(super) fn coordinators_killed(ground: &mut Ground<'_, '_>) -> String {
    let count = ground.repeats(20);
    ground.times(count, |ground, time| {
        let role = [Role::Process, Role::Rows, Role::Mail][usize::try_from(time % 3).unwrap()];
        let node = ground.world.coordinator(role);
        let away = ground.up_to(Duration::from_secs(3));
        kill_broker(ground.world, ground.processes, node, away);
    })
}
