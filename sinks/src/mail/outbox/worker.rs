//! Who claims: a row a worker with the end of its lease, which says of all its claims at once that somebody is at work
//! on them. It needs no session of the server's, so it works behind a pooler in transaction mode.

use std::time::Duration;

use uuid::Uuid;

use super::{Outbox, Result};

impl Outbox {
    /// A new worker, whose claims hold for that long unless it says again that it lives. What is left of workers long
    /// gone is removed.
    ///
    /// # Errors
    /// The database said no.
    pub async fn enlist(&self, lease: Duration) -> Result<Uuid> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "delete from bellwether.mail_worker where tenant_id = $1 and lease_until < now() - interval '1 hour'",
        )
        .bind(self.tenant.as_str())
        .execute(&mut *transaction)
        .await?;
        let worker = sqlx::query_scalar(
            "insert into bellwether.mail_worker (tenant_id, worker, lease_until)
             values ($1, gen_random_uuid(), now() + make_interval(secs => $2)) returning worker",
        )
        .bind(self.tenant.as_str())
        .bind(lease.as_secs_f64())
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(worker)
    }

    /// It lives: what it claimed stays its own for that long from now on.
    ///
    /// # Errors
    /// The database said no.
    pub async fn renew(&self, worker: Uuid, lease: Duration) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "insert into bellwether.mail_worker as known (tenant_id, worker, lease_until)
             values ($1, $2, now() + make_interval(secs => $3))
             on conflict (tenant_id, worker) do update set lease_until = excluded.lease_until",
        )
        .bind(self.tenant.as_str())
        .bind(worker)
        .bind(lease.as_secs_f64())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// It goes: what it still claims is anybody's at once.
    ///
    /// # Errors
    /// The database said no: then its lease ends by itself.
    pub async fn leave(&self, worker: Uuid) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("delete from bellwether.mail_worker where tenant_id = $1 and worker = $2")
            .bind(self.tenant.as_str())
            .bind(worker)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}
