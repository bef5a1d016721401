//! Who may do what in the tables that are no kind's own: what users see beside their alerts, and the pipeline's schema.

use bellwether_database::{self as database, MIGRATIONS, tables};
use bellwether_local::postgres::shared_for_tests;
use bellwether_local::seed::Seeded;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::kinds::{inhabited, inhabited_by_two, rows};
use crate::rights::{Connections, DENIED, Does, become_someone, does};
use crate::support::{ASHA, MAYA, OMAR, bare, id, open, run, sign_in};
use Does::{Fails, Touches};

/// Whose a table is. Each has one row of Asha's and one of Omar's, or of nobody in particular.
#[derive(Debug, Clone, Copy)]
enum Whose {
    /// Users do what they like with their own rows; the pipeline reads.
    Users,
    /// Users read their own rows; the pipeline writes and deletes none.
    Told,
    /// Users read their own rows; the pipeline adds, and does not even read.
    Line,
    /// The pipeline does what it likes with its tenant's rows.
    Pipelines,
    /// The pipeline reads and writes its tenant's rows, and deletes none: without one, what it records would be done again.
    Records,
    /// The pipeline reads its tenant's rows; functions of the owner's write them.
    Read,
    /// Nobody's but the operator's.
    Operators,
    /// The pipeline reads what has been applied.
    Applied,
}

/// Every table of both schemas that no kind of alert has. A new one belongs here.
const TABLES: &[(&str, Whose)] = &[
    ("public.notification_preferences", Whose::Users),
    ("public.alert_status", Whose::Told),
    ("public.user_line", Whose::Told),
    ("public.user_events", Whose::Line),
    ("bellwether.sink_cursor", Whose::Pipelines),
    ("bellwether.mail_outbox", Whose::Pipelines),
    ("bellwether.mail_event", Whose::Pipelines),
    ("bellwether.mail_suppression", Whose::Pipelines),
    ("bellwether.auth_list", Whose::Pipelines),
    ("bellwether.auth_recipient", Whose::Pipelines),
    ("bellwether.mail_worker", Whose::Pipelines),
    ("bellwether.mail_pause", Whose::Pipelines),
    ("bellwether.incident", Whose::Records),
    ("bellwether.schedule_run", Whose::Records),
    ("bellwether.user_followed", Whose::Pipelines),
    ("bellwether.alert_change", Whose::Pipelines),
    ("bellwether.alert_version", Whose::Pipelines),
    ("bellwether.quarantine", Whose::Operators),
    ("bellwether.tenant_login", Whose::Operators),
    ("bellwether.forgotten_user", Whose::Read),
    ("bellwether.schema_migration", Whose::Applied),
];

/// One row in each table of the pipeline's; one of Asha's and one of Omar's in those that users see.
const ROWS: &str = "
    insert into bellwether.sink_cursor (sink) values ('rows');
    insert into bellwether.mail_outbox (occurrence, kind, user_id, message_id)
      values ('o', 'test', '00000000-0000-4000-8000-000000000001', 'm');
    insert into bellwether.mail_event (occurrence, event) values ('o', 'sent');
    insert into bellwether.mail_suppression (address, reason) values ('a@example.test', 'bounced');
    insert into bellwether.mail_worker (worker, lease_until) values (gen_random_uuid(), now());
    insert into bellwether.mail_pause (reason) values ('a test');
    insert into bellwether.incident (kind, text, began_at) values ('parked', 't', now());
    insert into bellwether.auth_list (complete_at) values (now());
    insert into bellwether.auth_recipient (user_id, email)
      values ('00000000-0000-4000-8000-000000000002', 'omar@example.test');
    insert into bellwether.schedule_run (schedule, key, due_at, state, zone, zone_data)
      values ('daily_brief', '2026-03-04', now(), 'missed', 'UTC', 'a test');
    delete from bellwether.alert_change where seq > (select min(seq) from bellwether.alert_change);
    delete from bellwether.alert_version where alert_id > (select alert_id from bellwether.alert_version order by 1 limit 1);
    insert into bellwether.quarantine (source_table, reason, content) values ('t', 'r', '{}');
    insert into bellwether.forgotten_user (user_id) values (gen_random_uuid());
    insert into bellwether.user_followed (user_id, followed) values ('00000000-0000-4000-8000-000000000001', '{}');
    delete from alert_status where kind <> 'rsi_tracker';
    insert into notification_preferences (user_id, kind) values
      ('00000000-0000-4000-8000-000000000001', 'all'), ('00000000-0000-4000-8000-000000000002', 'all');
    insert into user_line (user_id, next_seq) values
      ('00000000-0000-4000-8000-000000000001', 2), ('00000000-0000-4000-8000-000000000002', 2);
    insert into user_events (user_id, seq, type, kind, alert_id, payload)
      select user_id, 1, 'status', 'rsi_tracker', gen_random_uuid(), '{}' from user_line;";

