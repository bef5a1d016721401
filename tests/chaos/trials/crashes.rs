//! Every crash point armed in turn: the process dies there, and comes back unarmed.

use std::time::{Duration, Instant};

use bellwether_runtime::crash::CrashPoint;
use bellwether_runtime::roles::Role as Called;

use super::Ground;
use crate::world::now;

/// How long a point is waited for: it takes a recovery, and for some of them a user's edit or an item of the news.
const PATIENCE: Duration = Duration::from_secs(45);
/// Until processes that were armed have their tenants.
const SETTLED: Duration = Duration::from_secs(8);
/// Between two times that what leads to a point is done.
const PROVOKE: Duration = Duration::from_secs(6);
/// The program that is tried has the points.
const HAS_POINTS: bool = cfg!(feature = "crash_points");
/// Most times that a point is passed before its process dies there.
const PASSES: u64 = 3;

/// Each point that `POINTS` names, or every one; how often each was hit.
pub(crate) fn crashes(ground: &mut Ground<'_, '_>) -> String {
    if !HAS_POINTS {
        ground.processes.finding("this build has no crash points: see the Makefile".into());
        return "not tried".into();
    }
    let wanted = std::env::var("POINTS").unwrap_or_default();
    let unknown = wanted
        .split([' ', ','])
        .find(|name| !name.is_empty() && CrashPoint::ALL.iter().all(|point| point.name() != *name));
    assert!(unknown.is_none(), "POINTS: there is no point {unknown:?}");
    let wanted =
        |point: &&CrashPoint| wanted.is_empty() || wanted.split([' ', ',']).any(|name| name == point.name());
    let points: Vec<CrashPoint> = CrashPoint::ALL.iter().filter(wanted).copied().collect();
    let mut seen = Vec::new();
    for point in points {
        let hits = crash(ground, point);
        if hits == 0 {
            ground.processes.finding(format!("crash point {} was not hit", point.name()));
        }
        seen.push(format!("{} {hits}", point.name()));
        if point.role() == Called::Process {
            // A death within the recovery from another would be held against the record that was folded.
            ground.world.time_to_catch_up(ground.processes);
        }
    }
    let caught_up = ground.times(1, |_, _| {});
    format!("hits: {}; {caught_up}", seen.join(", "))
}

fn crash(ground: &mut Ground<'_, '_>, point: CrashPoint) -> usize {
    // Some are passed once in a life.
    let nth = if is_passed_often(point) { 1 + ground.random.next() % PASSES } else { 1 };
    let before = ground.world.crashes_at(point.name());
    ground.processes.arm(point.role().name(), &format!("{}:{nth}", point.name()));
    let begun = now();
    if point == CrashPoint::JournalRevoked {
        // It is asked to go, and dies while it gives up what it has.
        ground.processes.tend_for(SETTLED);
    } else {
        let mut provoked = None::<Instant>;
        while ground.world.crashes_at(point.name()) == before && begun.elapsed() < PATIENCE {
            if provoked.is_none_or(|at| at.elapsed() > PROVOKE) {
                provoke(ground, point);
                provoked = Some(now());
            }
            ground.processes.tend();
        }
    }
    ground.processes.disarm();
    ground.world.crashes_at(point.name()) - before
}

const fn is_passed_often(point: CrashPoint) -> bool {
    !matches!(point.role(), Called::SinkSchedule | Called::ProduceAlerts)
        && !matches!(
            point,
            CrashPoint::JournalAssigned
                | CrashPoint::JournalRevoked
                | CrashPoint::SnapshotTorn
                | CrashPoint::SnapshotStored
        )
}

/// What is not done all the time under this load.
fn provoke(ground: &mut Ground<'_, '_>, point: CrashPoint) {
    match point.role() {
        Called::ProduceAlerts => ground.world.add_sleeping_alert(),
        Called::SinkSchedule => ground.world.announce(),
        _ => {}
    }
}
