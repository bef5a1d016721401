//! The rows sink over an embedded log and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/line.rs"]
mod line;
mod support;

use std::time::Duration;

use bellwether_database as database;
use bellwether_database::tables::{self, triggers};
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::samples;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Condition, Outcome, TriggerFired};
use bellwether_sinks::rows;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use support::proxy::Proxy;
use support::*;

/// A tenant's database with the users 0 to 9.
async fn new_home(name: &str, id: &str) -> Home {
    Home::new(name, id, 10).await
}

impl Home {
    /// Changes with every row that is written, deleted or written again.
    async fn state(&self) -> String {
        let sql = "select coalesce(string_agg(id || ' ' || xmin, ',' order by id), '')
                || (select coalesce(string_agg(to_jsonb(s)::text, ','), '') from public.alert_status s)
            from public.rsi_tracker_alert_triggers";
        sqlx::query_scalar(sql).fetch_one(&mut self.admin().await).await.unwrap()
    }
}

/// The group's position is lost: everything is delivered again.
fn forget_position(world: &World) {
    std::fs::remove_dir_all(world.dir.path().join("groups").join(bellwether_sinks::feed::group(rows::SINK)))
        .unwrap();
}

#[tokio::test]
async fn a_row_says_what_its_trigger_said_and_the_status_counts_it() {
    let database = new_home("says", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let second = TriggerFired { value: Some(70.126), ..trigger("fxlabs", 3) };
    world.append("fxlabs", &[status("fxlabs", 1, AlertState::Active)]).await;
    world.append("fxlabs", &fired("fxlabs", 2..3)).await;
    world.append("fxlabs", &[Outcome::Fired(second)]).await;
    let sink = Sink::start(&world);
    database.passed(3).await;

    let pool = database::connect(&database.tenant).await.unwrap();
    assert_eq!(triggers::count(&pool).await.unwrap(), 2);
    let recent = triggers::recent(&pool, 10).await.unwrap();
    let (newest, first) = (&recent[0], trigger("fxlabs", 2));
    assert_eq!(
        (newest.value, newest.symbol.as_str(), newest.timeframe.as_str()),
        (Some(70.13), "EURUSDm", "5M")
    );
    assert_eq!((recent[1].id, recent[1].alert_id, recent[1].user_id), (first.id.0, alert(0).0, user(0).0));
    assert_eq!((recent[1].triggered_at, recent[1].price), (first.close_time.utc(), Some(1.31415)));
    assert_eq!((recent[1].condition.as_str(), recent[1].value), ("overbought", Some(71.25)));
    let odd = "select count(*) from public.rsi_tracker_alert_triggers
        where detail ->> 'why' = 'a test' and alert_version = 1 and tenant_id = 'fxlabs' and not is_acknowledged";
    assert_eq!(database.number(odd).await, 2);

    world.append("fxlabs", &[status("fxlabs", 4, AlertState::Refused)]).await;
    database.passed(4).await;
    let told = "select count(*) from public.alert_status where state = 'refused' and reason = 'a reason'
        and version = 3 and trigger_count = 2 and kind = 'rsi_tracker'
        and last_triggered_at = (select max(triggered_at) from public.rsi_tracker_alert_triggers)
        and effective_at = '2012-02-01T00:00:00Z'";
    assert_eq!(database.number(told).await, 1);

    world.append("fxlabs", &[status("fxlabs", 5, AlertState::Disabled)]).await;
    database.passed(5).await;
    let told = "select count(*) from public.alert_status where state = 'disabled' and trigger_count = 2";
    assert_eq!(database.number(told).await, 1);
    sink.stop(&mut world).await;
    assert_eq!(world.committed(rows::SINK, "fxlabs"), 5);
}

/// A trigger of each kind, causes from that number on.
fn one_of_each_kind(from: u16) -> Vec<Outcome> {
    let of = |(number, kind): (u16, AlertKind)| {
        Outcome::Fired(samples::trigger(&"fxlabs".parse().unwrap(), kind, alert(0), user(0), number))
    };
    (from..).zip(AlertKind::ALL).map(of).collect()
}

#[tokio::test]
async fn a_trigger_of_each_kind_is_one_row_of_its_table_however_often_it_comes() {
    let database = new_home("each", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let outcomes = one_of_each_kind(0);
    world.append("fxlabs", &outcomes).await;
    world.append("fxlabs", &outcomes).await;
    let sink = Sink::start(&world);
    database.passed(12).await;
    sink.stop(&mut world).await;
    for tables in tables::all() {
        let of_kind =
            format!("select count(*) from public.{} where tenant_id = 'fxlabs'", tables.triggers.name);
        assert_eq!(database.number(&of_kind).await, 1, "{}", tables.kind);
    }
    assert_eq!(world.dead_letters("fxlabs"), []);
}

#[tokio::test]
async fn a_trigger_whose_detail_no_table_takes_is_a_dead_letter_and_the_others_are_written() {
    let database = new_home("details", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let mut outcomes = one_of_each_kind(0);
    let Outcome::Fired(heatmap) = &mut outcomes[2] else { unreachable!() };
    heatmap.detail = r#"{"final_score":1}"#.into();
    world.append("fxlabs", &outcomes).await;
    let sink = Sink::start(&world);
    database.passed(6).await;
    sink.stop(&mut world).await;
    let pool = database::connect(&database.tenant).await.unwrap();
    assert_eq!(triggers::count(&pool).await.unwrap(), 5);
    let letters = world.dead_letters("fxlabs");
    assert_eq!((letters.len(), letters[0].offset, letters[0].reason.as_str()), (1, 2, "row_refused"));
}

#[tokio::test]
async fn a_status_of_an_older_version_does_not_hide_what_is_told_of_a_newer_one() {
    let database = new_home("older", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    database
        .execute(&format!(
            "insert into public.alert_status (alert_id, kind, user_id, version, state, reason)
             values ('{}', 'rsi_tracker', '{}', 4, 'refused', 'cannot be read')",
            alert(0),
            user(0)
        ))
        .await;
    world.append("fxlabs", &[status("fxlabs", 1, AlertState::Active)]).await;
    let sink = Sink::start(&world);
    database.passed(1).await;
    let told = "select count(*) from public.alert_status
        where version = 4 and state = 'refused' and reason = 'cannot be read'";
    assert_eq!(database.number(told).await, 1, "of version 3, the engine still says");

    let Outcome::Status(mut newer) = status("fxlabs", 2, AlertState::Active) else { unreachable!() };
    newer.version = 5;
    world.append("fxlabs", &[Outcome::Status(newer)]).await;
    database.passed(2).await;
    let told =
        "select count(*) from public.alert_status where version = 5 and state = 'active' and reason is null";
    assert_eq!(database.number(told).await, 1);
    sink.stop(&mut world).await;
}

#[tokio::test]
async fn redelivery_changes_nothing() {
    let database = new_home("again", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..700)).await;
    world.append("fxlabs", &[status("fxlabs", 700, AlertState::Active)]).await;
    let sink = Sink::start(&world);
    database.passed(701).await;
    sink.stop(&mut world).await;
    let before = database.state().await;

    forget_position(&world);
    let sink = Sink::start(&world);
    eventually("the second reading", async || world.committed(rows::SINK, "fxlabs") == 701).await;
    sink.stop(&mut world).await;
    assert_eq!(database.state().await, before);
}

#[tokio::test]
async fn a_row_deleted_by_its_user_stays_deleted() {
    let database = new_home("deleted", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let sink = Sink::start(&world);
    database.passed(10).await;
    sink.stop(&mut world).await;
    // The newest, at which the cursor stands, among them.
    let half = "delete from public.rsi_tracker_alert_triggers
        where id in (select id from public.rsi_tracker_alert_triggers order by triggered_at desc limit 5)";
    assert_eq!(database.execute(half).await, 5);

    forget_position(&world);
    // A zombie's late repeats, too, lie behind the cursor.
    world.append("fxlabs", &fired("fxlabs", 3..10)).await;
    world.append("fxlabs", &fired("fxlabs", 10..11)).await;
    let sink = Sink::start(&world);
    database.passed(18).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 6);
    assert_eq!(database.number("select trigger_count from public.alert_status").await, 11);
}

#[tokio::test]
async fn one_poison_row_of_500_is_a_dead_letter_and_499_are_written() {
    let database = new_home("poison", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let mut outcomes = fired("fxlabs", 0..500);
    outcomes[321] = Outcome::Fired(TriggerFired { condition: Condition::Above, ..trigger("fxlabs", 321) });
    world.append("fxlabs", &outcomes).await;
    let sink = Sink::start(&world);
    database.passed(500).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 499);
    assert_eq!(world.committed(rows::SINK, "fxlabs"), 500);
    let letters = world.dead_letters("fxlabs");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].offset, letters[0].reason.as_str()), (321, "row_refused"));
    assert!(letters[0].detail.starts_with("23514: "), "{}", letters[0].detail);
    let kept = bellwether_schemas::codec::decode_outcome(&letters[0].original).unwrap();
    assert_eq!(kept, outcomes[321]);
}

