//! Durations as people write them: `500ms`, `90s`, `5m`, `24h`, `30d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A key that may be left out.
pub(in crate::config) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Not more often than once a second.
pub(in crate::config) fn at_least_a_second<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    at_least(deserializer, Duration::from_secs(1), "1s")
}

/// How long a journal is kept: there is a base snapshot to begin at for each day of it.
pub(in crate::config) fn at_least_a_day<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    at_least(deserializer, Duration::from_hours(24), "1d")
}

fn at_least<'de, D: Deserializer<'de>>(
    deserializer: D,
    least: Duration,
    named: &str,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = parse_duration(&text).map_err(serde::de::Error::custom)?;
    if time < least {
        return Err(serde::de::Error::custom(format!("{text:?} is less than {named}")));
    }
    Ok(time)
}

/// How long rows are kept: at least 30 days, because the database removes nothing that is younger.
pub(in crate::config) fn time_to_keep<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    const LEAST: Duration = Duration::from_hours(30 * 24);
    let text = String::deserialize(deserializer)?;
    let time = parse_duration(&text).map_err(serde::de::Error::custom)?;
    if time < LEAST {
        return Err(serde::de::Error::custom(format!(
            "{text:?} is less than 30d: nothing younger is removed"
        )));
    }
    Ok(time)
}

/// The duration in microseconds, as event time counts; what no record can hold becomes the longest that one can.
pub(in crate::config) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Reads a whole number and its unit.
///
/// # Errors
/// What is not of that form, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let error = || format!("{text:?} is not a duration such as 500ms, 90s, 5m, 24h or 30d");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let (digits, unit) = text.split_at(split);
    let count: u64 = digits.parse().map_err(|_| error())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(error()),
    };
    count.checked_mul(millis).map(Duration::from_millis).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "90", "1.5s", "-1s", "1w", "99999999999999999999s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
