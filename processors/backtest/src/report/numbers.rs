//! Numbers as people read them.

/// Shown where there is no value.
pub(super) const MISSING: &str = "–";
/// True minus and plus signs have the width of figures.
const MINUS: char = '−';

/// A price: at most 5 decimals, trailing zeros dropped.
pub(super) fn price(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| trimmed(&format!("{value:.5}")))
}

/// A reading: two decimals, small ones more.
pub(super) fn reading(value: Option<f64>) -> String {
    known(value).map_or_else(
        || MISSING.into(),
        |value| {
            let text = if value.abs() < 0.1 { format!("{value:.5}") } else { format!("{value:.2}") };
            signed(&trimmed(&text))
        },
    )
}

/// A move in percent, with its sign.
pub(crate) fn percent(value: Option<f64>) -> String {
    known(value).map_or_else(
        || MISSING.into(),
        |value| {
            let text = format!("{:.3}", value.abs());
            match text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
                true => format!("{text} %"),
                false => format!("{}{text} %", if value < 0.0 { MINUS } else { '+' }),
            }
        },
    )
}

/// A share as whole percent.
pub(super) fn share(value: f64) -> String {
    format!("{:.0} %", 100.0 * value)
}

/// A count with thin spaces between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let places = digits.chars().rev().enumerate();
    let spaced: Vec<char> = places
        .flat_map(|(place, digit)| {
            (place > 0 && place % 3 == 0).then_some('\u{202f}').into_iter().chain([digit])
        })
        .collect();
    spaced.into_iter().rev().collect()
}

/// `1 trigger`, `14 triggers`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn trimmed(text: &str) -> String {
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if short == "-0" { "0".into() } else { short.into() }
}

fn signed(text: &str) -> String {
    text.replace('-', &MINUS.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_what_matters() {
        assert_eq!(price(Some(1.5)), "1.5");
        assert_eq!(price(Some(1.574_834)), "1.57483");
        assert_eq!(reading(Some(28.491)), "28.49");
        assert_eq!(reading(Some(-0.000_12)), "−0.00012");
        assert_eq!(reading(None), "–");
        assert_eq!((percent(Some(-0.04)), percent(Some(0.0001))), ("−0.040 %".into(), "0.000 %".into()));
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(123), "123");
    }
}