#[tokio::test]
async fn triggers_of_a_user_just_deleted_are_dropped_and_the_rest_is_written() {
    let database = new_home("gone", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let of = |number: usize| {
        let whose = number % 3;
        let (user_id, alert_id) = (user(whose), alert(whose));
        Outcome::Fired(TriggerFired { user_id, alert_id, ..trigger("fxlabs", number) })
    };
    assert_eq!(database.execute(&format!("delete from auth.users where id = '{}'", user(1))).await, 1);
    world.append("fxlabs", &(0..300).map(of).collect::<Vec<_>>()).await;
    let sink = Sink::start(&world);
    database.passed(300).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 200);
    assert_eq!(world.dead_letters("fxlabs"), []);
    assert_eq!(world.committed(rows::SINK, "fxlabs"), 300);
}

#[tokio::test]
async fn nothing_is_written_any_more_of_a_user_who_was_forgotten() {
    let database = new_home("forgotten", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let of = |number: usize| {
        let (user_id, alert_id) = (user(number % 3), alert(number % 3));
        if number < 3 {
            let Outcome::Status(told) = status("fxlabs", number, AlertState::Active) else { unreachable!() };
            return Outcome::Status(AlertStatus { user_id, alert_id, ..told });
        }
        Outcome::Fired(TriggerFired { user_id, alert_id, ..trigger("fxlabs", number) })
    };
    world.append("fxlabs", &(0..30).map(of).collect::<Vec<_>>()).await;
    let sink = Sink::start(&world);
    database.passed(30).await;
    let pool = database::connect(&database.tenant).await.unwrap();
    let removed = tables::forgotten::forget(&pool, &database.tenant.id, user(1)).await.unwrap();
    assert!(removed.contains(&("rsi_tracker_alert_triggers".into(), 9)), "{removed:?}");
    // What was told of it before and is read again, and what is told of it afterwards.
    world.append("fxlabs", &(30..60).map(of).collect::<Vec<_>>()).await;
    database.passed(60).await;
    sink.stop(&mut world).await;
    forget_position(&world);
    let sink = Sink::start(&world);
    eventually("its end", async || world.committed(rows::SINK, "fxlabs") == 60).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 38);
    for table in ["rsi_tracker_alert_triggers", "alert_status", "user_events", "user_line"] {
        let held = format!("select count(*) from {table} where user_id = '{}'", user(1));
        assert_eq!(database.number(&held).await, 0, "{table}");
    }
    assert_eq!(world.dead_letters("fxlabs"), []);
}

