//! Numbers as people read them: written once, shown alike in HTML and plain text.

/// Shown where a value does not exist.
const MISSING: &str = "–";

/// A price: at most 5 decimals, trailing zeros dropped.
pub(crate) fn price(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| trimmed(format!("{value:.5}")))
}

/// A reading of an indicator between 0 and 100: two decimals, as in the tenant's tables.
pub(crate) fn reading(value: Option<f64>) -> String {
    known(value).map_or_else(|| MISSING.into(), |value| format!("{value:.2}"))
}

/// A line that a user drew: `70`, `70.5`.
pub(crate) fn line(value: f64) -> String {
    known(Some(value)).map_or_else(|| MISSING.into(), |value| trimmed(format!("{value:.2}")))
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
}
