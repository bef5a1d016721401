//! What the server's catalogue says of our tables. Every role may read it, so the pipeline's own can look.

use sqlx::PgConnection;

use super::ask;

/// A table of ours as it is.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// With its schema.
    pub(super) name: String,
    /// None: it is not there.
    pub(super) state: Option<State>,
    pub(super) policies: Vec<Policy>,
    pub(super) grants: Vec<Grant>,
}

/// How a table that is there is kept.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) owner: String,
    /// Row security is on.
    pub(super) secured: bool,
    /// It binds the owner, too.
    pub(super) forced: bool,
    /// The tenant whose rows alone it takes; none where it takes several tenants', or nobody's yet.
    pub(super) tenant: Option<String>,
}

/// Policies that hold each tenant to its rows in a shared database, beside those that every database has.
pub(super) const SHARED: [&str; 2] = ["shared_processes", "shared_users"];

/// A policy of row security.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Policy {
    #[sqlx(rename = "place")]
    table: String,
    pub(super) name: String,
    /// False: it only narrows what others allow.
    pub(super) permissive: bool,
    /// `r` select, `a` insert, `w` update, `d` delete, `*` all.
    pub(super) command: String,
    /// `public` is everybody.
    pub(super) roles: Vec<String>,
    /// Which rows are seen.
    pub(super) visible: Option<String>,
    /// Which rows may be written; none: those that are seen.
    pub(super) written: Option<String>,
}

/// What somebody else than the owner may do.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Grant {
    #[sqlx(rename = "place")]
    table: String,
    /// `public` is everybody.
    pub(super) role: String,
    /// In small letters.
    pub(super) privilege: String,
    /// None: all of them.
    pub(super) column: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    owner: Option<String>,
    secured: bool,
    forced: bool,
    tenant: Option<String>,
}

/// These tables, in this order, each with what belongs to it.
pub(super) async fn read(connection: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<Table>> {
    let rows: Vec<Row> = ask::rows(
        "select t as name, pg_get_userbyid(c.relowner)::text as owner, coalesce(c.relrowsecurity, false) as secured,
                coalesce(c.relforcerowsecurity, false) as forced,
                (select substring(pg_get_constraintdef(k.oid) from '''([a-z0-9-]+)''') from pg_constraint k
                 where k.conrelid = c.oid and k.conname = 'bellwether_tenant') as tenant
         from unnest($1::text[]) with ordinality as named (t, place) left join pg_class c on c.oid = to_regclass(t)
         order by place",
    )
    .bind(names)
    .fetch_all(&mut *connection)
    .await?;
    let policies: Vec<Policy> = ask::rows(
        "select t as place, p.polname::text as name, p.polpermissive as permissive, p.polcmd::text as command,
                array(select case when r = 0 then 'public' else pg_get_userbyid(r)::text end
                      from unnest(p.polroles) r) as roles,
                pg_get_expr(p.polqual, p.polrelid) as visible, pg_get_expr(p.polwithcheck, p.polrelid) as written
         from unnest($1::text[]) t join pg_policy p on p.polrelid = to_regclass(t) order by p.polname",
    )
    .bind(names)
    .fetch_all(&mut *connection)
    .await?;
    let grants: Vec<Grant> = ask::rows(
        "with given as (
           select t, c.relowner as owner, a.grantee, a.privilege_type, null::text as \"column\"
           from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t), aclexplode(c.relacl) a
           union all
           select t, c.relowner, a.grantee, a.privilege_type, k.attname::text
           from unnest($1::text[]) t join pg_class c on c.oid = to_regclass(t)
           join pg_attribute k on k.attrelid = c.oid and not k.attisdropped, aclexplode(k.attacl) a
         )
         select t as place, case when grantee = 0 then 'public' else pg_get_userbyid(grantee)::text end as role,
                lower(privilege_type) as privilege, \"column\"
         from given where grantee <> owner order by 2, 3, 4",
    )
    .bind(names)
    .fetch_all(&mut *connection)
    .await?;
    let table = |Row { name, owner, secured, forced, tenant }: Row| Table {
        state: owner.map(|owner| State { owner, secured, forced, tenant }),
        policies: policies.iter().filter(|policy| policy.table == name).cloned().collect(),
        grants: grants.iter().filter(|grant| grant.table == name).cloned().collect(),
        name,
    };
    Ok(rows.into_iter().map(table).collect())
}

#[cfg(test)]
impl Policy {
    /// One for that role and command, with these expressions.
    pub(super) fn made_up(role: &str, command: &str, visible: Option<&str>, written: Option<&str>) -> Self {
        Self {
            table: "public.t".into(),
            name: "p".into(),
            permissive: true,
            command: command.into(),
            roles: vec![role.into()],
            visible: visible.map(Into::into),
            written: written.map(Into::into),
        }
    }
}
