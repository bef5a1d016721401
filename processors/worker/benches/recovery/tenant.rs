//! A tenant of any size, its journal on a disk, and what an owner does with it.

use std::sync::Arc;

use bellwether_engine::{ENGINE_VERSION, Engine};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, scan};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert, RsiTracker};
use bellwether_schemas::journal::Origin;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::snapshots::{ContentHash, LastFolded, LateKept};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{AlertId, Entry, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::Snapshot;
use uuid::Uuid;

/// Records of one append.
const BATCH: usize = 512;
pub(crate) const BLOCK: usize = 256;

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

fn origin() -> Origin {
    Origin {
        tenant: tenant(),
        source: "bench".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

fn name(symbol: usize) -> String {
    format!("S{symbol}")
}

/// Random as a linear congruential generator is.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

pub(crate) fn first_records(symbols: usize, alerts: usize) -> Vec<Vec<u8>> {
    let names = (0..symbols).map(|symbol| name(symbol).parse().unwrap()).collect();
    let settings = Settings { max_alerts: 10_000_000, ..Settings::with_symbols(names, "") };
    let change = SettingsChanged { origin: origin(), revision: 1, engine_version: ENGINE_VERSION, settings };
    let mut random = Random(7);
    let alert = |number: usize| {
        let price = PriceAlert {
            symbol: name(number % symbols),
            above: Some(1.5 + random.below(1_000) as f64 / 1e3),
            fires: "every".into(),
            ..PriceAlert::default()
        };
        let overbought = 70 + i32::try_from(random.below(20)).unwrap();
        let rsi = RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 14,
            rsi_overbought: overbought,
            rsi_oversold: 10,
        };
        Entry::Alert(AlertChanged {
            origin: origin(),
            alert_id: AlertId(Uuid::from_u128(number as u128)),
            user_id: UserId(Uuid::from_u128(number as u128 / 10)),
            version: 1,
            active: true,
            deleted: false,
            parameters: match number % 2 {
                0 => AlertParameters::PriceAlert(price),
                _ => AlertParameters::RsiTracker(rsi),
            },
        })
    };
    let entries = std::iter::once(Entry::Settings(change)).chain((0..alerts).map(alert));
    entries.map(|entry| codec::encode_entry(&entry).unwrap()).collect()
}

/// Ticks of all symbols in turn, fifty a second, in full blocks.
pub(crate) struct Market {
    symbols: usize,
    number: i64,
    prices: Vec<i64>,
    random: Random,
}

impl Market {
    pub(crate) fn new(symbols: usize) -> Self {
        Self { symbols, number: 0, prices: vec![100_000; symbols], random: Random(3) }
    }

    pub(crate) fn block(&mut self) -> Vec<u8> {
        let first = self.number;
        let of = |number: i64| usize::try_from(number).unwrap() % self.symbols;
        let symbols: Vec<usize> = (first..).map(of).take(self.symbols.min(BLOCK)).collect();
        let ticks: Vec<Tick> = (0..BLOCK)
            .map(|place| {
                let symbol = symbols[place % symbols.len()];
                self.prices[symbol] += self.random.below(21).cast_signed() - 10;
                let (ts, bid) = (Timestamp(self.number * 20_000), self.prices[symbol]);
                self.number += 1;
                let symbol = u16::try_from(place % symbols.len()).unwrap();
                Tick { ts, symbol, bid, ask: bid + 1 }
            })
            .collect();
        let block = TickBlock {
            origin: origin(),
            ingested_at: ticks[BLOCK - 1].ts,
            first_seq: Some((self.number.cast_unsigned()) - BLOCK as u64),
            symbols: symbols.into_iter().map(|symbol| BlockSymbol::of_quotes(name(symbol), 5)).collect(),
            ticks,
            volumes: Vec::new(),
        };
        codec::encode_entry(&Entry::Ticks(block)).unwrap()
    }
}

/// A log on a disk with the topics of that tenant.
pub(crate) struct Place {
    pub(crate) log: Arc<dyn Log>,
    /// Goes with it.
    _dir: tempfile::TempDir,
}

pub(crate) fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

fn open(dir: &std::path::Path) -> Arc<dyn Log> {
    let options = Options { fsync: Fsync::Never, segment_bytes: 64 << 20, segment_age: DAY };
    Arc::new(EmbeddedLog::open_with(dir, Access::Write, Clock::system(), options).unwrap())
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        Self { log, _dir: dir }
    }

    pub(crate) fn append(&self, records: &[Vec<u8>]) {
        for batch in records.chunks(BATCH) {
            let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
            self.log.append(&topic(TopicKind::Journal), batch.iter().map(record).collect()).wait().unwrap();
        }
    }

    /// The state at the journal's end, as a new owner has it once it has recovered.
    pub(crate) fn recovered(&self) -> (Engine, Gist) {
        let recovered = recover(self.log.as_ref(), &tenant()).unwrap();
        let from = recovered.fold_from();
        let state = recovered.state.map(|state| (state.engine, state.gist));
        let (mut engine, mut gist) = state.unwrap_or_else(|| (Engine::new(tenant()), Gist::default()));
        let mut effects = Vec::new();
        for read in entries(self.log.as_ref(), &tenant(), from..u64::MAX).unwrap() {
            let (record, entry) = read.unwrap();
            let entry = entry.unwrap();
            engine.apply(record.offset, &entry, &mut effects);
            gist.see(&record, &entry);
            effects.clear();
        }
        (engine, gist)
    }

    /// The offset after the journal's last record.
    pub(crate) fn end(&self) -> u64 {
        self.log.bounds(&topic(TopicKind::Journal)).unwrap().next
    }

    pub(crate) fn snapshot(&self, engine: &Engine, gist: &Gist) -> Snapshot {
        let next_offset = self.end();
        let last = scan(self.log.as_ref(), &topic(TopicKind::Journal), next_offset - 1..next_offset);
        let last = last.unwrap().next().unwrap().unwrap();
        Snapshot {
            next_offset,
            last: LastFolded {
                offset: last.offset.cast_signed(),
                appended_at: last.appended_at,
                sha256: ContentHash::of_record(&last.key, &last.value).bytes().to_vec(),
            },
            watermark: engine.watermark(),
            engine_version: ENGINE_VERSION,
            late: LateKept::default(),
            parts: engine.parts().collect(),
            gist: gist.taken(),
        }
    }
}
