//! What is kept for a time, and what goes when a user is to be forgotten.

use std::time::Duration;

use bellwether_database::tables::{self, forgotten, retention};
use bellwether_database::{DatabaseError, Shape, begin, connect};
use bellwether_local::seed::Seeded;
use bellwether_runtime::config::Retention;
use bellwether_schemas::UserId;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::alert_changes::{QUEUED, Stage};
use crate::kinds::{inhabited, inhabited_by_two, rows};
use crate::support::{ASHA, MAYA, OMAR, claim, count, open, refused, run, sign_in, tenant};

/// Rows of Asha's that are forty days old, and Omar's of today, in every table that loses rows by their age.
const AGED: &str = "
    insert into bellwether.mail_outbox (tenant_id, occurrence, kind, user_id, recipient, subject, message_id, content, state, created_at)
      select 'fxlabs', state || age, 'test', '00000000-0000-4000-8000-000000000001', 'asha@example.test', 'S', state || age,
        '\\x41', state, now() - make_interval(days => age)
      from unnest(array['sent', 'failed', 'pending', 'ambiguous']) state, unnest(array[40, 29]) age;
    insert into bellwether.mail_event (tenant_id, occurrence, event, at)
      select 'fxlabs', 'sent40', 'sent', now() - make_interval(days => age) from unnest(array[40, 41, 29]) age;
    update bellwether.mail_outbox set due_at = now() + interval '1 day';";

async fn both_shapes() -> [(Shape, Seeded); 2] {
    let [shared, _] = inhabited_by_two().await;
    [(Shape::Dedicated, inhabited().await), (Shape::Shared, shared)]
}

/// Ages every row of Asha's triggers of all kinds, whatever the bar they tell of.
async fn age(admin: &mut PgConnection, days: i32) {
    for kind in tables::all() {
        let sql = format!(
            "update {} set created_at = now() - interval '{days} days' where user_id = '{ASHA}'",
            kind.triggers.name
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *admin).await.unwrap();
    }
}

#[tokio::test]
async fn each_table_loses_what_is_past_its_time_so_much_at_once_and_nothing_else() {
    for (shape, seeded) in both_shapes().await {
        let mut admin = open(&seeded.admin).await;
        run(&mut admin, AGED).await;
        age(&mut admin, 40).await;
        let tenant = tenant("fxlabs", &seeded.pipeline, "direct");
        let pool = connect(&tenant).await.unwrap();
        let days = |days: u64| Duration::from_hours(days * 24);
        let kept = Retention {
            journal: days(35),
            user_events: days(35),
            triggers: days(35),
            mail_bodies: days(35),
            mail_events: days(35),
        };
        let mut gone = Vec::new();
        for (table, age) in retention::ages(&kept) {
            let mut transaction = begin(&pool, &tenant.id).await.unwrap();
            let mut rows = 0;
            while let 1.. = {
                let some = retention::retire(&mut transaction, table, age, 1).await.unwrap();
                rows += some;
                some
            } {}
            gone.push((table, rows));
            transaction.commit().await.unwrap();
        }
        let mut expected: Vec<_> = tables::all().map(|kind| (kind.triggers.name, 1)).collect();
        expected.extend([("user_events", 0), ("mail_outbox", 2), ("mail_event", 2)]);
        assert_eq!(gone, expected, "{shape:?}");
        for (of, expected) in [
            ("rsi_tracker_alert_triggers where tenant_id = 'fxlabs'", 1),
            ("bellwether.mail_outbox", 8),
            ("bellwether.mail_outbox where content is null and occurrence in ('sent40', 'failed40')", 2),
            (
                "bellwether.mail_outbox where content is null and content_sha256 = sha256('\\x41'::bytea) and subject = 'S'",
                2,
            ),
            ("bellwether.mail_event", 1),
        ] {
            assert_eq!(rows(&mut admin, of).await, expected, "{shape:?}: {of}");
        }
    }
}

