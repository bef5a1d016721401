//! Each alert table has the four triggers that queue what its users change, of its kind and captured columns.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};
use crate::tables;

/// After an insert, an update, a delete, and before a truncate.
const CAPTURE_TRIGGERS: i64 = 4;

/// The tables whose changes are not noticed; or that all are.
pub(super) async fn look(connection: &mut PgConnection) -> Looked {
    let mut findings = Vec::new();
    for tables in tables::all() {
        let table = format!("public.{}", tables.alerts.name);
        let arguments: Vec<&str> =
            [tables.kind.name()].iter().chain(tables.alerts.captured).copied().collect();
        let (there, triggers): (bool, i64) = ask::rows(
            "select to_regclass($1) is not null, (select count(*) from pg_trigger
               where tgrelid = to_regclass($1) and tgenabled = 'O' and tgfoid =
                 (select f.oid from pg_proc f join pg_namespace n on n.oid = f.pronamespace
                  where n.nspname = 'bellwether' and f.proname = 'capture')
                 and array_remove(string_to_array(encode(tgargs, 'escape'), '\\000'), '') = $2)",
        )
        .bind(&table)
        .bind(arguments)
        .fetch_one(&mut *connection)
        .await?;
        if there && triggers < CAPTURE_TRIGGERS {
            findings.push(Finding::fault(
                &table,
                "what its users change is not noticed: a trigger of ours is off, missing or of another column",
                format!("enable it, or run the file of migrations/ that makes {table} again with psql"),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("capture", "what users change in their alerts is queued"));
    }
    Ok(findings)
}