#[tokio::test]
async fn a_table_that_refuses_everybody_is_waited_for() {
    let database = new_home("revoked", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    database.execute("revoke insert on public.rsi_tracker_alert_triggers from bellwether_pipeline").await;
    world.append("fxlabs", &fired("fxlabs", 0..20)).await;
    let sink = Sink::start(&world);
    let tried = "select n_tup_ins from pg_stat_all_tables where relname = 'sink_cursor'";
    eventually("some tries", async || database.number(tried).await >= 2).await;
    assert_eq!((database.rows().await, world.dead_letters("fxlabs").len()), (0, 0));
    database.execute("grant insert on public.rsi_tracker_alert_triggers to bellwether_pipeline").await;
    database.passed(20).await;
    sink.stop(&mut world).await;
    assert_eq!((database.rows().await, world.dead_letters("fxlabs").len()), (20, 0));
}

#[tokio::test]
async fn a_table_of_which_nothing_is_wanted_may_refuse() {
    let database = new_home("unused", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    database.execute("revoke insert on public.price_alert_triggers from bellwether_pipeline").await;
    let sink = Sink::start(&world);
    let looked = "select count(*) from bellwether.sink_cursor";
    eventually("a look at where it stands", async || database.number(looked).await == 1).await;
    world.append("fxlabs", &fired("fxlabs", 0..5)).await;
    database.passed(5).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 5);
}

#[tokio::test]
async fn a_restored_database_is_filled_again_from_where_it_stands() {
    let database = new_home("restored", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..50)).await;
    let sink = Sink::start(&world);
    database.passed(50).await;
    sink.stop(&mut world).await;
    assert_eq!(world.committed(rows::SINK, "fxlabs"), 50);
    // As a backup had it when the cursor stood behind the first ten.
    database.execute("delete from public.rsi_tracker_alert_triggers").await;
    let back = "update bellwether.sink_cursor set cause_offset = 9, cause_index = 0, next_offset = 10";
    assert_eq!(database.execute(back).await, 1);

    let sink = Sink::start(&world);
    // Seen without a trigger to come first.
    database.passed(50).await;
    world.append("fxlabs", &fired("fxlabs", 50..51)).await;
    database.passed(51).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 41);
}

