//! Zones and times of day.

use bellwether_schemas::time::parse_zone;
use chrono::NaiveTime;
use chrono_tz::Tz;
use serde::de::{Deserialize, Deserializer, Error};

/// A zone of the IANA database, `Asia/Kolkata`.
pub(in crate::config) fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    parse_zone(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A time of day without a date or a zone, `09:00`.
pub(in crate::config) fn optional_time_of_day<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NaiveTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = NaiveTime::parse_from_str(&text, "%H:%M");
    time.map(Some).map_err(|_| D::Error::custom(format!("{text:?} is not a time such as 09:00")))
}
