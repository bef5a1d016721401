//! What the gateway does in a tenant's database, as a role that can do nothing else.

use bellwether_runtime::config::Tenant;
use bellwether_schemas::{TenantId, UserId};
use sqlx::postgres::PgPool;

use super::bounces::{self, Bounce, Noted};
use super::{Result, pool, query};

/// The tenant's database as its gateway sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GatewayDatabase {
    pool: PgPool,
    tenant: TenantId,
}

/// What came of switching a kind of mail off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchedOff {
    /// No such mail goes to the user any more; it may have been so before.
    Done,
    /// There is no such user, or not any more: nothing was stored.
    NoUser,
}

impl GatewayDatabase {
    /// Connects as the tenant's gateway.
    ///
    /// # Errors
    /// Not configured, out of reach ([`super::DatabaseError::is_transient`]), or connected as a role that may do more.
    pub async fn open(tenant: &Tenant) -> Result<Self> {
        Ok(Self { pool: pool::connect_gateway(tenant).await?, tenant: tenant.id.clone() })
    }

    /// Stores that the user wants no mail of that kind. Harmless to repeat; what else the user chose stays.
    ///
    /// # Errors
    /// The database is out of reach, or said no.
    pub async fn switch_off(&self, user: UserId, kind: &str) -> Result<SwitchedOff> {
        let error = || query(format!("cannot switch off {kind} in the database of tenant {}", self.tenant));
        let mut transaction = pool::begin(&self.pool, &self.tenant).await.map_err(error())?;
        let stored = sqlx::query(
            "insert into public.notification_preferences (tenant_id, user_id, kind, email) values ($1, $2, $3, false)
             on conflict (tenant_id, user_id, kind) do update set email = false",
        )
        .bind(self.tenant.as_str())
        .bind(user.0)
        .bind(kind)
        .execute(&mut *transaction)
        .await;
        match stored {
            Ok(_) => transaction.commit().await.map(|()| SwitchedOff::Done).map_err(error()),
            Err(refused) if is_of_nobody(&refused) => Ok(SwitchedOff::NoUser),
            Err(refused) => Err(error()(refused)),
        }
    }

    /// Notes what a provider reported, through the one function that this role may call.
    ///
    /// # Errors
    /// The database is out of reach, or said no.
    pub async fn bounced(&self, bounce: &Bounce<'_>) -> Result<Noted> {
        let what = || query(format!("cannot note a bounce in the database of tenant {}", self.tenant));
        bounces::call(&self.pool, &self.tenant, bounces::BOUNCED, bounce).await.map_err(what())
    }
}

/// 23503: the user's row, which the preference belongs to, is not there.
fn is_of_nobody(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "23503")
}
