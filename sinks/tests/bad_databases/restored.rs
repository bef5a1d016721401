//! A database that is put back to what it was.

use bellwether_local::postgres::{Options, Postgres};
use bellwether_runtime::incident::{Change, IncidentKind, Incidents};
use bellwether_sinks::feed::Context;
use bellwether_sinks::rows;
use sqlx::Connection;

use crate::support::proxy::Proxy;
use crate::support::*;

/// Where the server keeps its data.
async fn data_of(home: &Home) -> String {
    sqlx::query_scalar("show data_directory").fetch_one(&mut home.admin().await).await.unwrap()
}

fn copy(from: &str, to: &str) {
    std::fs::remove_dir_all(to).ok();
    assert!(std::process::Command::new("cp").args(["-a", from, to]).status().unwrap().success());
}

#[tokio::test]
async fn an_older_backup_is_filled_again_exactly_and_the_operator_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || Postgres::start(dir.path(), Options::default()).await.unwrap();
    let server = start().await;
    let proxy = Proxy::to(server.port()).await;
    let mut home = Home::on(&server, "backup", "fxlabs", 2).await.over(&proxy);
    let mut world = World::new(vec![home.tenant.clone()]);
    let (incidents, news) = Incidents::new(world.context().clock);
    let sink = Sink::of(Context { incidents, ..world.context() });
    world.append("fxlabs", &fired("fxlabs", 0..30)).await;
    home.passed(30).await;
    home.execute("delete from public.rsi_tracker_alert_triggers where triggered_at < '2012-02-01T00:50:00Z'")
        .await;
    let kept = home.rows().await;
    assert!((10..30).contains(&kept));
    let data = data_of(&home).await;
    let backup = format!("{data}-backup");
    proxy.lead_to(None);
    server.stop().await.unwrap();
    copy(&data, &backup);

    // It goes on for a while; then its disk is lost, and the backup is all there is.
    let server = start().await;
    home.seeded.admin = server.url("backup_fxlabs");
    proxy.lead_to(Some(server.port()));
    world.append("fxlabs", &fired("fxlabs", 30..700)).await;
    home.passed(700).await;
    eventually("the commit", async || world.committed(rows::SINK, "fxlabs") == 700).await;
    proxy.lead_to(None);
    server.stop().await.unwrap();
    copy(&backup, &data);
    let server = start().await;
    home.seeded.admin = server.url("backup_fxlabs");
    proxy.lead_to(Some(server.port()));
    world.append("fxlabs", &fired("fxlabs", 700..701)).await;
    home.passed(701).await;
    sink.stop(&mut world).await;

    assert_eq!(
        home.rows().await,
        kept + 671,
        "what was deleted before stays so, what is missing is there again"
    );
    assert_eq!(
        home.number("select count(distinct id) from public.rsi_tracker_alert_triggers").await,
        kept + 671
    );
    assert_eq!(home.number("select trigger_count from public.alert_status").await, 701);
    assert_eq!(home.number("select next_seq from public.user_line").await, 702);
    let told: Vec<bool> = news
        .take()
        .into_iter()
        .filter(|((_, kind), _)| *kind == IncidentKind::Restored)
        .map(|(_, change)| matches!(change, Change::Began { text, .. } if text.contains("offset 30")))
        .collect();
    assert_eq!(told, [true, false], "it began and ended");
    let admin = sqlx::postgres::PgConnection::connect(home.seeded.admin.reveal()).await.unwrap();
    admin.close().await.unwrap();
    server.stop().await.unwrap();
    std::fs::remove_dir_all(std::path::Path::new(&data).parent().unwrap()).unwrap();
}