#[tokio::test]
async fn nothing_young_nothing_of_nobody_and_no_other_table_is_retired() {
    for (shape, seeded) in both_shapes().await {
        let mut admin = open(&seeded.admin).await;
        age(&mut admin, 400).await;
        let mut pipeline = open(&seeded.pipeline).await;
        run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
        for (target, before) in [
            ("'rsi_tracker_alert_triggers'", "now() - interval '29 days'"),
            ("'mail_outbox'", "now()"),
            ("'mail_event'", "'infinity'"),
            ("'rsi_tracker_alert_triggers'", "null"),
            ("'rsi_tracker_alerts'", "now() - interval '31 days'"),
            ("'alert_status'", "now() - interval '31 days'"),
            ("'public.rsi_tracker_alert_triggers'", "now() - interval '31 days'"),
            ("'rsi_tracker_alert_triggers; drop table price_alerts'", "now() - interval '31 days'"),
            ("'nothing'", "now() - interval '31 days'"),
        ] {
            let sql = format!("select bellwether.retire({target}, {before}, 9)");
            let error = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut pipeline).await.unwrap_err();
            assert_eq!(
                error.as_database_error().unwrap().code().unwrap(),
                "22023",
                "{shape:?}: {target} {before}"
            );
        }
        run(&mut pipeline, "set app.tenant_id = ''").await;
        let retire = "select bellwether.retire('rsi_tracker_alert_triggers', now() - interval '31 days', 9)";
        assert_eq!(refused(&mut pipeline, retire).await, "22023");
        run(&mut pipeline, "set app.tenant_id = 'hextech'").await;
        let as_another = sqlx::raw_sql(retire).execute(&mut pipeline).await;
        assert_eq!(as_another.is_err(), shape == Shape::Shared, "{shape:?}: the role is another tenant's");
        assert_eq!(
            rows(&mut admin, &format!("rsi_tracker_alert_triggers where user_id = '{ASHA}'")).await,
            1
        );
    }
}

/// What the database holds of a user besides alerts, triggers and statuses.
const HELD: &str = "
    insert into notification_preferences (tenant_id, user_id, kind) select 'fxlabs', id, 'all' from auth.users where email <> 'maya@example.test';
    insert into user_line (tenant_id, user_id, next_seq) select 'fxlabs', id, 2 from auth.users where email <> 'maya@example.test';
    insert into user_events (tenant_id, user_id, seq, type, kind, alert_id, payload)
      select tenant_id, user_id, 1, 'status', 'rsi_tracker', gen_random_uuid(), '{}' from user_line;
    insert into bellwether.mail_outbox (tenant_id, occurrence, kind, user_id, recipient, message_id, state)
      select 'fxlabs', email, 'test', id, upper(email), email, 'sent' from auth.users where email <> 'maya@example.test';
    insert into bellwether.mail_event (tenant_id, occurrence, event) select tenant_id, occurrence, 'sent' from bellwether.mail_outbox;
    insert into bellwether.mail_suppression (tenant_id, address, reason)
      select 'fxlabs', email, 'bounced' from auth.users where email <> 'maya@example.test';
    insert into bellwether.user_followed (tenant_id, user_id, followed)
      select 'fxlabs', id, '{}' from auth.users where email <> 'maya@example.test';
    insert into bellwether.quarantine (tenant_id, source_table, reason, content)
      select 'fxlabs', 't', 'r', jsonb_build_object('user_id', id) from auth.users where email <> 'maya@example.test';";

/// Every row of every table that has the user's id or address in it.
async fn traces(admin: &mut PgConnection, user: &str, address: &str) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("select t::text from bellwether.tables_of_tenants() t order by 1")
            .fetch_all(&mut *admin)
            .await
            .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let of = format!(
            "{table} r where to_jsonb(r)::text ilike '%{user}%' or to_jsonb(r)::text ilike '%{address}%'"
        );
        let many = rows(admin, &of).await;
        if many > 0 {
            found.push(format!("{table}: {many}"));
        }
    }
    found
}

