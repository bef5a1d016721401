//! What users do to their alerts reaches the journal, whatever happens to the database in between.

use std::sync::Arc;
use std::time::Duration;

use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed;
use bellwether_producers::journal_view::{self, JournalView};
use bellwether_producers::{ProducerContext, ProducerError, alert_changes, settings};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Access, Log};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters};
use bellwether_schemas::{Entry, Topic, TopicKind, codec};
use tokio::task::JoinHandle;

use crate::support::{ASHA, database, id, open, run, tenant};

/// The promise: an alert change is in the journal two seconds after it was committed. Longer than that fails.
pub(crate) const PROMISE: Duration = Duration::from_secs(2);

pub(crate) const INSERT: &str = "insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000001', '5M')";

/// A log of its own and the producer of one tenant on it.
pub(crate) struct Stage {
    context: ProducerContext,
    tenant: Tenant,
    pub(crate) admin: Secret,
    running: Option<JoinHandle<Result<(), ProducerError>>>,
    dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new(mode: &str) -> Self {
        let (_, seeded) = database("fxlabs").await;
        Self::on(tenant("fxlabs", &seeded.pipeline, mode), seeded.admin)
    }

    pub(crate) fn on(tenant: Tenant, admin: Secret) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = bellwether_runtime::log::open(&url, Access::Write, Clock::system()).unwrap();
        for topic in Topic::all(&tenant.id) {
            log.create(&topic).unwrap();
        }
        let context = ProducerContext::new(log, Clock::system(), Shutdown::new());
        Self { context, tenant, admin, running: None, dir }
    }

    /// Puts something between its producers and the log.
    pub(crate) fn behind(&mut self, line: impl FnOnce(Arc<dyn Log>) -> Arc<dyn Log>) {
        self.context.log = line(Arc::clone(&self.context.log));
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) fn start(&mut self) {
        self.context.shutdown = Shutdown::new();
        let (context, tenant) = (self.context.clone(), self.tenant.clone());
        self.running = Some(tokio::spawn(async move { alert_changes::run(&context, &tenant).await }));
    }

    pub(crate) async fn stop(&mut self) {
        self.stopped().await.unwrap();
    }

    /// What comes of it when a stop is asked for.
    pub(crate) async fn stopped(&mut self) -> Result<(), ProducerError> {
        self.context.shutdown.raise();
        self.running.take().unwrap().await.unwrap()
    }

    /// As a kill −9 does it: between one word with the database or the log and the next.
    pub(crate) async fn kill_after(&mut self, time: Duration) {
        let mut running = self.running.take().unwrap();
        assert!(tokio::time::timeout(time, &mut running).await.is_err(), "it runs until then");
        running.abort();
        let _ = running.await;
    }

    /// A second producer of the same tenant on the same log and database.
    pub(crate) fn another(&self) -> Self {
        Self {
            context: self.context.clone(),
            tenant: self.tenant.clone(),
            admin: self.admin.clone(),
            running: None,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) async fn user_does(&self, sql: &'static str) {
        run(&mut open(&self.admin).await, sql).await;
    }

    pub(crate) async fn view(&self) -> JournalView {
        journal_view::read(&self.context.log, &self.tenant.id).await.unwrap()
    }

    /// Waits until Asha's alert in the journal is as expected.
    pub(crate) async fn journal_has(
        &self,
        what: &str,
        expected: impl Fn(&AlertChanged) -> bool,
    ) -> AlertChanged {
        let found = tokio::time::timeout(PROMISE, async {
            loop {
                let view = self.view().await;
                if let Some(change) =
                    view.alerts.values().find(|change| change.user_id.0 == ASHA && expected(change))
                {
                    return change.clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        match found.await {
            Ok(change) => change,
            Err(_) => {
                panic!("not in the journal after {PROMISE:?}: {what}; it has {:?}", self.view().await.alerts)
            }
        }
    }

    /// Every alert change there is, repeats too.
    pub(crate) fn published(&self) -> Vec<AlertChanged> {
        let topic = Topic::new(&self.tenant.id, TopicKind::Journal);
        let mut reader = self.context.log.reader(&topic, 0).unwrap();
        let mut records = Vec::new();
        loop {
            let more = reader.read(10_000, Duration::ZERO).unwrap();
            if more.is_empty() {
                break;
            }
            records.extend(more);
        }
        let entries = records.iter().map(|record| codec::decode_entry(&record.value).unwrap());
        entries
            .filter_map(|entry| if let Entry::Alert(change) = entry { Some(change) } else { None })
            .collect()
    }

    /// Waits until a statement that counts gives that number.
    pub(crate) async fn database_has(&self, sql: &'static str, expected: i64) {
        let mut admin = open(&self.admin).await;
        let reached = tokio::time::timeout(PROMISE, async {
            while crate::support::count(&mut admin, sql).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(reached.await.is_ok(), "{sql} is never {expected}");
    }
}

fn timeframe(change: &AlertChanged) -> &'static str {
    let AlertParameters::RsiTracker(rsi) = &change.parameters else { panic!("{change:?}") };
    rsi.timeframe.code()
}

pub(crate) const QUEUED: &str = "select count(*) from bellwether.alert_change";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_the_journal_within_two_seconds_of_its_commit() {
    for mode in ["direct", "transaction"] {
        let mut stage = Stage::new(mode).await;
        stage.start();
        stage.user_does(INSERT).await;
        let first = stage.journal_has("the new alert", |change| timeframe(change) == "5M").await;
        assert_eq!((first.version, first.active, first.deleted), (1, true, false));
        assert_eq!((first.origin.source.as_str(), first.origin.played), (alert_changes::SOURCE, false));
        stage.user_does("update rsi_tracker_alerts set timeframe = '1H', is_active = false").await;
        let second = stage.journal_has("the edit", |change| timeframe(change) == "1H").await;
        assert_eq!((second.version, second.active), (2, false));
        stage.user_does("delete from auth.users").await;
        stage.journal_has("the deletion", |change| change.deleted && change.version == 3).await;
        stage.database_has(QUEUED, 0).await;
        stage.stop().await;
        assert_eq!(stage.published().len(), 3, "{mode}: nothing is published twice without need");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_does_not_take_stays_in_the_queue() {
    let mut stage = Stage::new("direct").await;
    stage.user_does(INSERT).await;
    let url = format!("embedded:{}", stage.dir.path().display());
    stage.context.log = bellwether_runtime::log::open(&url, Access::Read, Clock::system()).unwrap();
    stage.start();
    let ended = stage.running.take().unwrap().await.unwrap();
    assert!(matches!(ended, Err(ProducerError::Log(_))), "{ended:?}");
    stage.database_has(QUEUED, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_the_order_of_their_queue_and_go_on_after_a_restart() {
    let mut stage = Stage::new("direct").await;
    stage.user_does(INSERT).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '15M'").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '30M'").await;
    stage.start();
    stage.journal_has("the last edit", |change| timeframe(change) == "30M").await;
    stage.database_has(QUEUED, 0).await;
    stage.stop().await;
    let versions: Vec<_> =
        stage.published().iter().map(|change| (change.version, timeframe(change))).collect();
    assert_eq!(versions, [(1, "5M"), (2, "15M"), (3, "30M")]);
    stage.start();
    stage.user_does("update rsi_tracker_alerts set timeframe = '4H'").await;
    stage
        .journal_has("an edit after a restart", |change| timeframe(change) == "4H" && change.version == 4)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_left_out_and_the_rest_goes_on() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    stage.user_does(INSERT).await;
    stage.journal_has("the good alert", |change| change.version == 1).await;
    stage
        .user_does(
            "alter table rsi_tracker_alerts drop constraint rsi_tracker_alerts_timeframe_check;
             insert into rsi_tracker_alerts (user_id, timeframe) values ('00000000-0000-4000-8000-000000000002', '2H');
             update rsi_tracker_alerts set timeframe = '7H' where timeframe = '5M'",
        )
        .await;
    stage.database_has(QUEUED, 0).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '1H' where timeframe = '7H'").await;
    stage.journal_has("the edit that mends it", |change| timeframe(change) == "1H").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '9H' where timeframe = '1H'").await;
    stage.user_does("delete from rsi_tracker_alerts").await;
    stage
        .journal_has("a deletion needs no parameters", |change| change.deleted && timeframe(change) == "1H")
        .await;
    assert_eq!(stage.view().await.alerts.len(), 1, "the other was never an alert");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_us_are_published_at_the_start() {
    let mut stage = Stage::new("direct").await;
    stage.user_does("alter table rsi_tracker_alerts disable trigger user").await;
    stage.user_does(INSERT).await;
    stage.user_does("alter table rsi_tracker_alerts enable trigger user").await;
    stage.start();
    stage.journal_has("the old row", |change| change.version == 1).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '1H'").await;
    stage.journal_has("its first edit", |change| change.version == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_published_above_the_journals_versions() {
    let mut stage = Stage::new("direct").await;
    stage.user_does(INSERT).await;
    stage.user_does("create table backup as table rsi_tracker_alerts").await;
    stage.user_does("create table counters as table bellwether.alert_version").await;
    stage.start();
    for edit in [
        "update rsi_tracker_alerts set timeframe = '15M'",
        "update rsi_tracker_alerts set timeframe = '30M'",
        "insert into rsi_tracker_alerts (user_id) values ('00000000-0000-4000-8000-000000000002')",
    ] {
        stage.user_does(edit).await;
    }
    stage.journal_has("the edits", |change| change.version == 3).await;
    stage.database_has(QUEUED, 0).await;
    stage.stop().await;
    stage
        .user_does(
            "alter table rsi_tracker_alerts disable trigger user;
             delete from rsi_tracker_alerts; insert into rsi_tracker_alerts table backup;
             alter table rsi_tracker_alerts enable trigger user;
             delete from bellwether.alert_version; insert into bellwether.alert_version table counters;
             delete from bellwether.alert_change",
        )
        .await;
    stage.start();
    let restored = stage.journal_has("the restored row", |change| timeframe(change) == "5M").await;
    assert_eq!(restored.version, 4);
    let omars =
        |view: JournalView| view.alerts.into_values().find(|change| change.user_id.0 != ASHA).unwrap();
    assert!(omars(stage.view().await).deleted, "an alert made after the backup is gone with it");
    let told = "select count(*) from alert_status where state = 'inactive' and version = 2
        and user_id = '00000000-0000-4000-8000-000000000002'";
    stage.database_has(told, 1).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '4H'").await;
    stage
        .journal_has("an edit after the restore", |change| change.version == 5 && timeframe(change) == "4H")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_under_a_running_producer_is_noticed_at_the_next_edit() {
    let mut stage = Stage::new("direct").await;
    stage.start();
    stage.user_does(INSERT).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '15M'").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '30M'").await;
    stage.journal_has("the edits", |change| change.version == 3).await;
    stage.user_does("update bellwether.alert_version set version = 1").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '4H'").await;
    stage
        .journal_has("an edit under an old number", |change| change.version == 4 && timeframe(change) == "4H")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_served_as_if_it_had_not_been_gone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let seeded = seed::database(&server, "t", &id("fxlabs")).await.unwrap();
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, "insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001')").await;
    drop(admin);
    let mut stage = Stage::on(tenant("fxlabs", &seeded.pipeline, "direct"), seeded.admin.clone());
    stage.start();
    stage.user_does(INSERT).await;
    stage.journal_has("before", |change| change.version == 1).await;

    let port = server.port();
    server.stop().await.unwrap();
    let server =
        Postgres::start(dir.path(), Options { port: Some(port), ..Options::default() }).await.unwrap();
    stage.user_does("update rsi_tracker_alerts set timeframe = '1H'").await;
    let change = tokio::time::timeout(Duration::from_secs(15), async {
        loop {
            if let Some(change) = stage.view().await.alerts.into_values().find(|change| change.version == 2) {
                return change;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(timeframe(&change.await.unwrap()), "1H");
    stage.stop().await;
    server.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_published_once_a_revision_and_never_two_under_one() {
    let nowhere = Secret::new("postgres://nobody@127.0.0.1:1/none");
    let mut stage = Stage::on(tenant("fxlabs", &nowhere, "direct"), nowhere.clone());
    let context = stage.context.clone();
    assert_eq!(settings::publish(&context, &stage.tenant).await.unwrap(), settings::Published::Now);
    assert_eq!(settings::publish(&context, &stage.tenant).await.unwrap(), settings::Published::Before);

    stage.tenant.settings.lateness_max += 1;
    let error = settings::publish(&context, &stage.tenant).await.unwrap_err().to_string();
    for part in ["fxlabs.toml", "revision", "lateness_max"] {
        assert!(error.contains(part), "{error}");
    }
    stage.tenant.revision = 2;
    assert_eq!(settings::publish(&context, &stage.tenant).await.unwrap(), settings::Published::Now);
    stage.tenant.revision = 1;
    assert_eq!(settings::publish(&context, &stage.tenant).await.unwrap(), settings::Published::Newer);
    let known = stage.view().await.settings.unwrap();
    assert_eq!((known.revision, known.settings), (2, stage.tenant.settings.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_goes_on_where_it_stood() {
    let mut stage = Stage::new("direct").await;
    let log: Arc<dyn Log> = Arc::clone(&stage.context.log);
    let mut view = stage.view().await;
    stage.start();
    stage.user_does(INSERT).await;
    stage.journal_has("the alert", |change| change.version == 1).await;
    assert!(view.alerts.is_empty());
    view.advance(&log, &stage.tenant.id).await.unwrap();
    view.advance(&log, &stage.tenant.id).await.unwrap();
    assert_eq!(view.alerts.len(), 1);
}
