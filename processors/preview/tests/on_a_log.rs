//! The role over the embedded log: it answers, is stopped and started anew, and says the same; no tenant's answers are
//! among another's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod market;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_preview::{Context, GROUP, run};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::{Access, Log, NewRecord, open, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::previews::{AlertPreview, Preview};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{Entry, TenantId, Topic, TopicKind, codec};
use market::{Market, START, alert_id, change, decided_by_bars, settings, user};
use tokio::sync::watch;

fn tenants() -> Vec<Tenant> {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tenants/{name}.toml"));
    ["fxlabs", "hextech"].iter().map(|name| load_tenant(&file(name), &|_| None).unwrap()).collect()
}

fn append(log: &dyn Log, tenant: &TenantId, entries: &[Entry]) {
    let record =
        |entry: &Entry| NewRecord { key: tenant.as_str().into(), value: codec::encode_entry(entry).unwrap() };
    for chunk in entries.chunks(500) {
        let records = chunk.iter().map(record).collect();
        log.append(&Topic::new(tenant, TopicKind::Journal), records).wait().unwrap();
    }
}

/// How often it is looked whether it is done, 10 ms apart.
const LOOKS: u32 = 12_000;

/// The role until it has committed all there is.
fn drain(log: &Arc<dyn Log>, tenants: &[Tenant]) {
    let (_keep, served) = watch::channel(Arc::new(tenants.to_vec()));
    let shutdown = Shutdown::new();
    let context = Context::new(Arc::clone(log), served, Clock::system(), shutdown.clone());
    let role = std::thread::spawn(move || run(context));
    let mut looks = 0;
    for tenant in tenants {
        let journal = Topic::new(&tenant.id, TopicKind::Journal);
        let next = log.bounds(&journal).unwrap().next;
        while log.committed(GROUP, &journal).unwrap() != Some(next) {
            assert!(!role.is_finished() && looks < LOOKS, "{journal} is not drained");
            looks += 1;
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    shutdown.raise();
    role.join().unwrap().unwrap();
}

fn previews(log: &dyn Log, tenant: &TenantId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let read = scan(log, &Topic::new(tenant, TopicKind::Previews), 0..u64::MAX).unwrap();
    read.map(|record| record.unwrap()).map(|record| (record.key, record.value)).collect()
}

#[test]
fn it_answers_goes_on_where_it_was_stopped_and_says_the_same_when_asked_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (tenants, kinds) = (tenants(), decided_by_bars());
    let open = |name: &str| {
        let log =
            open(&format!("embedded:{}", dir.path().join(name).display()), Access::Write, Clock::system());
        let log = log.unwrap();
        tenants.iter().flat_map(|tenant| Topic::all(&tenant.id)).for_each(|topic| drop(log.create(&topic)));
        log
    };
    let (log, again) = (open("log"), open("again"));
    for (tenant, seed) in tenants.iter().zip([5, 6]) {
        let mut market = Market::new(&tenant.id, seed, 1);
        let mut entries = vec![settings(&tenant.id)];
        // This one fires before the first day ends.
        entries.push(Entry::Alert(change(&tenant.id, 3, 1, kinds[6].clone())));
        entries.extend((0..1_700).flat_map(|_| market.minute()));
        entries.push(Entry::Alert(change(&tenant.id, 1, 1, kinds[0].clone())));
        append(log.as_ref(), &tenant.id, &entries);
        append(again.as_ref(), &tenant.id, &entries);
    }
    drain(&log, &tenants);
    for (tenant, seed) in tenants.iter().zip([5, 6]) {
        let mut market = Market::new(&tenant.id, seed, 1);
        let mut entries: Vec<Entry> = (0..2_000).flat_map(|_| market.minute()).skip(3_400).collect();
        entries.push(Entry::Alert(change(&tenant.id, 2, 1, kinds[4].clone())));
        append(log.as_ref(), &tenant.id, &entries);
        append(again.as_ref(), &tenant.id, &entries);
    }
    drain(&log, &tenants);
    drain(&again, &tenants);
    let mut all: BTreeMap<TenantId, Vec<AlertPreview>> = BTreeMap::new();
    for tenant in &tenants {
        let written = previews(log.as_ref(), &tenant.id);
        // Of what it answers together, those that need few symbols may come first.
        let (mut one, mut other) = (written.clone(), previews(again.as_ref(), &tenant.id));
        one.sort();
        other.sort();
        assert_eq!(one, other, "the same bytes, wherever it was stopped");
        assert_eq!(written.len(), 4, "three alerts and a user");
        for (_, value) in &written {
            match codec::decode_preview(value).unwrap() {
                // Nothing was there when it was made.
                Preview::Alert(preview) if preview.alert_id == alert_id(3) => {}
                Preview::Alert(preview) => all.entry(tenant.id.clone()).or_default().push(preview),
                Preview::User(followed) => {
                    assert_eq!((&followed.tenant, followed.user_id), (&tenant.id, user(3)));
                    assert_eq!((followed.to, followed.triggers > 0), (START.plus(DAY), true));
                }
            }
        }
    }
    for (tenant, previews) in &all {
        assert!(
            previews.iter().all(|preview| preview.tenant == *tenant && preview.times > 0),
            "{previews:?}"
        );
        assert_eq!(previews[0].alert_id, alert_id(1));
    }
    let [one, other] = ["fxlabs", "hextech"].map(|id| &all[&id.parse().unwrap()]);
    assert_ne!(one[0].last, other[0].last, "each of its own market");
}