#[tokio::test]
async fn a_user_who_is_forgotten_leaves_nothing_but_the_id_and_others_keep_all() {
    for (shape, seeded) in both_shapes().await {
        let mut admin = open(&seeded.admin).await;
        run(&mut admin, HELD).await;
        let omars = traces(&mut admin, &OMAR.to_string(), "omar@example.test").await;
        let tenant = tenant("fxlabs", &seeded.pipeline, "direct");
        let pool = connect(&tenant).await.unwrap();
        let removed = forgotten::forget(&pool, &tenant.id, UserId(ASHA)).await.unwrap();
        for (table, expected) in [
            ("rsi_tracker_alerts", 1),
            ("price_alert_triggers", 1),
            ("alert_status", 6),
            ("notification_preferences", 1),
            ("user_line", 1),
            ("mail_outbox", 1),
            ("mail_event", 1),
            ("mail_suppression", 1),
            ("quarantine", 1),
            ("user_followed", 1),
        ] {
            let found = removed.iter().find(|(name, _)| name == table);
            assert_eq!(found, Some(&(table.to_owned(), expected)), "{shape:?}: {removed:?}");
        }
        assert!(removed.len() >= 20, "{removed:?}");
        let left = traces(&mut admin, &ASHA.to_string(), "asha@example.test").await;
        // The deletions that the engine is to hear of, six times created and deleted, and that she was forgotten.
        assert_eq!(left, ["bellwether.alert_change: 12", "bellwether.forgotten_user: 1"], "{shape:?}");
        let deleted = format!("bellwether.alert_change where deleted and user_id = '{ASHA}'");
        assert_eq!(rows(&mut admin, &deleted).await, 6, "{shape:?}");
        assert_eq!(traces(&mut admin, &OMAR.to_string(), "omar@example.test").await, omars, "{shape:?}");
        let again = forgotten::forget(&pool, &tenant.id, UserId(ASHA)).await.unwrap();
        assert!(again.iter().all(|(_, rows)| *rows == 0), "{shape:?}: {again:?}");
    }
}