/// The row is there already: so it may be written.
const WRITTEN: Does = Fails("23505");

/// What each does: select, insert of a row that is there, update that changes nothing, delete, truncate.
fn may(whose: Whose, who: &str) -> [Does; 5] {
    let nothing = [DENIED, DENIED, DENIED, DENIED, DENIED];
    // Signed in as nobody: the right is there, rows are not.
    let none = || Touches(0);
    match (whose, who) {
        (Whose::Users, "asha") => [Touches(1), WRITTEN, Touches(1), Touches(1), DENIED],
        (Whose::Users, "asha without claims") => [none(), DENIED, none(), none(), DENIED],
        (Whose::Users, "pipeline") => [Touches(2), DENIED, DENIED, DENIED, DENIED],
        (
            _,
            "maya"
            | "maya's pipeline"
            | "maya's pipeline as asha's"
            | "asha of hextech"
            | "asha of no tenant",
        ) => may_among_tenants(whose, who),
        (Whose::Users, "another tenant's pipeline") => [none(), DENIED, DENIED, DENIED, DENIED],
        (Whose::Told, "asha") => [Touches(1), DENIED, DENIED, DENIED, DENIED],
        (Whose::Told, "asha without claims") => [none(), DENIED, DENIED, DENIED, DENIED],
        (Whose::Told, "pipeline") => [Touches(2), WRITTEN, Touches(2), DENIED, DENIED],
        (Whose::Told, "another tenant's pipeline") => [none(), DENIED, none(), DENIED, DENIED],
        (Whose::Line, "asha") => [Touches(1), DENIED, DENIED, DENIED, DENIED],
        (Whose::Line, "asha without claims") => [none(), DENIED, DENIED, DENIED, DENIED],
        (Whose::Line, "pipeline") => [DENIED, WRITTEN, DENIED, DENIED, DENIED],
        (Whose::Pipelines, "pipeline") => [Touches(1), WRITTEN, Touches(1), Touches(1), DENIED],
        (Whose::Pipelines, "another tenant's pipeline") => [none(), DENIED, none(), none(), DENIED],
        (Whose::Read, "pipeline") => [Touches(1), DENIED, DENIED, DENIED, DENIED],
        (Whose::Read, "another tenant's pipeline") => [none(), DENIED, DENIED, DENIED, DENIED],
        (Whose::Records, "pipeline") => [Touches(1), WRITTEN, Touches(1), DENIED, DENIED],
        (Whose::Records, "another tenant's pipeline") => [none(), DENIED, none(), DENIED, DENIED],
        (Whose::Applied, "pipeline" | "another tenant's pipeline") => {
            [Touches(MIGRATIONS.len() as u64), DENIED, DENIED, DENIED, DENIED]
        }
        _ => nothing,
    }
}

/// The same for those who share the database with Asha's tenant. Maya has one row where Asha has one, and what is
/// inserted is Asha's.
fn may_among_tenants(whose: Whose, who: &str) -> [Does; 5] {
    // Asha with another token, and a process that says it is another's: the right is there, rows are not.
    let own = || Touches(u64::from(matches!(who, "maya" | "maya's pipeline")));
    let is_user = !who.contains("pipeline");
    match whose {
        Whose::Users if is_user => [own(), DENIED, own(), own(), DENIED],
        Whose::Told | Whose::Line if is_user => [own(), DENIED, DENIED, DENIED, DENIED],
        Whose::Users | Whose::Read if !is_user => [own(), DENIED, DENIED, DENIED, DENIED],
        Whose::Told if !is_user => [own(), DENIED, own(), DENIED, DENIED],
        Whose::Pipelines if !is_user => [own(), DENIED, own(), own(), DENIED],
        Whose::Records if !is_user => [own(), DENIED, own(), DENIED, DENIED],
        Whose::Applied if !is_user => [Touches(MIGRATIONS.len() as u64), DENIED, DENIED, DENIED, DENIED],
        _ => [DENIED, DENIED, DENIED, DENIED, DENIED],
    }
}

