//! `bellwether.sink_cursor`: how far a sink has dealt with its tenant's triggers. It is kept in the tenant's own
//! database and moves in the transaction that holds what was done, so the two never disagree; the log's committed
//! offset is only where to begin looking.

use bellwether_schemas::triggers::Cause;
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

/// Moves the cursor that [`lock`] holds; never back.
///
/// # Errors
/// The database said no, or the cursor is not there or stands further on: then the transaction must not be committed.
pub async fn advance(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    sink: &'static str,
    to: Cursor,
) -> sqlx::Result<()> {
    let update = "update bellwether.sink_cursor
        set cause_offset = $3, cause_index = $4, next_offset = greatest(next_offset, $5), updated_at = now()
        where tenant_id = $1 and sink = $2 and (cause_offset, cause_index) <= ($3, $4)";
    let next_offset = i64::try_from(to.next_offset).unwrap_or(i64::MAX);
    let query = statements.query(update).bind(sink).bind(to.cause.offset).bind(to.cause.index);
    touched(query.bind(next_offset).execute(connection).await?.rows_affected(), 1)
}
