//! A tenant's journal in a directory of its own, and what it holds as lines.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::play::Speed;
use bellwether_producers::run::{ProducerContext, SyntheticRun};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::codec::{decode_entry, encode_entry};
use bellwether_schemas::price::value;
use bellwether_schemas::settings::{DEFAULT_SYMBOLS, Settings};
use bellwether_schemas::{Entry, TenantId, Timestamp, Topic, TopicKind};

pub(crate) const LATENESS: i64 = 2_000_000;

pub(crate) struct Journal {
    pub(crate) ctx: ProducerContext,
    pub(crate) topic: Topic,
    _dir: tempfile::TempDir,
}

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

pub(crate) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn settings(count: usize) -> Settings {
    let names = DEFAULT_SYMBOLS.iter().take(count).map(|name| format!("{name}m").parse().unwrap());
    Settings::with_symbols(names.collect(), "m")
}

impl Journal {
    /// Empty, under a wall clock that stands in 2030.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(ts("2030-01-01T00:00:00Z"));
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, clock.clone()).unwrap();
        let topic = Topic::new(&tenant(), TopicKind::Journal);
        log.create(&topic).unwrap();
        Self { ctx: ProducerContext::new(log, clock, Shutdown::new()), topic, _dir: dir }
    }

    pub(crate) async fn holding(entries: &[Entry]) -> Self {
        let journal = Self::new();
        for entry in entries {
            let record = NewRecord { key: b"fxlabs".to_vec(), value: encode_entry(entry).unwrap() };
            journal.ctx.log.append(&journal.topic, vec![record]).answer().await.unwrap();
        }
        journal
    }

    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        read_all(&self.ctx.log, &self.topic)
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.bytes().iter().map(|value| decode_entry(value).unwrap()).collect()
    }
}

pub(crate) fn read_all(log: &Arc<dyn Log>, topic: &Topic) -> Vec<Vec<u8>> {
    let bounds = log.bounds(topic).unwrap();
    let mut reader = log.reader(topic, bounds.start).unwrap();
    let mut all = Vec::new();
    while reader.next_offset() < bounds.next {
        all.extend(reader.read(1000, Duration::from_secs(5)).unwrap().into_iter().map(|record| record.value));
    }
    all
}

/// One line a tick, `source_seq time symbol bid ask`, and one a heartbeat.
pub(crate) fn lines(entries: &[Entry]) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in entries {
        match entry {
            Entry::Heartbeat(beat) => lines.push(format!("beat {}", beat.ts)),
            Entry::Ticks(block) => {
                for (seq, tick) in (block.first_seq.unwrap()..).zip(&block.ticks) {
                    let symbol = &block.symbols[usize::from(tick.symbol)];
                    let price = |mantissa| value(mantissa, symbol.scale);
                    let (bid, ask) = (price(tick.bid), price(tick.ask));
                    lines.push(format!("{seq} {} {} {bid} {ask}", tick.ts, symbol.name));
                }
            }
            other => lines.push(other.name().into()),
        }
    }
    lines
}

pub(crate) fn ticks_only(entries: &[Entry]) -> Vec<String> {
    lines(entries).into_iter().filter(|line| !line.starts_with("beat")).collect()
}

pub(crate) fn synthetic(settings: Settings, start: &str, until: &str) -> SyntheticRun {
    SyntheticRun {
        tenant: tenant(),
        settings,
        seed: 1,
        ticks_a_minute: 60,
        speed: Speed::FREE,
        start: ts(start),
        until: Some(ts(until)),
        run_for: None,
    }
}
