//! What of the tenant's tables is kept no longer: removed by a function of the database, for the pipeline's role deletes
//! nothing itself.

use std::time::Duration;

use bellwether_runtime::config::Retention;
use sqlx::PgConnection;

use super::{all, user_events};

const RETIRE: &str = "select bellwether.retire($1, now() - make_interval(secs => $2), $3)";

/// Every table of which something is removed by its age, and the age.
pub fn ages(retention: &Retention) -> impl Iterator<Item = (&'static str, Duration)> {
    let triggers = retention.triggers;
    let others = [
        (user_events::NAME, retention.user_events),
        ("mail_outbox", retention.mail_bodies),
        ("mail_event", retention.mail_events),
    ];
    all().map(move |kind| (kind.triggers.name, triggers)).chain(others)
}

/// Removes what the tenant's table holds of before so long ago, at most `most` rows; how many went. Of mails only what
/// they said goes.
///
/// # Errors
/// The database said no: `age` is shorter than the 30 days that nobody shortens, or there is no such table.
pub async fn retire(
    connection: &mut PgConnection,
    table: &str,
    age: Duration,
    most: u32,
) -> sqlx::Result<u64> {
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let query = sqlx::query_scalar(RETIRE).persistent(false).bind(table).bind(age.as_secs_f64()).bind(most);
    let gone: i64 = query.fetch_one(connection).await?;
    Ok(gone.unsigned_abs())
}