#[tokio::test]
async fn nobody_forgets_another_tenants_user_and_nobody_but_the_pipeline_forgets() {
    let [seeded, other] = inhabited_by_two().await;
    let mut admin = open(&seeded.admin).await;
    let before = traces(&mut admin, &MAYA.to_string(), "maya@example.test").await;
    let ours = tenant("fxlabs", &seeded.pipeline, "direct");
    let pool = connect(&ours).await.unwrap();
    let error = forgotten::forget(&pool, &ours.id, UserId(MAYA)).await.unwrap_err();
    assert!(matches!(error, DatabaseError::ForeignUser { .. }), "{error}");
    let mut pipeline = open(&other.pipeline).await;
    let forget = "select * from bellwether.forget('00000000-0000-4000-8000-000000000001')";
    run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
    assert_eq!(refused(&mut pipeline, forget).await, "22023", "a role of another tenant");
    run(&mut pipeline, "set app.tenant_id = 'hextech'").await;
    assert_eq!(refused(&mut pipeline, forget).await, "P0002", "a user of another tenant");
    assert_eq!(refused(&mut pipeline, "select * from bellwether.forget(null)").await, "22023");
    let mut gateway = open(&seeded.gateway).await;
    run(&mut gateway, "set app.tenant_id = 'fxlabs'").await;
    assert_eq!(refused(&mut gateway, forget).await, "42501");
    sign_in(&mut admin, ASHA).await;
    assert_eq!(refused(&mut admin, forget).await, "42501", "users have no function that takes a user");
    run(&mut admin, "reset role").await;
    assert_eq!(traces(&mut admin, &MAYA.to_string(), "maya@example.test").await, before);
    // Whoever Auth no longer knows leaves rows that may go.
    run(&mut admin, "delete from auth.users where id = '00000000-0000-4000-8000-000000000001'").await;
    forgotten::forget(&pool, &ours.id, UserId(ASHA)).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_user_is_no_recipient_until_an_alert_is_saved_again() {
    for (shape, seeded) in both_shapes().await {
        let tenant = tenant("fxlabs", &seeded.pipeline, "direct");
        let pool = connect(&tenant).await.unwrap();
        let mut admin = open(&seeded.admin).await;
        let told = "select count(*) from bellwether.recipients where email = 'asha@example.test'";
        let mut pipeline = open(&seeded.pipeline).await;
        run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
        assert_eq!(count(&mut pipeline, told).await, 1, "{shape:?}");
        forgotten::forget(&pool, &tenant.id, UserId(ASHA)).await.unwrap();
        assert_eq!(count(&mut pipeline, told).await, 0, "{shape:?}");
        sign_in(&mut admin, ASHA).await;
        run(&mut admin, "insert into rsi_tracker_alerts (user_id) values (auth.uid())").await;
        assert_eq!(count(&mut pipeline, told).await, 1, "{shape:?}");
        run(&mut admin, "reset role").await;
        claim(&mut admin, None::<Uuid>, None).await;
        assert_eq!(count(&mut admin, "select count(*) from bellwether.forgotten_user").await, 0, "{shape:?}");
    }
}

/// Whether somebody's call of the function is under way.
const FORGETTING: &str = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and query like '%bellwether.forget($1)%' and pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_was_saving_when_they_were_forgotten_does_not_come_back() {
    for (shape, seeded) in both_shapes().await {
        let mut admin = open(&seeded.admin).await;
        run(&mut admin, HELD).await;
        let tenant = tenant("fxlabs", &seeded.pipeline, "direct");
        let pool = connect(&tenant).await.unwrap();
        let mut saving = open(&seeded.admin).await;
        sign_in(&mut saving, ASHA).await;
        for save in [
            "begin",
            "delete from rsi_tracker_alerts",
            "insert into rsi_tracker_alerts (user_id) values (auth.uid())",
            "insert into notification_preferences (user_id, kind) values (auth.uid(), 'rsi_tracker')",
        ] {
            run(&mut saving, save).await;
        }
        let id = tenant.id.clone();
        let mut forgetting =
            tokio::spawn(async move { forgotten::forget(&pool, &id, UserId(ASHA)).await.unwrap() });
        while !forgetting.is_finished() && count(&mut admin, FORGETTING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Another user's edit is let through meanwhile.
        sign_in(&mut admin, OMAR).await;
        run(&mut admin, "update rsi_tracker_alerts set timeframe = '4H'").await;
        run(&mut admin, "reset role").await;
        assert!(!forgetting.is_finished(), "{shape:?}: it does not wait for who is saving");
        run(&mut saving, "commit").await;
        let removed = (&mut forgetting).await.unwrap();
        assert!(removed.contains(&("notification_preferences".to_owned(), 2)), "{shape:?}: {removed:?}");
        claim(&mut admin, None::<Uuid>, None).await;
        let left = traces(&mut admin, &ASHA.to_string(), "asha@example.test").await;
        assert_eq!(left, ["bellwether.alert_change: 14", "bellwether.forgotten_user: 1"], "{shape:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_hears_that_a_forgotten_users_alerts_are_gone() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    stage.user_does("insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000001', '5M')").await;
    stage.journal_has("the alert", |change| !change.deleted).await;
    let tenant = stage.tenant().clone();
    let pool = connect(&tenant).await.unwrap();
    forgotten::forget(&pool, &tenant.id, UserId(ASHA)).await.unwrap();
    stage.journal_has("that it is gone", |change| change.deleted && change.version == 2).await;
    stage.database_has(QUEUED, 0).await;
    stage.stop().await;
    let held = "select (select count(*) from alert_status) + (select count(*) from user_line)";
    assert_eq!(count(&mut open(&stage.admin).await, held).await, 0, "nobody is told of it any more");
}
