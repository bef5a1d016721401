//! The daily brief: when it is due next, and what became of the last.

use bellwether_database::checks::{Session, ask};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::MINUTE;
use chrono::{DateTime, Utc};

use crate::mail::kind::MailKind;
use crate::schedule::slots::{DailyTime, Slot};

const ABOUT: &str = "schedule";
/// After which a brief that was due should stand among the runs.
const LATE: i64 = 10 * MINUTE;

/// A run of the schedule.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Ran {
    /// The day.
    key: String,
    state: String,
    mails: i64,
}

/// Whether the last brief ran, and when the next is due.
pub(super) async fn look(session: &mut Session, tenant: &Tenant) -> sqlx::Result<Vec<Finding>> {
    let Some(time) = tenant.daily_brief else {
        return Ok(vec![Finding::ok(ABOUT, "the tenant's file asks for no daily brief")]);
    };
    let mut transaction = session.begin().await?;
    let now: DateTime<Utc> = ask::value("select clock_timestamp()").fetch_one(&mut *transaction).await?;
    let ran: Option<Ran> = ask::rows(
        "select key, state, mails from bellwether.schedule_run where tenant_id = $1 and schedule = $2
         order by key desc limit 1",
    )
    .bind(tenant.id.as_str())
    .bind(MailKind::Brief.name())
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(vec![judge(DailyTime { zone: tenant.zone, time }, now.into(), ran.as_ref())])
}

fn judge(daily: DailyTime, now: Timestamp, ran: Option<&Ran>) -> Finding {
    let run = "see that `bellwether sink schedule` runs and what it logs of this tenant";
    let next = daily.next(now).map_or_else(String::new, |slot| format!("; the next is due at {}", slot.due));
    let Some(Ran { key, state, mails }) = ran else {
        return Finding::fault(ABOUT, format!("the schedule was never looked at{next}"), run);
    };
    let owed = daily.last(now).filter(|Slot { date, due }| now.since(*due) > LATE && *key < date.to_string());
    if let Some(Slot { date, due }) = owed {
        let found =
            format!("the brief of {date} was due at {due} and did not run; the last was of {key}{next}");
        return Finding::fault(ABOUT, found, run);
    }
    match state.as_str() {
        "missed" => Finding::warn(
            ABOUT,
            format!("the brief of {key} was missed: nobody was there in time{next}"),
            run,
        ),
        "before" => Finding::ok(ABOUT, format!("no brief was owed yet{next}")),
        _ => Finding::ok(ABOUT, format!("the brief of {key} was owed to {mails} users{next}")),
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    #[test]
    fn a_brief_that_was_due_and_did_not_run_is_a_fault() {
        let daily = DailyTime { zone: chrono_tz::Asia::Kolkata, time: "09:00:00".parse().unwrap() };
        let level = |ran: Option<(&str, &str)>, now: &str| {
            let ran = ran.map(|(key, state)| Ran { key: key.into(), state: state.into(), mails: 2 });
            judge(daily, now.parse().unwrap(), ran.as_ref()).level
        };
        assert_eq!(level(None, "2026-03-04T03:00:00Z"), Level::Fault);
        assert_eq!(level(Some(("2026-03-03", "due")), "2026-03-04T03:39:00Z"), Level::Ok);
        assert_eq!(level(Some(("2026-03-03", "due")), "2026-03-04T03:41:00Z"), Level::Fault);
        assert_eq!(level(Some(("2026-03-04", "due")), "2026-03-04T03:41:00Z"), Level::Ok);
        assert_eq!(level(Some(("2026-03-04", "missed")), "2026-03-04T12:00:00Z"), Level::Warn);
        assert_eq!(level(Some(("2026-03-03", "before")), "2026-03-04T03:00:00Z"), Level::Ok);
    }
}
