//! Taking mails that are due, and noting that one begins to leave.

use std::time::Duration;

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Claimed, Outbox, Result, Settlement};
use crate::mail::kind::MailKind;

/// How long a claim holds at most while its worker lives: one that a worker does not know it has, because the
/// database's answer was lost, comes back then. One that runs out while its mail waits for its turn is noticed before
/// any content leaves, and the mail is claimed anew.
const CLAIM_LEASE: Duration = Duration::from_secs(60);
/// How long it holds once content leaves; longer than the longest a server may take for one mail.
const LEASE: Duration = Duration::from_secs(900);

/// What stands against a claimed mail by now.
#[derive(sqlx::FromRow)]
struct Objection {
    occurrence: String,
    switched_off: bool,
    suppressed: Option<String>,
}

impl Outbox {
    /// Takes up to `most` mails that are due, none while the tenant's mail is paused, those of no schedule first: what
    /// is told to everybody does not keep an alert waiting. Claims whose worker is gone are due too; content that had
    /// begun to leave when its worker went is ambiguous first. What its user does not want any more is suppressed
    /// instead.
    ///
    /// # Errors
    /// The database said no.
    pub async fn claim(&self, worker: Uuid, most: i64) -> Result<Vec<Claimed>> {
        let mut transaction = self.begin().await?;
        self.settle_abandoned(&mut transaction, worker, most).await?;
        self.hold_forgotten(&mut transaction).await?;
        let claimed = self.claim_due(&mut transaction, worker, most).await?;
        let mut wanted = self.without_unwanted(&mut transaction, claimed).await?;
        self.find_traces(&mut transaction, &mut wanted).await?;
        transaction.commit().await?;
        wanted.sort_by_key(|mail| (mail.schedule.is_some(), mail.appended_at));
        Ok(wanted)
    }

