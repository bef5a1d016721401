//! Tables that nobody lists: ours that no check would look at, and others' that are open.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

#[derive(sqlx::FromRow)]
struct Stray {
    name: String,
    /// It lies in our schema, is named as ours, or has our triggers.
    ours: bool,
    secured: bool,
}

/// Tables that are neither listed nor guarded; or that there is none.
pub(super) async fn look(connection: &mut PgConnection, tables: &[String]) -> Looked {
    let strays: Vec<Stray> = ask::rows(
        "select n.nspname || '.' || c.relname as name, c.relrowsecurity as secured,
                n.nspname = 'bellwether' or starts_with(c.relname, 'bellwether_')
                  or exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
                             join pg_namespace f on f.oid = p.pronamespace
                             where t.tgrelid = c.oid and f.nspname = 'bellwether') as ours
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'bellwether') and c.relkind in ('r', 'p')
           and n.nspname || '.' || c.relname <> all($1) order by 1",
    )
    .bind(tables)
    .fetch_all(connection)
    .await?;
    let others = strays.iter().filter(|stray| !stray.ours).count();
    let mut findings: Vec<Finding> = strays.iter().filter_map(judge).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(
            "unlisted",
            format!("no table of ours; {others} of others, under row security"),
        ));
    }
    Ok(findings)
}

fn judge(Stray { name, ours, secured }: &Stray) -> Option<Finding> {
    if *ours {
        let advice = "drop it, or see which version of Bellwether made it and use that";
        return Some(Finding::fault(
            name,
            "looks like a table of ours, and this version knows none such",
            advice,
        ));
    }
    let advice = format!("see who may read it; alter table {name} enable row level security");
    (!secured).then(|| Finding::warn(name, "not our table, and it has no row security", advice))
}
