//! Prices, times, names and bar bounds, over thousands of values.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bellwether_schemas::ids::match_key;
use bellwether_schemas::price::{MAX_SCALE, Price};
use bellwether_schemas::time::{DAY, HOUR, MINUTE, Span};
use bellwether_schemas::{SessionAnchor, Symbol, Timeframe, Timestamp};
use proptest::prelude::*;

/// The text of a price, written without the code under test: digits with a point put in.
fn text(mantissa: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if mantissa < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_price_reads_back_from_its_text(mantissa in -i64::MAX..=i64::MAX, scale in 0..=MAX_SCALE) {
        prop_assert_eq!(Price::parse(&text(mantissa, scale)).unwrap(), Price { mantissa, scale });
    }

    #[test]
    fn a_price_is_the_double_of_its_text(mantissa in 0..1i64 << 53, scale in 0..=MAX_SCALE) {
        let text = text(mantissa, scale);
        prop_assert_eq!(Price::parse(&text).unwrap().value().to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn a_price_of_another_scale_is_the_same_price(mantissa in -1_000_000_000..1_000_000_000i64, scale in 0..=MAX_SCALE, to: u8) {
        let price = Price { mantissa, scale };
        if let Some(moved) = price.rescale(to) {
            prop_assert_eq!(moved.scale, to);
            prop_assert_eq!(moved.value(), price.value());
            prop_assert_eq!(moved.rescale(scale), Some(price));
        }
    }

    #[test]
    fn any_text_is_a_price_or_an_error(text in "\\PC{0,30}") {
        let _ = Price::parse(&text);
    }

    #[test]
    fn any_digits_are_a_price_or_an_error(text in "[+-]?[0-9]{0,25}[.]?[0-9]{0,12}") {
        let _ = Price::parse(&text);
    }

    #[test]
    fn a_time_reads_back_from_its_text(micros in -62_135_596_800_000_000..=253_402_300_799_999_999i64) {
        let text = Timestamp(micros).to_string();
        prop_assert_eq!(text.len(), "2012-02-01T00:05:00.000000Z".len());
        prop_assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp(micros));
        let json = serde_json::to_string(&Timestamp(micros)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), Timestamp(micros));
    }

    #[test]
    fn any_text_is_a_time_or_an_error(text in "[0-9TZ:+. -]{0,35}") {
        let _ = text.parse::<Timestamp>();
    }

    #[test]
    fn a_name_matches_whatever_its_case_slashes_and_spaces(name in "[A-Za-z0-9._-]{1,20}", at: prop::sample::Index, upper: bool) {
        let mut written = if upper { name.to_uppercase() } else { name.to_lowercase() };
        written.insert_str(at.index(written.len() + 1), " / ");
        prop_assert_eq!(match_key(&written), match_key(&name));
    }

    #[test]
    fn names_that_differ_in_more_do_not_match(a in "[A-Za-z0-9._-]{1,6}", b in "[A-Za-z0-9._-]{1,6}") {
        prop_assert_eq!(match_key(&a) == match_key(&b), a.eq_ignore_ascii_case(&b));
    }

    #[test]
    fn a_symbol_is_its_text(text in "\\PC{0,40}") {
        if let Ok(symbol) = text.parse::<Symbol>() {
            prop_assert_eq!(symbol.as_str(), &text);
            prop_assert!((1..=32).contains(&text.len()));
            prop_assert!(!match_key(&text).contains(['/', ' ']));
        }
    }
}

/// Zones with awkward clocks: gaps and repeats at midnight, half-hour changes, a day that was left out.
const ANCHORS: [&str; 14] = [
    "17:00 America/New_York",
    "02:30 America/New_York",
    "01:30 America/New_York",
    "00:00 UTC",
    "23:59 UTC",
    "00:00 America/Santiago",
    "00:00 Africa/Cairo",
    "01:45 Australia/Lord_Howe",
    "09:00 Pacific/Apia",
    "00:00 Pacific/Apia",
    "17:00 Asia/Kolkata",
    "00:00 Asia/Beirut",
    "22:00 Europe/London",
    "00:30 Asia/Tehran",
];

fn anchors() -> impl Strategy<Value = SessionAnchor> {
    prop::sample::select(ANCHORS.to_vec()).prop_map(|text| text.parse().unwrap())
}

