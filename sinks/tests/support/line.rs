//! What the rows sink writes into users' lines, over a real Postgres.

use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Outcome, TriggerFired};
use sqlx::{AssertSqlSafe, Executor};

use super::support::proxy::Proxy;
use super::support::*;
use super::{forget_position, new_home, one_of_each_kind};
use bellwether_sinks::rows;

impl Home {
    /// A user's events, lowest number first: what each is about. Their numbers are 1, 2, 3 … without holes.
    async fn line(&self, number: usize) -> Vec<String> {
        let events = format!(
            "select seq, coalesce(trigger_id::text, (payload ->> 'version') || ' ' || (payload ->> 'state'))
             from public.user_events where user_id = '{}' order by seq",
            user(number)
        );
        let mut admin = self.admin().await;
        let events: Vec<(i64, String)> =
            sqlx::query_as(AssertSqlSafe(events)).fetch_all(&mut admin).await.unwrap();
        assert!(events.iter().map(|(seq, _)| *seq).eq(1..=events.len() as i64), "{events:?}");
        let next = format!("select next_seq from public.user_line where user_id = '{}'", user(number));
        let next: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(next)).fetch_optional(&mut admin).await.unwrap();
        assert_eq!(next.unwrap_or(1), events.len() as i64 + 1);
        events.into_iter().map(|(_, about)| about).collect()
    }
}

fn told(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| trigger("fxlabs", number).id.to_string()).collect()
}

fn stands(number: usize, version: i64, state: AlertState) -> Outcome {
    let Outcome::Status(status) = status("fxlabs", number, state) else { unreachable!() };
    let cause = Cause { offset: number as i64, index: 0 };
    Outcome::Status(AlertStatus { version, cause, reason: None, ..status })
}

