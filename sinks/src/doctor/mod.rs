//! What a doctor sees of a tenant's pipeline, beside its database: what is in its topics, how far each role is, what its
//! sinks owe. Reads only.
//!
//! [`log`] needs no database, [`delivery`] no log that is young: each says what it can while the other is away.

mod cursors;
mod feeds;
mod letters;
mod outbox;
pub mod person;
mod readers;
mod schedule;
mod topics;

use std::error::Error;
use std::sync::Arc;

use bellwether_database::checks::Session;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::{Finding, Section};
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::{MAIL, ROWS};
use bellwether_schemas::Timestamp;

/// What a record may wait for whoever reads it, microseconds: every role is asked again within seconds.
const LATE: i64 = 60 * bellwether_schemas::time::SECOND;

/// The tenant's topics: that they are there, what comes in, who reads them, what could not be used.
pub async fn log(log: &Arc<dyn Log>, tenant: &Tenant, now: Timestamp) -> Section {
    let (log, tenant) = (Arc::clone(log), tenant.clone());
    let looked = blocking(move || look_at_log(log.as_ref(), &tenant, now)).await;
    Section { name: "log", findings: looked.unwrap_or_else(|error| vec![away(&error)]) }
}

fn look_at_log(log: &dyn Log, tenant: &Tenant, now: Timestamp) -> Vec<Finding> {
    let mut findings = match topics::look(log, &tenant.id) {
        Ok(findings) => findings,
        Err(error) => return vec![away(&error)],
    };
    // What is said of topics that are missing is enough.
    if findings.iter().any(Finding::is_fault) {
        return findings;
    }
    for looked in
        [readers::look(log, tenant, now), feeds::look(log, tenant, now), letters::look(log, &tenant.id, now)]
    {
        findings.extend(looked.unwrap_or_else(|error| vec![away(&error)]));
    }
    findings
}

/// What the sinks have delivered and owe, as the tenant's database says; `log` where there is one to compare with.
pub async fn delivery(
    session: &mut Session,
    log: Option<&Arc<dyn Log>>,
    tenant: &Tenant,
    now: Timestamp,
) -> Section {
    let mut findings = Vec::new();
    for looked in [
        cursors::look(session, log, tenant, now).await,
        outbox::look(session, tenant).await,
        schedule::look(session, tenant).await,
    ] {
        findings.extend(looked.unwrap_or_else(|error| vec![unreadable(&error)]));
    }
    Section { name: "delivery", findings }
}

/// What waits for a database that is away, as the log knows it: since when, and how much.
pub async fn parked(log: &Arc<dyn Log>, tenant: &Tenant, now: Timestamp) -> Section {
    let (log, id) = (Arc::clone(log), tenant.id.clone());
    let looked = blocking(move || {
        let of = |group| readers::waiting(log.as_ref(), &id, group, now);
        [of(ROWS), of(MAIL)].into_iter().collect::<Result<Vec<Finding>, LogError>>()
    });
    let findings = looked.await.and_then(|looked| looked).unwrap_or_else(|error| vec![away(&error)]);
    Section { name: "delivery", findings }
}

fn away(error: &(dyn Error + 'static)) -> Finding {
    let advice = match error.downcast_ref() {
        Some(LogError::Refused { .. }) => {
            "see what the brokers let the user of [kafka] do there: docs/SECURITY.md"
        }
        _ => "see that `log` in bellwether.toml, or --log, is right",
    };
    Finding::fault("log", format!("cannot be read: {error}"), advice)
}

fn unreadable(error: &sqlx::Error) -> Finding {
    Finding::fault(
        "database",
        format!("cannot be read: {error}"),
        "see that the role is the one `bellwether tenants init` made, and run `bellwether migrate`",
    )
}

/// How long ago, as people say it.
fn ago(micros: i64) -> String {
    let seconds = micros / bellwether_schemas::time::SECOND;
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
