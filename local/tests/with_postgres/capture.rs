//! What users do to their alerts reaches the journal: many rows at once, without notifications, with two producers, and
//! with one that is killed at any moment.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_schemas::AlertId;
use bellwether_schemas::alerts::AlertChanged;
use sqlx::AssertSqlSafe;
use tokio::time::Instant;

use crate::alert_changes::{PROMISE, QUEUED, Stage};
use crate::support::{count, open, run};

/// Rows that one statement changes; as many as the environment says for a try at full size.
fn many() -> i64 {
    std::env::var("BELLWETHER_ROWS_CHANGED").map_or(3_000, |text| text.parse().unwrap())
}

/// What the journal says of each alert that is not deleted: its version.
async fn in_journal(stage: &Stage) -> BTreeMap<AlertId, i64> {
    let alerts = stage.view().await.alerts.into_values();
    alerts.filter(|change| !change.deleted).map(|change| (change.alert_id, change.version)).collect()
}

async fn in_table(stage: &Stage) -> BTreeMap<AlertId, i64> {
    let sql = "select a.id, v.version from rsi_tracker_alerts a join bellwether.alert_version v on v.alert_id = a.id";
    let rows: Vec<(uuid::Uuid, i64)> =
        sqlx::query_as(sql).fetch_all(&mut open(&stage.admin).await).await.unwrap();
    rows.into_iter().map(|(id, version)| (AlertId(id), version)).collect()
}

