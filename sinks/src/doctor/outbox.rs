//! Mails by where they stand: what waits too long, what failed.

use bellwether_database::checks::{Session, ask};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::SECOND;
use chrono::{DateTime, Utc};

use super::ago;

const ABOUT: &str = "outbox";
/// Seconds after which a mail that is due should have been tried.
const LATE: f64 = 300.0;
/// Seconds after which a mail that may have arrived is a person's to resolve.
const UNRESOLVED: f64 = 3600.0;

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct InState {
    state: String,
    mails: i64,
    /// Seconds since the oldest was due; of those that ended, since it was owed.
    oldest: f64,
    /// Why, of the newest.
    reason: Option<String>,
}

/// The outbox of the last day, and what is open however old.
pub(super) async fn look(session: &mut Session, tenant: &Tenant) -> sqlx::Result<Vec<Finding>> {
    let mut transaction = session.begin().await?;
    let states: Vec<InState> = ask::rows(
        "select state, count(*) as mails,
                coalesce(extract(epoch from clock_timestamp() - min(
                  case when state in ('pending', 'claimed', 'data_started') then due_at else created_at end)), 0)::float8
                  as oldest,
                (array_agg(reason order by created_at desc))[1] as reason
         from bellwether.mail_outbox
         where tenant_id = $1 and (state in ('pending', 'claimed', 'data_started', 'ambiguous', 'held')
                                   or created_at > now() - interval '1 day')
         group by state order by state",
    )
    .bind(tenant.id.as_str())
    .fetch_all(&mut *transaction)
    .await?;
    let paused: Option<DateTime<Utc>> =
        ask::value("select paused_at from bellwether.mail_pause where tenant_id = $1")
            .bind(tenant.id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
    let configured = tenant.mail.smtp.is_some();
    Ok(judge(tenant, configured, paused.map(Timestamp::from), &states))
}

fn judge(tenant: &Tenant, configured: bool, paused: Option<Timestamp>, states: &[InState]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !configured {
        findings.push(Finding::fault(
            ABOUT,
            "the tenant's file names no server: every mail fails",
            "set mail.smtp",
        ));
    }
    if let Some(since) = paused {
        let advice = format!("bellwether mail resume --tenant {}", tenant.id);
        findings.push(Finding::warn(ABOUT, format!("is paused since {since}"), advice));
    }
    for state in states {
        findings.extend(in_state(tenant, paused.is_some(), state));
    }
    if findings.is_empty() {
        let told: Vec<String> = states.iter().map(|one| format!("{} {}", one.mails, one.state)).collect();
        let told = if told.is_empty() { "none".into() } else { told.join(", ") };
        findings.push(Finding::ok(ABOUT, format!("of the last day: {told}")));
    }
    findings
}

fn in_state(
    tenant: &Tenant,
    paused: bool,
    InState { state, mails, oldest, reason }: &InState,
) -> Option<Finding> {
    let (list, age) =
        (format!("bellwether mail list --tenant {} --state {state}", tenant.id), since(*oldest));
    let why = reason.as_ref().map_or_else(String::new, |reason| format!("; the newest because: {reason}"));
    match state.as_str() {
        "pending" | "claimed" | "data_started" if *oldest > LATE && !paused => Some(Finding::fault(
            ABOUT,
            format!("{mails} mails are {state}, the oldest due {age} ago{why}"),
            format!("see that `bellwether sink mail` runs and what `bellwether doctor mail` says; {list}"),
        )),
        "ambiguous" if *oldest > UNRESOLVED => Some(Finding::warn(
            ABOUT,
            format!("{mails} mails may have arrived, the oldest owed {age} ago"),
            format!("ask their server, then `bellwether mail resolve`; {list}"),
        )),
        "failed" => Some(Finding::warn(ABOUT, format!("{mails} mails of the last day failed{why}"), list)),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a few years")]
fn since(seconds: f64) -> String {
    ago(seconds as i64 * SECOND)
}
