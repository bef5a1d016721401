//! What the log did not take is no success in anybody's trace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::{
    AlertId, Entry, Origin, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec,
};
use uuid::Uuid;

use support::collector::Collector;
use support::refusing::Refusing;
use support::{World, journal, tenant};

/// An alert that fires again and again.
async fn append_alert(log: &dyn Log, tenant: &TenantId) {
    let change = AlertChanged {
        origin: Origin {
            tenant: tenant.clone(),
            source: "test".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        },
        alert_id: AlertId(Uuid::from_u128(1)),
        user_id: UserId(Uuid::from_u128(2)),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 5,
            rsi_overbought: 60,
            rsi_oversold: 40,
        }),
    };
    let value = codec::encode_entry(&Entry::Alert(change)).unwrap();
    let record = NewRecord { key: tenant.as_str().as_bytes().to_vec(), value };
    log.append(&journal(tenant), vec![record]).answer().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_log_has_failed_in_its_trace_and_what_is_there_has_not() {
    let collector = Collector::install();
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().display());
    let log = Refusing::over(open(&url, Access::Write, Clock::system()).unwrap());
    let (stays, barred) = (tenant("fxlabs"), tenant("hextech"));
    let (stay, bar) = (stays.id.clone(), barred.id.clone());
    let world = World::begin(log.clone(), vec![stays, barred]).await;
    world.until_folded_further(&bar).await;
    append_alert(log.as_ref(), &bar).await;
    let taken = async |name: &str, whose: &TenantId, failed: Option<&str>| {
        let what = format!("{name} of {whose}, {failed:?}");
        let is_it = |span: &support::collector::Taken| {
            assert!(
                span.failed.is_none() || span.tenant == bar.as_str(),
                "{} of {} is in the log",
                span.name,
                span.tenant
            );
            span.name == name && span.tenant == whose.as_str() && span.failed.as_deref() == failed
        };
        // All are looked at.
        world.until(&what, |_| collector.news().iter().filter(|span| is_it(span)).count() > 0).await;
    };
    for name in ["publish", "fold"] {
        taken(name, &stay, None).await;
        taken(name, &bar, None).await;
    }
    taken("trigger", &bar, None).await;
    log.refuse([Topic::new(&bar, TopicKind::Triggers)]);
    taken("trigger", &bar, Some("not acknowledged")).await;
    log.refuse([journal(&bar)]);
    taken("publish", &bar, Some("not acknowledged")).await;
    log.refuse_nothing();
    taken("trigger", &bar, None).await;
    world.until_folded_further(&stay).await;
    world.stop().await;
}
