//! Names of zones, and the hours in which clocks change.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::Direction::{Backward, Forward};
use super::*;

const MINUTE: i64 = 60 * SECOND;

/// Microseconds of wall clock.
fn wall_clock(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_micros()
}

fn zone(text: &str) -> Zone {
    text.parse().unwrap()
}

#[test]
fn zones_are_offsets_or_areas() {
    for (text, east) in [
        ("UTC", 0),
        ("z", 0),
        ("gmt", 0),
        ("+00:00", 0),
        ("-05:00", -18_000),
        ("+02", 7_200),
        ("+0530", 19_800),
        ("+5:30", 19_800),
        ("EST", -18_000),
        ("UTC+2", 7_200),
        ("GMT-03:30", -12_600),
        (" +14:00 ", 50_400),
        ("\u{2212}05:00", -18_000),
    ] {
        assert_eq!(text.parse(), Ok(Zone::Fixed(east)), "{text}");
    }
    assert_eq!(zone("europe/ATHENS"), Zone::Area(Tz::Europe__Athens));
    assert_eq!(zone("EET"), Zone::Area(Tz::EET));
    assert_eq!(zone("EST5EDT"), Zone::Area(Tz::EST5EDT));
}

#[test]
fn what_is_no_zone_names_the_nearest_that_is() {
    for (text, nearest) in
        [("Athens", "Europe/Athens"), ("Europe/Atens", "Europe/Athens"), ("new york", "America/New_York")]
    {
        assert_eq!(text.parse::<Zone>().unwrap_err().nearest, nearest, "{text}");
    }
    for text in [
        "",
        "+",
        "+15:00",
        "+1:60",
        "+123",
        "+00:0",
        "2",
        "+2:3x",
        "UTC 2",
        "broker",
        "+\u{e9}1",
        "\u{e9}\u{e9}",
    ] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }
    let said = "Atens".parse::<Zone>().unwrap_err().to_string();
    assert_eq!(said, "\"Atens\" is not a zone: use UTC, ±HH:MM or an area's name such as Europe/Athens");
}

#[test]
fn a_zone_reads_back_what_it_is_written_as() {
    let offsets = (-14 * 60..=14 * 60).map(|minutes| Zone::Fixed(minutes * 60));
    let areas = TZ_VARIANTS.iter().map(|tz| Zone::Area(*tz));
    for zone in offsets.chain(areas) {
        let name = zone.to_string();
        let fixed = FIXED.iter().map(|(name, east)| (*name, *east)).chain([("GMT+0", 0), ("GMT-0", 0)]);
        let expected =
            fixed.into_iter().find(|(known, _)| *known == name).map_or(zone, |(_, east)| Zone::Fixed(east));
        assert_eq!(name.parse(), Ok(expected));
    }
}

#[test]
fn a_time_that_comes_twice_goes_with_the_rows_around_it() {
    let new_york = zone("America/New_York");
    let local = wall_clock("2012-11-04 01:30");
    let (early, late) = (wall_clock("2012-11-04 05:30"), wall_clock("2012-11-04 06:30"));
    for (previous, direction, expected) in [
        (None, Forward, early),
        (Some(early), Forward, early),
        (Some(early + 1), Forward, late),
        (Some(late), Forward, late),
        (Some(late + 1), Forward, early),
        (None, Backward, late),
        (Some(late), Backward, late),
        (Some(late - 1), Backward, early),
        (Some(early - 1), Backward, late),
    ] {
        assert_eq!(new_york.utc(local, previous, direction), Ok(expected), "{previous:?} {direction:?}");
    }
}

#[test]
fn a_time_over_which_the_clocks_were_put_forward_is_refused() {
    let athens = zone("Europe/Athens");
    let error = athens.utc(wall_clock("2012-03-25 03:30"), None, Forward).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2012-03-25 03:30:00 does not exist in Europe/Athens: the clocks were put forward over it"
    );
    assert_eq!(athens.utc(wall_clock("2012-03-25 04:00"), None, Forward), Ok(wall_clock("2012-03-25 01:00")));
    assert_eq!(
        zone("EST").utc(wall_clock("2012-03-11 02:30"), None, Forward),
        Ok(wall_clock("2012-03-11 07:30"))
    );
    assert_eq!(athens.utc(i64::MAX, None, Forward), Err(ZoneError::OutOfRange));
    assert_eq!(zone("-05:00").utc(i64::MAX, None, Forward), Err(ZoneError::OutOfRange));
    assert!(Clock::new(athens, Forward).utc(i64::MIN).is_err());
}

/// Zones with changes of an hour, of half an hour, at odd times, of a day, and without any.
const ZONES: [&str; 12] = [
    "UTC",
    "+05:30",
    "EST",
    "EET",
    "America/New_York",
    "Europe/Athens",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
];

/// Minutes of UTC around every change of clocks in these years, found by looking at the offset each day.
fn changes_of(tz: Tz, years: std::ops::Range<i32>) -> Vec<i64> {
    let day = |year: i32| {
        NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
    };
    let east =
        |at: i64| tz.offset_from_utc_datetime(&DateTime::from_timestamp(at, 0).unwrap().naive_utc()).fix();
    let days = (day(years.start)..day(years.end)).step_by(86_400);
    days.filter(|at| east(*at) != east(*at + 86_400)).map(|at| at * SECOND).collect()
}

#[test]
fn rows_in_order_keep_their_instants_over_every_change_of_clocks() {
    for name in ZONES {
        let Zone::Area(tz) = zone(name) else { continue };
        for change in changes_of(tz, 1990..2030) {
            let instants: Vec<i64> = (-30..54 * 4).map(|step| change + step * 15 * MINUTE).collect();
            let shown = |utc: &i64| {
                let east = tz.offset_from_utc_datetime(&naive(*utc).unwrap()).fix().local_minus_utc();
                utc + i64::from(east) * SECOND
            };
            let mut forward = Clock::new(Zone::Area(tz), Forward);
            let mut backward = Clock::new(Zone::Area(tz), Backward);
            for utc in &instants {
                assert_eq!(forward.utc(shown(utc)), Ok(*utc), "{name} {}", wall(shown(utc)));
            }
            for utc in instants.iter().rev() {
                assert_eq!(backward.utc(shown(utc)), Ok(*utc), "{name} {}", wall(shown(utc)));
            }
        }
    }
}

proptest! {
    #[test]
    fn the_clock_says_what_the_zone_says(
        name in proptest::sample::select(&ZONES[..]),
        change in any::<proptest::sample::Index>(),
        steps in proptest::collection::vec(-200 * MINUTE..400 * MINUTE, 1..200),
        backward in any::<bool>(),
    ) {
        let (zone, direction) = (zone(name), if backward { Backward } else { Forward });
        let changes = match zone {
            Zone::Area(tz) => changes_of(tz, 1995..2000),
            Zone::Fixed(_) => Vec::new(),
        };
        let begin = if changes.is_empty() { 0 } else { *change.get(&changes) };
        let mut clock = Clock::new(zone, direction);
        let (mut local, mut previous) = (begin, None);
        for step in steps {
            local += if backward { -step } else { step };
            let slow = zone.utc(local, previous, direction);
            prop_assert_eq!(clock.utc(local), slow);
            previous = slow.ok().or(previous);
            if (local - begin).abs() > 48 * 60 * MINUTE {
                local = begin;
            }
        }
    }
}
