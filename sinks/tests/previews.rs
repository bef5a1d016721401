//! The rows sink's previews over an embedded log and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::encode_preview;
use bellwether_schemas::previews::{AlertPreview, Preview, PreviewState, UserFollowed};
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Timestamp, Topic, TopicKind, UserId};
use support::*;

fn preview(of: &str, version: i64, times: i64) -> AlertPreview {
    AlertPreview {
        tenant: of.parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(0),
        version,
        offset: 1,
        state: PreviewState::Answered,
        by_minutes: false,
        from: None,
        to: None,
        times,
        per_week: None,
        last: Vec::new(),
        followed: Vec::new(),
    }
}

async fn append(world: &World, topic: &str, previews: &[AlertPreview]) {
    let record = |preview: &AlertPreview| NewRecord {
        key: preview.key().into_bytes(),
        value: encode_preview(&Preview::Alert(preview.clone())).unwrap(),
    };
    let topic = Topic::new(&topic.parse().unwrap(), TopicKind::Previews);
    world.log.append(&topic, previews.iter().map(record).collect()).answer().await.unwrap();
}

/// How often the alert would have fired, as its row says; -1: it says nothing.
async fn says(home: &Home) -> i64 {
    let sql = "select coalesce((select (would_have ->> 'times')::bigint from public.alert_status), -1)";
    home.number(sql).await
}

#[tokio::test]
async fn a_preview_waits_for_its_status_survives_a_restart_and_is_nobody_elses() {
    let (home, other) = (Home::new("previews", "fxlabs", 1).await, Home::new("previews", "hextech", 1).await);
    let mut world = World::new(vec![home.tenant.clone(), other.tenant.clone()]);
    // Before its status, among what is another tenant's and what nobody can read.
    append(&world, "fxlabs", &[preview("hextech", 3, 99), preview("fxlabs", 3, 14)]).await;
    let garbage = NewRecord { key: b"x".to_vec(), value: b"nobody can read this".to_vec() };
    let topic = Topic::new(&home.tenant.id, TopicKind::Previews);
    world.log.append(&topic, vec![garbage]).answer().await.unwrap();
    let sink = Sink::start(&world);
    for tenant in ["fxlabs", "hextech"] {
        world.append(tenant, &[status(tenant, 1, AlertState::Active)]).await;
    }
    eventually("the preview", async || says(&home).await == 14).await;
    append(&world, "fxlabs", &[preview("fxlabs", 3, 15)]).await;
    eventually("the one after it", async || says(&home).await == 15).await;
    sink.stop(&mut world).await;
    home.execute("update public.alert_status set would_have = null").await;
    let sink = Sink::start(&world);
    eventually("what was stored before", async || says(&home).await == 15).await;
    sink.stop(&mut world).await;
    assert_eq!(says(&other).await, -1);
}

fn told(of: &str, user: UserId, triggers: i64) -> NewRecord {
    let (tenant, from, to) = (of.parse().unwrap(), Timestamp(0), Timestamp(1));
    let followed = UserFollowed { tenant, user_id: user, from, to, triggers, moved: None };
    let preview = Preview::User(followed);
    NewRecord { key: preview.key().into_bytes(), value: encode_preview(&preview).unwrap() }
}

async fn tell(world: &World, topic: &str, records: Vec<NewRecord>) {
    let topic = Topic::new(&topic.parse().unwrap(), TopicKind::Previews);
    world.log.append(&topic, records).answer().await.unwrap();
}

/// How many triggers users are told of, fewest first.
async fn triggers_of(home: &Home) -> String {
    let sql = "select coalesce(string_agg(followed ->> 'triggers', ' ' order by (followed ->> 'triggers')::int), '')
        from bellwether.user_followed";
    sqlx::query_scalar(sql).fetch_one(&mut home.admin().await).await.unwrap()
}

#[tokio::test]
async fn what_a_user_is_told_is_the_newest_goes_with_its_tombstone_and_is_not_stored_of_who_was_forgotten() {
    let (home, other) = (Home::new("told", "fxlabs", 2).await, Home::new("told", "hextech", 2).await);
    let mut world = World::new(vec![home.tenant.clone(), other.tenant.clone()]);
    let sink = Sink::start(&world);
    let foreign = told("hextech", user(0), 99);
    tell(&world, "fxlabs", vec![told("fxlabs", user(0), 14), foreign, told("fxlabs", user(1), 3)]).await;
    eventually("what both are told", async || triggers_of(&home).await == "3 14").await;
    let nothing = NewRecord::tombstone(UserFollowed::key_of(user(1)).into_bytes());
    tell(&world, "fxlabs", vec![told("fxlabs", user(0), 15), nothing]).await;
    eventually("what one is told", async || triggers_of(&home).await == "15").await;
    home.execute(&format!(
        "insert into bellwether.forgotten_user (tenant_id, user_id) values ('fxlabs', '{}')",
        user(0)
    ))
    .await;
    tell(&world, "fxlabs", vec![told("fxlabs", user(0), 16), told("fxlabs", user(1), 5)]).await;
    eventually("what the other is told", async || triggers_of(&home).await == "5").await;
    sink.stop(&mut world).await;
    assert_eq!(triggers_of(&other).await, "");
}
