//! Alerts of every kind as their users save them: what the journal gets, and what users are told where it gets nothing.

use std::time::Duration;

use bellwether_schemas::alerts::AlertKind;

use crate::alert_changes::{PROMISE, QUEUED, Stage};
use crate::support::{ASHA, count, database, open, refused, run, sign_in};

/// As the ancestor's pages and a new one save alerts, every spelling as a user may have it, and what the journal gets.
pub(crate) const SAVED: [(&str, &str); 6] = [
    (
        "insert into rsi_tracker_alerts (user_id, user_email, timeframe) values (auth.uid(), 'a@example.test', '5M')
         on conflict (user_id) do update set timeframe = excluded.timeframe",
        r#"{"timeframe":"5M","rsi_period":14,"rsi_overbought":70,"rsi_oversold":30}"#,
    ),
    (
        "insert into rsi_correlation_tracker_alerts (user_id, user_email, mode) values (auth.uid(), 'a@example.test', 'real_correlation')
         on conflict (user_id) do update set mode = excluded.mode",
        r#"{"timeframe":"1H","mode":"real_correlation","rsi_period":14,"rsi_overbought":70,"rsi_oversold":30,"correlation_window":50}"#,
    ),
    (
        r#"insert into heatmap_tracker_alerts (user_id, user_email, pairs, buy_threshold, sell_threshold)
             values (auth.uid(), 'a@example.test', '["BTC/USD", "eurusd"]', 70, 70) on conflict (user_id) do update set pairs = excluded.pairs"#,
        r#"{"pairs":["BTC/USD","eurusd"],"trading_style":"swingTrader","buy_threshold":70,"sell_threshold":70}"#,
    ),
    (
        r#"insert into heatmap_indicator_tracker_alerts (user_id, user_email, pairs, timeframe, indicator)
             values (auth.uid(), 'a@example.test', '["EURUSDm"]', '1M', 'utbot') on conflict (user_id) do update set pairs = excluded.pairs"#,
        r#"{"pairs":["EURUSDm"],"timeframe":"1M","indicator":"utbot"}"#,
    ),
    (
        "insert into currency_strength_tracker_alerts (user_id, user_email, timeframe) values (auth.uid(), 'a@example.test', '4H')
         on conflict (user_id) do update set timeframe = excluded.timeframe",
        r#"{"timeframe":"4H"}"#,
    ),
    (
        "insert into price_alerts (user_id, symbol, above, on_close, expires_at)
             values (auth.uid(), 'eur/usd', 1.3155, '5M', '2030-01-01T05:30:00+05:30')",
        r#"{"symbol":"eur/usd","above":1.3155,"below":null,"on_close":"5M","fires":"once","expires_at":"2030-01-01T00:00:00.000000Z"}"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_each_kind_saved_by_its_signed_in_user_is_in_the_journal_within_two_seconds() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    let mut page = open(&stage.admin).await;
    sign_in(&mut page, ASHA).await;
    for (kind, (sql, expected)) in AlertKind::ALL.into_iter().zip(SAVED) {
        run(&mut page, sql).await;
        let found = stage.journal_has(kind.name(), |change| change.parameters.kind() == kind).await;
        assert_eq!((found.version, found.active, found.deleted), (1, true, false), "{kind}");
        let columns = serde_json::to_string(&found.parameters.columns().unwrap()).unwrap();
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&columns), value(expected), "{kind}");
    }
    // Saving a tracker's form unchanged is no change; a price alert saved again is another alert.
    for (sql, _) in SAVED {
        run(&mut page, sql).await;
    }
    tokio::time::timeout(PROMISE, async {
        while stage.view().await.alerts.len() != 7 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert!(stage.view().await.alerts.values().all(|change| change.version == 1));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_of_a_row_that_cannot_be_read_is_told_why_until_it_can() {
    let mut stage = Stage::new("direct").await;
    stage
        .user_does(
            r#"insert into heatmap_tracker_alerts (user_id, pairs) values ('00000000-0000-4000-8000-000000000001', '["EURUSD", 7]')"#,
        )
        .await;
    stage.start();
    stage
        .user_does(
            "insert into price_alerts (user_id, symbol, above, expires_at)
               values ('00000000-0000-4000-8000-000000000001', 'EURUSD', 1.5, 'infinity')",
        )
        .await;
    for told in [
        r#"select count(*) from alert_status where state = 'refused' and version = 1 and kind = 'heatmap_tracker'
             and reason = 'pairs is ["EURUSD",7], it must be a list of symbols such as EURUSD'"#,
        r#"select count(*) from alert_status where state = 'refused' and version = 1 and kind = 'price_alert'
             and reason = 'expires_at is "infinity", it must be a time such as 2030-01-31T18:00:00Z'"#,
    ] {
        stage.database_has(told, 1).await;
    }
    stage.database_has(QUEUED, 0).await;
    assert!(stage.view().await.alerts.is_empty());
    stage.user_does("update heatmap_tracker_alerts set pairs = '[\"EURUSD\"]'").await;
    stage.journal_has("the mended row", |change| change.version == 2).await;
    stage.user_does("update heatmap_tracker_alerts set is_active = false").await;
    let off = "select count(*) from alert_status where state = 'inactive' and version = 3 and reason is null";
    stage.database_has(off, 1).await;
    stage.user_does("delete from auth.users").await;
    stage.database_has(QUEUED, 0).await;
    stage.database_has("select count(*) from alert_status", 0).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_rows_that_no_queue_held_are_told_as_well() {
    let mut stage = Stage::new("transaction").await;
    stage
        .user_does(
            r#"insert into heatmap_tracker_alerts (user_id, pairs) values ('00000000-0000-4000-8000-000000000001', '[7]');
               insert into rsi_tracker_alerts (user_id, is_active) values ('00000000-0000-4000-8000-000000000001', false);
               delete from bellwether.alert_change; delete from bellwether.alert_version"#,
        )
        .await;
    stage.start();
    stage.database_has("select count(*) from alert_status where state = 'refused' and version = 0", 1).await;
    stage.database_has("select count(*) from alert_status where state = 'inactive' and version = 1", 1).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_state_is_one_of_those_that_a_front_end_knows() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(
        &mut admin,
        "insert into alert_status (alert_id, kind, user_id, version, state)
         select gen_random_uuid(), 'price_alert', '00000000-0000-4000-8000-000000000001', 1, state
         from unnest(array['active', 'warming', 'refused', 'inactive', 'spent', 'expired', 'disabled']) as state",
    )
    .await;
    assert_eq!(count(&mut admin, "select count(*) from alert_status").await, 7);
    assert_eq!(refused(&mut admin, "update alert_status set state = 'paused'").await, "23514");
}
