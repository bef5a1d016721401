//! The rows sink's previews over an embedded log and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::encode_preview;
use bellwether_schemas::previews::{AlertPreview, PreviewState};
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Topic, TopicKind};
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
        value: encode_preview(preview).unwrap(),
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