#[tokio::test]
async fn a_users_line_has_what_changed_in_the_order_of_causes() {
    let database = new_home("told", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let sink = Sink::start(&world);
    let of_another = Outcome::Fired(TriggerFired { user_id: user(1), ..trigger("fxlabs", 4) });
    world
        .append(
            "fxlabs",
            &[
                stands(0, 3, AlertState::Warming),
                stands(1, 3, AlertState::Active),
                // Said already, and of an older version: nothing changes.
                stands(2, 3, AlertState::Active),
                stands(3, 2, AlertState::Refused),
                of_another,
                Outcome::Fired(trigger("fxlabs", 5)),
                stands(6, 4, AlertState::Active),
                Outcome::Fired(trigger("fxlabs", 7)),
            ],
        )
        .await;
    database.passed(8).await;
    world.append("fxlabs", &[stands(8, 4, AlertState::Active), stands(9, 4, AlertState::Spent)]).await;
    database.passed(10).await;
    sink.stop(&mut world).await;
    let [fifth, seventh] = [5, 7].map(|number| trigger("fxlabs", number).id.to_string());
    assert_eq!(database.line(0).await, ["3 warming", "3 active", &*fifth, "4 active", &*seventh, "4 spent"]);
    assert_eq!(database.line(1).await, [trigger("fxlabs", 4).id.to_string()]);
}

#[tokio::test]
async fn a_line_is_the_same_however_the_topic_is_cut_into_batches() {
    let outcome = |number: usize| match number % 5 {
        0 => stands(number, number as i64 / 20, [AlertState::Warming, AlertState::Active][number / 5 % 2]),
        _ => Outcome::Fired(TriggerFired { user_id: user(number % 3), ..trigger("fxlabs", number) }),
    };
    let outcomes: Vec<Outcome> = (0..300).map(outcome).collect();
    let mut lines = Vec::new();
    for (name, size) in [("whole", 300), ("pieces", 7)] {
        let database = new_home(name, "fxlabs").await;
        let mut world = World::new(vec![database.tenant.clone()]);
        let sink = Sink::start(&world);
        for (part, outcomes) in outcomes.chunks(size).enumerate() {
            world.append("fxlabs", outcomes).await;
            database.passed((part * size + outcomes.len()) as u64).await;
        }
        sink.stop(&mut world).await;
        lines.push([database.line(0).await, database.line(1).await, database.line(2).await]);
    }
    assert_eq!(lines[0], lines[1]);
    assert!(lines[0].iter().all(|line| line.len() > 70), "{lines:?}");
}

#[tokio::test]
async fn what_is_delivered_again_takes_no_number_and_a_deleted_row_leaves_its_event() {
    let database = new_home("takes", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let sink = Sink::start(&world);
    database.passed(10).await;
    sink.stop(&mut world).await;
    database.execute("delete from public.rsi_tracker_alert_triggers").await;

    forget_position(&world);
    world.append("fxlabs", &fired("fxlabs", 3..12)).await;
    let sink = Sink::start(&world);
    database.passed(19).await;
    sink.stop(&mut world).await;
    assert_eq!(database.line(0).await, told(0..12));
}

#[tokio::test]
async fn a_row_that_is_there_already_takes_no_number() {
    let database = new_home("there", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let mut outcomes = one_of_each_kind(0);
    outcomes.extend(fired("fxlabs", 6..20));
    world.append("fxlabs", &outcomes).await;
    let sink = Sink::start(&world);
    database.passed(20).await;
    sink.stop(&mut world).await;
    let before = database.line(0).await;
    assert_eq!(before.len(), 20);

    database.execute("delete from bellwether.sink_cursor").await;
    forget_position(&world);
    world.append("fxlabs", &fired("fxlabs", 20..21)).await;
    let sink = Sink::start(&world);
    database.passed(21).await;
    sink.stop(&mut world).await;
    assert_eq!(database.line(0).await, [before, told(20..21)].concat());
}

#[tokio::test]
async fn a_poison_row_and_a_user_who_is_gone_leave_no_hole() {
    let database = new_home("hole", "fxlabs").await;
    let mut world = World::new(vec![database.tenant.clone()]);
    database.execute(&format!("delete from auth.users where id = '{}'", user(1))).await;
    let outcome = |number: usize| {
        let whose = if number % 3 == 1 { user(1) } else { user(0) };
        let fired = TriggerFired { user_id: whose, ..trigger("fxlabs", number) };
        let poison = bellwether_schemas::triggers::Condition::Above;
        let condition = if number == 12 { poison } else { fired.condition };
        Outcome::Fired(TriggerFired { condition, ..fired })
    };
    world.append("fxlabs", &(0..60).map(outcome).collect::<Vec<_>>()).await;
    let sink = Sink::start(&world);
    database.passed(60).await;
    sink.stop(&mut world).await;
    let expected: Vec<String> = (0..60)
        .filter(|number| number % 3 != 1 && *number != 12)
        .map(|number| trigger("fxlabs", number).id.to_string())
        .collect();
    assert_eq!(database.line(0).await, expected);
    assert_eq!(database.line(1).await, [""; 0]);
}

#[tokio::test]
async fn a_line_is_exact_when_two_sinks_write_and_answers_to_commits_are_lost() {
    let proxy = Proxy::to(server().await.port()).await;
    let database = new_home("exact", "fxlabs").await.over(&proxy);
    let mut worlds = [World::new(vec![database.tenant.clone()]), World::new(vec![database.tenant.clone()])];
    let sinks = [Sink::start(&worlds[0]), Sink::start(&worlds[1])];
    for from in (0..600).step_by(20) {
        proxy.swallow_commits(1);
        for world in &worlds {
            world.append("fxlabs", &fired("fxlabs", from..from + 20)).await;
        }
        database.passed(from as u64 + 20).await;
    }
    for (sink, world) in sinks.into_iter().zip(&mut worlds) {
        eventually("its end", async || world.committed(rows::SINK, "fxlabs") == 600).await;
        sink.stop(world).await;
    }
    assert_eq!(database.line(0).await, told(0..600));
}

#[tokio::test]
async fn events_that_the_tenant_keeps_no_longer_go_when_a_sink_starts() {
    let mut database = new_home("kept", "fxlabs").await;
    database.tenant.retention.user_events = std::time::Duration::from_secs(40 * 86_400);
    let mut world = World::new(vec![database.tenant.clone()]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let sink = Sink::start(&world);
    database.passed(10).await;
    sink.stop(&mut world).await;
    let mut admin = database.admin().await;
    admin
        .execute("update public.user_events set at = now() - interval '41 days' where seq <= 6")
        .await
        .unwrap();
    admin
        .execute("update public.user_events set at = now() - interval '39 days' where seq > 6")
        .await
        .unwrap();
    // The rows themselves are kept 400 days: two of them are past that.
    admin
        .execute(
            "update public.rsi_tracker_alert_triggers set created_at = now() - interval '401 days'
             where id in (select id from public.rsi_tracker_alert_triggers limit 2)",
        )
        .await
        .unwrap();
    let sink = Sink::start(&world);
    let first = "select first_seq from public.user_line";
    eventually("the first number", async || database.number(first).await == 7).await;
    eventually("the rows", async || database.rows().await == 8).await;
    sink.stop(&mut world).await;
    assert_eq!(database.number("select count(*) from public.user_events").await, 4);
}
