//! Which traces mails belong to: among what happened to them, so that whoever sends one goes on with the trace of whoever
//! composed it, also as another process on another day.

use bellwether_runtime::trace::{self, Context};
use sqlx::{Postgres, Transaction};

use super::{Claimed, Outbox, Result};

/// What the event is called.
const EVENT: &str = "traced";

impl Outbox {
    /// Notes it of mails that are in the outbox, the first time that it is said.
    pub(super) async fn note_traces(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        traced: &[(String, Context)],
    ) -> Result<()> {
        if traced.is_empty() {
            return Ok(());
        }
        let (occurrences, contexts): (Vec<&str>, Vec<String>) =
            traced.iter().map(|(occurrence, context)| (occurrence.as_str(), context.to_string())).unzip();
        sqlx::query(
            "insert into bellwether.mail_event (tenant_id, occurrence, event, detail)
             select $1, traced.occurrence, $4, traced.context
             from unnest($2::text[], $3::text[]) as traced (occurrence, context)
             where exists (select from bellwether.mail_outbox mail
                           where mail.tenant_id = $1 and mail.occurrence = traced.occurrence)
               and not exists (select from bellwether.mail_event event
                               where event.tenant_id = $1 and event.occurrence = traced.occurrence and event.event = $4)",
        )
        .bind(self.tenant.as_str())
        .bind(occurrences)
        .bind(contexts)
        .bind(EVENT)
        .execute(&mut **transaction)
        .await
        .map(drop)
    }

    /// Finds it again, where this process records spans.
    pub(super) async fn find_traces(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        claimed: &mut [Claimed],
    ) -> Result<()> {
        if claimed.is_empty() || !trace::is_on() {
            return Ok(());
        }
        let occurrences: Vec<&str> = claimed.iter().map(|mail| mail.occurrence.as_str()).collect();
        let noted: Vec<(String, String)> = sqlx::query_as(
            "select occurrence, detail from bellwether.mail_event
             where tenant_id = $1 and occurrence = any($2) and event = $3 and detail is not null",
        )
        .bind(self.tenant.as_str())
        .bind(occurrences)
        .bind(EVENT)
        .fetch_all(&mut **transaction)
        .await?;
        for mail in claimed {
            let found = noted.iter().find(|(occurrence, _)| *occurrence == mail.occurrence);
            mail.trace = found.and_then(|(_, context)| context.parse().ok());
        }
        Ok(())
    }
}
