//! Journals that are written without any producer's process: every tenant's market goes up and down, so that its one alert
//! fires now and then.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_producers::{ProducerContext, settings};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenants;
use bellwether_runtime::log::{Log, NewRecord};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{
    AlertId, Entry, Origin, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec, ids,
};

/// 2024-01-02T10:00:00Z.
const START: Timestamp = Timestamp(1_704_189_600_000_000);
/// Between two blocks of a tenant.
const PACE: Duration = Duration::from_millis(250);
/// Event time between two ticks, and ticks of a block: a block is five minutes.
const STEP: i64 = 30_000_000;
const TICKS: i64 = 10;

/// The markets of all tenants, written by a thread of their own.
pub(crate) struct Market {
    log: Arc<dyn Log>,
    is_over: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Market {
    /// Begins every journal with its tenant's settings and an alert; then ticks follow.
    pub(crate) fn begin(log: Arc<dyn Log>, tenants: PathBuf) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tenants = load_tenants(&tenants, &|_| None).unwrap();
        for tenant in &tenants {
            let context = ProducerContext::new(Arc::clone(&log), Clock::system(), Shutdown::new());
            runtime.block_on(settings::publish(&context, tenant)).unwrap();
            append(log.as_ref(), &tenant.id, &Entry::Alert(alert(&tenant.id)));
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let (to, over) = (Arc::clone(&log), Arc::clone(&is_over));
        let writer = std::thread::spawn(move || {
            let blocks = (0..).take_while(|_| !over.load(Ordering::Relaxed));
            for number in blocks {
                let acks: Vec<_> =
                    tenants.iter().map(|tenant| send(&*to, &tenant.id, &block(&tenant.id, number))).collect();
                for ack in acks {
                    ack.wait().unwrap();
                }
                std::thread::sleep(PACE);
            }
        });
        Self { log, is_over, writer: Some(writer) }
    }

    /// A tick of that symbol, which the tenant need not have; where it stands in the journal.
    pub(crate) fn append_quote_of(&self, tenant: &TenantId, symbol: &str) -> u64 {
        let ticks = vec![Tick { ts: START, symbol: 0, bid: 127_000, ask: 127_010 }];
        append(self.log.as_ref(), tenant, &Entry::Ticks(ticks_of(tenant, symbol, "by hand", ticks, 0)))
    }

    pub(crate) fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
    }
}

fn append(log: &dyn Log, tenant: &TenantId, entry: &Entry) -> u64 {
    send(log, tenant, entry).wait().unwrap()
}

fn send(log: &dyn Log, tenant: &TenantId, entry: &Entry) -> bellwether_runtime::log::Ack {
    let record = NewRecord { key: tenant.as_str().into(), value: codec::encode_entry(entry).unwrap() };
    log.append(&Topic::new(tenant, TopicKind::Journal), vec![record])
}

/// The five minutes of that number, of prices that swing within some two hours.
fn block(tenant: &TenantId, number: i64) -> Entry {
    let tick = |tick: i64| {
        let ts = START.plus(tick * STEP);
        let bid = 127_000 + (1_500.0 * (tick as f64 / 35.0).sin()) as i64;
        Tick { ts, symbol: 0, bid, ask: bid + 10 }
    };
    let first = number * TICKS;
    let ticks = (first..first + TICKS).map(tick).collect();
    Entry::Ticks(ticks_of(tenant, "GBPUSD", "market", ticks, first.cast_unsigned()))
}

fn ticks_of(tenant: &TenantId, symbol: &str, source: &str, ticks: Vec<Tick>, first_seq: u64) -> TickBlock {
    TickBlock {
        origin: origin(tenant, source),
        ingested_at: ticks.last().map_or(START, |tick| tick.ts),
        first_seq: Some(first_seq),
        symbols: vec![BlockSymbol::of_quotes(symbol, 5)],
        ticks,
        volumes: Vec::new(),
    }
}

fn origin(tenant: &TenantId, source: &str) -> Origin {
    let (source, session) = (source.to_owned(), "1".to_owned());
    Origin { tenant: tenant.clone(), source, session, played: true, appended_at: START }
}

fn alert(tenant: &TenantId) -> AlertChanged {
    let tracker =
        RsiTracker { timeframe: Timeframe::M5, rsi_period: 14, rsi_overbought: 70, rsi_oversold: 30 };
    AlertChanged {
        origin: origin(tenant, "by hand"),
        alert_id: AlertId(ids::derive(&format!("{tenant} alert"))),
        user_id: UserId(ids::derive(&format!("{tenant} user"))),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(tracker),
    }
}