fn statements(table: &str, whose: Whose) -> [String; 5] {
    let column = if matches!(whose, Whose::Applied) { "applied_at" } else { "tenant_id" };
    let copy = table.replace('.', "_");
    [
        format!("select * from {table}"),
        format!("insert into {table} select * from stored_{copy}"),
        format!("update {table} set {column} = {column}"),
        format!("delete from {table}"),
        format!("truncate {table}"),
    ]
}

/// What each table holds of Asha's, or at all, where insertions may read it whoever they are.
async fn store(admin: &mut PgConnection, table: &str, whose: Whose) {
    let of_users = matches!(whose, Whose::Users | Whose::Told | Whose::Line);
    let asha = if of_users { format!("where user_id = '{ASHA}'") } else { String::new() };
    let copy = table.replace('.', "_");
    let statement = format!(
        "create table stored_{copy} as select * from {table} {asha} limit 1;
         grant select on stored_{copy} to anon, authenticated, bellwether_pipeline, bellwether_gateway"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.unwrap();
}

pub(crate) async fn furnished() -> Seeded {
    let seeded = inhabited().await;
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, ROWS).await;
    for (table, whose) in TABLES {
        store(&mut admin, table, *whose).await;
    }
    seeded
}

/// The same in a database of two tenants: Maya's has a copy of one row of each table, as hers.
async fn furnished_for_two() -> [Seeded; 2] {
    let both = inhabited_by_two().await;
    let mut admin = open(&both[0].admin).await;
    // Whoever fills the tables here says nothing of a tenant.
    run(
        &mut admin,
        "do $$ declare t regclass; begin
           for t in select bellwether.tables_of_tenants() loop
             execute format('alter table %s alter column tenant_id set default %L', t, 'fxlabs');
           end loop;
         end $$;
         delete from bellwether.alert_change where tenant_id = 'hextech';
         delete from bellwether.alert_version where tenant_id = 'hextech';
         delete from alert_status where tenant_id = 'hextech'",
    )
    .await;
    run(&mut admin, ROWS).await;
    for (table, whose) in TABLES {
        store(&mut admin, table, *whose).await;
        if !matches!(whose, Whose::Applied) && *table != "bellwether.tenant_login" {
            copy_for_maya(&mut admin, table).await;
        }
    }
    run(
        &mut admin,
        "do $$ declare t regclass; begin
           for t in select bellwether.tables_of_tenants() loop
             execute format('alter table %s alter column tenant_id drop default', t);
           end loop;
         end $$",
    )
    .await;
    both
}

async fn copy_for_maya(admin: &mut PgConnection, table: &str) {
    let number = if table == "bellwether.alert_change" { "'seq', 1000000" } else { "'id', 1000000" };
    let statement = format!(
        "insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(one) || jsonb_build_object(
            'tenant_id', 'hextech', 'user_id', '{MAYA}', {number}))).* from {table} one limit 1"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.unwrap();
}

const EVERYBODY: [&str; 6] =
    ["asha", "asha without claims", "anon", "pipeline", "another tenant's pipeline", "gateway"];
const AND_OF_A_SHARED_DATABASE: [&str; 7] = [
    "maya",
    "maya's pipeline",
    "maya's pipeline as asha's",
    "maya's gateway",
    "maya's gateway as asha's",
    "asha of hextech",
    "asha of no tenant",
];

async fn try_all(seeded: &Seeded, other: Option<&Seeded>) {
    let others = if other.is_some() { &AND_OF_A_SHARED_DATABASE[..] } else { &[] };
    let mut connections = Connections::open(seeded, other).await;
    for (table, whose) in TABLES {
        for who in EVERYBODY.iter().chain(others) {
            let connection = connections.of(who).await;
            for (statement, expected) in statements(table, *whose).iter().zip(may(*whose, who)) {
                let done = does(connection, statement).await;
                assert_eq!(done, expected.result(), "{who}: {statement}");
            }
        }
    }
}

#[tokio::test]
async fn in_every_other_table_each_role_may_do_what_is_its_own_and_nothing_else() {
    try_all(&furnished().await, None).await;
}

