//! What an earlier back end left is repaired by functions as the first kind's migration repaired its own tables.

use bellwether_database as database;
use bellwether_local::postgres::shared_for_tests;
use bellwether_local::seed;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::secret::Secret;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::support::{ANCESTOR, bare, count, give_tables_to, name, open, run};

const MADE_UP: &str = include_str!("made_up.sql");

/// Everything the catalogue says of the two tables of a kind, one fact a line: columns, constraints, indexes,
/// policies, triggers, rights.
const FACTS: &str = r"
    with ours as (
      select oid, relname, relrowsecurity, relforcerowsecurity, relacl from pg_class
      where oid in (to_regclass('public.' || $1 || '_alerts'), to_regclass('public.' || $1 || '_alert_triggers'))
    )
    select format('%s: row security %s, forced %s, %s', relname, relrowsecurity, relforcerowsecurity, relacl)
      from ours
    union all
    select format('%s.%s: %s, not null %s, default %s, %s', t.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl)
      from ours t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all
    select format('%s: %s %s', t.relname, k.conname, pg_get_constraintdef(k.oid))
      from ours t join pg_constraint k on k.conrelid = t.oid
    union all
    select pg_get_indexdef(i.indexrelid) from ours t join pg_index i on i.indrelid = t.oid
    union all
    select format('%s: policy %s for %s to %s using %s check %s', t.relname, p.polname, p.polcmd, p.polroles::regrole[],
                  pg_get_expr(p.polqual, t.oid), pg_get_expr(p.polwithcheck, t.oid))
      from ours t join pg_policy p on p.polrelid = t.oid
    union all
    select pg_get_triggerdef(g.oid) from ours t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal";

/// What the rows of a kind have become: those that stayed, those put aside, those whose users were told.
const ROWS: &str = r"
    select format('%s: %s rows', t, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from public.%I', t),
                                                                         false, true, '')))[1])
      from unnest(array[$1 || '_alerts', $1 || '_alert_triggers']) t
    union all
    select format('put aside from %s, %s: %s', source_table, reason, count(*)) from bellwether.quarantine
      where source_table in ($1 || '_alerts', $1 || '_alert_triggers') group by source_table, reason
    union all
    select format('told about %s: %s, %s', kind, state, reason) from public.alert_status where kind = $1";

/// What a statement says of a kind, without its name.
async fn said(connection: &mut PgConnection, statement: &'static str, kind: &str) -> Vec<String> {
    let said: Vec<String> = sqlx::query_scalar(statement).bind(kind).fetch_all(connection).await.unwrap();
    let mut said: Vec<String> = said.iter().map(|line| line.replace(kind, "KIND")).collect();
    said.sort();
    said
}

async fn is_like_the_first_kind(connection: &mut PgConnection) {
    for statement in [FACTS, ROWS] {
        let expected = said(connection, statement, "rsi_tracker").await;
        assert!(expected.len() >= 2, "{expected:?}");
        assert_eq!(said(connection, statement, "made_up").await, expected);
    }
}

/// The ancestor's statements about RSI alerts, said of a kind that it did not have.
fn ancestor_of_the_made_up() -> String {
    let statements = ANCESTOR.split_inclusive(";\n").filter(|statement| statement.contains("rsi_tracker"));
    statements.map(|statement| statement.replace("rsi_tracker", "made_up")).collect()
}

/// Two rows of one user, and one that no rule accepts.
fn awkward(kind: &str) -> String {
    format!(
        "alter table {kind}_alerts drop constraint uniq_{kind}_user;
         alter table {kind}_alerts drop constraint rsi_ob_gt_os;
         alter table {kind}_alerts drop constraint {kind}_alerts_rsi_oversold_check;
         insert into {kind}_alerts (user_id, user_email, timeframe, rsi_oversold, created_at) values
           ('00000000-0000-4000-8000-000000000001', 'a', '4H', 30, now() + interval '1 s'),
           ('00000000-0000-4000-8000-000000000003', 'a', '4H', 90, now());"
    )
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

#[tokio::test]
async fn an_ancestors_table_ends_as_the_first_kinds_did_however_often_it_is_repaired() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    execute(&mut admin, ancestor_of_the_made_up()).await;
    execute(&mut admin, awkward("rsi_tracker") + &awkward("made_up")).await;
    database::migrate(&url).await.unwrap();
    for _ in 0..2 {
        run(&mut admin, MADE_UP).await;
        is_like_the_first_kind(&mut admin).await;
    }
    let told = said(&mut admin, ROWS, "made_up").await;
    for line in [
        "KIND_alerts: 2 rows",
        "KIND_alert_triggers: 2 rows",
        "put aside from KIND_alerts, no user: 2",
        "put aside from KIND_alerts, the user has a newer alert: 1",
        "put aside from KIND_alerts, rsi_oversold is 90, it must be from 10 to 40: 1",
        "told about KIND: refused, rsi_oversold is 90, it must be from 10 to 40",
    ] {
        assert!(told.iter().any(|one| one == line), "{line} is not in {told:#?}");
    }
}

