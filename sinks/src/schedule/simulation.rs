//! Schedules over simulated years: several workers that share nothing but the database, die at any moment and come
//! back, databases that fail or whose answer is lost, clocks that jump, tenants that move.
//!
//! `YEARS=10` takes every zone of the IANA database for so many years; without it, a year of twenty zones.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, HOUR, MINUTE, SECOND};
use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::core::{Core, Input, Output};
use super::decision::{CATCH_UP, Run, RunState, Standing, decide};
use super::slots::DailyTime;
use crate::simulated::Random;

const WORKERS: usize = 4;

/// What befalls the workers and their database.
#[derive(Debug, Clone, Copy)]
struct Faults {
    /// Of a hundred transactions so many fail; half of them were committed all the same.
    transactions: u64,
    /// Of a thousand wakes at so many a worker dies.
    deaths: u64,
    /// A worker that died is back after at most this long, microseconds.
    away: i64,
}

/// A day's row, and when it was written.
#[derive(Debug, Clone, Copy)]
struct Row {
    run: Run,
    at: Timestamp,
}

/// Workers, the database that they share, and the time it tells.
struct World {
    random: Random,
    faults: Faults,
    daily: DailyTime,
    now: Timestamp,
    rows: BTreeMap<NaiveDate, Row>,
    /// Each worker's core, and when it does what next.
    workers: Vec<(Core, Timestamp)>,
    longest: Duration,
}

impl World {
    fn new(seed: u64, daily: DailyTime, start: Timestamp, faults: Faults) -> Self {
        let longest = Duration::from_secs(24 * 3_600);
        let workers = (0..WORKERS).map(|_| (Core::new(longest), start)).collect();
        let random = Random::new(seed);
        Self { random, faults, daily, now: start, rows: BTreeMap::new(), workers, longest }
    }

    fn happens(&mut self, of: u64, chance: u64) -> bool {
        self.random.below(of) < chance
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.random.below(end.unsigned_abs().max(1))).unwrap()
    }

    fn run_until(&mut self, end: Timestamp) {
        while let Some(next) = (0..self.workers.len()).min_by_key(|n| self.workers[*n].1)
            && self.workers[next].1 < end
        {
            // A clock that was set back does not take the worker with it.
            self.now = self.now.max(self.workers[next].1);
            let wait = self.wake(next);
            self.workers[next].1 = self.now.plus(wait);
        }
        self.now = self.now.max(end);
    }

    /// One worker's turn; how long until its next.
    fn wake(&mut self, worker: usize) -> i64 {
        if self.happens(1_000, self.faults.deaths) {
            self.workers[worker].0 = Core::new(self.longest);
            return self.below(self.faults.away);
        }
        let input = self.settle();
        match self.workers[worker].0.step(input) {
            Output::Wait(wait) => i64::try_from(wait.as_micros()).unwrap(),
            Output::Settle => 0,
        }
    }

    /// The transaction: what is decided in it is written in it, a day that is there already stays as it is.
    fn settle(&mut self) -> Input {
        let failed = self.happens(100, self.faults.transactions);
        if failed && self.happens(2, 1) {
            return Input::Failed;
        }
        let standing = Standing { now: self.now, latest: self.rows.keys().next_back().copied() };
        for run in decide(self.daily, standing) {
            let fresh = self.rows.insert(run.slot.date, Row { run, at: self.now }).is_none();
            assert!(fresh, "{:?} was decided twice", run.slot);
        }
        if failed {
            return Input::Failed;
        }
        Input::Settled { now: self.now, next: self.daily.next(self.now).map(|slot| slot.due) }
    }
}

/// By brute force: every existing day of the zone's calendar between two instants, and the first instant at which its
/// clocks show that time or a later one on that day, to the minute.
fn by_looking_at_the_clock(daily: DailyTime, date: NaiveDate) -> Option<Timestamp> {
    let midnight = Timestamp::from(date.and_time(NaiveTime::MIN).and_utc());
    let local = |at: Timestamp| at.utc().with_timezone(&daily.zone).naive_local();
    let minutes = || (-26 * 60..=52 * 60).map(|minute| midnight.plus(minute * MINUTE));
    let exists = minutes().any(|at| local(at).date() == date);
    let due = minutes().find(|at| local(*at) >= date.and_time(daily.time));
    due.filter(|_| exists)
}

fn nine(zone: Tz) -> DailyTime {
    DailyTime { zone, time: NaiveTime::from_hms_opt(9, 0, 0).unwrap() }
}

fn january(year: i32) -> Timestamp {
    Timestamp::from(NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc())
}

/// One brief for each existing date, at its instant or the little later that failures cost.
fn years_of(zone: Tz, time: NaiveTime, first_year: i32, years: i32) -> usize {
    let daily = DailyTime { zone, time };
    let (start, end) = (january(first_year), january(first_year + years));
    let faults = Faults { transactions: 10, deaths: 10, away: 12 * HOUR };
    let seed = u64::from(zone.name().bytes().fold(7_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte)));
    let mut world = World::new(seed, daily, start, faults);
    world.run_until(end);
    let begun = *world.rows.keys().next().unwrap();
    for date in begun.iter_days().skip(1).take_while(|date| date.year() < first_year + years) {
        let slot = daily.slot(date);
        let Some(slot) = slot.filter(|slot| slot.due.plus(MINUTE) < end) else {
            assert!(slot.is_some() || !world.rows.contains_key(&date), "{zone}: {date} never was");
            continue;
        };
        let row = world.rows.get(&date).unwrap_or_else(|| panic!("{zone}: nothing for {date}"));
        assert!(matches!(row.run.state, RunState::Due { .. }), "{zone}: {date} {:?}", row.run.state);
        let late = row.at.since(slot.due);
        assert!((0..MINUTE).contains(&late), "{zone}: {date} went out {late} µs after it was due");
    }
    world.rows.len()
}

