//! The last complete list of a tenant's recipients, in its database.

use std::time::Duration;

use bellwether_database as database;
use bellwether_schemas::{TenantId, UserId};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::admin_api::Person;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// `bellwether.auth_list` and `bellwether.auth_recipient` of one tenant.
#[derive(Debug)]
pub(super) struct Mirror {
    pub(super) pool: PgPool,
    pub(super) tenant: TenantId,
}

impl Mirror {
    /// How old the list is, by the database's clock; none: there is none.
    pub(super) async fn age(&self) -> Result<Option<Duration>> {
        let mut transaction = database::begin(&self.pool, &self.tenant).await?;
        let seconds: Option<f64> = sqlx::query_scalar(
            "select extract(epoch from greatest(now() - complete_at, interval '0'))::float8
             from bellwether.auth_list where tenant_id = $1",
        )
        .bind(self.tenant.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(seconds.map(Duration::from_secs_f64))
    }

    /// Whether every one of the users is on it.
    pub(super) async fn has(&self, users: &[UserId]) -> Result<bool> {
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let mut transaction = database::begin(&self.pool, &self.tenant).await?;
        let has: bool = sqlx::query_scalar(
            "select not exists (select from unnest($2::uuid[]) as wanted (id)
                                where not exists (select from bellwether.auth_recipient known
                                                  where known.tenant_id = $1 and known.user_id = wanted.id))",
        )
        .bind(self.tenant.as_str())
        .bind(users)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(has)
    }

    /// Puts a complete list in the place of the one before, all at once.
    pub(super) async fn replace(&self, people: &[Person]) -> Result<()> {
        let ids: Vec<Uuid> = people.iter().map(|person| person.id).collect();
        let emails: Vec<&str> = people.iter().map(|person| person.email.as_str()).collect();
        let mut transaction = database::begin(&self.pool, &self.tenant).await?;
        sqlx::query(
            "insert into bellwether.auth_list (tenant_id, complete_at) values ($1, now())
             on conflict (tenant_id) do update set complete_at = excluded.complete_at",
        )
        .bind(self.tenant.as_str())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("delete from bellwether.auth_recipient where tenant_id = $1 and user_id <> all($2)")
            .bind(self.tenant.as_str())
            .bind(&ids)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "insert into bellwether.auth_recipient as known (tenant_id, user_id, email)
             select $1, * from unnest($2::uuid[], $3::text[]) as listed (id, email)
             where not exists (select from bellwether.forgotten_user gone
                               where gone.tenant_id = $1 and gone.user_id = listed.id)
             on conflict (tenant_id, user_id) do update set email = excluded.email
               where known.email <> excluded.email",
        )
        .bind(self.tenant.as_str())
        .bind(&ids)
        .bind(&emails)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// Leaves it to the database to say who is a recipient.
    pub(super) async fn forget(&self) -> Result<()> {
        let mut transaction = database::begin(&self.pool, &self.tenant).await?;
        sqlx::query("delete from bellwether.auth_list where tenant_id = $1")
            .bind(self.tenant.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}
