//! A connection that looks and changes nothing.

use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Postgres, Transaction};

use super::ask;

use crate::pool::{self, TRANSACTION_POOLER};
use crate::{DatabaseError, Result, parse, query};

/// Until a server counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(10);
/// Begins a transaction that cannot write, whoever the role is.
const READ_ONLY: &str = "begin isolation level repeatable read read only";

/// One connection as whoever looks, with the tenant whose rows it may see.
#[derive(Debug)]
pub struct Session {
    connection: PgConnection,
    tenant: TenantId,
}

impl Session {
    /// Connects as the tenant's pipeline does, in every mode. A role that is too powerful for the pipeline may look.
    ///
    /// # Errors
    /// Not configured, not the port of the mode, or out of reach.
    pub async fn of_pipeline(tenant: &Tenant) -> Result<Self> {
        Self::open(&tenant.id, pool::options(tenant)?).await
    }

    /// Connects as the owner of the tables, who can be anybody.
    ///
    /// # Errors
    /// No URL of a database, a pooler in transaction mode, or out of reach.
    pub async fn of_owner(tenant: &TenantId, url: &Secret) -> Result<Self> {
        let options = parse(url)?;
        if options.get_port() == TRANSACTION_POOLER {
            return Err(DatabaseError::NotThroughPooler);
        }
        Self::open(tenant, options).await
    }

    async fn open(tenant: &TenantId, options: PgConnectOptions) -> Result<Self> {
        let options = options.application_name("bellwether doctor");
        let error = || query(format!("cannot connect to the database of tenant {tenant}"));
        let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
        let connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(error())?;
        Ok(Self { connection, tenant: tenant.clone() })
    }

    /// Begins a transaction that sees the tenant's rows, reads one moment, cannot write and is to be dropped.
    ///
    /// # Errors
    /// The server is out of reach.
    pub async fn begin(&mut self) -> sqlx::Result<Transaction<'_, Postgres>> {
        let mut transaction = self.connection.begin_with(READ_ONLY).await?;
        ask::statement(
            "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', '15000', true),
                    set_config('search_path', 'pg_catalog', true)",
        )
        .bind(self.tenant.as_str())
        .execute(&mut *transaction)
        .await?;
        Ok(transaction)
    }

    /// Whose rows it sees.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The connection itself, outside of any transaction.
    pub const fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
