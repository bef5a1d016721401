//! Tenants' databases made ready on a private Postgres, with users and alerts in them. Harmless to repeat.

mod sample;

use bellwether_database::{self as database, DatabaseError, tables};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::{AlertId, TenantId, UserId};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, raw_sql};

use crate::postgres::Postgres;

pub use sample::{price_alerts, sample};

/// What stands in for Supabase: roles and schema `auth`.
pub const BOOTSTRAP: &str = include_str!("../sql/bootstrap.sql");

/// Why a database could not be seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Migrating it or giving it to its tenant failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed in the tenant's database.
    #[error("cannot seed the database")]
    Query(#[from] sqlx::Error),
}

type Result<T> = std::result::Result<T, SeedError>;

/// What a tenant's database was given.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// As the cluster's superuser.
    pub admin: Secret,
    /// As the tenant's pipeline role.
    pub pipeline: Secret,
    /// As the tenant's gateway role.
    pub gateway: Secret,
}

/// Somebody who may sign in.
#[derive(Debug, Clone)]
pub struct User {
    /// As Auth knows them.
    pub id: UserId,
    /// Where mail goes once it is confirmed.
    pub email: String,
    /// Has shown that the address is theirs.
    pub confirmed: bool,
}

/// One alert that was seeded, and its user.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The id of its row.
    pub id: AlertId,
    /// The user whose alert it is.
    pub user_id: UserId,
    /// Its kind, and what it watches.
    pub parameters: AlertParameters,
}

/// A database called `name`, migrated and the tenant's own.
///
/// # Errors
/// The server refuses a statement, or the database is another tenant's.
pub async fn database(server: &Postgres, name: &str, tenant: &TenantId) -> Result<Seeded> {
    create(server, name).await?;
    let admin = server.url(name);
    bootstrap(&admin).await?;
    database::migrate(&admin).await?;
    let password = server.password_of(&format!("bellwether_{tenant}"));
    let role = database::init(&admin, tenant, &password).await?;
    let pipeline = server.url_as(&role, &password, name);
    let password = server.password_of(&format!("bellwether_{tenant}_gateway"));
    let role = database::init_gateway(&admin, tenant, &password).await?;
    Ok(Seeded { admin, pipeline, gateway: server.url_as(&role, &password, name) })
}

/// A database called `name`, migrated and shared by the tenants, with the roles of each in their order.
///
/// # Errors
/// The server refuses a statement, or the database is one tenant's.
pub async fn shared_database(server: &Postgres, name: &str, tenants: &[TenantId]) -> Result<Vec<Seeded>> {
    create(server, name).await?;
    let admin = server.url(name);
    bootstrap(&admin).await?;
    database::migrate(&admin).await?;
    let mut seeded = Vec::new();
    for tenant in tenants {
        let password = server.password_of(&format!("bellwether_{tenant}"));
        let role = database::init_shared(&admin, tenant, &password).await?;
        let pipeline = server.url_as(&role, &password, name);
        let password = server.password_of(&format!("bellwether_{tenant}_gateway"));
        let role = database::init_gateway(&admin, tenant, &password).await?;
        let gateway = server.url_as(&role, &password, name);
        seeded.push(Seeded { admin: admin.clone(), pipeline, gateway });
    }
    Ok(seeded)
}

/// An empty database; one that exists stays as it is.
///
/// # Errors
/// The server refuses.
pub async fn create(server: &Postgres, name: &str) -> Result<()> {
    let mut connection = connect(&server.url("postgres")).await?;
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !there {
        let text: String = sqlx::query_scalar("select format('create database %I', $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        connection.execute(AssertSqlSafe(text)).await?;
    }
    Ok(connection.close().await?)
}

/// Runs [`BOOTSTRAP`].
///
/// # Errors
/// The database has a real schema `auth`.
pub async fn bootstrap(admin: &Secret) -> Result<()> {
    let mut connection = connect(admin).await?;
    let mut transaction = connection.begin().await?;
    raw_sql(BOOTSTRAP).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// Adds users; one whose id is there already is left as they are.
///
/// # Errors
/// The server refuses.
pub async fn add_users(admin: &Secret, users: &[User]) -> Result<()> {
    let mut connection = connect(admin).await?;
    for user in users {
        sqlx::query(
            "insert into auth.users (id, email, email_confirmed_at) values ($1, $2, case when $3 then now() end)
             on conflict (id) do nothing",
        )
        .bind(user.id.0)
        .bind(&user.email)
        .bind(user.confirmed)
        .execute(&mut connection)
        .await?;
    }
    Ok(connection.close().await?)
}

/// Adds alerts as their users would; a user who has one of a kind keeps it.
///
/// # Errors
/// The server refuses: a user or a parameter is not as it must be.
pub async fn add_alerts(admin: &Secret, alerts: &[Alert]) -> Result<()> {
    let mut connection = connect(admin).await?;
    for Alert { id, user_id, parameters } in alerts {
        tables::of(parameters.kind()).add_alert(&mut connection, *id, *user_id, parameters).await?;
    }
    Ok(connection.close().await?)
}

async fn connect(url: &Secret) -> Result<PgConnection> {
    let options: PgConnectOptions = url.reveal().parse()?;
    // What is there already is no news.
    let options = options.options([("client_min_messages", "warning")]);
    Ok(PgConnection::connect_with(&options).await?)
}