#[tokio::test]
async fn in_every_other_table_of_a_shared_database_tenants_keep_to_their_own_rows() {
    let [seeded, other] = furnished_for_two().await;
    try_all(&seeded, Some(&other)).await;
}

#[tokio::test]
async fn no_table_is_left_out_of_what_each_role_is_tried_on() {
    let seeded = inhabited().await;
    let mut admin = open(&seeded.admin).await;
    let found: Vec<String> = sqlx::query_scalar(
        "select format('%s.%s', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'bellwether') and c.relkind in ('r', 'p', 'f', 'm') order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let of_kinds = tables::all().flat_map(|kind| [kind.alerts.name, kind.triggers.name]);
    let mut tried: Vec<String> = of_kinds.map(|name| format!("public.{name}")).collect();
    tried.extend(TABLES.iter().map(|(table, _)| (*table).to_owned()));
    tried.sort();
    assert_eq!(found, tried);
}

#[tokio::test]
async fn no_tenant_is_called_as_a_role_that_all_tenants_share() {
    let (server, url) = (shared_for_tests().await, bare().await);
    database::migrate(&url).await.unwrap();
    for name in ["gateway", "pipeline"] {
        let refused = database::init(&url, &id(name), &server.password_of(name)).await.unwrap_err();
        assert!(refused.to_string().contains(&format!("bellwether_{name}")), "{refused}");
    }
}

#[tokio::test]
async fn a_user_gives_no_preference_to_another_and_sees_none_of_theirs() {
    let seeded = furnished().await;
    let mut page = open(&seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    for (statement, expected) in [
        (format!("select * from notification_preferences where user_id = '{OMAR}'"), Touches(0)),
        (format!("update notification_preferences set user_id = '{OMAR}', kind = 'digest'"), DENIED),
        (format!("update notification_preferences set email = false where user_id = '{OMAR}'"), Touches(0)),
        (format!("insert into notification_preferences (user_id, kind) values ('{OMAR}', 'digest')"), DENIED),
        (
            format!("insert into notification_preferences (user_id, kind) values ('{ASHA}', 'digest')"),
            Touches(1),
        ),
        ("update notification_preferences set tenant_id = 'hextech'".into(), Fails("23514")),
        (
            format!(
                "insert into notification_preferences (user_id, kind, email) values ('{ASHA}', 'all', false)
                 on conflict (tenant_id, user_id, kind) do update set email = excluded.email"
            ),
            Touches(1),
        ),
    ] {
        assert_eq!(does(&mut page, &statement).await, expected.result(), "{statement}");
    }
}

#[tokio::test]
async fn addresses_of_recipients_are_read_by_the_pipeline_alone() {
    let seeded = furnished().await;
    let (mut page, mut pipeline) = (open(&seeded.admin).await, open(&seeded.pipeline).await);
    let read = "select * from bellwether.recipients";
    run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
    let emails = "select array_agg(email) from bellwether.recipients";
    let told: Vec<String> = sqlx::query_scalar(emails).fetch_one(&mut pipeline).await.unwrap();
    assert_eq!(told, ["omar@example.test"], "a list of Auth's says who is a recipient");
    run(&mut pipeline, "delete from bellwether.auth_list").await;
    let told: Vec<String> = sqlx::query_scalar(emails).fetch_one(&mut pipeline).await.unwrap();
    assert_eq!(told, ["asha@example.test"], "without one the users' own table: Asha has confirmed hers");
    for statement in ["update bellwether.recipients set email = 'x'", "delete from bellwether.recipients"] {
        assert!(does(&mut pipeline, statement).await.is_err(), "{statement}");
    }
    for who in ["asha", "asha without claims", "anon"] {
        become_someone(&mut page, true, who).await;
        assert_eq!(does(&mut page, read).await, DENIED.result(), "{who}");
        assert_eq!(does(&mut page, "select * from auth.users").await, DENIED.result(), "{who}");
    }
}

#[tokio::test]
async fn users_read_their_own_status_of_every_kind_and_write_none() {
    let seeded = inhabited().await;
    let mut page = open(&seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    assert_eq!(rows(&mut page, "alert_status").await, 6);
    assert_eq!(rows(&mut page, &format!("alert_status where user_id = '{OMAR}'")).await, 0);
}
