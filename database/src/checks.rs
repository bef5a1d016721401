//! What a database lacks of what the pipeline rests on.

use bellwether_runtime::secret::Secret;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::{Result, administer, migrate, query, tables};

/// Something that is not as it must be, or, where it is not ours, as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Table or migration.
    pub subject: String,
    /// What is wrong, and what to do.
    pub problem: String,
    /// Ours: a fault. Another's: a warning.
    pub ours: bool,
}

/// What is missing or open; nothing when all is well. Reads only.
///
/// # Errors
/// Out of reach.
pub async fn check(url: &Secret) -> Result<Vec<Finding>> {
    let mut connection = administer(url).await?;
    let missing = migrate::missing(&mut connection).await?;
    let mut findings: Vec<Finding> =
        missing.into_iter().map(|version| fault(version, "not applied: run `bellwether migrate`")).collect();
    findings.extend(tables_of_ours(&mut connection).await?);
    findings.extend(tables_of_others(&mut connection).await?);
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(findings)
}

fn fault(subject: &str, problem: &str) -> Finding {
    Finding { subject: subject.into(), problem: problem.into(), ours: true }
}

async fn tables_of_ours(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let rows: Vec<(String, bool, bool, bool, bool, bool)> = sqlx::query_as(
        "select t, c.oid is not null, coalesce(c.relrowsecurity, false), coalesce(c.relforcerowsecurity, false),
                exists (select from pg_constraint k where k.conrelid = c.oid and k.conname = 'bellwether_tenant'),
                exists (select from aclexplode(c.relacl) a
                        where a.grantee = 0 or a.grantee = to_regrole('anon')::oid)
         from unnest($1::text[]) t left join pg_class c on c.oid = to_regclass(t)",
    )
    .bind(tables())
    .fetch_all(connection)
    .await
    .map_err(query("cannot read the state of the tables"))?;
    let judge = |(table, there, on, forced, tenant, open): (String, bool, bool, bool, bool, bool)| {
        let problem = match (there, on && forced, tenant, open) {
            (false, ..) => "missing: run `bellwether migrate`",
            (_, false, ..) => "row security is not on and forced: run `bellwether migrate` anew",
            (_, _, _, true) => "open to everybody: revoke what anon and public may do",
            (_, _, false, _) => "no tenant's yet: run `bellwether tenants init`",
            _ => return None,
        };
        Some(fault(&table, problem))
    };
    Ok(rows.into_iter().filter_map(judge).collect())
}

async fn tables_of_others(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity
           and n.nspname || '.' || c.relname <> all($1) order by 1",
    )
    .bind(tables())
    .fetch_all(connection)
    .await
    .map_err(query("cannot read the tables of others"))?;
    let warning =
        |subject| Finding { subject, problem: "no row security: not our table".into(), ours: false };
    Ok(names.into_iter().map(warning).collect())
}
