//! A user's alerts: switched on, published, accepted, of symbols that are watched, and what they did so far.

use bellwether_database::checks::ask;
use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::tables;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::alerts::{AlertKind, AlertParameters};
use bellwether_schemas::ids::match_key;
use bellwether_schemas::{AlertId, Timestamp};
use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use sqlx::types::JsonValue;
use uuid::Uuid;

use super::{Inquiry, Publications};

/// Most alerts of a kind that are looked at.
const MOST: i64 = 100;
/// Seconds after which a change should have been published.
const LATE: f64 = 30.0;

/// An alert of the user, with what the tenant's database says of it.
#[derive(Debug, Clone)]
pub(super) struct UserAlert {
    pub(super) id: Uuid,
    pub(super) kind: AlertKind,
    pub(super) active: bool,
    version: i64,
    /// None: the columns are of no form that is known.
    pub(super) parameters: Option<AlertParameters>,
    status: Option<Status>,
    /// Seconds since its last change waits to be published.
    queued: Option<f64>,
    /// When something of it fired last, by its own table.
    last: Option<DateTime<Utc>>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    is_active: bool,
    version: i64,
    columns: JsonValue,
    last: Option<DateTime<Utc>>,
}

/// Where the pipeline stands with it.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Status {
    alert_id: Uuid,
    version: i64,
    state: String,
    reason: Option<String>,
    effective_at: Option<DateTime<Utc>>,
    trigger_count: i64,
}

