//! The log is out of reach when a tenant is to be taken up: it is waited for, and nobody has to start anything again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::Summary;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::conformance::Away;
use bellwether_runtime::log::{Access, open};
use bellwether_runtime::roles::Context;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use support::{market, tenant};
use tokio::sync::watch;

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_comes_while_the_log_is_away_is_produced_for_once_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
    let (fxlabs, hextech) = (tenant("fxlabs"), tenant("hextech"));
    let journals = [&fxlabs, &hextech].map(|tenant| Topic::new(&tenant.id, TopicKind::Journal));
    for topic in [&fxlabs, &hextech].iter().flat_map(|tenant| Topic::all(&tenant.id)) {
        log.create(&topic).unwrap();
    }
    let records = |journal: &Topic| log.bounds(journal).unwrap().next;
    let away = Away::over(Arc::clone(&log));
    let (files, tenants) = watch::channel(Arc::new(vec![fxlabs.clone()]));
    let shutdown = Shutdown::new();
    let context = Context::new(Arc::<Away>::clone(&away), tenants, Clock::system(), shutdown.clone());
    let role = tokio::spawn(market().run(context, Arc::new(|_: &TenantId, _: &Summary| {})));
    until("the first tenant's market", || records(&journals[0]) > 5).await;

    away.set_away(true);
    files.send_replace(Arc::new(vec![fxlabs, hextech]));
    until("a question", || away.was_asked()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = records(&journals[0]);
    away.set_away(false);
    until("the first tenant's to go on", || records(&journals[0]) > before).await;
    until("the second tenant's market", || records(&journals[1]) > 5).await;
    shutdown.raise();
    role.await.unwrap().unwrap();
}
