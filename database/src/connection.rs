//! One connection of a tenant's, for who writes one transaction after another. Nothing on it is waited for without end: a
//! server that keeps no time itself costs its tenant a connection, and nobody else anything.

use std::future::Future;
use std::io;
use std::time::Duration;

use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_schemas::TenantId;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Postgres, Transaction};

use super::pool::{self, ACQUIRE, Scope};
use super::{Result, query};

/// For the answer to one statement. The server itself ends it after 30 s: one that is silent for longer keeps no promise.
const ANSWER: Duration = Duration::from_secs(45);

/// A connection to one tenant's database. It is to be dropped after an error that is not the server's word on a row:
/// what is still to come on it belongs to nobody.
#[derive(Debug)]
pub struct TenantConnection {
    connection: PgConnection,
    tenant: TenantId,
    pooled: bool,
}

impl TenantConnection {
    /// Connects as the tenant's pipeline. A role that row security does not bind is refused.
    ///
    /// # Errors
    /// Not configured, out of reach ([`super::DatabaseError::is_transient`]), or connected as somebody too powerful.
    pub async fn open(tenant: &Tenant) -> Result<Self> {
        let options = pool::options(tenant)?;
        let connecting = within(ACQUIRE, connect(tenant, &options));
        let connection = pool::login(tenant, &options, connecting).await?;
        let pooled = pool::is_pooled(&options);
        let mut opened = Self { connection, tenant: tenant.id.clone(), pooled };
        let mut looking = opened.begin().await.map_err(query(pool::NO_ROLE))?;
        let looked = async { Ok(pool::refuse_the_powerful(&mut looking).await) };
        within(ACQUIRE, looked).await.map_err(query(pool::NO_ROLE))??;
        within(ACQUIRE, looking.rollback()).await.map_err(query(pool::NO_ROLE))?;
        Ok(opened)
    }

    /// A transaction that knows its tenant and its three time-outs.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn begin(&mut self) -> sqlx::Result<Transaction<'_, Postgres>> {
        let Self { connection, tenant, pooled } = self;
        within(ACQUIRE, async {
            let mut transaction = match pooled {
                true => connection.begin_with(pool::BEGIN_POOLED).await?,
                false => connection.begin().await?,
            };
            pool::settle(&mut transaction, tenant, Scope::Transaction).await?;
            Ok(transaction)
        })
        .await
    }
}

async fn connect(tenant: &Tenant, options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = PgConnection::connect_with(options).await?;
    if tenant.database.mode != DatabaseMode::Transaction {
        pool::settle(&mut connection, &tenant.id, Scope::Session).await?;
    }
    Ok(connection)
}

/// The answer to one statement, or an error once it is overdue; then its connection is of no use any more.
///
/// # Errors
/// What the statement came to, or that there is no answer.
pub async fn answered<T>(statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    within(ANSWER, statement).await
}

async fn within<T>(time: Duration, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = |_| {
        let text = format!("the database gave no answer for {} s", time.as_secs());
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
    };
    tokio::time::timeout(time, work).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::super::{StatementOutcome, classify};
    use super::*;

    #[tokio::test]
    async fn an_answer_that_never_comes_is_waited_for_a_while_and_may_come_another_time() {
        let never = std::future::pending::<sqlx::Result<()>>();
        let error = within(Duration::from_millis(10), never).await.unwrap_err();
        assert!(error.to_string().ends_with("the database gave no answer for 0 s"), "{error}");
        assert_eq!(classify(&error), StatementOutcome::Retry);
    }
}
