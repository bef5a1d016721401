//! A day of market for many tenants on a real Kafka, folded by workers that are killed -9 all the time, its producer too.
//! What they have recorded is then what anybody computes who folds the journals again: `replay --verify` on the broker,
//! the same on an embedded copy, and folds that go on from states stored at random offsets.

mod cuts;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::{ProducerContext, settings};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenants;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{
    AlertChanged, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker,
    PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{
    AlertId, Entry, Origin, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec, ids,
};
use serde_json::Value;

use crate::ground::{Ground, PATIENCE, journal};
use crate::judged::Random;
use crate::support::{Running, until};
use crate::world::{now, progress};

/// A Tuesday.
const BEGINS: &str = "2024-01-02T00:00:00Z";
const ENDS: &str = "2024-01-03T00:00:00Z";
/// Event time a second: the day takes two minutes.
const SPEED: &str = "720";
const TICKS_A_MINUTE: &str = "10";
/// The least time between two kills, and what chance adds to it: killed much sooner than it has folded anything on, a worker
/// folds with care, record by record.
const KILLS: (u64, u64) = (1_500, 4_000);
/// How long what is left may take in the end: with care, it is some hundred records a second.
const FOLDED: Duration = Duration::from_secs(900);
/// One kill in so many is the producer's.
const PRODUCERS_SHARE: u64 = 8;

pub(crate) fn run(tenants: usize, workers: usize, cuts: usize, seed: u64) -> ExitCode {
    let mut day = Day { ground: Ground::new(tenants), findings: Vec::new(), said: Vec::new() };
    day.ask_for_alerts();
    let mut random = Random(seed);
    day.pass(workers, &mut random);
    day.judge_replays("on Kafka", None);
    let copy = day.copied();
    day.judge_replays("on an embedded copy", Some(&copy.url));
    let begun = now();
    let per_tenant = cuts.div_ceil(tenants);
    for tenant in &day.ground.tenants {
        progress(&format!("{tenant}: {per_tenant} cuts"));
        day.findings.extend(cuts::judge(&copy.log, tenant, per_tenant, &mut random));
    }
    let tried = per_tenant * tenants;
    day.said
        .push(format!("{tried} folds went on from random offsets in {:.0} s", begun.elapsed().as_secs_f64()));
    day.verdict(tenants, workers)
}

struct Day {
    ground: Ground,
    findings: Vec<String>,
    /// For whoever reads the verdict.
    said: Vec<String>,
}

/// The tenants' journals and triggers in a directory, at the same offsets.
struct Embedded {
    log: Arc<dyn Log>,
    url: String,
}

impl Day {
    /// Every journal begins with its settings and alerts of every kind.
    fn ask_for_alerts(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for tenant in &load_tenants(&self.ground.place.path("tenants"), &|_| None).unwrap() {
            let context =
                ProducerContext::new(Arc::clone(&self.ground.log), Clock::system(), Shutdown::new());
            runtime.block_on(settings::publish(&context, tenant)).unwrap();
            let alerts =
                (0..).zip(every_kind()).map(|(number, parameters)| alert(&tenant.id, number, parameters));
            let record = |alert| NewRecord {
                key: tenant.id.as_str().into(),
                value: codec::encode_entry(&Entry::Alert(alert)).unwrap(),
            };
            self.ground.log.append(&journal(&tenant.id), alerts.map(record).collect()).wait().unwrap();
        }
    }

    /// The market plays its day while workers die, until everything is folded.
    fn pass(&mut self, count: usize, random: &mut Random) {
        let ground = &self.ground;
        let mut workers: Vec<Running> = (0..count).map(|_| ground.start(&["process"])).collect();
        let (mut producer, mut kills, mut produced) = (Some(play(ground)), 0, 0);
        let begun = now();
        while let Some(playing) = &mut producer {
            std::thread::sleep(Duration::from_millis(KILLS.0 + random.next() % KILLS.1));
            if playing.has_ended() {
                let ran = producer.take().unwrap().wait(PATIENCE);
                self.findings.extend((ran.code != Some(0)).then(|| format!("the producer ended: {ran}")));
            } else if random.next().is_multiple_of(PRODUCERS_SHARE) {
                producer = Some(play(ground));
                produced += 1;
            } else {
                let victim = usize::try_from(random.next()).unwrap() % workers.len();
                self.findings.extend(ended_by_itself(&mut workers[victim]));
                workers[victim] = ground.start(&["process"]);
                kills += 1;
            }
            progress(&format!("{:.0} s: {kills} workers killed", begun.elapsed().as_secs_f64()));
        }
        self.said.push(format!("kill -9 of {kills} workers and {produced} producers"));
        if !until(FOLDED, || ground.tenants.iter().all(|tenant| ground.is_folded(tenant))) {
            self.findings.push(format!("not everything was folded within {FOLDED:?}"));
        }
        for worker in workers {
            let ran = worker.stop(PATIENCE);
            self.findings.extend((ran.code != Some(0)).then(|| format!("a worker was asked to stop: {ran}")));
        }
    }

