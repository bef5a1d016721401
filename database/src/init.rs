//! Gives a migrated database to one tenant: its login role, and a constant on every table that refuses any other's
//! rows whatever our code does.

use std::time::Duration;

use bellwether_runtime::config::Announce;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::shape::{Shape, pin, shape};
use super::{DatabaseError, Result, administer, migrate, query, tables_of_ours};

/// Tenants whose login role would be one that all tenants' roles are members of.
const RESERVED: [&str; 3] = ["pipeline", "gateway", "support"];
/// Roles belong to the cluster: two databases of one may change the same role at one moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Makes the role `bellwether_<tenant>` with this password, gives rows that are nobody's to the tenant, and sets
/// default and check. Harmless to repeat; then it only sets the password. The role's name is returned.
///
/// # Errors
/// Out of reach, not migrated, or the database is another tenant's or several tenants'.
pub async fn init(admin_url: &Secret, tenant: &TenantId, password: &Secret) -> Result<String> {
    let mut connection = ready(admin_url).await?;
    if shape(&mut connection).await? == Some(Shape::Shared) {
        return Err(DatabaseError::IsShared { tenant: tenant.clone() });
    }
    let role = role_of_pipeline(&mut connection, tenant, password).await?;
    let error = || query(format!("cannot give the database to tenant {tenant}"));
    let mut transaction = connection.begin().await.map_err(error())?;
    for table in tables_of_ours() {
        if !belongs(&mut transaction, &table, tenant).await? {
            give(&mut transaction, &table, tenant).await.map_err(error())?;
        }
    }
    transaction.commit().await.map_err(error())?;
    Ok(role)
}

/// A connection to a migrated database, for whoever may change it.
pub(super) async fn ready(admin_url: &Secret) -> Result<PgConnection> {
    let mut connection = administer(admin_url).await?;
    match migrate::missing(&mut connection).await?.into_iter().next() {
        Some(version) => Err(DatabaseError::NotMigrated { version }),
        None => Ok(connection),
    }
}

/// Makes the role that the tenant's pipeline logs in as; its name.
pub(super) async fn role_of_pipeline(
    connection: &mut PgConnection,
    tenant: &TenantId,
    password: &Secret,
) -> Result<String> {
    if RESERVED.contains(&tenant.as_str()) {
        return Err(DatabaseError::Reserved { tenant: tenant.clone() });
    }
    let role = format!("bellwether_{tenant}");
    login_role(connection, &role, "grant bellwether_pipeline to %I", password).await?;
    Ok(role)
}

/// Makes the role `bellwether_<tenant>_gateway` with this password, for the tenant's gateway; its name. Harmless to
/// repeat; then it only sets the password.
///
/// # Errors
/// Out of reach, or not migrated.
pub async fn init_gateway(admin_url: &Secret, tenant: &TenantId, password: &Secret) -> Result<String> {
    let mut connection = ready(admin_url).await?;
    let role = format!("bellwether_{tenant}_gateway");
    login_role(&mut connection, &role, "grant bellwether_gateway to %I", password).await?;
    if shape(&mut connection).await? == Some(Shape::Shared) {
        pin(&mut connection, tenant, &role).await?;
    }
    Ok(role)
}

/// How pages are to hear of new events from here on. False where the database has nothing to do it with: then pages
/// poll, until this is said again.
///
/// # Errors
/// Out of reach, not migrated, or the publication is somebody else's.
pub async fn announce(admin_url: &Secret, how: Announce) -> Result<bool> {
    let mut connection = administer(admin_url).await?;
    let done: String = sqlx::query_scalar("select bellwether.announce($1)")
        .bind(how.name())
        .fetch_one(&mut connection)
        .await
        .map_err(query(format!("cannot announce events by {}", how.name())))?;
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(done == how.name())
}

/// A role that logs in, with what `grant` gives it.
async fn login_role(
    connection: &mut PgConnection,
    role: &str,
    grant: &'static str,
    password: &Secret,
) -> Result<()> {
    let error = || query(format!("cannot make the role {role}"));
    for statement in ["create role %I", "alter role %I login password %L", grant] {
        let mut tries = 0;
        while let Err(failure) = on_role(connection, statement, role, password).await {
            tries += 1;
            if is_there(&failure) {
                break;
            } else if tries == TRIES || !is_concurrent(&failure) {
                return Err(error()(failure));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// The server quotes: names and literals of such statements cannot be bound.
async fn on_role(
    connection: &mut PgConnection,
    statement: &str,
    role: &str,
    password: &Secret,
) -> std::result::Result<(), sqlx::Error> {
    let text: String = sqlx::query_scalar("select format($1, $2, $3)")
        .bind(statement)
        .bind(role)
        .bind(password.reveal())
        .fetch_one(&mut *connection)
        .await?;
    connection.execute(AssertSqlSafe(text)).await.map(|_| ())
}

/// 42710: the role exists; 23505: it came to exist while ours was being made.
fn is_there(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(code.as_ref(), "42710" | "23505"))
}

/// "tuple concurrently updated": the other one's change is done a moment later.
fn is_concurrent(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "XX000")
}

/// Does the table's check name this tenant already?
async fn belongs(connection: &mut PgConnection, table: &str, tenant: &TenantId) -> Result<bool> {
    let owner: Option<Option<String>> = sqlx::query_scalar(
        "select substring(pg_get_constraintdef(oid) from '''([a-z0-9-]+)''') from pg_constraint
         where conrelid = $1::regclass and conname = 'bellwether_tenant'",
    )
    .bind(table)
    .fetch_optional(connection)
    .await
    .map_err(query(format!("cannot read whose {table} is")))?;
    match owner.flatten() {
        Some(owner) if owner == tenant.as_str() => Ok(true),
        Some(owner) => Err(DatabaseError::OtherTenant { owner, tenant: tenant.clone() }),
        None => Ok(false),
    }
}

/// Rows from before us are filled without a trigger noticing: nothing about them changed for their users.
async fn give(
    connection: &mut PgConnection,
    table: &str,
    tenant: &TenantId,
) -> std::result::Result<(), sqlx::Error> {
    for statement in [
        "alter table %s no force row level security",
        "alter table %s disable trigger user",
        "update %s set tenant_id = %L where tenant_id = ''",
        "alter table %s enable trigger user",
        "alter table %s force row level security",
        "alter table %s alter column tenant_id set default %L",
        "alter table %s add constraint bellwether_tenant check (tenant_id = %L)",
    ] {
        let text: String = sqlx::query_scalar("select format($1, $2::regclass, $3)")
            .bind(statement)
            .bind(table)
            .bind(tenant.as_str())
            .fetch_one(&mut *connection)
            .await?;
        connection.execute(AssertSqlSafe(text)).await?;
    }
    Ok(())
}
