//! Instants as a tenant's people read them.

use bellwether_schemas::Timestamp;
use chrono::Offset;
use chrono_tz::Tz;

/// `2026-03-04 • 18:30 IST`, on the wall clock of the zone.
pub(crate) fn stamp(zone: Tz, time: Timestamp) -> String {
    shown(zone, time, "%Y-%m-%d • %H:%M")
}

/// `2026-03-04`
pub(crate) fn date(zone: Tz, time: Timestamp) -> String {
    time.utc().with_timezone(&zone).format("%Y-%m-%d").to_string()
}

/// `18:30 IST`
pub(crate) fn clock(zone: Tz, time: Timestamp) -> String {
    shown(zone, time, "%H:%M")
}

fn shown(zone: Tz, time: Timestamp, format: &str) -> String {
    let local = time.utc().with_timezone(&zone);
    let label = label(zone, local.offset().fix().local_minus_utc());
    format!("{} {label}", local.format(format))
}

/// The zone's short name where one is usual, else its distance from UTC at that moment.
fn label(zone: Tz, seconds: i32) -> String {
    match zone {
        Tz::Asia__Kolkata => "IST".into(),
        Tz::Asia__Dubai => "GST".into(),
        _ => {
            let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
            let (hours, rest) = (minutes / 60, minutes % 60);
            if rest == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{rest:02}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_in_the_tenants_zone_with_its_label() {
        let at = |zone: Tz, text: &str| stamp(zone, text.parse().unwrap());
        assert_eq!(at(Tz::Asia__Kolkata, "2026-03-04T13:00:00Z"), "2026-03-04 • 18:30 IST");
        assert_eq!(at(Tz::Asia__Dubai, "2026-03-04T20:00:00Z"), "2026-03-05 • 00:00 GST");
        assert_eq!(at(Tz::America__New_York, "2026-01-04T20:00:00Z"), "2026-01-04 • 15:00 UTC-5");
        assert_eq!(at(Tz::America__New_York, "2026-07-04T20:00:00Z"), "2026-07-04 • 16:00 UTC-4");
        assert_eq!(at(Tz::Asia__Kathmandu, "2026-03-04T13:00:00Z"), "2026-03-04 • 18:45 UTC+5:45");
        assert_eq!(at(Tz::America__St_Johns, "2026-01-04T13:00:00Z"), "2026-01-04 • 09:30 UTC-3:30");
        assert_eq!(at(Tz::UTC, "2026-03-04T13:00:00Z"), "2026-03-04 • 13:00 UTC+0");
        let time = "2026-03-04T20:00:00Z".parse().unwrap();
        assert_eq!(clock(Tz::Asia__Dubai, time), "00:00 GST");
    }
}