    /// The user's own command folds every journal again.
    fn judge_replays(&mut self, place: &str, url: Option<&str>) {
        let begun = now();
        let (mut records, mut folded, mut repeats) = (0, 0, 0);
        for tenant in &self.ground.tenants {
            progress(&format!("{tenant}: folded again {place}"));
            let mut command = vec!["replay", "--tenant", tenant.as_str(), "--verify", "--json"];
            command.extend(url.iter().flat_map(|url| ["--log", url]));
            let ran = self.ground.start(&command).wait(PATIENCE);
            let said: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            let count = |name: &str| said[name].as_u64().unwrap_or(0);
            if ran.code != Some(0) || count("folded") == 0 || count("pending") > 0 {
                self.findings.push(format!("replay --verify {place}: {ran}"));
            }
            records += count("records");
            folded += count("folded");
            repeats += count("repeats");
        }
        self.said.push(format!(
            "{place} {records} records folded again to {folded} outcomes, {repeats} raw repeats, in {:.0} s",
            begun.elapsed().as_secs_f64()
        ));
    }

    fn copied(&mut self) -> Embedded {
        let dir: PathBuf = self.ground.place.path("copy");
        let options = Options { fsync: Fsync::Never, segment_bytes: 64 << 20, segment_age: DAY };
        let log = EmbeddedLog::open_with(&dir, Access::Write, Clock::system(), options).unwrap();
        for tenant in &self.ground.tenants {
            Topic::all(tenant).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
            for kind in [TopicKind::Journal, TopicKind::Triggers] {
                self.findings.extend(copy(self.ground.log.as_ref(), &log, &Topic::new(tenant, kind)));
            }
        }
        Embedded { log: Arc::new(log), url: format!("embedded:{}", dir.display()) }
    }

    fn verdict(&self, tenants: usize, workers: usize) -> ExitCode {
        self.findings.iter().for_each(|finding| println!("broken: {finding}"));
        let tried = format!("a day of {tenants} tenants over {workers} workers: {}", self.said.join("; "));
        if self.findings.is_empty() {
            println!("verdict: kept: {tried}");
            return ExitCode::SUCCESS;
        }
        println!("verdict: BROKEN ({} findings): {tried}", self.findings.len());
        ExitCode::FAILURE
    }
}

/// Goes on where the journals stand.
fn play(ground: &Ground) -> Running {
    let market = ["produce", "synthetic", "--seed", "5", "--start", BEGINS, "--until", ENDS];
    ground.start(&[&market[..], &["--speed", SPEED, "--ticks-a-minute", TICKS_A_MINUTE]].concat())
}

fn ended_by_itself(worker: &mut Running) -> Option<String> {
    worker.has_ended().then(|| format!("a worker ended by itself: {}", worker.stderr()))
}

/// Record by record; what is wrong where one would get another offset.
fn copy(from: &dyn Log, to: &dyn Log, topic: &Topic) -> Option<String> {
    let mut batch = Vec::new();
    for (offset, record) in (0..).zip(scan(from, topic, 0..u64::MAX).unwrap()) {
        let record = record.unwrap();
        if record.offset != offset {
            return Some(format!("{topic}: offset {} stands where {offset} should", record.offset));
        }
        batch.push(NewRecord { key: record.key, value: record.value });
        if batch.len() == 512 {
            to.append(topic, std::mem::take(&mut batch)).wait().unwrap();
        }
    }
    if !batch.is_empty() {
        to.append(topic, batch).wait().unwrap();
    }
    None
}

fn alert(tenant: &TenantId, number: u32, parameters: AlertParameters) -> AlertChanged {
    let (source, session) = ("by hand".to_owned(), "1".to_owned());
    let appended_at: Timestamp = BEGINS.parse().unwrap();
    AlertChanged {
        origin: Origin { tenant: tenant.clone(), source, session, played: true, appended_at },
        alert_id: AlertId(ids::derive(&format!("{tenant} alert {number}"))),
        user_id: UserId(ids::derive(&format!("{tenant} user"))),
        version: 1,
        active: true,
        deleted: false,
        parameters,
    }
}

fn every_kind() -> Vec<AlertParameters> {
    let timeframe = Timeframe::M5;
    let pairs = RsiCorrelationTracker {
        timeframe,
        mode: "rsi_threshold".into(),
        rsi_period: 7,
        rsi_overbought: 60,
        rsi_oversold: 40,
        correlation_window: 20,
    };
    let price = PriceAlert {
        symbol: "EURUSD".into(),
        above: Some(1.09),
        below: Some(1.08),
        fires: "every".into(),
        ..PriceAlert::default()
    };
    let symbols = || ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"].map(String::from).to_vec();
    vec![
        AlertParameters::RsiTracker(RsiTracker {
            timeframe,
            rsi_period: 14,
            rsi_overbought: 65,
            rsi_oversold: 35,
        }),
        AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
            mode: "real_correlation".into(),
            ..pairs.clone()
        }),
        AlertParameters::RsiCorrelationTracker(pairs),
        AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs: symbols(),
            trading_style: "scalper".into(),
            buy_threshold: 60,
            sell_threshold: 60,
        }),
        AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker {
            pairs: symbols(),
            timeframe,
            indicator: "MACD".into(),
        }),
        AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe: Timeframe::M15 }),
        AlertParameters::PriceAlert(PriceAlert { on_close: Some(Timeframe::M1), ..price.clone() }),
        AlertParameters::PriceAlert(price),
    ]
}
