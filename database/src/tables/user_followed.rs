//! `bellwether.user_followed`: what the price did after each user's own triggers, as the daily brief says it.

use std::collections::HashSet;

use bellwether_schemas::UserId;
use bellwether_schemas::previews::UserFollowed;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{column, forgotten, user_events};
use crate::statements::Statements;

/// What is said already is not said again.
const WRITE: &str = "insert into bellwether.user_followed as f (tenant_id, user_id, followed)
    select $1, t.user_id, t.followed::jsonb from unnest($2::uuid[], $3::text[]) as t (user_id, followed)
    on conflict (tenant_id, user_id) do update set followed = excluded.followed
        where f.followed is distinct from excluded.followed";

const REMOVE: &str = "delete from bellwether.user_followed where tenant_id = $1 and user_id = any($2)";

const READ: &str = "select followed from bellwether.user_followed where tenant_id = $1 and user_id = $2";

/// Stores what is said to users, each another one, and removes it where it is nothing any more; of who was forgotten nothing
/// is stored. How many rows changed. Whoever calls it holds the lock of a sink's cursor, so that nobody is forgotten
/// meanwhile.
///
/// # Errors
/// The database said no: then nothing may be committed.
pub async fn write(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    said: &[(UserId, Option<UserFollowed>)],
) -> sqlx::Result<u64> {
    let users: HashSet<UserId> = said.iter().map(|(user, _)| *user).collect();
    let gone = forgotten::among(connection, statements, &users).await?;
    let (stays, goes): (Vec<_>, Vec<_>) =
        said.iter().partition(|(user, followed)| followed.is_some() && !gone.contains(user));
    let removed = statements.query(REMOVE).bind(column(&goes, |(user, _)| user.0));
    let removed = removed.execute(&mut *connection).await?.rows_affected();
    let query = statements.query(WRITE).bind(column(&stays, |(user, _)| user.0));
    let written =
        query.bind(column(&stays, |(_, followed)| user_events::json(followed))).execute(connection).await?;
    Ok(removed + written.rows_affected())
}

/// What is said to a user; none: nothing.
///
/// # Errors
/// The database said no.
pub async fn read(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    user: UserId,
) -> sqlx::Result<Option<UserFollowed>> {
    let query = statements.query_scalar(READ).bind(user.0);
    let followed: Option<Json<UserFollowed>> = query.fetch_optional(connection).await?;
    Ok(followed.map(|Json(followed)| followed))
}