/// All of the user's alerts.
pub(super) async fn read(inquiry: &mut Inquiry<'_>) -> sqlx::Result<Vec<UserAlert>> {
    let (tenant, user) = (inquiry.tenant.id.as_str(), inquiry.user.0);
    let mut transaction = inquiry.session.begin().await?;
    let statuses: Vec<Status> = ask::rows(
        "select alert_id, version, state, reason, effective_at, trigger_count from public.alert_status
         where tenant_id = $1 and user_id = $2",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(&mut *transaction)
    .await?;
    let statuses: BTreeMap<Uuid, Status> =
        statuses.into_iter().map(|status| (status.alert_id, status)).collect();
    let queued: Vec<(Uuid, f64)> = ask::rows(
        "select alert_id, extract(epoch from clock_timestamp() - min(changed_at))::float8
         from bellwether.alert_change where tenant_id = $1 and user_id = $2 group by alert_id",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(&mut *transaction)
    .await?;
    let queued: BTreeMap<Uuid, f64> = queued.into_iter().collect();
    let mut alerts = Vec::new();
    for kind in tables::all() {
        let (table, triggers) = (kind.alerts.name, kind.triggers.name);
        let rows: Vec<Row> = ask::rows(AssertSqlSafe(format!(
            "select a.id, a.is_active, coalesce(v.version, 0) as version, to_jsonb(a) as columns,
                    (select max(t.triggered_at) from public.{triggers} t
                     where t.tenant_id = $1 and t.user_id = $2 and t.alert_id = a.id) as last
             from public.{table} a
             left join bellwether.alert_version v on v.tenant_id = a.tenant_id and v.alert_id = a.id
             where a.tenant_id = $1 and a.user_id = $2 order by a.created_at, a.id limit $3"
        )))
        .bind(tenant)
        .bind(user)
        .bind(MOST)
        .fetch_all(&mut *transaction)
        .await?;
        alerts.extend(rows.into_iter().map(|row| UserAlert {
            id: row.id,
            kind: kind.kind,
            active: row.is_active,
            version: row.version,
            parameters: AlertParameters::from_columns(kind.kind, &row.columns).ok(),
            status: statuses.get(&row.id).cloned(),
            queued: queued.get(&row.id).copied(),
            last: row.last,
        }));
    }
    Ok(alerts)
}

/// How each stands; `published` is what the journal has of them, where it could be read.
pub(super) fn judge(tenant: &Tenant, alerts: &[UserAlert], published: Option<&Publications>) -> Vec<Finding> {
    if alerts.is_empty() {
        let advice =
            "they configure one; rows that a page shows and this does not are another user's or tenant's";
        return vec![Finding::fault("alerts", "has no alert: nothing can fire", advice)];
    }
    let known: BTreeSet<String> =
        tenant.settings.symbols.iter().map(|symbol| match_key(symbol.name.as_str())).collect();
    alerts
        .iter()
        .flat_map(|alert| {
            let mut findings = vec![one(alert, published)];
            findings.extend(unknown_symbols(alert, &known, &tenant.settings.symbol_suffix));
            findings
        })
        .collect()
}

/// The first thing that is wrong with an alert, in the order in which its change travels; or what it did.
fn one(alert: &UserAlert, published: Option<&Publications>) -> Finding {
    let about = format!("{} {}", alert.kind, short(alert.id));
    let produce = "see that `bellwether produce alerts` runs and what it logs";
    if !alert.active {
        return Finding::warn(about, "is switched off", "its user switches it on");
    }
    if let Some(seconds) = alert.queued.filter(|seconds| *seconds > LATE) {
        return Finding::fault(
            about,
            format!("its last change waits for {seconds:.0} s to be published"),
            produce,
        );
    }
    let version = alert.version;
    if let Some(published) = published {
        match published.get(&AlertId(alert.id)) {
            None => return Finding::fault(about, "the journal does not know it", produce),
            Some(journal) if journal.version < version => {
                let found = format!("its row is at version {version}, the journal at {}", journal.version);
                return Finding::fault(about, found, produce);
            }
            Some(_) => {}
        }
    }
    let Some(status) = &alert.status else {
        let advice = "see that `bellwether process` and `bellwether sink rows` run: `bellwether doctor`";
        return Finding::fault(about, "nobody has said yet where it stands", advice);
    };
    if status.version < version {
        let found =
            format!("is at version {version}, and the engine spoke of version {} last", status.version);
        return Finding::warn(about, found, "wait some seconds; else see `bellwether doctor`");
    }
    in_state(about, alert, status, published)
}

fn in_state(about: String, alert: &UserAlert, status: &Status, published: Option<&Publications>) -> Finding {
    let reason = status.reason.as_deref().unwrap_or("no reason is given");
    match status.state.as_str() {
        "active" => Finding::ok(about, history(alert, status, published)),
        "refused" => Finding::fault(about, format!("is refused: {reason}"), "its user sets that right"),
        "warming" => Finding::warn(
            about,
            "waits for the first value of what it watches",
            "it counts from then on by itself",
        ),
        "spent" => Finding::warn(about, "was to fire once, and did", "its user switches it off and on again"),
        "expired" => Finding::warn(about, "has expired", "its user sets another time"),
        "disabled" => {
            Finding::warn(about, format!("was disabled by an operator: {reason}"), "enable it again")
        }
        other => Finding::warn(about, format!("is {other}: {reason}"), "see what its user set"),
    }
}

fn history(alert: &UserAlert, status: &Status, published: Option<&Publications>) -> String {
    let since = status.effective_at.map_or_else(
        || "before the first time of the journal".to_string(),
        |at| format!("{} (event time)", Timestamp::from(at)),
    );
    let published = published.and_then(|published| published.get(&AlertId(alert.id)));
    let published = published.map_or_else(String::new, |journal| {
        format!(", published at {} as journal offset {}", journal.at, journal.offset)
    });
    let fired = match alert.last {
        None => "has not fired".to_string(),
        Some(last) => format!("fired {} times, last at {}", status.trigger_count, Timestamp::from(last)),
    };
    format!("version {} counts since {since}{published}; it {fired}", status.version)
}

/// Symbols it names that nobody watches.
fn unknown_symbols(alert: &UserAlert, known: &BTreeSet<String>, suffix: &str) -> Option<Finding> {
    let named: Vec<&str> = match alert.parameters.as_ref()? {
        AlertParameters::PriceAlert(price) => vec![&price.symbol],
        AlertParameters::HeatmapTracker(heatmap) => heatmap.pairs.iter().map(String::as_str).collect(),
        AlertParameters::HeatmapIndicatorTracker(cell) => cell.pairs.iter().map(String::as_str).collect(),
        AlertParameters::RsiTracker(_)
        | AlertParameters::RsiCorrelationTracker(_)
        | AlertParameters::CurrencyStrengthTracker(_) => return None,
    };
    let is_known = |name: &&str| {
        known.contains(&match_key(name)) || known.contains(&match_key(&format!("{name}{suffix}")))
    };
    let unknown: Vec<&str> = named.into_iter().filter(|name| !is_known(name)).collect();
    let advice = "its user chooses another, or the tenant's file lists it under symbols";
    (!unknown.is_empty()).then(|| {
        let about = format!("{} {}", alert.kind, short(alert.id));
        Finding::warn(about, format!("names what is not watched here: {}", unknown.join(", ")), advice)
    })
}

/// Enough of an id to tell a user's alerts apart.
pub(super) fn short(id: Uuid) -> String {
    id.to_string().split('-').next().unwrap_or_default().into()
}

#[cfg(test)]
pub(super) mod tests {
    use bellwether_runtime::finding::Level;

    use super::super::journal::Published;
    use super::*;
    use crate::mail::samples;

    pub(in crate::doctor::person) fn alert() -> UserAlert {
        let id = Uuid::from_u128(7);
        let status = Status {
            alert_id: id,
            version: 3,
            state: "active".into(),
            reason: None,
            effective_at: None,
            trigger_count: 0,
        };
        UserAlert {
            id,
            kind: AlertKind::PriceAlert,
            active: true,
            version: 3,
            parameters: None,
            status: Some(status),
            queued: None,
            last: None,
        }
    }

    fn published(version: i64) -> Publications {
        Publications::from([(
            AlertId(Uuid::from_u128(7)),
            Published { version, offset: 1, at: Timestamp(0) },
        )])
    }

    fn in_state(state: &str) -> UserAlert {
        let alert = alert();
        UserAlert {
            status: alert.status.clone().map(|status| Status { state: state.into(), ..status }),
            ..alert
        }
    }

    #[test]
    fn an_alert_is_followed_from_its_row_to_the_engine() {
        let level = |alert: &UserAlert, version: i64| {
            let finding = one(alert, Some(&published(version)));
            (finding.level, finding.found)
        };
        assert_eq!(level(&alert(), 3).0, Level::Ok);
        for (alert, version, words) in [
            (UserAlert { active: false, ..alert() }, 3, "switched off"),
            (UserAlert { queued: Some(31.0), ..alert() }, 3, "waits for 31 s"),
            (alert(), 2, "the journal at 2"),
            (UserAlert { status: None, ..alert() }, 3, "where it stands"),
            (in_state("refused"), 3, "is refused"),
            (in_state("warming"), 3, "first value"),
            (in_state("spent"), 3, "once, and did"),
            (in_state("expired"), 3, "expired"),
        ] {
            let (level, found) = level(&alert, version);
            assert!(level > Level::Ok && found.contains(words), "{words}: {found}");
        }
        assert!(one(&alert(), Some(&Publications::new())).found.contains("does not know it"));
        assert_eq!(one(&alert(), None).level, Level::Ok, "where there is no log to ask");
    }

    #[test]
    fn a_symbol_that_nobody_watches_is_named() {
        let tenant = samples::tenant("fxlabs");
        let of = |symbol: &str| {
            let price =
                bellwether_schemas::alerts::PriceAlert { symbol: symbol.into(), ..Default::default() };
            let alert = UserAlert { parameters: Some(AlertParameters::PriceAlert(price)), ..alert() };
            judge(&tenant, &[alert], None).len()
        };
        assert_eq!([of("eur/usd"), of("EURUSDm"), of("DOGEUSD")], [1, 1, 2]);
    }
}