#[tokio::test]
async fn a_lost_cursor_writes_no_row_again() {
    let database = new_home("cursor", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..600)).await;
    let sink = Sink::start(&world);
    database.passed(600).await;
    sink.stop(&mut world).await;
    let before = database.state().await;
    assert_eq!(database.execute("delete from bellwether.sink_cursor").await, 1);

    forget_position(&world);
    let sink = Sink::start(&world);
    database.passed(600).await;
    sink.stop(&mut world).await;
    assert_eq!(database.state().await, before);
    assert_eq!(world.dead_letters("fxlabs"), []);
}

#[tokio::test]
async fn a_sink_that_waits_for_another_begins_where_that_one_ended() {
    let database = new_home("locked", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..5)).await;
    let sink = Sink::start(&world);
    database.passed(5).await;

    // Another sink wrote the next five, and their user deleted them at once.
    let mut other = database.admin().await;
    let mut transaction = other.begin().await.unwrap();
    let update = "update bellwether.sink_cursor set cause_offset = 9, cause_index = 0, next_offset = 10";
    transaction.execute(update).await.unwrap();
    world.append("fxlabs", &fired("fxlabs", 5..11)).await;
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the sink to wait", async || database.number(waiting).await == 1).await;
    transaction.commit().await.unwrap();
    database.passed(11).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 6);
}

#[tokio::test]
async fn two_sinks_at_once_write_each_row_once() {
    let database = new_home("twice", "fxlabs").await;
    let mut worlds = [World::new(vec![database.tenant.clone()]), World::new(vec![database.tenant.clone()])];
    let sinks = [Sink::start(&worlds[0]), Sink::start(&worlds[1])];
    for from in (0..1000).step_by(50) {
        for world in &worlds {
            world.append("fxlabs", &fired("fxlabs", from..from + 50)).await;
        }
    }
    for (sink, world) in sinks.into_iter().zip(&mut worlds) {
        eventually("its end", async || world.committed(rows::SINK, "fxlabs") == 1000).await;
        sink.stop(world).await;
    }
    assert_eq!(database.rows().await, 1000);
    assert_eq!(database.number("select trigger_count from public.alert_status").await, 1000);
}

