//! How claims end: one statement each, that does nothing where the fence is another's.

use std::time::Duration;

use bellwether_runtime::config::WhenAmbiguous;
use sqlx::{Postgres, Transaction};

use super::{Claimed, Outbox, Result, Settlement};

impl Outbox {
    pub(super) async fn settle_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        mail: &Claimed,
        settlement: &Settlement,
    ) -> Result<bool> {
        let (statement, event, wait, words) = parts(settlement, self.terms.when_ambiguous(&mail.kind));
        let rows = sqlx::query(statement)
            .bind(self.tenant.as_str())
            .bind(&mail.occurrence)
            .bind(mail.fence)
            .bind(wait.as_secs_f64())
            .bind(words)
            .execute(&mut **transaction)
            .await?;
        if rows.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("insert into bellwether.mail_event (tenant_id, occurrence, event, detail) values ($1, $2, $3, $4)")
            .bind(self.tenant.as_str())
            .bind(&mail.occurrence)
            .bind(event)
            .bind(words)
            .execute(&mut **transaction)
            .await?;
        if let (Settlement::Refused(reason), Some(address)) = (settlement, &mail.recipient) {
            self.suppress(transaction, address, reason).await?;
        }
        Ok(true)
    }

    async fn suppress(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        address: &str,
        reason: &str,
    ) -> Result<()> {
        sqlx::query(
            "insert into bellwether.mail_suppression (tenant_id, address, reason) values ($1, $2, $3)
             on conflict (tenant_id, address) do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(address.to_lowercase())
        .bind(reason)
        .execute(&mut **transaction)
        .await
        .map(|_| ())
    }
}

/// The parts of a settlement: statement, event, how long to wait, the words kept.
///
/// Every statement binds the same five: tenant, occurrence, fence, seconds, words.
fn parts(
    settlement: &Settlement,
    when_ambiguous: WhenAmbiguous,
) -> (&'static str, &'static str, Duration, &str) {
    match settlement {
        Settlement::Sent(reply) => (SENT, "sent", Duration::ZERO, reply),
        Settlement::Retry(wait, reason) => (RETRY, "retry", *wait, reason),
        Settlement::Release(wait) => (RELEASE, "released", *wait, "not tried"),
        Settlement::Failed(reason) | Settlement::Refused(reason) => {
            (FAILED, "failed", Duration::ZERO, reason)
        }
        Settlement::Suppressed(reason) => (SUPPRESSED, "suppressed", Duration::ZERO, reason),
        Settlement::Ambiguous(wait, reason) => {
            let statement = match when_ambiguous {
                WhenAmbiguous::SendOnceMore => AMBIGUOUS_ONCE_MORE,
                WhenAmbiguous::Hold => AMBIGUOUS_HELD,
            };
            (statement, "ambiguous", *wait, reason)
        }
    }
}

/// Who learns late that the server has the mail says so even if it was taken for ambiguous meanwhile, as long as nobody
/// claimed it since.
const SENT: &str = "update bellwether.mail_outbox
    set state = 'sent', sent_at = now(), reply = $5, reason = null, lease_until = null,
        content = case when schedule is null then content end,
        due_at = due_at + make_interval(secs => $4)
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started', 'ambiguous')";

const RETRY: &str = "update bellwether.mail_outbox
    set state = case when now() + make_interval(secs => $4) > coalesce(released_at, created_at) + interval '24 hours'
                     then 'failed' else 'pending' end,
        reason = case when now() + make_interval(secs => $4) > coalesce(released_at, created_at) + interval '24 hours'
                      then 'gave up after 24 hours: ' || $5 else $5 end,
        due_at = now() + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const RELEASE: &str = "update bellwether.mail_outbox
    set state = 'pending', attempts = attempts - 1, reason = coalesce(reason, $5),
        due_at = now() + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const FAILED: &str = "update bellwether.mail_outbox
    set state = 'failed', reason = $5, due_at = due_at + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const SUPPRESSED: &str = "update bellwether.mail_outbox
    set state = 'suppressed', reason = $5, due_at = due_at + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state = 'claimed'";

/// What may have arrived goes out once more with the same bytes. The second time it stays as it is: never due again. An
/// idempotent provider gets it as often as it takes, while it knows it.
const AMBIGUOUS_ONCE_MORE: &str = "update bellwether.mail_outbox as mail
    set state = 'ambiguous', reason = $5, lease_until = null,
        due_at = case when mail.idempotent_until > now() + make_interval(secs => $4)
                      then now() + make_interval(secs => $4)
                      when exists (select from bellwether.mail_event event
                                   where event.tenant_id = $1 and event.occurrence = $2
                                     and event.event = 'ambiguous')
                      then 'infinity' else now() + make_interval(secs => $4) end
    where mail.tenant_id = $1 and mail.occurrence = $2 and mail.fence = $3
      and mail.state in ('claimed', 'data_started')";

/// What may have arrived stays as it is: never due again, unless its provider knows it.
const AMBIGUOUS_HELD: &str = "update bellwether.mail_outbox
    set state = 'ambiguous', reason = $5, lease_until = null,
        due_at = case when idempotent_until > now() + make_interval(secs => $4)
                      then now() + make_interval(secs => $4) else 'infinity' end
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";
