//! A log, tenants and outcomes for the tests of sinks.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod home;
pub(crate) mod proxy;

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::{decode_dead_letter, encode_outcome};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{
    AlertState, AlertStatus, Cause, Condition, Group, Outcome, TriggerFired, group_id,
};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, Topic, TopicKind, TriggerId, UserId, ids};
use bellwether_sinks::feed;
use bellwether_sinks::feed::Context;
use tokio::sync::watch;

pub(crate) use home::*;

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Waits for a condition, and says what was waited for when it does not come.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A tenant as its file would say, with that database.
pub(crate) fn tenant(id: &str, database: Option<&str>) -> Tenant {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{id}.toml"));
    let text = format!(
        "revision = 1\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"{id}\"\n[database]\n[mail]\nfrom = \"{id} <a@{id}.example>\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let variable = format!("{}_DATABASE_URL", id.to_uppercase());
    load_tenant(&file, &|name| (name == variable).then(|| database.map(Into::into)).flatten()).unwrap()
}

/// An embedded log in a directory of its own, and what a sink needs beside it.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) tenants: watch::Sender<Arc<Vec<Tenant>>>,
    pub(crate) shutdown: Shutdown,
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) fn new(tenants: Vec<Tenant>) -> Self {
        Self::by(Clock::system(), tenants)
    }

    pub(crate) fn by(clock: Clock, served: Vec<Tenant>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, clock.clone()).unwrap();
        let tenants = watch::channel(Arc::default()).0;
        let world = Self { dir, log, tenants, shutdown: Shutdown::new(), clock };
        for tenant in &served {
            world.create_topics(&tenant.id);
        }
        world.tenants.send_replace(Arc::new(served));
        world
    }

    pub(crate) fn create_topics(&self, tenant: &TenantId) {
        for topic in Topic::all(tenant) {
            self.log.create(&topic).unwrap();
        }
    }

    pub(crate) fn context(&self) -> Context {
        let (log, tenants) = (self.log.clone(), self.tenants.subscribe());
        Context::new(log, tenants, self.clock.clone(), self.shutdown.clone())
    }

    /// Another process over the same log: only the shutdown is its own.
    pub(crate) fn next_process(&mut self) {
        self.shutdown = Shutdown::new();
    }

    pub(crate) async fn append(&self, tenant: &str, outcomes: &[Outcome]) {
        let record = |outcome: &Outcome| {
            let (key, value) = (outcome.key().into_bytes(), encode_outcome(outcome).unwrap());
            NewRecord { key, value }
        };
        for some in outcomes.chunks(100) {
            self.append_raw(tenant, some.iter().map(record).collect()).await;
        }
    }

    pub(crate) async fn append_raw(&self, tenant: &str, records: Vec<NewRecord>) {
        self.log.append(&triggers(tenant), records).answer().await.unwrap();
    }

    pub(crate) fn committed(&self, sink: &str, tenant: &str) -> u64 {
        self.log.committed(&feed::group(sink), &triggers(tenant)).unwrap().unwrap_or(0)
    }

    pub(crate) fn dead_letters(&self, tenant: &str) -> Vec<DeadLetter> {
        let topic = Topic::new(&tenant.parse().unwrap(), TopicKind::DeadLetters);
        let mut reader = self.log.reader(&topic, 0).unwrap();
        let records = reader.read(10_000, Duration::ZERO).unwrap();
        records.iter().map(|record| decode_dead_letter(&record.value).unwrap()).collect()
    }
}

pub(crate) fn triggers(tenant: &str) -> Topic {
    Topic::new(&tenant.parse().unwrap(), TopicKind::Triggers)
}

pub(crate) fn user(number: usize) -> UserId {
    UserId(ids::derive(&format!("user {number}")))
}

pub(crate) fn alert(number: usize) -> AlertId {
    AlertId(ids::derive(&format!("alert {number}")))
}

/// The trigger with that number, of the user with number 0: its cause is the journal's offset of that number.
pub(crate) fn trigger(tenant: &str, number: usize) -> TriggerFired {
    let tenant: TenantId = tenant.parse().unwrap();
    let at = Timestamp(1_328_054_400_000_000 + number as i64 * 5 * MINUTE);
    TriggerFired {
        id: TriggerId(ids::derive(&format!("{tenant} trigger {number}"))),
        kind: AlertKind::RsiTracker,
        alert_id: alert(0),
        alert_version: 1,
        user_id: user(0),
        symbol: Some("EURUSDm".parse().unwrap()),
        pair: None,
        timeframe: Some(Timeframe::M5),
        open_time: at,
        close_time: at.plus(5 * MINUTE),
        condition: Condition::Overbought,
        value: Some(71.25),
        previous: Some(69.0),
        threshold: Some(70.0),
        price: Some(1.31415),
        detail: r#"{"why":"a test"}"#.into(),
        cause: Cause { offset: number as i64, index: 0 },
        engine_version: 1,
        group: Group {
            id: group_id(&tenant, AlertKind::RsiTracker, alert(0), 1, at, None),
            index: 0,
            size: 1,
        },
        tenant,
    }
}

pub(crate) fn fired(tenant: &str, numbers: std::ops::Range<usize>) -> Vec<Outcome> {
    numbers.map(|number| Outcome::Fired(trigger(tenant, number))).collect()
}

pub(crate) fn status(tenant: &str, number: usize, state: AlertState) -> Outcome {
    Outcome::Status(AlertStatus {
        tenant: tenant.parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(0),
        user_id: user(0),
        version: 3,
        state,
        reason: (state == AlertState::Refused).then(|| "a reason".into()),
        since: Some(Timestamp(1_328_054_400_000_000)),
        cause: Cause { offset: number as i64, index: 0 },
    })
}