/// Every hour around each change of clocks from 1990 to 2040 is as likely as any other time.
fn times() -> impl Strategy<Value = Timestamp> {
    let any = -2 * 365 * DAY..80 * 365 * DAY;
    let apia = (15_337 * DAY..15_340 * DAY).prop_map(|micros| micros);
    let spring_or_autumn = (20..70i64, prop::sample::select(vec![60..105i64, 240..275, 290..315]), 0..DAY)
        .prop_flat_map(|(year, days, in_day)| {
            days.prop_map(move |day| (year * 365 + year / 4 + day) * DAY + in_day)
        });
    prop_oneof![any, apia, spring_or_autumn].prop_map(Timestamp)
}

fn timeframes() -> impl Strategy<Value = Timeframe> {
    prop::sample::select(Timeframe::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_bar_holds_the_time_it_was_asked_for(anchor in anchors(), timeframe in timeframes(), time in times()) {
        let span = anchor.span(timeframe, time);
        prop_assert!(span.open <= time && time < span.close, "{span:?} {time}");
        prop_assert_eq!(anchor.span(timeframe, span.open), span);
        prop_assert_eq!(anchor.span(timeframe, Timestamp(span.close.0 - 1)), span);
    }

    #[test]
    fn bars_follow_each_other_without_gap_or_overlap(anchor in anchors(), timeframe in timeframes(), time in times()) {
        let span = anchor.span(timeframe, time);
        prop_assert_eq!(anchor.span(timeframe, span.close).open, span.close);
        prop_assert_eq!(anchor.span(timeframe, Timestamp(span.open.0 - 1)).close, span.open);
    }

    #[test]
    fn four_hours_lie_in_a_day_and_days_in_a_week(anchor in anchors(), time in times()) {
        let [four, day, week] = [Timeframe::H4, Timeframe::D1, Timeframe::W1].map(|tf| anchor.span(tf, time));
        prop_assert!(inside(four, day) && inside(day, week), "{four:?} {day:?} {week:?}");
        prop_assert_eq!(anchor.span(Timeframe::D1, week.open).open, week.open);
        prop_assert_eq!((four.open.0 - day.open.0) % (4 * HOUR), 0);
        prop_assert!(four.close.0 - four.open.0 <= 4 * HOUR);
        prop_assert!(four.close.0 - four.open.0 == 4 * HOUR || four.close == day.close);
    }

    #[test]
    fn an_fx_day_begins_at_five_in_the_afternoon_of_new_york(time in times()) {
        let span = SessionAnchor::FX.span(Timeframe::D1, time);
        for end in [span.open, span.close] {
            let local = end.utc().with_timezone(&chrono_tz::America::New_York);
            prop_assert_eq!(local.format("%H:%M:%S%.f").to_string(), "17:00:00");
        }
        let hours = (span.close.0 - span.open.0) / HOUR;
        prop_assert!((23..=25).contains(&hours), "{hours}");
    }

    #[test]
    fn short_bars_have_their_nominal_length(time in times()) {
        for timeframe in &Timeframe::ALL[..5] {
            let span = SessionAnchor::FX.span(*timeframe, time);
            prop_assert_eq!(span.close.0 - span.open.0, timeframe.nominal());
            prop_assert_eq!(span.open.0.rem_euclid(timeframe.nominal().max(MINUTE)), 0);
        }
    }

    #[test]
    fn no_time_is_beyond_a_bar(anchor in anchors(), timeframe in timeframes(), time in any::<i64>()) {
        let span = anchor.span(timeframe, Timestamp(time));
        prop_assert!(span.open.0 <= time && (time < span.close.0 || span.close.0 == i64::MAX), "{span:?}");
    }
}

fn inside(inner: Span, outer: Span) -> bool {
    outer.open <= inner.open && inner.close <= outer.close
}

#[test]
fn the_ends_of_time_have_bars() {
    for text in ANCHORS {
        let anchor: SessionAnchor = text.parse().unwrap();
        for time in
            [i64::MIN, i64::MIN + 1, -62_135_596_800_000_000, Timestamp::MAX.0, i64::MAX - 1, i64::MAX]
        {
            let _ = Timeframe::ALL.map(|timeframe| anchor.span(timeframe, Timestamp(time)));
        }
    }
}
