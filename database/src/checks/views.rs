//! Views that show rows of our tables by their owner's rights: row security does not bind whoever reads them.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::rights::PIPELINE;
use super::{Looked, ask};

/// The one view that reads by its owner's rights, so that the pipeline needs no right on auth.users.
const RECIPIENTS: &str = "bellwether.recipients";

#[derive(sqlx::FromRow)]
struct View {
    name: String,
    /// It reads by the rights of whoever asks.
    invoker: bool,
    /// Its rows are stored: nobody's rights are asked.
    stored: bool,
    /// It reads a table of ours.
    shows_ours: bool,
    /// Who else than its owner may read it.
    readers: Vec<String>,
}

/// Views that show what row security would hide; or that none does.
pub(super) async fn look(connection: &mut PgConnection, tables: &[String]) -> Looked {
    let views: Vec<View> = ask::rows(
        "select n.nspname || '.' || v.relname as name, v.relkind = 'm' as stored,
                exists (select from unnest(v.reloptions) o
                        where lower(o) in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1'))
                  as invoker,
                exists (select from pg_rewrite w
                        join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                          and d.refclassid = 'pg_class'::regclass
                        join pg_class t on t.oid = d.refobjid join pg_namespace s on s.oid = t.relnamespace
                        where w.ev_class = v.oid and s.nspname || '.' || t.relname = any($1)) as shows_ours,
                array(select distinct case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee)::text end
                      from aclexplode(v.relacl) a where a.grantee <> v.relowner and a.privilege_type = 'SELECT'
                      order by 1) as readers
         from pg_class v join pg_namespace n on n.oid = v.relnamespace
         where v.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') order by 1",
    )
    .bind(tables)
    .fetch_all(connection)
    .await?;
    let mut findings: Vec<Finding> = views.iter().filter_map(judge).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("views", "none shows rows of ours by its owner's rights"));
    }
    Ok(findings)
}

fn judge(View { name, invoker, stored, shows_ours, readers }: &View) -> Option<Finding> {
    if name == RECIPIENTS {
        let stranger = readers.iter().find(|reader| *reader != PIPELINE)?;
        let advice = format!("revoke all on {name} from {stranger}");
        return Some(Finding::fault(name, format!("shows addresses of users to {stranger}"), advice));
    }
    if *invoker || !*shows_ours {
        return None;
    }
    if *stored {
        let found = "keeps a copy of rows of ours that row security does not guard";
        return Some(Finding::fault(name, found, format!("drop materialized view {name}")));
    }
    let found = "shows rows of ours by its owner's rights: whoever may read it reads every row";
    Some(Finding::fault(name, found, format!("alter view {name} set (security_invoker = true)")))
}