/// Zones with something odd about them, and the two of the example tenants.
const CHOSEN: [Tz; 20] = [
    Tz::Asia__Kolkata,
    Tz::Asia__Dubai,
    Tz::America__New_York,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Asia__Beirut,
    Tz::Australia__Lord_Howe,
    Tz::Africa__Casablanca,
    Tz::Pacific__Apia,
    Tz::Pacific__Kiritimati,
    Tz::Pacific__Chatham,
    Tz::Asia__Kathmandu,
    Tz::America__St_Johns,
    Tz::America__Nuuk,
    Tz::Asia__Gaza,
    Tz::Asia__Tehran,
    Tz::Europe__Dublin,
    Tz::Antarctica__Troll,
    Tz::America__Asuncion,
    Tz::UTC,
];

#[test]
fn every_existing_date_has_one_brief_at_its_instant_whoever_dies() {
    let years: Option<i32> = std::env::var("YEARS").ok().map(|years| years.parse().unwrap());
    let zones: &[Tz] = if years.is_some() { &TZ_VARIANTS } else { &CHOSEN };
    let mut rows = 0;
    for zone in zones {
        for time in ["09:00:00", "00:00:00", "02:30:00", "23:30:00"] {
            rows += years_of(*zone, time.parse().unwrap(), 2026, years.unwrap_or(1));
        }
    }
    // The year of the day that Apia never had.
    rows += years_of(Tz::Pacific__Apia, NaiveTime::from_hms_opt(9, 0, 0).unwrap(), 2011, 2);
    println!("{} zones, {rows} rows, {WORKERS} workers", zones.len());
}

#[test]
fn slots_are_what_a_look_at_the_clock_finds() {
    for zone in CHOSEN {
        for year in [2011, 2026] {
            for time in ["00:00:00", "02:30:00", "09:00:00", "23:45:00"] {
                let daily = DailyTime { zone, time: time.parse().unwrap() };
                let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
                for date in first.iter_days().take(366).step_by(if year == 2011 { 1 } else { 3 }) {
                    let found = by_looking_at_the_clock(daily, date);
                    assert_eq!(daily.slot(date).map(|slot| slot.due), found, "{zone} {date} {time}");
                }
            }
        }
    }
}

/// What may happen to a schedule besides time.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// So long all is as it was.
    Pass(i64),
    /// Nobody is there for so long.
    Down(i64),
    /// The tenant moves.
    Moves(usize),
    /// The tenant wants another time of day, in minutes.
    Wants(u32),
    /// The database's clock is set, on or back.
    Jumps(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (HOUR..5 * DAY).prop_map(Event::Pass),
        2 => (MINUTE..3 * DAY).prop_map(Event::Down),
        2 => (0..CHOSEN.len()).prop_map(Event::Moves),
        1 => (0..1_440_u32).prop_map(Event::Wants),
        1 => (-2 * DAY..2 * DAY).prop_map(Event::Jumps),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the tenant and the clock do: no date twice (the world asserts that), none out of order, nothing early,
    /// nothing more than six hours late, and every existing date between two rows has one of its own.
    #[test]
    fn no_date_has_two_and_none_is_forgotten(seed: u64, events in prop::collection::vec(event(), 1..30)) {
        let faults = Faults { transactions: 20, deaths: 50, away: DAY };
        let mut world = World::new(seed, nine(Tz::Asia__Kolkata), january(2026), faults);
        world.longest = Duration::from_secs(30);
        let mut judged = 0;
        for event in events {
            match event {
                Event::Pass(time) => world.run_until(world.now.plus(time)),
                Event::Down(time) => {
                    let back = world.now.plus(time);
                    world.workers.iter_mut().for_each(|(_, at)| *at = back.max(*at));
                    world.run_until(back);
                }
                Event::Moves(to) => world.daily.zone = CHOSEN[to],
                Event::Wants(minutes) => {
                    world.daily.time = NaiveTime::from_num_seconds_from_midnight_opt(minutes * 60, 0).unwrap();
                }
                Event::Jumps(by) => {
                    world.now = world.now.plus(by);
                    world.workers.iter_mut().for_each(|(_, at)| *at = at.plus(by).max(world.now));
                }
            }
            let fresh = world.rows.iter().skip(judged);
            for (date, row) in fresh {
                let late = row.at.since(row.run.slot.due);
                prop_assert!(late >= 0 || row.run.state == RunState::Before, "{date} went out early");
                if let RunState::Due { delayed } = row.run.state {
                    prop_assert!(late <= CATCH_UP);
                    prop_assert_eq!(delayed, late > 5 * 60 * SECOND);
                }
            }
            judged = world.rows.len();
        }
        let dates: Vec<NaiveDate> = world.rows.keys().copied().collect();
        for pair in dates.windows(2) {
            // A date that the zone of its row never had is all that may be left out.
            let between = pair[0].iter_days().skip(1).take_while(|date| *date < pair[1]);
            for date in between {
                prop_assert!(CHOSEN.iter().any(|zone| nine(*zone).slot(date).is_none()), "{date} is forgotten");
            }
        }
    }
}
