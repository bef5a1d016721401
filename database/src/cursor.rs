//! `bellwether.sink_cursor`: how far a sink has dealt with its tenant's triggers. It is kept in the tenant's own
//! database and moves in the transaction that holds what was done, so the two never disagree; the log's committed
//! offset is only where to begin looking.

use bellwether_schemas::triggers::Cause;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::statements::{Statements, touched};

/// Up to where everything is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The largest cause whose outcome was dealt with: what is not past it is a repeat.
    pub cause: Cause,
    /// The next record of the triggers topic to read.
    pub next_offset: u64,
}

impl Cursor {
    /// Of a sink that has dealt with nothing yet: before every cause and every record.
    pub const START: Self = Self { cause: Cause { offset: -1, index: -1 }, next_offset: 0 };
}

/// A record that the topic held when a cursor was moved: by it the topic is known again. Without it one that was deleted
/// and made anew passes for the old one, and what is new in it for what was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place in the triggers topic.
    pub offset: u64,
    /// SHA-256 of its key and value.
    pub content: [u8; 32],
}

/// How far one sink has got, as it is compared with the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The sink's short name.
    pub sink: String,
    /// The next record of the triggers topic that it reads.
    pub next_offset: u64,
    /// None where nothing was dealt with since cursors have one.
    pub mark: Option<Mark>,
    /// When its cursor was moved last.
    pub moved_at: DateTime<Utc>,
}

/// How far each sink of the tenant has got; nobody is waited for.
///
/// # Errors
/// The database said no.
pub async fn all(connection: &mut PgConnection, statements: Statements<'_>) -> sqlx::Result<Vec<Reached>> {
    let select = "select sink, next_offset, mark_offset, mark_content, updated_at from bellwether.sink_cursor
        where tenant_id = $1 order by sink";
    let rows: Vec<Row> = statements.query_as(select).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row::reached).collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    sink: String,
    next_offset: i64,
    mark_offset: Option<i64>,
    mark_content: Option<Vec<u8>>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn reached(self) -> Reached {
        let mark = self.mark();
        let next_offset = u64::try_from(self.next_offset).unwrap_or(0);
        Reached { sink: self.sink, next_offset, mark, moved_at: self.updated_at }
    }

    fn mark(&self) -> Option<Mark> {
        let content = self.mark_content.as_deref()?.try_into().ok()?;
        Some(Mark { offset: u64::try_from(self.mark_offset?).ok()?, content })
    }
}

/// The sink's cursor, locked until the transaction ends: who else would move it waits. One that is not there yet is
/// made.
///
/// # Errors
/// The database said no.
pub async fn lock(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    sink: &'static str,
) -> sqlx::Result<Cursor> {
    if let Some(cursor) = try_lock(connection, statements, sink).await? {
        return Ok(cursor);
    }
    let insert = "insert into bellwether.sink_cursor (tenant_id, sink) values ($1, $2)
        on conflict (tenant_id, sink) do nothing";
    statements.query(insert).bind(sink).execute(&mut *connection).await?;
    let locked = try_lock(connection, statements, sink).await?;
    locked.ok_or_else(|| sqlx::Error::Protocol("the cursor that was just made is not there".into()))
}

async fn try_lock(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    sink: &'static str,
) -> sqlx::Result<Option<Cursor>> {
    let select = "select cause_offset, cause_index, next_offset from bellwether.sink_cursor
        where tenant_id = $1 and sink = $2 for update";
    let row: Option<(i64, i32, i64)> =
        statements.query_as(select).bind(sink).fetch_optional(connection).await?;
    Ok(row.map(|(offset, index, next_offset)| Cursor {
        cause: Cause { offset, index },
        next_offset: u64::try_from(next_offset).unwrap_or(0),
    }))
}

/// Moves the cursor that [`lock`] holds; never back. Without a mark it keeps the one it has.
///
/// # Errors
/// The database said no, or the cursor is not there or stands further on: then the transaction must not be committed.
pub async fn advance(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    sink: &'static str,
    to: Cursor,
    mark: Option<Mark>,
) -> sqlx::Result<()> {
    let update = "update bellwether.sink_cursor
        set cause_offset = $3, cause_index = $4, next_offset = greatest(next_offset, $5), updated_at = now(),
            mark_offset = coalesce($6, mark_offset), mark_content = coalesce($7, mark_content)
        where tenant_id = $1 and sink = $2 and (cause_offset, cause_index) <= ($3, $4)";
    let next_offset = i64::try_from(to.next_offset).unwrap_or(i64::MAX);
    let query = statements.query(update).bind(sink).bind(to.cause.offset).bind(to.cause.index);
    let query = query.bind(next_offset).bind(mark.and_then(|mark| i64::try_from(mark.offset).ok()));
    let query = query.bind(mark.map(|mark| mark.content.to_vec()));
    touched(query.execute(connection).await?.rows_affected(), 1)
}
