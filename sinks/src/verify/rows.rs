//! The tenant's database, as its sinks use it.
//!
//! A trigger of each kind is written as the rows sink writes it, looked for in its table, and taken back with its
//! transaction: nobody but that transaction ever sees it, no page hears of it, and nothing has to be cleaned up.

use bellwether_database as database;
use bellwether_database::Statements;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::{TriggerId, UserId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::mail::brand::Look;
use crate::mail::kinds::sample_triggers;

const FOREIGN: &str = "recipients";

/// Who is mailed, and where a trigger of each kind lands.
pub async fn rows(tenant: &Tenant) -> Vec<Finding> {
    let away = |error: &dyn std::fmt::Display| {
        vec![Finding::fault("database", error.to_string(), "see that it runs and takes the pipeline's login")]
    };
    let pool = match database::connect(tenant).await {
        Ok(pool) => pool,
        Err(error) => return away(&error),
    };
    let mut findings = match foreign_recipients(&pool, tenant).await {
        Ok(finding) => vec![finding],
        Err(error) => return away(&error),
    };
    match trials(&pool, tenant).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.extend(away(&error)),
    }
    findings
}

/// Mails that have not left, to whom nobody confirmed of this tenant belongs.
async fn foreign_recipients(pool: &PgPool, tenant: &Tenant) -> sqlx::Result<Finding> {
    let mut transaction = database::begin_snapshot(pool, &tenant.id).await?;
    let (waiting, foreign): (i64, i64) = Statements::of(tenant)
        .query_as(
            "select count(*), count(*) filter (where not exists (
                 select from bellwether.recipients r
                 where r.user_id = o.user_id and lower(r.email) = lower(o.recipient)))
             from bellwether.mail_outbox o
             where o.tenant_id = $1 and o.recipient <> '' and o.state not in ('sent', 'suppressed', 'failed', 'digested')",
        )
        .fetch_one(&mut *transaction)
        .await?;
    if foreign > 0 {
        return Ok(Finding::fault(
            FOREIGN,
            format!("{foreign} of {waiting} waiting mails go to nobody confirmed of this tenant"),
            "`bellwether mail list` shows them; `bellwether mail pause` holds them",
        ));
    }
    Ok(Finding::ok(FOREIGN, format!("all {waiting} waiting mails go to confirmed users of its own")))
}

async fn trials(pool: &PgPool, tenant: &Tenant) -> sqlx::Result<Vec<Finding>> {
    let Ok(look) = Look::new(tenant) else { return Ok(Vec::new()) };
    let mut transaction = database::begin(pool, &tenant.id).await?;
    let user: Option<Uuid> = Statements::of(tenant)
        .query_scalar("select user_id from bellwether.recipients where $1 <> '' limit 1")
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(user) = user.map(UserId) else {
        let advice = "have somebody sign up and confirm the address";
        return Ok(vec![Finding::unseen("triggers", "the tenant has no confirmed user yet", advice)]);
    };
    let mut findings = Vec::new();
    for kind in AlertKind::ALL {
        findings.push(trial(&mut transaction, tenant, &look, kind, user).await?);
    }
    transaction.rollback().await?;
    Ok(findings)
}

async fn trial(
    connection: &mut PgConnection,
    tenant: &Tenant,
    look: &Look,
    kind: AlertKind,
    user: UserId,
) -> sqlx::Result<Finding> {
    let tables = database::tables::of(kind);
    let name = tables.triggers.name;
    let Some(mut trigger) = sample_triggers(look, kind).ok().and_then(|all| all.into_iter().next()) else {
        return Ok(Finding::unseen(name, "the kind has no sample", "report this"));
    };
    (trigger.tenant, trigger.user_id, trigger.id) = (tenant.id.clone(), user, TriggerId(Uuid::new_v4()));
    let new = tables.write_triggers(connection, Statements::of(tenant), &[&trigger]).await?;
    Ok(match new.len() {
        1 => Finding::ok(name, "a test trigger is written there, and taken back"),
        _ => Finding::fault(
            name,
            "a test trigger did not become a row",
            "`bellwether doctor` says what it lacks",
        ),
    })
}
