//! What one tenant's records do to another: nothing. Two tenants of one worker are fed from one interleaved stream;
//! whatever the second one's records are, the first one's outputs are those of a worker of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert, RsiTracker};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TopicKind, UserId, codec};
use bellwether_worker::core::{Core, Input, Output, Recovered};
use proptest::prelude::*;
use uuid::Uuid;

const SYMBOLS: [&str; 2] = ["EURUSDm", "GBPUSDm"];

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn origin(of: &str) -> Origin {
    Origin {
        tenant: tenant(of),
        source: "feed".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

/// Settings, two alerts under ids that both tenants use, and a walk of five-minute bars.
fn journal(of: &str, engine_version: i32, steps: &[(i64, i64)]) -> Vec<Vec<u8>> {
    let settings = Settings::with_symbols(SYMBOLS.map(|name| name.parse().unwrap()).to_vec(), "m");
    let change = SettingsChanged { origin: origin(of), revision: 1, engine_version, settings };
    let mut entries = vec![Entry::Settings(change)];
    let rsi = RsiTracker { timeframe: Timeframe::M5, rsi_period: 5, rsi_overbought: 60, rsi_oversold: 40 };
    entries.push(alert(of, 1, AlertParameters::RsiTracker(rsi)));
    let (symbol, above) = ("eurusd".into(), Some(1.005));
    let price = PriceAlert { symbol, above, fires: "every".into(), ..PriceAlert::default() };
    entries.push(alert(of, 2, AlertParameters::PriceAlert(price)));
    let mut prices = [100_000i64, 100_000];
    for (number, (a, b)) in (0..).zip(steps) {
        prices = [(prices[0] + a).max(50_000), (prices[1] + b).max(50_000)];
        let ts = Timestamp(number * 300_000_000);
        let tick = |symbol: u16| {
            let bid = prices[usize::from(symbol)];
            Tick { ts, symbol, bid, ask: bid + 1 }
        };
        entries.push(Entry::Ticks(TickBlock {
            origin: origin(of),
            ingested_at: ts,
            first_seq: Some(number.cast_unsigned() * 2),
            symbols: SYMBOLS.map(|name| BlockSymbol::of_quotes(name, 5)).to_vec(),
            ticks: vec![tick(0), tick(1)],
            volumes: Vec::new(),
        }));
        entries.push(Entry::Heartbeat(Heartbeat { origin: origin(of), ts: ts.plus(301_000_000) }));
    }
    entries.iter().map(|entry| codec::encode_entry(entry).unwrap()).collect()
}

fn alert(of: &str, number: u128, parameters: AlertParameters) -> Entry {
    Entry::Alert(AlertChanged {
        origin: origin(of),
        alert_id: AlertId(Uuid::from_u128(number)),
        user_id: UserId(Uuid::from_u128(number)),
        version: 1,
        active: true,
        deleted: false,
        parameters,
    })
}

/// One tenant's journal, as it is read on and on.
struct Reading {
    tenant: TenantId,
    journal: Vec<Vec<u8>>,
    next: usize,
}

impl Reading {
    fn new(name: &str, journal: Vec<Vec<u8>>) -> Self {
        Self { tenant: tenant(name), journal, next: 0 }
    }

    fn read(&mut self, count: usize) -> Vec<Record> {
        let end = (self.next + count).min(self.journal.len());
        let record = |offset: usize| Record {
            offset: offset as u64,
            appended_at: Timestamp(0),
            key: Vec::new(),
            headers: Vec::new(),
            value: self.journal[offset].clone(),
        };
        let records = (self.next..end).map(record).collect();
        self.next = end;
        records
    }
}

/// What a tenant's topics and its committed offset become.
#[derive(Debug, Default, PartialEq)]
struct Outputs {
    appended: Vec<(TopicKind, Vec<NewRecord>)>,
    committed: Vec<u64>,
    halted: Vec<String>,
}

/// A worker of these tenants, whose records come in turn: so many of each. What became of the first one.
fn work(mut readings: Vec<Reading>, turns: &[usize]) -> Outputs {
    let mut core = Core::new();
    let mut found = Outputs::default();
    let first = readings[0].tenant.clone();
    for reading in &readings {
        step(&mut core, Input::Assigned(reading.tenant.clone()), &first, &mut found);
    }
    let mut turns = turns.iter().copied().cycle();
    while readings[0].next < readings[0].journal.len() {
        for reading in &mut readings {
            // The first one's own batches are the same whoever else there is.
            let count = if reading.tenant == first { 3 } else { turns.next().unwrap() };
            let records = reading.read(count);
            if !records.is_empty() {
                step(&mut core, Input::Records(reading.tenant.clone(), records), &first, &mut found);
            }
        }
    }
    found
}

fn step(core: &mut Core, input: Input, first: &TenantId, found: &mut Outputs) {
    let mut outputs = Vec::new();
    core.step(input, &mut outputs);
    for output in outputs {
        match output {
            Output::Recover(tenant, id, _) => {
                step(core, Input::Recovered(tenant, id, Ok(Recovered::default())), first, found);
            }
            Output::Append(tenant, id, kind, records) => {
                if tenant == *first {
                    found.appended.push((kind, records));
                }
                step(core, Input::Acknowledged(tenant, id), first, found);
            }
            Output::Commit(tenant, next) if tenant == *first => found.committed.push(next),
            Output::Halt(tenant, reason) if tenant == *first => found.halted.push(reason),
            _ => {}
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((-3000i64..3000, -3000i64..3000), 10..40)
}

/// Another tenant's journal: its own, one that nobody can fold, or one that takes itself for the first one's.
fn other() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let garbage = prop::collection::vec(any::<u8>(), 0..200);
    let sound = |name: &'static str, version| steps().prop_map(move |steps| journal(name, version, &steps));
    let damaged = (sound("hextech", ENGINE_VERSION), any::<u64>(), any::<u8>());
    prop_oneof![
        3 => sound("hextech", ENGINE_VERSION),
        1 => sound("hextech", ENGINE_VERSION + 1),
        1 => sound("fxlabs", ENGINE_VERSION),
        1 => prop::collection::vec(garbage, 0..60),
        2 => damaged.prop_map(|(mut journal, at, byte)| {
            for record in &mut journal {
                let at = usize::try_from(at).unwrap() % record.len();
                record[at] = byte;
            }
            journal
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn another_tenants_records_change_nothing(
        steps in steps(),
        other in other(),
        turns in prop::collection::vec(0usize..8, 1..20),
    ) {
        let ours = || Reading::new("fxlabs", journal("fxlabs", ENGINE_VERSION, &steps));
        let alone = work(vec![ours()], &[1]);
        prop_assert!(alone.appended.len() > 1, "alerts say where they stand");
        let together = work(vec![ours(), Reading::new("hextech", other)], &turns);
        prop_assert_eq!(together, alone);
    }
}