/// Waits until queue and journal have it all; how long that took.
async fn settled(stage: &Stage, within: Duration) -> Duration {
    let begun = Instant::now();
    let mut admin = open(&stage.admin).await;
    let reached = tokio::time::timeout(within, async {
        while count(&mut admin, QUEUED).await != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(reached.await.is_ok(), "{} changes are left after {within:?}", count(&mut admin, QUEUED).await);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_rows_as_one_statement_changes_are_each_in_the_journal_once() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    let mut admin = open(&stage.admin).await;
    let users = format!(
        "insert into auth.users (id) select gen_random_uuid() from generate_series(1, {})",
        many() - 2
    );
    sqlx::raw_sql(AssertSqlSafe(users)).execute(&mut admin).await.unwrap();
    // The promise holds for what users do by hand; a statement over everybody's rows may take its share of time.
    let within = PROMISE * u32::try_from(many() / 2_000 + 1).unwrap();
    for (statement, what) in [
        ("insert into rsi_tracker_alerts (user_id, timeframe) select id, '5M' from auth.users", "inserted"),
        ("update rsi_tracker_alerts set timeframe = '1H'", "changed"),
        ("update rsi_tracker_alerts set user_email = 'new@example.test'", "left as they were"),
        ("truncate rsi_tracker_alerts", "truncated"),
    ] {
        let begun = Instant::now();
        run(&mut admin, statement).await;
        let (statement, journal) = (begun.elapsed(), settled(&stage, within).await);
        eprintln!("{} rows {what} in {statement:?}, in the journal {journal:?} later", many());
        if what == "changed" {
            assert_eq!(in_journal(&stage).await, in_table(&stage).await);
        }
    }
    assert!(in_journal(&stage).await.is_empty());
    let published = stage.published();
    assert_eq!(published.len() as i64, 3 * many(), "inserted, changed and deleted once each");
    let deleted = "select count(*) from alert_status where state = 'inactive'";
    assert_eq!(count(&mut admin, deleted).await, many(), "every user is told");
    stage.stop().await;
}

/// Where each alert's changes stand among all that was published, with their versions.
fn places(published: &[AlertChanged]) -> BTreeMap<AlertId, Vec<(usize, i64)>> {
    let mut places = BTreeMap::<AlertId, Vec<_>>::new();
    for (place, change) in published.iter().enumerate() {
        places.entry(change.alert_id).or_default().push((place, change.version));
    }
    places
}

/// Six rows that somebody edits, by number: two of each half of the table are changed by that half's mass too, one is not.
const EDITED: &str = "create table edited as
    select id, row_number() over (order by id desc) as n from rsi_tracker_alerts
      where id < '80000000-0000-0000-0000-000000000000' order by id desc limit 3;
    insert into edited select id, 3 + row_number() over (order by id desc) from rsi_tracker_alerts order by id desc limit 3";

/// Two masses, one behind the other, and edits before, between and behind them.
const EDITS: [&str; 7] = [
    "update rsi_tracker_alerts set rsi_period = 20 where id = (select id from edited where n = 1)",
    "update rsi_tracker_alerts set timeframe = '4H'
       where id < '80000000-0000-0000-0000-000000000000' and id <> (select id from edited where n = 3)",
    "update rsi_tracker_alerts set rsi_period = 21 where id in (select id from edited where n in (2, 3))",
    "update rsi_tracker_alerts set rsi_period = 22 where id = (select id from edited where n = 4)",
    "update rsi_tracker_alerts set timeframe = '1D'
       where id >= '80000000-0000-0000-0000-000000000000' and id <> (select id from edited where n = 6)",
    "update rsi_tracker_alerts set rsi_period = 23 where id = (select id from edited where n = 5)",
    "update rsi_tracker_alerts set rsi_period = 24 where id = (select id from edited where n = 6)",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_does_not_wait_for_a_mass_of_others_changes_and_each_alerts_stay_in_order() {
    /// Two masses of some two reads of the queue each.
    const MASS: usize = 8_000;
    let mut stage = Stage::new("direct").await;
    let mut admin = open(&stage.admin).await;
    let users =
        format!("insert into auth.users (id) select gen_random_uuid() from generate_series(3, {MASS})");
    sqlx::raw_sql(AssertSqlSafe(users)).execute(&mut admin).await.unwrap();
    run(&mut admin, "insert into rsi_tracker_alerts (user_id) select id from auth.users").await;
    run(&mut admin, "truncate bellwether.alert_change").await;
    run(&mut admin, EDITED).await;
    for edit in EDITS {
        run(&mut admin, edit).await;
    }
    let edited = "select id from edited order by n";
    let edited: Vec<uuid::Uuid> = sqlx::query_scalar(edited).fetch_all(&mut admin).await.unwrap();
    run(&mut admin, "drop table edited").await;
    stage.start();
    settled(&stage, Duration::from_secs(120)).await;
    stage.stop().await;
    let published = stage.published();
    assert_eq!(published.len(), MASS - 2 + 6, "each change once");
    let places = places(&published);
    for (alert, changes) in &places {
        assert!(changes.is_sorted_by_key(|(_, version)| *version), "{alert:?}: {changes:?}");
    }
    let of = |n: usize| &places[&AlertId(edited[n - 1])];
    assert_eq!([1, 2, 3, 4, 5, 6].map(|n| of(n).len()), [2, 2, 1, 2, 2, 1]);
    for n in [3, 4, 6] {
        assert!(of(n)[0].0 < 2_048 + 256, "the edit of row {n} waited for others: {:?}", of(n));
    }
    assert_eq!(in_journal(&stage).await, in_table(&stage).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_notification_is_lost_is_in_the_journal_within_two_seconds_all_the_same() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    stage.user_does("insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000001', '5M')").await;
    stage.journal_has("the alert", |change| change.version == 1).await;
    // The trigger's own words, but for the one that tells.
    stage
        .user_does(
            "do $$ declare body text; begin
               body := pg_get_functiondef('bellwether.capture'::regproc);
               assert strpos(body, 'pg_notify') > 0;
               execute replace(body, 'perform pg_notify(''bellwether_alert_change'', kind);', '');
             end $$",
        )
        .await;
    for (version, edit) in [
        (2, "update rsi_tracker_alerts set timeframe = '15M'"),
        (3, "update rsi_tracker_alerts set timeframe = '30M'"),
    ] {
        stage.user_does(edit).await;
        stage.journal_has(edit, |change| change.version == version).await;
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_producers_at_once_bring_every_version_and_no_other() {
    let mut first = Stage::new("direct").await;
    first.start();
    let mut second = first.another();
    second.start();
    edit_forty_times(&first).await;
    settled(&first, Duration::from_secs(20)).await;
    first.stop().await;
    second.stop().await;
    agrees(&first, 41).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_is_killed_at_any_moment_loses_nothing() {
    let mut stage = Stage::new("direct").await;
    stage
        .user_does("insert into rsi_tracker_alerts (user_id) values ('00000000-0000-4000-8000-000000000001')")
        .await;
    for round in 0..12_u64 {
        stage.start();
        stage.user_does("update rsi_tracker_alerts set rsi_period = 5 + (rsi_period + 1) % 40").await;
        // Later in every round: before the queue is read, between record and deletion, or after.
        stage.kill_after(Duration::from_millis(round * 7)).await;
    }
    stage.start();
    settled(&stage, Duration::from_secs(20)).await;
    stage.stop().await;
    agrees(&stage, 13).await;
}

async fn edit_forty_times(stage: &Stage) {
    let mut admin = open(&stage.admin).await;
    run(
        &mut admin,
        "insert into rsi_tracker_alerts (user_id) values ('00000000-0000-4000-8000-000000000001')",
    )
    .await;
    for _ in 0..40 {
        run(&mut admin, "update rsi_tracker_alerts set rsi_period = 5 + (rsi_period + 1) % 40").await;
    }
}

/// The journal has each version of the one alert with one content, in order as far as they are new, and ends with the
/// table's.
async fn agrees(stage: &Stage, last: i64) {
    let published = stage.published();
    let mut newest = 0;
    let mut contents = BTreeMap::new();
    for change in &published {
        if change.version > newest {
            assert_eq!(change.version, newest + 1, "{published:?}");
            newest = change.version;
        }
        let known = contents.entry(change.version).or_insert_with(|| change.parameters.clone());
        assert_eq!(*known, change.parameters, "version {}", change.version);
    }
    assert_eq!(newest, last);
    assert_eq!(in_journal(stage).await, in_table(stage).await);
}
