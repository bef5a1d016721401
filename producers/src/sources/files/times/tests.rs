//! Times of every style, by hand and at random, against chrono's own writing of them.

use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;

use super::Moment::{Local, Utc};
use super::*;

/// From here on, March 1977, milliseconds of twelve digits cannot be `YYYYMMDDHHMM`.
const PLAIN_EPOCH: i64 = 226_200_000;
/// 2012-02-01T00:05:00Z
const FEBRUARY: i64 = 1_328_054_700_000_000;

fn style(samples: &[&str]) -> Result<TimeStyle, StyleError> {
    style_of(samples.iter().copied())
}

fn read(text: &str) -> Option<Moment> {
    style(&[text]).ok().and_then(|style| parse(style, text))
}

#[test]
fn epochs_are_told_apart_by_their_size() {
    for text in ["1328054700", "1328054700000", "1328054700000000", "1328054700000000000", "1328054700.0"] {
        assert_eq!(read(text), Some(Utc(FEBRUARY)), "{text}");
    }
    assert_eq!(read("1328054700.25"), Some(Utc(FEBRUARY + 250_000)));
    assert_eq!(read("1328054700000.5"), Some(Utc(FEBRUARY + 500)));
    assert_eq!(read("946684800"), Some(Utc(946_684_800 * SECOND)));
    assert_eq!(read("946684800000"), Some(Utc(946_684_800 * SECOND)));
    for text in [
        "",
        "-1328054700",
        "0",
        "1",
        "120",
        "99999999",
        "1.57597",
        "13280547000",
        "13280547000000000000",
        "1e9",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_time_with_an_offset_is_in_utc_and_one_without_is_local() {
    for text in [
        "2012-02-01T00:05:00Z",
        "2012-02-01t00:05:00z",
        "2012-02-01 00:05:00+00:00",
        "2012-02-01T00:05:00.000000000Z",
        "2012-02-01 00:05:00 UTC",
        "2012-02-01 00:05 GMT",
        "2012-02-01 01:05:00 +01:00",
        "2012-01-31 19:05:00-05:00",
        "2012-02-01 02:05:00+0200",
        "2012-02-01 02:05:00+02",
        "01.02.2012 01:05:00.000 GMT+0100",
        "20120201 000500Z",
        "2012.02.01 05:35:00 +05:30",
    ] {
        assert_eq!(read(text), Some(Utc(FEBRUARY)), "{text}");
    }
    for text in [
        "2012-02-01T00:05:00",
        "2012-02-01 00:05",
        "2012-02-01 0:05:00.000",
        "2012.02.01 00:05",
        "2012/02/01 00:05:00",
        "2012/2/1 0:05",
        "01.02.2012 00:05:00.000",
        "1.2.2012 0:05",
        "20120201 0005",
        "20120201 000500",
        "20120201 000500000",
        "20120201T000500",
        "20120201,0005",
        "20120201000500",
        "201202010005",
        "20120201000500000",
        "20120201 00:05",
        "20120201 00:05:00.000",
        "Feb 01, 2012 00:05",
        "01 Feb 2012 00:05:00",
        "01-Feb-2012 00:05",
        "1 february 2012 12:05 am",
        "2012-02-01 12:05:00 AM",
        "2012-02-01  00:05:00",
    ] {
        assert_eq!(read(text), Some(Local(FEBRUARY)), "{text}");
    }
}

#[test]
fn a_date_alone_is_its_midnight() {
    for text in
        ["2012-02-01", "2012.02.01", "20120201", "1.2.2012", "Feb 1, 2012", "01-FEB-2012", "Sept 1 2012"]
    {
        let expected = if text.starts_with("Sept") { 1_346_457_600 } else { 1_328_054_400 };
        assert_eq!(read(text), Some(Local(expected * SECOND)), "{text}");
    }
}

#[test]
fn other_samples_tell_whether_the_day_or_the_month_is_first() {
    let open = "01/02/2012 00:05";
    assert_eq!(style(&[open, "13/02/2012 00:05"]), Ok(TimeStyle::DayFirst));
    assert_eq!(style(&[open, "02/13/2012 00:05 PM"]), Err(StyleError::DayOrMonthFirst(open.into())));
    assert_eq!(style(&[open, "02-13-2012 12:05 PM"]), Ok(TimeStyle::MonthFirst));
    assert_eq!(style(&[open, "01/01/2012"]), Err(StyleError::DayOrMonthFirst(open.into())));
    assert_eq!(style(&["13/01/2012", "01/13/2012", open]), Err(StyleError::DayOrMonthFirst(open.into())));
    assert_eq!(style(&["01.02.2012"]), Ok(TimeStyle::DayFirst));
    assert_eq!(style(&["01.02.2012", "01.13.2012", "01.14.2012"]), Ok(TimeStyle::MonthFirst));
    assert_eq!(parse(TimeStyle::DayFirst, open), Some(Local(FEBRUARY)));
    assert_eq!(parse(TimeStyle::MonthFirst, "02/01/2012 00:05"), Some(Local(FEBRUARY)));
    assert_eq!(parse(TimeStyle::MonthFirst, "2/1/2012 12:05:00 AM"), Some(Local(FEBRUARY)));
    assert_eq!(parse(TimeStyle::MonthFirst, "2/1/2012 12:05 PM"), Some(Local(FEBRUARY + 12 * 3600 * SECOND)));
}

#[test]
fn most_samples_decide() {
    assert_eq!(style(&["2012-02-01", "1328054700", "2012-02-02"]), Ok(TimeStyle::YearFirst));
    assert_eq!(style(&["time", "1328054700", "1328054760"]), Ok(TimeStyle::Epoch(Unit::Seconds)));
    assert_eq!(style(&["time", "now", "1328054760"]), Err(StyleError::Unknown("time".into())));
    assert_eq!(style(&[]), Err(StyleError::Unknown(String::new())));
}

#[test]
fn years_and_days_are_never_confused() {
    for style in [TimeStyle::DayFirst, TimeStyle::MonthFirst] {
        assert_eq!(parse(style, "2012-02-01"), None);
    }
    for text in ["01-02-2012", "01/02/2012", "12-02-01", "20120201"] {
        assert_eq!(parse(TimeStyle::YearFirst, text), None, "{text}");
    }
    assert_eq!(parse(TimeStyle::Compact, "2012-02-01"), None);
}

#[test]
fn what_no_calendar_or_clock_has_is_refused() {
    for text in [
        "2012-02-30",
        "2011-02-29",
        "1900-01-01",
        "2262-01-01",
        "2012-13-01",
        "2012-00-01",
        "2012-01-00",
        "20120230",
        "2012-02-01 24:00",
        "2012-02-01 23:60",
        "2012-02-01 23:59:61",
        "2012-02-01 0",
        "2012-02-01 00:0",
        "2012-02-01 00:05:0",
        "2012-02-01 00:05:00.",
        "2012-02-01 00:05:00x",
        "2012-02-01x",
        "2012-02.01",
        "2012-02-01 13:05 PM",
        "2012-02-01 0:05 AM",
        "2012-02-01 00:05 EST",
        "2012-02-01 00:05+1",
        "2012-02-01 00:05+19:00",
        "2012-02-01 00:05Z+01:00",
        "2012-02-01 00:05+01:60",
        "2012-02-0100:05",
        "20120201 5",
        "20120201 00050",
        "20120201 240000",
        "32.01.2012",
        "Foo 01, 2012",
        "Fe 01, 2012",
        "Febr0 1 2012",
        "01 Feb 12",
        "1/2/12",
        "2012-02-01T",
        "12-2012-01",
        "20120201 0005001",
        "2012020100",
        "+2012-02-01",
    ] {
        assert_eq!(
            read(text),
            if text == "2012020100" { Some(Utc(2_012_020_100 * SECOND)) } else { None },
            "{text}"
        );
    }
    assert!(read("2012-02-29 23:59:60").is_some());
    assert_eq!(read("2261-12-31"), Some(Local(106_650 * DAY)));
}

#[test]
fn the_calendar_is_chronos() {
    for day in 0..DAYS_END {
        let date = NaiveDate::from_epoch_days(i32::try_from(day).unwrap()).unwrap();
        let text = date.format("%Y%m%d").to_string();
        assert_eq!(parse(TimeStyle::Compact, &text), Some(Local(day * DAY)), "{text}");
    }
}

/// Formats of chrono, the style, and the finest step they write.
const FORMATS: [(&str, TimeStyle, i64); 33] = [
    ("%Y-%m-%d %H:%M:%S", TimeStyle::YearFirst, SECOND),
    ("%Y-%m-%dT%H:%M:%S%.6f", TimeStyle::YearFirst, 1),
    ("%Y-%m-%d %H:%M:%S%.9f", TimeStyle::YearFirst, 1),
    ("%Y-%m-%d %H:%M", TimeStyle::YearFirst, 60 * SECOND),
    ("%Y-%m-%d", TimeStyle::YearFirst, DAY),
    ("%Y.%m.%d %H:%M", TimeStyle::YearFirst, 60 * SECOND),
    ("%Y.%m.%d %H:%M:%S%.3f", TimeStyle::YearFirst, 1000),
    ("%Y/%m/%d %H:%M:%S", TimeStyle::YearFirst, SECOND),
    ("%Y/%-m/%-d %-H:%M", TimeStyle::YearFirst, 60 * SECOND),
    ("%d.%m.%Y %H:%M:%S%.3f", TimeStyle::DayFirst, 1000),
    ("%d.%m.%Y", TimeStyle::DayFirst, DAY),
    ("%d/%m/%Y %H:%M", TimeStyle::DayFirst, 60 * SECOND),
    ("%d-%m-%Y %I:%M:%S %p", TimeStyle::DayFirst, SECOND),
    ("%-d/%-m/%Y %-I:%M %P", TimeStyle::DayFirst, 60 * SECOND),
    ("%m/%d/%Y %H:%M:%S", TimeStyle::MonthFirst, SECOND),
    ("%-m/%-d/%Y %-H:%M", TimeStyle::MonthFirst, 60 * SECOND),
    ("%m/%d/%Y %I:%M:%S %p", TimeStyle::MonthFirst, SECOND),
    ("%m-%d-%Y %I:%M%p", TimeStyle::MonthFirst, 60 * SECOND),
    ("%Y%m%d", TimeStyle::Compact, DAY),
    ("%Y%m%d %H%M", TimeStyle::Compact, 60 * SECOND),
    ("%Y%m%d %H%M%S", TimeStyle::Compact, SECOND),
    ("%Y%m%d %H%M%S%3f", TimeStyle::Compact, 1000),
    ("%Y%m%d,%H%M%S", TimeStyle::Compact, SECOND),
    ("%Y%m%dT%H%M%S%.3f", TimeStyle::Compact, 1000),
    ("%Y%m%d%H%M", TimeStyle::Compact, 60 * SECOND),
    ("%Y%m%d%H%M%S", TimeStyle::Compact, SECOND),
    ("%Y%m%d%H%M%S%3f", TimeStyle::Compact, 1000),
    ("%Y%m%d %H:%M:%S%.3f", TimeStyle::Compact, 1000),
    ("%b %d, %Y %H:%M", TimeStyle::MonthName, 60 * SECOND),
    ("%B %-d %Y", TimeStyle::MonthName, DAY),
    ("%d %b %Y %H:%M:%S", TimeStyle::MonthName, SECOND),
    ("%d-%b-%Y %H:%M:%S%.6f", TimeStyle::MonthName, 1),
    ("%e %B, %Y %I:%M:%S %p", TimeStyle::MonthName, SECOND),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_style_reads_back_what_was_written(micros in 0..DAYS_END * DAY, east in -18 * 60..=18 * 60i64) {
        for (format, expected, step) in FORMATS {
            let local = micros - micros % step;
            let text = DateTime::from_timestamp_micros(local).unwrap().format(format).to_string();
            prop_assert_eq!(parse(expected, &text), Some(Local(local)), "{}", &text);
            let sign = if east < 0 { '-' } else { '+' };
            let (hour, minute) = (east.abs() / 60, east.abs() % 60);
            if step < DAY {
                let utc = Some(Utc(local - east * 60 * SECOND));
                for zone in [format!("{sign}{hour:02}:{minute:02}"), format!(" {sign}{hour:02}{minute:02}"), format!(" GMT{sign}{hour:02}{minute:02}")] {
                    let text = format!("{text}{zone}");
                    prop_assert_eq!(parse(expected, &text), utc, "{}", text);
                }
            }
            match style_of(std::iter::once(text.as_str())) {
                Ok(style) => prop_assert_eq!(style, expected, "{}", text),
                Err(StyleError::DayOrMonthFirst(_)) => prop_assert!(matches!(expected, TimeStyle::DayFirst | TimeStyle::MonthFirst)),
                Err(error) => prop_assert!(false, "{}: {}", text, error),
            }
        }
    }

    #[test]
    fn every_epoch_reads_back(seconds in PLAIN_EPOCH..DAYS_END * 86_400, micros in 0..SECOND) {
        let at = seconds * SECOND + micros;
        for (unit, text, expected) in [
            (Unit::Seconds, seconds.to_string(), seconds * SECOND),
            (Unit::Seconds, format!("{seconds}.{micros:06}"), at),
            (Unit::Millis, (at / 1000).to_string(), at / 1000 * 1000),
            (Unit::Micros, at.to_string(), at),
            (Unit::Nanos, (i128::from(at) * 1000 + 999).to_string(), at),
        ] {
            let style = style_of(std::iter::once(&text));
            prop_assert_eq!(&style, &Ok(TimeStyle::Epoch(unit)), "{}", text);
            prop_assert_eq!(parse(TimeStyle::Epoch(unit), &text), Some(Utc(expected)), "{}", text);
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "[-0-9.:/TZ+ ,APMFebGMT]{0,30}") {
        for style in TimeStyle::ALL {
            let _ = parse(style, &text);
        }
        let _ = style_of(std::iter::once(&text));
    }
}
