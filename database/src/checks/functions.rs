//! Functions that act for their owner: none may be called by users, or they would do what users may not.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

/// A function that users may call, or one of ours that could be misled.
#[derive(sqlx::FromRow)]
struct Function {
    name: String,
    ours: bool,
    /// Users may call it.
    open: bool,
    /// It names its objects by a path that its caller sets.
    wandering: bool,
    /// It speaks of a table of ours.
    about_us: bool,
}

/// What may be called by users and acts for its owner; or that nothing may.
pub(super) async fn look(connection: &mut PgConnection, tables: &[String]) -> Looked {
    let functions: Vec<Function> = ask::rows(
        "select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name,
                n.nspname = 'bellwether' as ours,
                p.proacl is null or exists (
                  select from aclexplode(p.proacl) a left join pg_roles r on r.oid = a.grantee
                  where a.grantee = 0 or r.rolname in ('anon', 'authenticated')) as open,
                not coalesce('search_path=\"\"' = any(p.proconfig), false) as wandering,
                exists (select from unnest($1::text[]) t
                        where p.prosrc ~ ('\\m' || split_part(t, '.', 2) || '\\M')) as about_us
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname = 'bellwether'
            or n.nspname = 'public' and p.prosecdef and p.prorettype <> 'trigger'::regtype
         order by 1",
    )
    .bind(tables)
    .fetch_all(connection)
    .await?;
    let count = functions.iter().filter(|function| function.ours).count();
    let mut findings: Vec<Finding> = functions.iter().filter_map(judge).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("functions", format!("users may call none of our {count}")));
    }
    Ok(findings)
}

fn judge(function: &Function) -> Option<Finding> {
    let Function { name, ours, open, wandering, about_us } = function;
    let revoke = || format!("revoke execute on function {name} from public, anon, authenticated");
    if *open && *ours {
        return Some(Finding::fault(name, "may be called by anybody", revoke()));
    }
    if *ours && *wandering {
        let advice = format!("alter function {name} set search_path = ''");
        return Some(Finding::fault(name, "finds its tables by whatever path its caller sets", advice));
    }
    if *open && *about_us {
        let found = "acts for its owner on tables of ours, and may be called by anybody";
        return Some(Finding::fault(name, found, revoke()));
    }
    let found = "not ours: it acts for its owner and may be called by anybody";
    open.then(|| Finding::warn(name, found, "see what it does for whom"))
}