    /// Notes that content is about to leave. False when the claim is not ours any more: nothing may leave.
    ///
    /// # Errors
    /// The database said no: nothing may leave either.
    pub async fn data_started(&self, mail: &Claimed) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query(
            "update bellwether.mail_outbox as mail
             set state = 'data_started', lease_until = now() + make_interval(secs => $4),
                 idempotent_until = coalesce(mail.idempotent_until, now() + make_interval(secs => $5))
             where mail.tenant_id = $1 and mail.occurrence = $2 and mail.fence = $3 and mail.state = 'claimed'
               and mail.lease_until > now()
               and exists (select from bellwether.mail_worker worker
                           where worker.tenant_id = $1 and worker.worker = mail.worker and worker.lease_until > now())",
        )
        .bind(self.tenant.as_str())
        .bind(&mail.occurrence)
        .bind(mail.fence)
        .bind(LEASE.as_secs_f64())
        .bind(self.terms.life().map(|life| life.as_secs_f64()))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows.rows_affected() == 1)
    }

    async fn settle_abandoned(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        worker: Uuid,
        most: i64,
    ) -> Result<()> {
        let abandoned: Vec<Claimed> = sqlx::query_as(
            "select occurrence, kind, fence, attempts, user_id, recipient, null::bytea as content, schedule, run_key,
               appended_at, idempotency
             from bellwether.mail_outbox mail
             where tenant_id = $1 and state = 'data_started'
               and (lease_until < now()
                    or (worker <> $3
                        and not exists (select from bellwether.mail_worker other
                                        where other.tenant_id = $1 and other.worker = mail.worker
                                          and other.lease_until > now())))
             order by due_at limit $2 for update skip locked",
        )
        .bind(self.tenant.as_str())
        .bind(most)
        .bind(worker)
        .fetch_all(&mut **transaction)
        .await?;
        for mail in &abandoned {
            let reason = "its worker was lost after the content had begun to leave";
            let settlement = Settlement::Ambiguous(Duration::ZERO, reason.into());
            self.settle_in(transaction, mail, &settlement).await?;
        }
        Ok(())
    }

    /// A mail that was to go out again because its provider would know it stays where it is once the provider may have
    /// forgotten it, unless its kind goes out once more anyway.
    async fn hold_forgotten(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<()> {
        sqlx::query(
            "update bellwether.mail_outbox as mail
             set due_at = 'infinity', reason = mail.reason || '; held: the provider may have forgotten it'
             where mail.tenant_id = $1 and mail.state = 'ambiguous' and mail.due_at <= now()
               and mail.idempotent_until <= now()
               and (mail.kind <> all($2)
                    or (select count(*) from bellwether.mail_event event
                        where event.tenant_id = $1 and event.occurrence = mail.occurrence
                          and event.event = 'ambiguous') > 1)",
        )
        .bind(self.tenant.as_str())
        .bind(self.terms.sent_once_more())
        .execute(&mut **transaction)
        .await
        .map(drop)
    }

    /// The provider's header stays what it was when content left first, whatever the tenant's file says by now. What is
    /// due is chosen once: a plan that chose it anew for each row would take more than `most`.
    async fn claim_due(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        worker: Uuid,
        most: i64,
    ) -> Result<Vec<Claimed>> {
        sqlx::query_as(
            "with due as materialized (
               select occurrence from bellwether.mail_outbox owed
               where tenant_id = $1
                 and ((state in ('pending', 'ambiguous') and due_at <= now())
                      or (state = 'claimed'
                          and (lease_until < now()
                               or (worker <> $4
                                   and not exists (select from bellwether.mail_worker other
                                                   where other.tenant_id = $1 and other.worker = owed.worker
                                                     and other.lease_until > now())))))
                 and not exists (select from bellwether.mail_pause where tenant_id = $1)
               order by schedule is not null, due_at, appended_at limit $2 for update skip locked)
             update bellwether.mail_outbox as mail
             set state = 'claimed', fence = mail.fence + 1, attempts = mail.attempts + 1, worker = $4,
                 lease_until = now() + make_interval(secs => $3),
                 idempotency = case when mail.idempotent_until is not null then mail.idempotency
                   else $5::text || split_part(ltrim(mail.message_id, '<'), '@', 1)
                     || case when mail.retries > 0 then ':' || mail.retries else '' end end
             from due where mail.tenant_id = $1 and mail.occurrence = due.occurrence
             returning mail.occurrence, mail.kind, mail.fence, mail.attempts, mail.user_id, mail.recipient,
               mail.content, mail.schedule, mail.run_key, mail.appended_at, mail.idempotency",
        )
        .bind(self.tenant.as_str())
        .bind(most)
        .bind(CLAIM_LEASE.as_secs_f64())
        .bind(worker)
        .bind(self.terms.header())
        .fetch_all(&mut **transaction)
        .await
    }

    /// What was switched off, or whose address was suppressed, since the mail was composed does not go out.
    async fn without_unwanted(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        claimed: Vec<Claimed>,
    ) -> Result<Vec<Claimed>> {
        if claimed.is_empty() {
            return Ok(claimed);
        }
        let objections = self.objections(transaction, &claimed).await?;
        let mut wanted = Vec::with_capacity(claimed.len());
        for mail in claimed {
            let objection = objections.iter().find(|objection| objection.occurrence == mail.occurrence);
            match objection.and_then(|objection| against(objection, &mail)) {
                Some(reason) => {
                    self.settle_in(transaction, &mail, &Settlement::Suppressed(reason)).await?;
                }
                None => wanted.push(mail),
            }
        }
        Ok(wanted)
    }

    async fn objections(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        claimed: &[Claimed],
    ) -> Result<Vec<Objection>> {
        let users: Vec<Uuid> = claimed.iter().map(|mail| mail.user_id).collect();
        let column = |of: fn(&Claimed) -> &str| -> Vec<&str> { claimed.iter().map(of).collect() };
        sqlx::query_as(
            "select mail.occurrence,
                    exists (select from public.notification_preferences wish
                            where wish.tenant_id = $1 and wish.user_id = mail.user_id
                              and wish.kind in (mail.kind, 'all')
                              and not wish.email) as switched_off,
                    (select reason from bellwether.mail_suppression
                     where tenant_id = $1 and address = lower(mail.recipient)) as suppressed
             from unnest($2::text[], $3::uuid[], $4::text[], $5::text[])
               as mail (occurrence, user_id, kind, recipient)",
        )
        .bind(self.tenant.as_str())
        .bind(column(|mail| &mail.occurrence))
        .bind(users)
        .bind(column(|mail| &mail.kind))
        .bind(column(|mail| mail.recipient.as_deref().unwrap_or_default()))
        .fetch_all(&mut **transaction)
        .await
    }
}

fn against(objection: &Objection, mail: &Claimed) -> Option<String> {
    let can_be = mail.kind.parse().is_ok_and(MailKind::can_be_switched_off);
    match &objection.suppressed {
        _ if objection.switched_off && can_be => Some("switched off by the user".into()),
        Some(reason) => Some(format!("the address is suppressed: {reason}")),
        None => None,
    }
}
