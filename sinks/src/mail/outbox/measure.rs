//! What an outbox owes and how long mails took, for those who watch over it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Outbox, Result};

/// A mail is looked at so long after it left: what was settled a moment ago may not be committed yet.
const SETTLED: Duration = Duration::from_secs(5);
/// Most mails whose times are taken in one look; what is beyond that is measured by the next.
const MOST: i64 = 10_000;

/// How an outbox stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Mails by the states of which there are some, of those that are not settled.
    pub states: Vec<(String, i64)>,
    /// Seconds that the oldest mail has been owed; 0 where none is.
    pub oldest: f64,
    /// Seconds from when each mail was owed to the server's 250, of those sent since the look before.
    pub took: Vec<f64>,
    /// From where on the next look goes.
    pub until: DateTime<Utc>,
}

impl Outbox {
    /// Looks how the outbox stands; at mails that were sent from `since` on, none: from now on.
    ///
    /// # Errors
    /// The database said no.
    pub async fn measure(&self, since: Option<DateTime<Utc>>) -> Result<Measured> {
        let mut transaction = self.begin().await?;
        // Each half has its own index.
        let standing: Vec<(String, i64, f64)> = sqlx::query_as(
            "select state, count(*), coalesce(max(extract(epoch from
                        clock_timestamp() - coalesce(released_at, created_at))), 0)::float8
             from bellwether.mail_outbox
             where tenant_id = $1 and state in ('pending', 'claimed', 'data_started', 'ambiguous')
             group by state
             union all
             select state, count(*), 0::float8 from bellwether.mail_outbox
             where tenant_id = $1 and state = 'held' group by state",
        )
        .bind(self.tenant.as_str())
        .fetch_all(&mut *transaction)
        .await?;
        let end: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp() - make_interval(secs => $1)")
            .bind(SETTLED.as_secs_f64())
            .fetch_one(&mut *transaction)
            .await?;
        let sent: Vec<(DateTime<Utc>, f64)> = sqlx::query_as(
            "select sent_at, extract(epoch from sent_at - coalesce(released_at, appended_at, created_at))::float8
             from bellwether.mail_outbox
             where tenant_id = $1 and state = 'sent' and sent_at > $2 and sent_at <= $3
             order by sent_at limit $4",
        )
        .bind(self.tenant.as_str())
        .bind(since.unwrap_or(end))
        .bind(end)
        .bind(MOST)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let until = match sent.last() {
            Some((last, _)) if sent.len() as i64 == MOST => *last,
            _ => end,
        };
        Ok(Measured {
            oldest: standing
                .iter()
                .filter(|(state, ..)| state != "ambiguous")
                .map(|(.., age)| *age)
                .fold(0.0, f64::max),
            states: standing.into_iter().map(|(state, mails, _)| (state, mails)).collect(),
            took: sent.into_iter().map(|(_, seconds)| seconds.max(0.0)).collect(),
            until,
        })
    }
}
