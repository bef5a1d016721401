//! `bellwether.forgotten_user`: users of whom nothing is written any more, and how one of them is forgotten.

use std::collections::HashSet;

use bellwether_schemas::{TenantId, UserId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::pool::begin;
use crate::statements::Statements;
use crate::{DatabaseError, query};

/// Which of these users were forgotten.
///
/// # Errors
/// The database said no.
pub async fn among(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    users: &HashSet<UserId>,
) -> sqlx::Result<HashSet<UserId>> {
    let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    let sql = "select user_id from bellwether.forgotten_user where tenant_id = $1 and user_id = any($2)";
    let found: Vec<Uuid> = statements.query_scalar(sql).bind(users).fetch_all(connection).await?;
    Ok(found.into_iter().map(UserId).collect())
}

/// Removes what the tenant's database holds of a user, all at once: by table, how many rows went.
///
/// # Errors
/// The user is another tenant's, or the database is out of reach.
pub async fn forget(
    pool: &PgPool,
    tenant: &TenantId,
    user: UserId,
) -> Result<Vec<(String, u64)>, DatabaseError> {
    let what = || query(format!("cannot forget user {user} of tenant {tenant}"));
    let mut transaction = begin(pool, tenant).await.map_err(what())?;
    let removed = sqlx::query_as("select source, removed from bellwether.forget($1)")
        .persistent(false)
        .bind(user.0)
        .fetch_all(&mut *transaction)
        .await;
    let removed: Vec<(String, i64)> = match removed {
        Err(error) if is_anothers(&error) => {
            return Err(DatabaseError::ForeignUser { user, tenant: tenant.clone() });
        }
        removed => removed.map_err(what())?,
    };
    transaction.commit().await.map_err(what())?;
    Ok(removed.into_iter().map(|(table, rows)| (table, rows.unsigned_abs())).collect())
}

/// What the function says of a user whom Auth calls another tenant's.
fn is_anothers(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "P0002")
}
