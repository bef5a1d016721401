//! Numbers as people read them: written once, shown alike in HTML and plain text.

use std::ops::RangeInclusive;

/// Shown where a value does not exist.
const MISSING: &str = "–";

/// A price, or what is measured in prices as the line of MACD is: at most 5 decimals, trailing zeros dropped.
pub(crate) fn price(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| trimmed(format!("{value:.5}")))
}

/// A reading of an indicator between 0 and 100: two decimals, as in the tenant's tables.
pub(crate) fn reading(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| format!("{value:.2}"))
}

/// A line that a user drew: `70`, `70.5`.
pub(crate) fn line(value: f64) -> String {
    line_of(Some(value))
}

/// The same of a number that may be missing: a limit, a score from −100 to 100.
pub(crate) fn line_of(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| trimmed(format!("{value:.2}")))
}

/// A coefficient of correlation: three decimals, as in the tenant's tables.
pub(crate) fn coefficient(value: Option<f64>) -> String {
    decimals(value, 3)
}

/// One decimal, as the sentence of a heatmap's trigger has it.
pub(crate) fn tenths(value: Option<f64>) -> String {
    decimals(value, 1)
}

/// A move in percent with its sign: at most 3 decimals, trailing zeros dropped, but two at least.
pub(crate) fn moved(value: f64) -> String {
    let text = decimals(Some(value), 3);
    let text = text.strip_suffix('0').unwrap_or(&text);
    let is_up = text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) && !text.starts_with('-');
    format!("{}{text} %", if is_up { "+" } else { "" })
}

/// `78.5 %`
pub(crate) fn percent(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |_| format!("{} %", tenths(value)))
}

/// How far a bar is filled, whole percent of `range`: never so little or so much that one part of it vanishes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=99 before")]
pub(crate) fn filled(value: Option<f64>, range: RangeInclusive<f64>) -> u8 {
    let (from, to) = range.into_inner();
    let part = known(value).map_or(50.0, |value| 100.0 * (value - from) / (to - from));
    part.round().clamp(1.0, 99.0) as u8
}

/// Zero has no sign, whichever side it was rounded from.
fn decimals(value: Option<f64>, places: usize) -> String {
    known(value).map_or_else(
        || MISSING.into(),
        |value| {
            let text = format!("{value:.places$}");
            let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
            if is_zero { text.trim_start_matches('-').into() } else { text }
        },
    )
}

fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn trimmed(text: String) -> String {
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".into() } else { short.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_at_most_five_decimals_and_no_trailing_zeros() {
        for (value, text) in [
            (1.1, "1.1"),
            (1.087_554_9, "1.08755"),
            (109_987.5, "109987.5"),
            (150.0, "150"),
            (2_000.0, "2000"),
            (0.000_001, "0"),
            (-0.000_001, "0"),
        ] {
            assert_eq!(price(Some(value)), text);
        }
        assert_eq!(price(None), "–");
        assert_eq!(price(Some(f64::NAN)), "–");
        assert_eq!(reading(Some(71.2)), "71.20");
        assert_eq!(line(70.0), "70");
    }

    #[test]
    fn other_numbers_have_the_decimals_of_their_kind_and_zero_has_no_sign() {
        assert_eq!((percent(Some(78.46)), percent(None)), ("78.5 %".into(), "–".into()));
        assert_eq!((tenths(Some(-0.04)), tenths(Some(-0.06))), ("0.0".into(), "-0.1".into()));
        assert_eq!(
            (coefficient(Some(0.2494)), coefficient(Some(-0.000_4))),
            ("0.249".into(), "0.000".into())
        );
        assert_eq!((line_of(Some(-100.0)), line_of(None)), ("-100".into(), "–".into()));
    }

    #[test]
    fn a_move_has_a_sign_unless_it_is_none() {
        let all = [0.12, 0.1234, -0.05, 0.01, -0.0061, 3.0, 0.0004, -0.0004, f64::NAN];
        let said =
            ["+0.12 %", "+0.123 %", "-0.05 %", "+0.01 %", "-0.006 %", "+3.00 %", "0.00 %", "0.00 %", "– %"];
        assert_eq!(all.map(moved), said.map(str::to_owned));
    }

    #[test]
    fn a_bar_is_filled_by_its_place_in_the_range_and_both_its_parts_are_seen() {
        let of = |value| (filled(Some(value), 0.0..=100.0), filled(Some(value), -100.0..=100.0));
        assert_eq!((of(0.0), of(30.0), of(100.0)), ((1, 50), (30, 65), (99, 99)));
        assert_eq!((filled(Some(-100.0), -100.0..=100.0), filled(None, 0.0..=100.0)), (1, 50));
    }
}
