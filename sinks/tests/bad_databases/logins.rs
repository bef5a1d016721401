//! Passwords that change.

use std::path::Path;

use bellwether_runtime::incident::Incidents;
use bellwether_runtime::secret::Secret;
use bellwether_runtime::tenants::Directory;
use bellwether_sinks::feed::Context;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::proxy::Proxy;
use crate::support::*;

/// Written aside and renamed, as whoever rotates a secret does.
fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join("aside"), text).unwrap();
    std::fs::rename(dir.join("aside"), dir.join(name)).unwrap();
}

fn with_password(url: &Secret, password: &str) -> String {
    let (before, after) = url.reveal().rsplit_once('@').unwrap();
    let (role, _) = before.rsplit_once(':').unwrap();
    format!("{role}:{password}@{after}")
}

#[tokio::test]
async fn a_rotated_password_is_taken_up_from_its_file_and_a_refused_one_is_hardly_asked() {
    let proxy = Proxy::to(server().await.port()).await;
    let home = Home::new("rotated", "rotated", 1).await.over(&proxy);
    let files = tempfile::tempdir().unwrap();
    let old = home.tenant.database.url.clone().unwrap();
    write(files.path(), "database-url", old.reveal());
    let file = "revision = 1\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"Rotated\"\n[database]\n\
                url_file = \"database-url\"\n[mail]\nfrom = \"Rotated <a@rotated.example>\"\n";
    write(files.path(), "rotated.toml", file);
    let mut world = World::new(vec![home.tenant.clone()]);
    let directory = Directory::new(files.path(), &[], |_| None);
    let tenants = directory.watch(Incidents::default(), world.shutdown.clone()).unwrap();
    let sink = Sink::of(Context { tenants, ..world.context() });
    world.append("rotated", &fired("rotated", 0..10)).await;
    home.passed(10).await;

    let asked = proxy.asked();
    rotate(&home, "another").await;
    world.append("rotated", &fired("rotated", 10..30)).await;
    eventually("the old password to be refused", async || proxy.asked() > asked).await;
    world.append("rotated", &fired("rotated", 30..40)).await;
    write(files.path(), "database-url", &with_password(&old, "another"));
    home.passed(40).await;
    assert_eq!(proxy.asked() - asked, 2, "once with the old password, once with the new one");
    sink.stop(&mut world).await;
    assert_eq!((home.rows().await, world.dead_letters("rotated").len()), (40, 0));
    let refused = PgConnection::connect(old.reveal()).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "28P01");
}

/// From here on only that password is right, and nobody is logged in.
async fn rotate(home: &Home, password: &str) {
    let mut admin = home.admin().await;
    admin
        .execute(AssertSqlSafe(format!("alter role bellwether_rotated password '{password}'")))
        .await
        .unwrap();
    admin
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bellwether_rotated'",
        )
        .await
        .unwrap();
}
