//! The zone data of the server against this binary's, for the tenant's own zone: quiet hours are told by the one, briefs
//! by the other.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;
use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;

use super::{Looked, ask};

const ABOUT: &str = "zone";
/// Instants that are compared: now and one a month for a year, so that a changed summer time shows.
const MONTHS: i64 = 12;
/// The server knows no zone of that name.
const UNKNOWN: &str = "22023";

/// Whether both say the same of the tenant's clocks for a year.
pub(super) async fn look(connection: &mut PgConnection, tenant: &Tenant, now: Timestamp) -> Looked {
    let instants: Vec<DateTime<Utc>> = (0..=MONTHS).map(|month| now.plus(month * 30 * DAY).utc()).collect();
    let offsets: sqlx::Result<Vec<i64>> = ask::value(
        "select extract(epoch from (at at time zone $1) - (at at time zone 'UTC'))::int8
         from unnest($2::timestamptz[]) with ordinality as named (at, place) order by place",
    )
    .bind(tenant.zone.name())
    .bind(&instants)
    .fetch_all(connection)
    .await;
    match offsets {
        Ok(offsets) => Ok(vec![judge(tenant.zone, &instants, &offsets)]),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == UNKNOWN) => {
            Ok(vec![differs(format!("the server knows no zone {}", tenant.zone))])
        }
        Err(error) => Err(error),
    }
}

fn judge(zone: Tz, instants: &[DateTime<Utc>], offsets: &[i64]) -> Finding {
    let ours = |at: &DateTime<Utc>| {
        i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
    };
    let other = instants.iter().zip(offsets).find(|(at, theirs)| ours(at) != **theirs);
    match other {
        None => Finding::ok(ABOUT, format!("the server's {zone} is ours")),
        Some((at, theirs)) => differs(format!(
            "at {} {zone} is {} s from UTC by the server and {} s by this binary",
            at.format("%F %T UTC"),
            theirs,
            ours(at)
        )),
    }
}

fn differs(found: String) -> Finding {
    Finding::fault(ABOUT, found, "bring the older of the two up to date: the server's tzdata, or Bellwether")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_summer_time_is_seen_before_it_comes() {
        let instants: Vec<DateTime<Utc>> =
            ["2026-01-15T12:00:00Z", "2026-07-15T12:00:00Z"].map(|text| text.parse().unwrap()).into();
        let zone = chrono_tz::Europe::Berlin;
        assert!(!judge(zone, &instants, &[3600, 7200]).is_fault());
        let found = judge(zone, &instants, &[3600, 3600]);
        assert!(found.is_fault() && found.found.contains("2026-07-15"), "{found:?}");
    }
}
