//! Whether a database is one tenant's alone or several tenants', and how it becomes the latter.

use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::init::{ready, role_of_pipeline};
use super::{DatabaseError, Result, query};

/// Who has rows in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One tenant: a constant on every table refuses any other's rows.
    Dedicated,
    /// Several tenants: each process is held to the tenant of its login role, each user to that of the token.
    Shared,
}

/// The database's shape; none before `tenants init`.
///
/// # Errors
/// Out of reach.
pub async fn shape(connection: &mut PgConnection) -> Result<Option<Shape>> {
    let error = || query("cannot read whose the database is");
    let known: bool = sqlx::query_scalar("select to_regprocedure('bellwether.shape()') is not null")
        .fetch_one(&mut *connection)
        .await
        .map_err(error())?;
    if !known {
        return Ok(None);
    }
    let name: String =
        sqlx::query_scalar("select bellwether.shape()").fetch_one(connection).await.map_err(error())?;
    Ok(match name.as_str() {
        "dedicated" => Some(Shape::Dedicated),
        "shared" => Some(Shape::Shared),
        _ => None,
    })
}

/// Makes room for the tenant in a database that others may share: its role `bellwether_<tenant>`, with this password, is
/// held to its rows, and rows of its users that are nobody's become its. Harmless to repeat; then it only sets the
/// password. The role's name is returned.
///
/// # Errors
/// Out of reach, not migrated, or the database was given to one tenant.
pub async fn init_shared(admin_url: &Secret, tenant: &TenantId, password: &Secret) -> Result<String> {
    let mut connection = ready(admin_url).await?;
    if shape(&mut connection).await? == Some(Shape::Dedicated) {
        let owner = sqlx::query_scalar("select bellwether.owner_tenant()")
            .fetch_one(&mut connection)
            .await
            .map_err(query("cannot read whose the database is"))?;
        return Err(DatabaseError::NotShared { owner, tenant: tenant.clone() });
    }
    let role = role_of_pipeline(&mut connection, tenant, password).await?;
    pin(&mut connection, tenant, &role).await?;
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(role)
}

/// Holds the role to that tenant from here on.
pub(super) async fn pin(connection: &mut PgConnection, tenant: &TenantId, role: &str) -> Result<()> {
    let error = || query(format!("cannot make room for tenant {tenant}"));
    let mut transaction = connection.begin().await.map_err(error())?;
    super::migrate::lock(&mut transaction).await.map_err(error())?;
    sqlx::query("select bellwether.share($1, $2::name)")
        .bind(tenant.as_str())
        .bind(role)
        .execute(&mut *transaction)
        .await
        .map_err(error())?;
    transaction.commit().await.map_err(error())
}