#[tokio::test]
async fn rows_are_exact_when_the_answer_to_a_commit_is_lost_100_times() {
    let proxy = Proxy::to(server().await.port()).await;
    let database = new_home("unanswered", "fxlabs").await.over(&proxy);
    let mut world = World::new(vec![database.tenant.clone()]);
    let sink = Sink::start(&world);
    for round in 0..100 {
        proxy.swallow_commits(1);
        world.append("fxlabs", &fired("fxlabs", round * 3..round * 3 + 3)).await;
        let next_offset = (round as u64 + 1) * 3;
        eventually("the commit", async || world.committed(rows::SINK, "fxlabs") == next_offset).await;
        assert_eq!(proxy.left_to_swallow(), 0);
    }
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 300);
    assert_eq!(database.number("select trigger_count from public.alert_status").await, 300);
}

#[tokio::test]
async fn one_tenants_outage_delays_no_other_and_costs_it_nothing() {
    let proxy = Proxy::to(server().await.port()).await;
    let down = new_home("outage", "fxlabs").await.over(&proxy);
    let up = new_home("outage", "hextech").await;
    let mut world = World::new(vec![down.tenant.clone(), up.tenant.clone()]);
    let sink = Sink::start(&world);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    down.passed(10).await;
    proxy.lead_to(None);
    world.append("fxlabs", &fired("fxlabs", 10..5000)).await;
    for number in 0..40 {
        world.append("hextech", &fired("hextech", number..number + 1)).await;
        up.passed(number as u64 + 1).await;
    }
    assert_eq!((down.rows().await, up.rows().await), (10, 40));
    assert_eq!(world.committed(rows::SINK, "fxlabs"), 10);
    proxy.lead_to(Some(server().await.port()));
    down.passed(5000).await;
    sink.stop(&mut world).await;
    assert_eq!((down.rows().await, up.rows().await), (5000, 40));
}

#[tokio::test]
async fn a_killed_database_gets_every_row_once_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let proxy = Proxy::to(server.port()).await;
    let database = Home::on(&server, "killed", "fxlabs", 10).await.over(&proxy);
    let mut world = World::new(vec![database.tenant.clone()]);
    let sink = Sink::start(&world);
    world.append("fxlabs", &fired("fxlabs", 0..2000)).await;
    eventually("the first rows", async || database.rows().await > 0).await;
    let kill = std::process::Command::new("kill").args(["-9", &server.pid().to_string()]).status();
    assert!(kill.unwrap().success());
    world.append("fxlabs", &fired("fxlabs", 2000..3000)).await;
    drop(server);

    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    proxy.lead_to(Some(server.port()));
    eventually("all of it", async || world.committed(rows::SINK, "fxlabs") == 3000).await;
    sink.stop(&mut world).await;
    let url = server.url("killed_fxlabs");
    let mut admin = PgConnection::connect(url.reveal()).await.unwrap();
    let count = "select count(*) from public.rsi_tracker_alert_triggers";
    let written: i64 = sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap();
    assert_eq!(written, 3000);
    let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut admin).await.unwrap();
    server.stop().await.unwrap();
    std::fs::remove_dir_all(std::path::Path::new(&data).parent().unwrap()).unwrap();
}

#[tokio::test]
async fn shutdown_with_the_database_away_ends_and_loses_nothing() {
    let proxy = Proxy::to(server().await.port()).await;
    let database = new_home("shutdown", "fxlabs").await.over(&proxy);
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let sink = Sink::start(&world);
    database.passed(10).await;
    proxy.lead_to(None);
    world.append("fxlabs", &fired("fxlabs", 10..20)).await;
    // Who waits for a database does not use up the time that others have to finish.
    tokio::time::timeout(Duration::from_secs(8), sink.stop(&mut world)).await.unwrap();
    assert_eq!(database.rows().await, 10);
    proxy.lead_to(Some(server().await.port()));
    let sink = Sink::start(&world);
    database.passed(20).await;
    sink.stop(&mut world).await;
    assert_eq!(database.rows().await, 20);
}
