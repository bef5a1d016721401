//! A tenant's journal by hand, folded by the worker itself.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::{Log, NewRecord};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{Entry, Origin, TenantId, Timestamp, Topic, TopicKind, codec};
use tokio::sync::watch;

/// Microseconds between two ticks of a symbol.
pub(crate) const BAR: i64 = 300_000_000;

pub(crate) fn tenant() -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tenants/fxlabs.toml");
    load_tenant(&file, &|_| None).unwrap()
}

pub(crate) fn origin(of: &TenantId) -> Origin {
    Origin {
        tenant: of.clone(),
        source: "feed".into(),
        session: "1".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

/// One tick of the first symbol.
pub(crate) fn tick(of: &TenantId, symbol: &str, number: i64, bid: i64) -> Entry {
    let ts = Timestamp(number * BAR);
    Entry::Ticks(TickBlock {
        origin: origin(of),
        ingested_at: ts,
        first_seq: Some(number.cast_unsigned()),
        symbols: vec![BlockSymbol::of_quotes(symbol, 5)],
        ticks: vec![Tick { ts, symbol: 0, bid, ask: bid + 1 }],
        volumes: Vec::new(),
    })
}

pub(crate) fn record(key: &str, entry: &Entry) -> NewRecord {
    NewRecord { key: key.into(), value: codec::encode_entry(entry).unwrap() }
}

/// Folds the journal to its end with the worker itself.
pub(crate) fn work(log: &Arc<dyn Log>, tenant: &Tenant) {
    let (_keep, tenants) = watch::channel(Arc::new(vec![tenant.clone()]));
    let shutdown = Shutdown::new();
    let (clock, stop) = (Clock::system(), shutdown.clone());
    let context = bellwether_worker::Context::new(Arc::clone(log), tenants, clock, stop);
    let worker = std::thread::spawn(move || bellwether_worker::run(context));
    let topic = Topic::new(&tenant.id, TopicKind::Journal);
    let next = log.bounds(&topic).unwrap().next;
    while log.committed(bellwether_worker::GROUP, &topic).unwrap() != Some(next) {
        assert!(!worker.is_finished(), "the worker ended");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    shutdown.raise();
    worker.join().unwrap().unwrap();
}
