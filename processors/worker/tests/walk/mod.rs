//! A tenant's journal: two symbols that walk, alerts on them, and records that are of no use.
#![allow(dead_code, reason = "each test file uses a part")]

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_runtime::log::NewRecord;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, UserId, codec};
use uuid::Uuid;

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin {
        tenant: tenant(),
        source: "sim".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

/// Random walks of two symbols with alerts on short RSI, one tick a symbol and five minutes, and records for the dead
/// letters: one that nobody can read, ticks of a symbol that the tenant does not have, and more late ticks than are kept.
pub(crate) fn journal(steps: &[(i64, i64)]) -> Vec<Vec<u8>> {
    let names = ["EURUSDm", "GBPUSDm"];
    let settings = Settings::with_symbols(names.map(|name| name.parse().unwrap()).to_vec(), "m");
    let change = SettingsChanged { origin: origin(), revision: 1, engine_version: ENGINE_VERSION, settings };
    let mut entries = vec![Entry::Settings(change)];
    entries.extend((1..=3).map(alert));
    let mut prices = [100_000i64, 100_000];
    for (number, (a, b)) in (0..).zip(steps) {
        prices = [(prices[0] + a).max(50_000), (prices[1] + b).max(50_000)];
        let ts = Timestamp(number * 300_000_000);
        let tick = |symbol: u16| {
            let bid = prices[usize::from(symbol)];
            Tick { ts, symbol, bid, ask: bid + 1 }
        };
        entries.push(Entry::Ticks(TickBlock {
            origin: origin(),
            ingested_at: ts,
            first_seq: Some(number.cast_unsigned() * 2),
            symbols: names.map(|name| BlockSymbol::of_quotes(name, 5)).to_vec(),
            ticks: vec![tick(0), tick(1)],
            volumes: Vec::new(),
        }));
        entries.push(Entry::Heartbeat(Heartbeat { origin: origin(), ts: ts.plus(301_000_000) }));
    }
    let mut records: Vec<Vec<u8>> = entries.iter().map(|entry| codec::encode_entry(entry).unwrap()).collect();
    for _ in 0..2 {
        records.insert(records.len() * 2 / 3, codec::encode_entry(&Entry::Ticks(late())).unwrap());
    }
    records.insert(records.len() / 2, b"nobody can read this".to_vec());
    records.insert(records.len() / 3, codec::encode_entry(&Entry::Ticks(unknown())).unwrap());
    records
}

pub(crate) fn unknown() -> TickBlock {
    TickBlock {
        origin: origin(),
        ingested_at: Timestamp(0),
        first_seq: None,
        symbols: vec![BlockSymbol::of_quotes("NOSUCH", 0)],
        ticks: vec![Tick { ts: Timestamp(0), symbol: 0, bid: 1, ask: 1 }; 3],
        volumes: Vec::new(),
    }
}

/// Two of these are more than are kept of a minute.
fn late() -> TickBlock {
    TickBlock {
        symbols: vec![BlockSymbol::of_quotes("EURUSDm", 5)],
        ticks: vec![Tick { ts: Timestamp(-1), symbol: 0, bid: 100_000, ask: 100_001 }; 80],
        ..unknown()
    }
}

pub(crate) fn alert(number: u128) -> Entry {
    Entry::Alert(AlertChanged {
        origin: origin(),
        alert_id: AlertId(Uuid::from_u128(number)),
        user_id: UserId(Uuid::from_u128(number)),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 5,
            rsi_overbought: 60 + i32::try_from(number).unwrap(),
            rsi_oversold: 40,
        }),
    })
}

/// What a straight fold gives for the triggers topic.
pub(crate) fn straight(journal: &[Vec<u8>]) -> Vec<NewRecord> {
    let mut engine = Engine::new(tenant());
    let mut effects = Vec::new();
    for (offset, bytes) in (0..).zip(journal) {
        match codec::decode_entry(bytes) {
            Ok(entry) if entry.origin().tenant == tenant() => engine.apply(offset, &entry, &mut effects),
            _ => {}
        }
    }
    let record = |effect: Effect| match effect {
        Effect::Outcome(outcome) => Some(NewRecord {
            key: outcome.key().into_bytes(),
            value: codec::encode_outcome(&outcome).unwrap(),
        }),
        _ => None,
    };
    effects.into_iter().filter_map(record).collect()
}

/// Settings that no engine of this build can follow.
pub(crate) fn of_a_newer_build() -> Vec<u8> {
    let mut entry = codec::decode_entry(&journal(&[])[0]).unwrap();
    let Entry::Settings(change) = &mut entry else { panic!("the first record is the settings") };
    change.engine_version += 1;
    codec::encode_entry(&entry).unwrap()
}
