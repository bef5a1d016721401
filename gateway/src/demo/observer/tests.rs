//! Over the embedded log.

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{self, Access, NewRecord};
use bellwether_schemas::Origin;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::readings::Bar;
use bellwether_schemas::ticks::{BlockSymbol, Tick};

use super::*;
use crate::demo::view::{Frame, SymbolView};
use crate::live::fixtures::{id, trigger, two};

/// The log, the page's state and who fills it.
struct World {
    dir: tempfile::TempDir,
    log: Arc<dyn Log>,
    live: LiveState,
    shutdown: Shutdown,
    observer: Option<Observer>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = log::open(&url, Access::Write, Clock::system()).unwrap();
        Self { dir, log, live: two(), shutdown: Shutdown::new(), observer: None }
    }

    fn create(&self) {
        for tenant in self.live.tenants() {
            for topic in Topic::all(tenant) {
                self.log.create(&topic).unwrap();
            }
        }
    }

    fn observe(&mut self) {
        self.observer = Some(Observer::start(&self.log, &self.live, &self.shutdown).unwrap());
    }

    fn append(&self, tenant: &str, kind: TopicKind, value: Vec<u8>) {
        let record = NewRecord { key: tenant.into(), value };
        self.log.append(&Topic::new(&id(tenant), kind), vec![record]).wait().unwrap();
    }

    fn ticks(&self, topic: &str, origin: &str, bids: &[i64]) {
        let block = TickBlock {
            origin: origin_of(origin),
            ingested_at: Timestamp(0),
            first_seq: None,
            symbols: vec![BlockSymbol::of_quotes("EURUSD", 5)],
            ticks: (0i64..)
                .zip(bids)
                .map(|(ts, bid)| Tick { ts: Timestamp(ts), symbol: 0, bid: *bid, ask: bid + 1 })
                .collect(),
            volumes: vec![],
        };
        self.append(topic, TopicKind::Journal, codec::encode_entry(&Entry::Ticks(block)).unwrap());
    }

    fn heartbeat(&self, tenant: &str, ts: i64) {
        let beat = Heartbeat { origin: origin_of(tenant), ts: Timestamp(ts) };
        self.append(tenant, TopicKind::Journal, codec::encode_entry(&Entry::Heartbeat(beat)).unwrap());
    }

    fn until(&self, what: &str, found: impl Fn(&LiveState) -> bool) {
        let reached = (0..1_000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            found(&self.live)
        });
        assert!(reached, "{what} was not shown: {}", self.shown());
    }

    fn shown(&self) -> serde_json::Value {
        serde_json::to_value(self.live.snapshot().0).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.raise();
        if let Some(observer) = self.observer.take() {
            observer.join();
        }
        assert!(self.dir.path().exists());
    }
}