#[tokio::test]
async fn tables_made_on_an_empty_database_are_like_the_first_kinds() {
    let url = bare().await;
    database::migrate(&url).await.unwrap();
    let mut admin = open(&url).await;
    for _ in 0..2 {
        run(&mut admin, MADE_UP).await;
        is_like_the_first_kind(&mut admin).await;
    }
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_repairs_and_tells() {
    let server = shared_for_tests().await;
    let (database, role) = (name(), name());
    seed::create(server, &database).await.unwrap();
    let url = server.url(&database);
    seed::bootstrap(&url).await.unwrap();
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    execute(&mut admin, ancestor_of_the_made_up() + &awkward("made_up")).await;
    let owner = lowly_owner(&mut admin, &url, &database, &role).await;
    database::migrate(&owner).await.unwrap();
    run(&mut open(&owner).await, MADE_UP).await;
    let told = "select count(*) from alert_status where kind = 'made_up' and state = 'refused'";
    assert_eq!(count(&mut admin, told).await, 1);
}

/// Makes a role without powers the owner of what the ancestor left; its URL.
async fn lowly_owner(admin: &mut PgConnection, url: &Secret, database: &str, role: &str) -> Secret {
    let server = shared_for_tests().await;
    let password = server.password_of(role);
    let setup = format!(
        "create role {role} login createrole password '{}';
         grant create on database {database} to {role};
         grant all on schema public to {role};
         grant usage on schema auth to {role};
         grant select, references on auth.users to {role};
         create policy owner on auth.users to {role} using (true);
         {}",
        password.reveal(),
        give_tables_to(role)
    );
    execute(admin, setup).await;
    assert!(url.reveal().contains(database));
    server.url_as(role, &password, database)
}

#[tokio::test]
async fn nobody_but_the_owner_may_call_a_function_of_ours() {
    let url = bare().await;
    database::migrate(&url).await.unwrap();
    let mut admin = open(&url).await;
    let repairs = "select count(*) from pg_proc where pronamespace = 'bellwether'::regnamespace
        and proname in ('repair_triggers', 'repair_alerts', 'one_alert_a_user', 'refuse_alerts', 'own_alerts')";
    assert_eq!(count(&mut admin, repairs).await, 5);
    let callable =
        "select count(*) from pg_proc p, unnest(array['anon', 'authenticated', 'bellwether_pipeline']) r
        where p.pronamespace = 'bellwether'::regnamespace and has_function_privilege(r, p.oid, 'execute')
          and (r, proname) not in (('bellwether_pipeline', 'retire'), ('bellwether_pipeline', 'forget'),
            ('bellwether_pipeline', 'note_bounce'), ('bellwether_pipeline', 'shape'),
            ('bellwether_pipeline', 'acting_tenant'))";
    assert_eq!(count(&mut admin, callable).await, 0, "but for what the pipeline is to do, and whose it is");
    let wandering = "select count(*) from pg_proc where pronamespace = 'bellwether'::regnamespace
        and (proconfig is null or not 'search_path=\"\"' = any(proconfig))";
    assert_eq!(count(&mut admin, wandering).await, 0, "a search path that is not pinned");

    let ours = |findings: Vec<Finding>| {
        let problems = findings.into_iter().filter(|finding| finding.about.contains("repair_alerts"));
        problems.map(|finding| finding.found).collect::<Vec<_>>()
    };
    assert!(ours(database::check(&url).await.unwrap()).is_empty());
    run(&mut admin, "grant execute on function bellwether.repair_alerts(regclass) to anon").await;
    let found = ours(database::check(&url).await.unwrap());
    assert!(found.len() == 1 && found[0].contains("anybody"), "{found:?}");
}
