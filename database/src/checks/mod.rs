//! What a database lacks of what the pipeline rests on. What is not ours is a warning.

use bellwether_runtime::finding::Finding;
use bellwether_runtime::secret::Secret;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::{Result, administer, migrate, query, tables};

/// After an insert, an update, a delete, and before a truncate.
const CAPTURE_TRIGGERS: i64 = 4;

/// What is missing or open; nothing when all is well. Reads only.
///
/// # Errors
/// Out of reach.
pub async fn check(url: &Secret) -> Result<Vec<Finding>> {
    let mut connection = administer(url).await?;
    let missing = migrate::missing(&mut connection).await?;
    let mut findings: Vec<Finding> = missing
        .into_iter()
        .map(|version| Finding::fault(version, "not applied", "run `bellwether migrate`"))
        .collect();
    findings.extend(tables_of_ours(&mut connection).await?);
    findings.extend(captures(&mut connection).await?);
    findings.extend(open_functions(&mut connection).await?);
    findings.extend(tables_of_others(&mut connection).await?);
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(findings)
}

/// What the catalogue says of a table of ours.
#[derive(sqlx::FromRow)]
struct TableState {
    name: String,
    there: bool,
    /// Row security is on, and binds the owner too.
    secured: bool,
    /// It takes one tenant's rows only, or each process those of its tenant.
    given: bool,
    /// Everybody, or who has not signed in, may do something with it.
    open: bool,
}

impl TableState {
    /// What is wrong, and what to do.
    fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !self.there {
            Some(("missing", "run `bellwether migrate`"))
        } else if !self.secured {
            Some(("row security is not on and forced", "run `bellwether migrate` anew"))
        } else if self.open {
            Some(("open to everybody", "revoke what anon and public may do"))
        } else if !self.given {
            Some(("no tenant's yet", "run `bellwether tenants init`"))
        } else {
            None
        }
    }
}

async fn tables_of_ours(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let states: Vec<TableState> = sqlx::query_as(
        "select t as name, c.oid is not null as there,
                coalesce(c.relrowsecurity and c.relforcerowsecurity, false) as secured,
                exists (select from pg_constraint k
                        where k.conrelid = c.oid and k.conname = 'bellwether_tenant')
                  or exists (select from pg_policy p
                             where p.polrelid = c.oid and p.polname = 'shared_processes') as given,
                exists (select from aclexplode(c.relacl) a
                        where a.grantee = 0 or a.grantee = to_regrole('anon')::oid) as open
         from unnest($1::text[]) t left join pg_class c on c.oid = to_regclass(t)",
    )
    .bind(super::tables_of_ours())
    .fetch_all(connection)
    .await
    .map_err(query("cannot read the state of the tables"))?;
    let finding = |state: &TableState| {
        state.problem().map(|(found, advice)| Finding::fault(&state.name, found, advice))
    };
    Ok(states.iter().filter_map(finding).collect())
}

/// Each alert table has the four triggers that queue what its users change, of its kind and captured columns.
async fn captures(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for tables in tables::all() {
        let table = format!("public.{}", tables.alerts.name);
        let arguments: Vec<&str> =
            [tables.kind.name()].iter().chain(tables.alerts.captured).copied().collect();
        let triggers: i64 = sqlx::query_scalar(
            "select count(*) from pg_trigger
             where tgrelid = to_regclass($1) and tgfoid = to_regproc('bellwether.capture') and tgenabled = 'O'
               and array_remove(string_to_array(encode(tgargs, 'escape'), '\\000'), '') = $2",
        )
        .bind(&table)
        .bind(arguments)
        .fetch_one(&mut *connection)
        .await
        .map_err(query("cannot read the triggers of the alert tables"))?;
        if triggers < CAPTURE_TRIGGERS {
            findings.push(Finding::fault(
                &table,
                "what its users change is not noticed",
                "run `bellwether migrate` anew",
            ));
        }
    }
    Ok(findings)
}

/// Functions of ours that users may call: every one of them acts for the owner.
async fn open_functions(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = to_regnamespace('bellwether')
           and (p.proacl is null
                or exists (select from aclexplode(p.proacl) a
                           where a.grantee in (0, to_regrole('anon')::oid, to_regrole('authenticated')::oid)))
         order by 1",
    )
    .fetch_all(connection)
    .await
    .map_err(query("cannot read who may call functions"))?;
    let advice = "revoke execute on it from public, anon and authenticated";
    Ok(names.iter().map(|name| Finding::fault(name, "may be called by anybody", advice)).collect())
}

async fn tables_of_others(connection: &mut PgConnection) -> Result<Vec<Finding>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity
           and n.nspname || '.' || c.relname <> all($1) order by 1",
    )
    .bind(super::tables_of_ours())
    .fetch_all(connection)
    .await
    .map_err(query("cannot read the tables of others"))?;
    let warning =
        |name| Finding::warn(name, "not our table, and it has no row security", "see who may read it");
    Ok(names.into_iter().map(warning).collect())
}
