//! The tables, their row security and the tenant's own role, on a real server.

use crate::support::{
    ANCESTOR, ASHA, OMAR, Owned, bare, count, database, id, name, open, owned, refused, run, sign_in, tenant,
};
use bellwether_database::cursor::{self, Cursor};
use bellwether_database::{
    self as database, DatabaseError, StatementOutcome, Statements, begin, begin_snapshot, classify, connect,
};
use bellwether_local::postgres::shared_for_tests;
use bellwether_local::seed;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::triggers::Cause;

const TRIGGER: &str = "insert into rsi_tracker_alert_triggers
    (id, alert_id, user_id, alert_version, triggered_at, symbol, timeframe, trigger_condition, rsi_value)
    values (gen_random_uuid(), gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 1, now(), 'EURUSDm',
            '5M', 'overbought', 70.5)";

async fn alert_of(url: &bellwether_runtime::secret::Secret, user: &'static str) {
    let mut admin = open(url).await;
    sqlx::query("insert into rsi_tracker_alerts (user_id) values ($1::uuid)")
        .bind(user)
        .execute(&mut admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_empty_database_is_migrated_once() {
    let url = bare().await;
    assert_eq!(database::pending(&url).await.unwrap().len(), database::MIGRATIONS.len());
    assert_eq!(database::migrate(&url).await.unwrap().len(), database::MIGRATIONS.len());
    assert!(database::migrate(&url).await.unwrap().is_empty());
    let findings = database::check(&url).await.unwrap();
    let only = |finding: &Finding| finding.advice.as_ref().unwrap().contains("tenants init");
    assert!(!findings.is_empty() && findings.iter().all(only), "{findings:?}");
    assert!(database::pending(&url).await.unwrap().is_empty());
}

#[tokio::test]
async fn files_that_run_again_leave_tables_rows_and_the_tenants_default_as_they_were() {
    let (_, seeded) = database("fxlabs").await;
    alert_of(&seeded.admin, "00000000-0000-4000-8000-000000000001").await;
    let mut admin = open(&seeded.admin).await;
    for migration in database::MIGRATIONS {
        run(&mut admin, migration.sql).await;
    }
    alert_of(&seeded.admin, "00000000-0000-4000-8000-000000000002").await;
    assert_eq!(
        count(&mut admin, "select count(*) from rsi_tracker_alerts where tenant_id = 'fxlabs'").await,
        2
    );
    assert_eq!(count(&mut admin, "select count(*) from bellwether.alert_change").await, 2);
    assert!(database::check(&seeded.admin).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_without_schema_auth_is_told_what_is_missing_and_left_empty() {
    let server = shared_for_tests().await;
    let name = name();
    seed::create(server, &name).await.unwrap();
    let error = database::migrate(&server.url(&name)).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("not a Supabase database"), "{source}");
    let mut admin = open(&server.url(&name)).await;
    assert_eq!(count(&mut admin, "select count(*) from pg_namespace where nspname = 'bellwether'").await, 0);
}

#[tokio::test]
async fn the_ancestors_rows_stay_with_their_users_and_nobodys_are_put_aside() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    let touched =
        "select coalesce(sum(extract(epoch from updated_at) * 1000000), 0)::bigint from rsi_tracker_alerts
                   where user_id is not null";
    let (before, written) = (
        count(&mut admin, touched).await,
        "select sum(extract(epoch from created_at) * 1000000)::bigint
                                            from rsi_tracker_alert_triggers",
    );
    let created = count(&mut admin, written).await;
    database::migrate(&url).await.unwrap();
    database::init(&url, &id("fxlabs"), &shared_for_tests().await.password_of("bellwether_fxlabs"))
        .await
        .unwrap();

    for (sql, expected) in [
        ("select count(*) from rsi_tracker_alerts where tenant_id = 'fxlabs'", 2),
        (
            "select count(*) from rsi_tracker_alert_triggers where tenant_id = 'fxlabs' and user_id is not null",
            2,
        ),
        ("select count(*) from bellwether.quarantine where reason = 'no user' and tenant_id = 'fxlabs'", 4),
        ("select count(*) from rsi_tracker_alerts where user_email = 'someone.else@example.test'", 1),
        ("select count(*) from bellwether.recipients where email = 'someone.else@example.test'", 0),
        ("select count(*) from watchlist", 1),
        ("select count(*) from pg_policies where tablename like 'rsi_tracker%' and qual like '%email%'", 0),
    ] {
        assert_eq!(count(&mut admin, sql).await, expected, "{sql}");
    }
    assert_eq!(count(&mut admin, touched).await, before, "no row was changed for its user");
    assert_eq!(count(&mut admin, written).await, created, "history keeps its times");
    let findings = database::check(&url).await.unwrap();
    assert!(
        findings.iter().all(|finding| !finding.is_fault() && finding.about == "public.watchlist"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn the_newest_of_a_users_rows_stays_and_a_choice_out_of_range_is_told_not_guessed() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    run(
        &mut admin,
        "alter table rsi_tracker_alerts drop constraint uniq_rsi_tracker_user;
         alter table rsi_tracker_alerts drop constraint rsi_ob_gt_os;
         alter table rsi_tracker_alerts drop constraint rsi_tracker_alerts_rsi_oversold_check;
         insert into rsi_tracker_alerts (user_id, user_email, timeframe, rsi_oversold, created_at) values
           ('00000000-0000-4000-8000-000000000001', 'a', '4H', 30, now() + interval '1 s'),
           ('00000000-0000-4000-8000-000000000003', 'a', '4H', 90, now())",
    )
    .await;
    database::migrate(&url).await.unwrap();
    for (sql, expected) in [
        ("select count(*) from rsi_tracker_alerts where timeframe = '4H'", 1),
        (
            "select count(*) from bellwether.quarantine where reason = 'the user has a newer alert' and source_table = 'rsi_tracker_alerts'",
            1,
        ),
        (
            "select count(*) from bellwether.quarantine where reason = 'rsi_oversold is 90, it must be from 10 to 40'
               and content ->> 'timeframe' = '4H' and not content ? 'why'",
            1,
        ),
        (
            "select count(*) from alert_status where state = 'refused'
               and reason = 'rsi_oversold is 90, it must be from 10 to 40'",
            1,
        ),
        ("select count(*) from rsi_tracker_alert_triggers", 2),
    ] {
        assert_eq!(count(&mut admin, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_bootstrap_does_not_touch_a_real_schema_auth() {
    let server = shared_for_tests().await;
    let name = name();
    seed::create(server, &name).await.unwrap();
    let mut admin = open(&server.url(&name)).await;
    run(&mut admin, "create schema auth; create table auth.users (id uuid primary key, email text)").await;
    assert!(seed::bootstrap(&server.url(&name)).await.is_err());
    let functions = "select count(*) from pg_proc where pronamespace = 'auth'::regnamespace";
    assert_eq!(count(&mut admin, functions).await, 0);
}

#[tokio::test]
async fn a_user_sees_and_changes_their_own_rows_only() {
    let (_, seeded) = database("fxlabs").await;
    alert_of(&seeded.admin, "00000000-0000-4000-8000-000000000002").await;
    let mut page = open(&seeded.admin).await;
    run(&mut page, TRIGGER).await;

    sign_in(&mut page, ASHA).await;
    run(
        &mut page,
        "insert into rsi_tracker_alerts (user_id) values ('00000000-0000-4000-8000-000000000001')",
    )
    .await;
    assert_eq!(count(&mut page, "select count(*) from rsi_tracker_alerts").await, 1);
    assert_eq!(count(&mut page, "select count(*) from rsi_tracker_alert_triggers").await, 1);
    let others = "insert into rsi_tracker_alerts (user_id) values ('00000000-0000-4000-8000-000000000002')";
    assert_eq!(refused(&mut page, others).await, "42501");
    let given_away = "update rsi_tracker_alerts set user_id = '00000000-0000-4000-8000-000000000002'";
    assert_eq!(refused(&mut page, given_away).await, "42501");
    let moved = "update rsi_tracker_alerts set tenant_id = 'hextech'";
    assert_eq!(refused(&mut page, moved).await, "23514");
    run(&mut page, "update rsi_tracker_alert_triggers set is_acknowledged = true, acknowledged_at = now()")
        .await;
    assert_eq!(refused(&mut page, "update rsi_tracker_alert_triggers set rsi_value = 1").await, "42501");
    assert_eq!(refused(&mut page, "delete from rsi_tracker_alert_triggers").await, "42501");
    assert_eq!(refused(&mut page, "select * from bellwether.mail_outbox").await, "42501");
    assert_eq!(refused(&mut page, "select * from bellwether.recipients").await, "42501");

    sign_in(&mut page, OMAR).await;
    assert_eq!(count(&mut page, "select count(*) from rsi_tracker_alert_triggers").await, 0);
    run(&mut page, "reset role; set role anon").await;
    assert_eq!(refused(&mut page, "select * from rsi_tracker_alerts").await, "42501");
}

#[tokio::test]
async fn the_pipeline_writes_its_tenants_rows_and_deletes_none() {
    let (_, seeded) = database("fxlabs").await;
    alert_of(&seeded.admin, "00000000-0000-4000-8000-000000000001").await;
    let pool = connect(&tenant("fxlabs", &seeded.pipeline, "direct")).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    run(&mut connection, TRIGGER).await;
    assert_eq!(count(&mut connection, "select count(*) from rsi_tracker_alerts").await, 1);
    assert_eq!(
        count(&mut connection, "select count(*) from bellwether.recipients").await,
        1,
        "omar is unconfirmed"
    );
    assert_eq!(refused(&mut connection, "delete from rsi_tracker_alert_triggers").await, "42501");
    assert_eq!(refused(&mut connection, "update rsi_tracker_alerts set is_active = false").await, "42501");
    assert_eq!(refused(&mut connection, "select * from auth.users").await, "42501");

    run(&mut connection, "set app.tenant_id = 'hextech'").await;
    assert_eq!(count(&mut connection, "select count(*) from rsi_tracker_alerts").await, 0);
    assert_eq!(refused(&mut connection, TRIGGER).await, "42501", "row security, before the check");
    run(&mut connection, "set app.tenant_id = ''").await;
    assert_eq!(count(&mut connection, "select count(*) from rsi_tracker_alerts").await, 0);
}

#[tokio::test]
async fn mail_goes_to_confirmed_users_who_are_neither_banned_nor_gone() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(
        &mut admin,
        "insert into auth.users (email, email_confirmed_at, banned_until, deleted_at) values
         ('banned@example.test', now(), now() + interval '1 day', null),
         ('pardoned@example.test', now(), now() - interval '1 day', null),
         ('gone@example.test', now(), null, now()),
         ('', now(), null, null), (null, now(), null, null)",
    )
    .await;
    let addresses: Vec<String> = sqlx::query_scalar("select email from bellwether.recipients order by 1")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert_eq!(addresses, ["asha@example.test", "pardoned@example.test"]);
}

#[tokio::test]
async fn a_database_given_to_a_tenant_stays_its_own_and_refuses_foreign_rows() {
    let (server, seeded) = database("fxlabs").await;
    let password = server.password_of("bellwether_fxlabs");
    database::init(&seeded.admin, &id("fxlabs"), &password).await.unwrap();
    let error = database::init(&seeded.admin, &id("hextech"), &password).await.unwrap_err();
    assert!(matches!(error, DatabaseError::OtherTenant { ref owner, .. } if owner == "fxlabs"), "{error}");
    let mut admin = open(&seeded.admin).await;
    for table in ["rsi_tracker_alerts", "alert_status", "bellwether.sink_cursor", "bellwether.mail_outbox"] {
        let checked: i64 = sqlx::query_scalar(
            "select count(*) from pg_constraint where conrelid = $1::regclass and conname = 'bellwether_tenant'",
        )
        .bind(table)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert_eq!(checked, 1, "{table}");
    }
    let foreign = "insert into bellwether.sink_cursor (tenant_id, sink) values ('hextech', 'rows')";
    assert_eq!(refused(&mut admin, foreign).await, "23514");
}

#[tokio::test]
async fn several_databases_of_a_cluster_are_made_ready_at_once() {
    let server = shared_for_tests().await;
    let tenant = id("busy");
    let (a, b, c) = (name(), name(), name());
    let (a, b, c) = tokio::join!(
        seed::database(server, &a, &tenant),
        seed::database(server, &b, &tenant),
        seed::database(server, &c, &tenant),
    );
    for seeded in [a, b, c] {
        open(&seeded.unwrap().pipeline).await;
    }
}

#[tokio::test]
async fn a_migration_needs_no_superuser() {
    let Owned { seeded, owner } = owned("lowly").await;
    let mut admin = open(&seeded.admin).await;
    sign_in(&mut admin, ASHA).await;
    run(&mut admin, "update rsi_tracker_alerts set rsi_period = 21").await;
    run(&mut admin, "reset role").await;
    assert_eq!(count(&mut admin, "select count(*) from bellwether.alert_change where version = 1").await, 1);
    run(&mut open(&owner).await, "truncate public.rsi_tracker_alerts").await;
    assert_eq!(count(&mut admin, "select count(*) from bellwether.alert_change where deleted").await, 2);
}

#[tokio::test]
async fn a_role_that_row_security_does_not_bind_is_refused() {
    let (server, seeded) = database("fxlabs").await;
    let refused = |error: DatabaseError| match error {
        DatabaseError::TooPowerful { power, .. } => power,
        other => panic!("{other}"),
    };
    let error = connect(&tenant("fxlabs", &seeded.admin, "direct")).await.unwrap_err();
    assert_eq!(refused(error), "is a superuser");
    let mut admin = open(&seeded.admin).await;
    let role = name();
    let password = server.password_of(&role);
    let setup = format!("create role {role} login bypassrls password '{}'", password.reveal());
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut admin).await.unwrap();
    let database: String =
        sqlx::query_scalar("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    let url = server.url_as(&role, &password, &database);
    let error = connect(&tenant("fxlabs", &url, "direct")).await.unwrap_err();
    assert_eq!(refused(error), "bypasses row security");
    let setup = format!("alter role {role} nobypassrls; alter table bellwether.sink_cursor owner to {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut admin).await.unwrap();
    let error = connect(&tenant("fxlabs", &url, "direct")).await.unwrap_err();
    assert_eq!(refused(error), "owns the tables");
    let setup = format!("alter table bellwether.sink_cursor owner to postgres; grant service_role to {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut admin).await.unwrap();
    let error = connect(&tenant("fxlabs", &url, "direct")).await.unwrap_err();
    assert_eq!(refused(error), "bypasses row security", "it could act as a role that does");
}

#[tokio::test]
async fn a_transaction_poolers_port_needs_its_mode_and_never_migrates() {
    let url = bellwether_runtime::secret::Secret::new("postgres://a:hush@127.0.0.1:6543/d");
    let error = connect(&tenant("fxlabs", &url, "direct")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Pooler), "{error}");
    let error = database::migrate(&url).await.unwrap_err();
    assert!(matches!(error, DatabaseError::NotThroughPooler), "{error}");
    let nothing = bellwether_runtime::secret::Secret::new("hush hush");
    let error = database::migrate(&nothing).await.unwrap_err();
    assert!(!format!("{error:?}{error}").contains("hush"), "{error:?}");
}

#[tokio::test]
async fn what_one_borrower_leaves_behind_the_next_does_not_see() {
    let (_, seeded) = database("fxlabs").await;
    let pool = connect(&tenant("fxlabs", &seeded.pipeline, "direct")).await.unwrap();
    for _ in 0..4 {
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(count(&mut connection, "select count(*) from bellwether.sink_cursor").await, 0);
        run(&mut connection, "set app.tenant_id = 'hextech'").await;
        run(&mut connection, "begin; set local app.tenant_id = 'fxlabs'").await;
        run(&mut connection, "insert into bellwether.sink_cursor (sink) values ('rows')").await;
    }
    let mut connection = pool.acquire().await.unwrap();
    let tenant: String = sqlx::query_scalar("select current_setting('app.tenant_id')")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(tenant, "fxlabs");
    let waits: String =
        sqlx::query_scalar("show statement_timeout").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(waits, "30s");
}

#[tokio::test]
async fn every_transaction_knows_its_tenant_and_ends_by_itself_when_it_takes_too_long() {
    let (_, seeded) = database("fxlabs").await;
    let mode = tenant("fxlabs", &seeded.pipeline, "transaction");
    let pool = connect(&mode).await.unwrap();
    for transaction in [begin(&pool, &mode.id).await, begin_snapshot(&pool, &mode.id).await] {
        let mut transaction = transaction.unwrap();
        for (setting, expected) in [
            ("app.tenant_id", "fxlabs"),
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "1min"),
        ] {
            let found: String = sqlx::query_scalar("select current_setting($1)")
                .bind(setting)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            assert_eq!(found, expected, "{setting}");
        }
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_cursor_is_one_sinks_own_waits_for_who_holds_it_and_never_moves_back() {
    let (_, seeded) = database("fxlabs").await;
    let mode = tenant("fxlabs", &seeded.pipeline, "direct");
    let pool = connect(&mode).await.unwrap();
    let statements = Statements::of(&mode);
    let at = |offset, next_offset| Cursor { cause: Cause { offset, index: 0 }, next_offset };
    let mut first = begin(&pool, &mode.id).await.unwrap();
    assert_eq!(cursor::lock(&mut first, statements, "rows").await.unwrap(), Cursor::START);
    cursor::advance(&mut first, statements, "rows", at(5, 9), None).await.unwrap();
    assert!(cursor::advance(&mut first, statements, "rows", at(4, 9), None).await.is_err(), "back");
    assert!(
        cursor::advance(&mut first, statements, "mail", at(6, 9), None).await.is_err(),
        "there is none yet"
    );
    cursor::advance(&mut first, statements, "rows", at(5, 3), None).await.unwrap();
    assert_eq!(cursor::lock(&mut first, statements, "mail").await.unwrap(), Cursor::START);
    first.commit().await.unwrap();

    let mut second = begin(&pool, &mode.id).await.unwrap();
    assert_eq!(cursor::lock(&mut second, statements, "rows").await.unwrap(), at(5, 9));
    let mut third = begin(&pool, &mode.id).await.unwrap();
    run(&mut third, "set local lock_timeout = '50ms'").await;
    let error = cursor::lock(&mut third, statements, "rows").await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "55P03");
}

#[tokio::test]
async fn an_alert_table_whose_changes_nobody_notices_is_a_fault() {
    let (_, seeded) = database("fxlabs").await;
    assert!(database::check(&seeded.admin).await.unwrap().is_empty());
    let mut admin = open(&seeded.admin).await;
    for (harm, cure) in [
        (
            "alter table rsi_tracker_alerts disable trigger bellwether_update",
            "alter table rsi_tracker_alerts enable trigger bellwether_update",
        ),
        (
            "select bellwether.watch('rsi_tracker_alerts', 'rsi_tracker', 'timeframe')",
            "select bellwether.watch('rsi_tracker_alerts', 'rsi_tracker',
                                     'timeframe', 'rsi_period', 'rsi_overbought', 'rsi_oversold')",
        ),
    ] {
        run(&mut admin, harm).await;
        let findings = database::check(&seeded.admin).await.unwrap();
        assert!(findings.len() == 1 && findings[0].is_fault(), "{harm}: {findings:?}");
        assert!(findings[0].found.contains("not noticed"), "{findings:?}");
        run(&mut admin, cure).await;
    }
    assert!(database::check(&seeded.admin).await.unwrap().is_empty());
}

#[tokio::test]
async fn in_transaction_mode_the_tenant_is_known_inside_a_transaction_only() {
    let (_, seeded) = database("fxlabs").await;
    let mode = tenant("fxlabs", &seeded.pipeline, "transaction");
    let pool = connect(&mode).await.unwrap();
    let mut transaction = begin(&pool, &mode.id).await.unwrap();
    run(&mut transaction, "insert into bellwether.sink_cursor (sink) values ('rows')").await;
    transaction.commit().await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(count(&mut connection, "select count(*) from bellwether.sink_cursor").await, 0);
}

#[tokio::test]
async fn a_trigger_of_a_user_just_deleted_is_told_from_a_bad_row() {
    let (_, seeded) = database("fxlabs").await;
    let pool = connect(&tenant("fxlabs", &seeded.pipeline, "direct")).await.unwrap();
    run(&mut open(&seeded.admin).await, "delete from auth.users").await;
    let error = sqlx::raw_sql(TRIGGER).execute(&pool).await.unwrap_err();
    assert_eq!(classify(&error), StatementOutcome::UserGone);
    let sql = "insert into rsi_tracker_alert_triggers (id) values (gen_random_uuid())";
    let error = sqlx::raw_sql(sql).execute(&pool).await.unwrap_err();
    assert_eq!(classify(&error), StatementOutcome::Reject { code: "23502".into() });
}

/// Kind of change, version, deleted.
async fn changes(url: &bellwether_runtime::secret::Secret) -> Vec<(i64, bool, String)> {
    let sql = "select version, deleted, parameters ->> 'timeframe' from bellwether.alert_change order by seq";
    sqlx::query_as(sql).fetch_all(&mut open(url).await).await.unwrap()
}

#[tokio::test]
async fn only_what_can_change_a_result_raises_an_alerts_version() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    for sql in [
        "insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000001', '5M')",
        "update rsi_tracker_alerts set user_email = 'new@example.test', rsi_period = 14",
        "update rsi_tracker_alerts set timeframe = '1H'",
        "insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000001', '4H')
         on conflict (user_id) do update set timeframe = excluded.timeframe",
        "update rsi_tracker_alerts set is_active = false",
        "delete from auth.users",
    ] {
        run(&mut admin, sql).await;
    }
    let expected = [(1, false, "5M"), (2, false, "1H"), (3, false, "4H"), (4, false, "4H"), (5, true, "4H")];
    let expected: Vec<_> = expected.into_iter().map(|(v, d, t)| (v, d, t.to_string())).collect();
    assert_eq!(changes(&seeded.admin).await, expected);
}

#[tokio::test]
async fn a_truncated_table_and_a_changed_id_are_deletions_too() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, "insert into rsi_tracker_alerts (user_id) select id from auth.users").await;
    run(&mut admin, "update rsi_tracker_alerts set id = gen_random_uuid() where user_id = '00000000-0000-4000-8000-000000000001'").await;
    run(&mut admin, "truncate rsi_tracker_alerts").await;
    let deleted: Vec<_> =
        changes(&seeded.admin).await.into_iter().map(|(version, gone, _)| (version, gone)).collect();
    let expected = [(1, false), (1, false), (2, true), (1, false), (2, true), (2, true)];
    assert_eq!(deleted, expected);
}

#[tokio::test]
async fn a_change_that_is_rolled_back_was_none() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, "begin; insert into rsi_tracker_alerts (user_id) select id from auth.users; rollback")
        .await;
    assert!(changes(&seeded.admin).await.is_empty());
}
