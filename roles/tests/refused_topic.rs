//! The brokers refuse one tenant's topics to our login: it stops and is told of, everybody else goes on, nobody ends, and it
//! goes on by itself once it may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::incident::{Change, IncidentKey, IncidentKind};
use bellwether_runtime::log::{Access, open};
use bellwether_schemas::{Topic, TopicKind};

use support::refusing::Refusing;
use support::{World, tenant};

/// The incidents that are open, by what was told since.
fn hear(world: &World, open: &mut BTreeSet<IncidentKey>) {
    for (key, change) in world.news.take() {
        match change {
            Change::Began { text, .. } => {
                assert!(text.contains("the brokers refuse hextech."), "{text}");
                open.insert(key)
            }
            Change::Ended { .. } => open.remove(&key),
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_the_brokers_refuse_stop_their_tenant_alone_until_they_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().display());
    let (stays, barred) = (tenant("fxlabs"), tenant("hextech"));
    let (stay, bar) = (stays.id.clone(), barred.id.clone());
    let log = Refusing::over(open(&url, Access::Write, Clock::system()).unwrap());
    let world = World::begin(log.clone(), vec![stays, barred]).await;
    world.until_folded_further(&stay).await;
    world.until_folded_further(&bar).await;

    let mut open = BTreeSet::new();
    let journal = Topic::new(&bar, TopicKind::Journal);
    for (topics, kind) in [
        (
            Topic::all(&bar).into_iter().filter(|topic| *topic != journal).collect::<Vec<_>>(),
            IncidentKind::Halted,
        ),
        (vec![journal.clone()], IncidentKind::RefusedTopic),
    ] {
        log.refuse(topics);
        let key = (bar.clone(), kind);
        world
            .until("the operator to be told", |world| {
                hear(world, &mut open);
                open.contains(&key)
            })
            .await;
        world.until_folded_further(&stay).await;
    }

    log.refuse_nothing();
    world.until_folded_further(&bar).await;
    world
        .until("the end to be told", |world| {
            hear(world, &mut open);
            open.is_empty()
        })
        .await;
    world.stop().await;
}