fn origin_of(tenant: &str) -> Origin {
    Origin {
        tenant: id(tenant),
        source: "test".into(),
        session: "1".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

fn bar(tenant: &str, timeframe: Timeframe, close: f64) -> Vec<u8> {
    let bar = Bar {
        symbol: "EURUSDm".parse().unwrap(),
        timeframe,
        open_time: Timestamp(0),
        close_time: Timestamp(60_000_000),
        open: close,
        high: close,
        low: close,
        close,
        ticks: 1,
    };
    let record = ReadingRecord::new(&id(tenant), &Reading::Bar(bar)).unwrap();
    codec::encode_reading(&record).unwrap()
}

fn rsi(tenant: &str, timeframe: &str, value: f64) -> Vec<u8> {
    let names = ["ema21", "ema50", "ema200", "macd", "macd_signal", "macd_histogram", "atr10"];
    let more = ["utbot_long_stop", "utbot_short_stop", "tenkan", "kijun", "senkou_a", "senkou_b"];
    let nulls: String = names.iter().chain(&more).map(|name| format!(r#""{name}":null,"#)).collect();
    let body = format!(
        r#"{{"type":"indicators","symbol":"EURUSDm","timeframe":"{timeframe}","close_time":"1970-01-01T00:01:00Z",
           "rsi14":{value},{nulls}"cells":{{}},"quiet":false,"raw":null,"final":null,"buy_percent":null}}"#
    );
    let key = format!("indicators|EURUSDm|{timeframe}");
    let record = ReadingRecord { tenant: id(tenant), key, close_time: Timestamp(60_000_000), body };
    codec::encode_reading(&record).unwrap()
}

#[test]
fn what_the_topics_hold_comes_on_the_page() {
    let mut world = World::new();
    world.create();
    world.observe();
    world.ticks("fxlabs", "fxlabs", &[110_000, 110_021]);
    world.append("fxlabs", TopicKind::Readings, bar("fxlabs", Timeframe::M1, 1.1));
    world.append("fxlabs", TopicKind::Readings, bar("fxlabs", Timeframe::H1, 9.9));
    world.append("fxlabs", TopicKind::Readings, rsi("fxlabs", "1H", 61.5));
    let fired = Outcome::Fired(trigger("fxlabs", "EURUSDm"));
    world.append("fxlabs", TopicKind::Triggers, codec::encode_outcome(&fired).unwrap());
    world.until("everything", |live| {
        let counts = live.counts(&id("fxlabs")).unwrap();
        (counts.ticks, counts.bars, counts.triggers) == (2, 2, 1)
    });
    world.heartbeat("fxlabs", 7_000_000);
    world.until("the heartbeat", |live| live.time(&id("fxlabs")) == Some(Timestamp(7_000_000)));
    let shown = world.shown();
    let symbol = &shown["tenants"][0]["symbols"][0];
    assert_eq!((symbol["bid"].as_f64(), symbol["digits"].as_u64()), (Some(1.10021), Some(5)));
    assert_eq!(
        (&symbol["closes"], &symbol["rsi"]["1H"]),
        (&serde_json::json!([1.1]), &serde_json::json!(61.5))
    );
}

#[test]
fn a_record_that_names_another_tenant_is_shown_to_nobody() {
    let mut world = World::new();
    world.create();
    world.observe();
    world.ticks("fxlabs", "hextech", &[150_000]);
    let foreign = Outcome::Fired(trigger("hextech", "EURUSDm"));
    world.append("fxlabs", TopicKind::Triggers, codec::encode_outcome(&foreign).unwrap());
    let foreign = rsi("hextech", "1H", 61.5);
    world.append("fxlabs", TopicKind::Readings, foreign);
    world.append("fxlabs", TopicKind::Journal, b"garbage".to_vec());
    world.heartbeat("fxlabs", 1);
    world.until("the record after", |live| live.time(&id("fxlabs")) == Some(Timestamp(1)));
    world.append("fxlabs", TopicKind::Readings, bar("fxlabs", Timeframe::H1, 1.0));
    world.until("the reading after", |live| live.counts(&id("fxlabs")).unwrap().bars == 1);
    let fired = Outcome::Fired(trigger("fxlabs", "GBPUSDm"));
    world.append("fxlabs", TopicKind::Triggers, codec::encode_outcome(&fired).unwrap());
    world.until("the trigger after", |live| live.counts(&id("fxlabs")).unwrap().triggers == 1);
    let (Frame::Snapshot { tenants }, _) = world.live.snapshot() else { panic!("a snapshot") };
    let bare = |symbol: &SymbolView| symbol.bid.is_none() && symbol.rsi.is_empty();
    assert!(tenants.iter().all(|tenant| tenant.symbols.iter().all(bare)), "{tenants:?}");
    assert_eq!(tenants.iter().map(|tenant| tenant.triggers.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(world.live.counts(&id("hextech")), Some(Default::default()));
}

#[test]
fn a_page_that_starts_late_shows_the_near_past_and_counts_only_what_is_new() {
    let mut world = World::new();
    world.create();
    for _ in 0..600 {
        world.ticks("fxlabs", "fxlabs", &[110_000]);
    }
    world.observe();
    world.until("the past", |live| live.time(&id("fxlabs")).is_some());
    world.ticks("fxlabs", "fxlabs", &[120_000]);
    world.until("the new tick", |live| live.counts(&id("fxlabs")).unwrap().ticks > 0);
    assert_eq!(world.live.counts(&id("fxlabs")).unwrap().ticks, 1);
}

#[test]
fn topics_that_come_later_are_read_from_their_first_record() {
    let mut world = World::new();
    world.observe();
    world.create();
    world.ticks("hextech", "hextech", &[110_000]);
    world.until("the tick", |live| live.time(&id("hextech")).is_some());
}
