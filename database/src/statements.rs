//! How one tenant's statements are sent, and what they must touch.

use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_schemas::TenantId;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{QueryAs, QueryScalar};
use sqlx::{FromRow, Postgres};

/// A statement with what is bound so far.
pub type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// Sends statements for one tenant. `$1` of each is the tenant's id.
#[derive(Debug, Clone, Copy)]
pub struct Statements<'a> {
    tenant: &'a TenantId,
    /// Prepared by name and kept at the server: not where a pooler gives each transaction another session.
    named: bool,
}

impl<'a> Statements<'a> {
    /// As the mode of the tenant's database allows.
    #[must_use]
    pub fn of(tenant: &'a Tenant) -> Self {
        Self { tenant: &tenant.id, named: tenant.database.mode != DatabaseMode::Transaction }
    }

    /// As every mode allows: nothing stays at the server.
    #[must_use]
    pub const fn unnamed(tenant: &'a TenantId) -> Self {
        Self { tenant, named: false }
    }

    /// The statement with `$1` bound.
    pub fn query<'q>(self, sql: &'static str) -> Query<'q> {
        sqlx::query(sql).persistent(self.named).bind(self.tenant.as_str().to_owned())
    }

    /// The statement with `$1` bound, whose rows become `T`s.
    pub fn query_as<'q, T>(self, sql: &'static str) -> QueryAs<'q, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(sql).persistent(self.named).bind(self.tenant.as_str().to_owned())
    }

    /// The statement with `$1` bound, whose rows are one column each.
    pub fn query_scalar<'q, T>(self, sql: &'static str) -> QueryScalar<'q, Postgres, T, PgArguments>
    where
        (T,): for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_scalar(sql).persistent(self.named).bind(self.tenant.as_str().to_owned())
    }
}

/// A statement that touched other rows than it was to touch is an error: row security may hide what is there.
///
/// # Errors
/// It did.
pub fn touched(rows: u64, expected: usize) -> sqlx::Result<()> {
    if usize::try_from(rows) == Ok(expected) {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(format!("{rows} rows were touched, not {expected}")))
}
