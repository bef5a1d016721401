//! The log is away while alert changes are published: the producer of a tenant goes on once it is back.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::log::conformance::Away;

use crate::alert_changes::Stage;

/// Between that stage and its log, which is there.
fn away(stage: &mut Stage) -> Arc<Away> {
    let mut line = None;
    stage.behind(|log| {
        let away = Away::over(log);
        line = Some(Arc::clone(&away));
        away
    });
    line.unwrap()
}

/// Until it was asked in vain.
async fn in_vain(away: &Away) {
    let asked = async {
        while !away.was_asked() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.expect("it is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_away_while_it_was_read_is_gone_on_with() {
    let mut stage = Stage::new("direct").await;
    let away = away(&mut stage);
    stage.start();
    stage.user_does(super::alert_changes::INSERT).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '15M'").await;
    stage.journal_has("an edit before", |change| change.version == 2).await;

    away.set_away(true);
    // A number that the journal has already makes it read what the journal says.
    stage.user_does("update bellwether.alert_version set version = 1").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '4H'").await;
    in_vain(&away).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    away.set_away(false);

    stage.journal_has("an edit of meanwhile", |change| change.version == 3).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_while_the_log_takes_nothing_does_not_end_as_if_all_were_published() {
    let mut stage = Stage::new("direct").await;
    let away = away(&mut stage);
    stage.start();
    stage.user_does(super::alert_changes::INSERT).await;
    stage.journal_has("the new alert", |change| change.version == 1).await;

    away.set_away(true);
    stage.user_does("update rsi_tracker_alerts set timeframe = '15M'").await;
    in_vain(&away).await;
    let stopped = stage.stopped().await.unwrap_err().to_string();
    assert!(stopped.contains("all brokers are down"), "{stopped}");
    stage.database_has(super::alert_changes::QUEUED, 1).await;

    away.set_away(false);
    stage.start();
    stage.journal_has("the edit", |change| change.version == 2).await;
    stage.database_has(super::alert_changes::QUEUED, 0).await;
    stage.stop().await;
    let edits = stage.published().into_iter().filter(|change| change.version == 2).count();
    assert_eq!(edits, 1);
}
