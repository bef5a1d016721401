//! What a bar close costs with many alerts that it does not hit, what an alert weighs, and how fast alerts are loaded.
//!
//! `cargo bench -p bellwether-engine --bench alerts` prints the table; `-- 10000000` adds that size, `-- quick` stops
//! at 10⁵. Each row is a process of its own, so that its memory is that of its alerts.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench")]

use std::error::Error;
use std::process::Command;

use bellwether_engine::{Effect, Engine};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, HeatmapTracker, PriceAlert, RsiTracker};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, Timeframe, Timestamp, UserId};
use uuid::Uuid;

type Done<T> = Result<T, Box<dyn Error>>;

const KINDS: [&str; 4] = ["rsi", "heatmap", "price", "price on ticks"];
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Alerts that every second bar close hits; all others are never hit.
const HITS: usize = 10;
const SYMBOLS: [&str; 4] = ["EURUSDm", "GBPUSDm", "USDJPYm", "BTCUSDm"];
/// 2024-01-03T00:00:00Z.
const START: Timestamp = Timestamp(1_704_240_000_000_000);
const LEVEL: i64 = 100_000;
const BARS: i64 = 220;

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [mode, kind, count] if mode == "row" => row(kind, count.parse()?),
        [] => table(&SIZES),
        [quick] if quick == "quick" => table(&SIZES[..2]),
        [largest] => table(&[&SIZES[..], &[largest.parse()?]].concat()),
        _ => Err("no such arguments".into()),
    }
}

fn table(sizes: &[usize]) -> Done<()> {
    println!(
        "{:<16}{:>10}{:>12}{:>12}{:>10}{:>12}",
        "", "alerts", "no hit, µs", "10 hits, µs", "bytes", "loaded/s"
    );
    for kind in KINDS {
        let mut rows = Vec::new();
        for count in sizes {
            let output =
                Command::new(std::env::current_exe()?).args(["row", kind, &count.to_string()]).output()?;
            let text = String::from_utf8(output.stdout)?;
            let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            let [quiet, hit, bytes, loaded] = figures[..] else {
                return Err(format!("{kind} {count}: {}", String::from_utf8_lossy(&output.stderr)).into());
            };
            println!("{kind:<16}{count:>10}{quiet:>12.2}{hit:>12.2}{bytes:>10.0}{loaded:>12.0}");
            rows.push((*count as f64, quiet, hit));
        }
        if let [(least, quiet, hit), .., (most, quiet_most, hit_most)] = rows[..] {
            let exponent = |before: f64, after: f64| (after / before).ln() / (most / least).ln();
            println!(
                "{:<16}{:>10}{:>12.2}{:>12.2}",
                "",
                "exponent",
                exponent(quiet, quiet_most),
                exponent(hit, hit_most)
            );
        }
    }
    Ok(())
}

/// Prints µs a close without and with hits, bytes an alert, and alerts loaded a second.
fn row(kind: &str, count: usize) -> Done<()> {
    let mut market = Market::new()?;
    let before = resident()?;
    let mut nanoseconds = 0;
    for first in (0..count).step_by(10_000) {
        let changes: Vec<Entry> =
            (first..count.min(first + 10_000)).map(|number| change(kind, number)).collect::<Done<_>>()?;
        let start = cpu_nanoseconds()?;
        changes.iter().for_each(|change| market.apply(change));
        nanoseconds += cpu_nanoseconds()? - start;
        market.effects.clear();
    }
    let bytes = (resident()? - before) as f64 / count as f64;
    let (quiet, hit) = market.closes(kind)?;
    println!("{quiet} {hit} {bytes} {}", count as f64 * 1e9 / nanoseconds as f64);
    Ok(())
}

struct Market {
    engine: Engine,
    offset: u64,
    effects: Vec<Effect>,
}

impl Market {
    /// Warmed by history: a scalper's reading and every RSI exist.
    fn new() -> Done<Self> {
        let mut market =
            Self { engine: Engine::new("bench".parse()?).without_readings(), offset: 0, effects: Vec::new() };
        let symbols = SYMBOLS.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        let settings = Settings {
            max_alerts: i64::MAX,
            heatmap_cooldown: 0,
            heatmap_suppression: 0,
            ..Settings::with_symbols(symbols, "m")
        };
        market.apply(&Entry::Settings(SettingsChanged {
            origin: origin()?,
            revision: 1,
            engine_version: 1,
            settings,
        }));
        market.apply(&Entry::Bars(BarBlock { origin: origin()?, bars: past() }));
        Ok(market)
    }

    fn apply(&mut self, entry: &Entry) {
        self.engine.apply(self.offset, entry, &mut self.effects);
        self.offset += 1;
    }

    /// Microseconds a five-minute close without and with hits: the market goes down and up by turns. The median.
    fn closes(&mut self, kind: &str) -> Done<(f64, f64)> {
        let (mut quiet, mut hit) = (Vec::new(), Vec::new());
        for bar in 0..BARS {
            let up = bar % 2 == 1;
            // 600 up and 400 down let RSI 5 go between 54 and 65.
            let drift = if kind == "rsi" { bar / 2 * 200 } else { 0 };
            let price = drift + if up { LEVEL + 300 } else { LEVEL - 300 };
            let (tick, close) = (tick(bar, price)?, heartbeat(bar)?);
            self.effects.clear();
            let start = cpu_nanoseconds()?;
            self.apply(&tick);
            self.apply(&close);
            let cost = (cpu_nanoseconds()? - start) as f64 / 1000.0;
            let fired = self
                .effects
                .iter()
                .filter(|effect| matches!(effect, Effect::Outcome(Outcome::Fired(_))))
                .count();
            match (bar, up, fired) {
                (..20, ..) => {}
                (_, true, HITS) => hit.push(cost),
                (_, false, 0) => quiet.push(cost),
                _ => return Err(format!("bar {bar} hit {fired} alerts").into()),
            }
        }
        Ok((median(quiet), median(hit)))
    }
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

/// One alert of that kind; the first ones are those that are hit.
fn change(kind: &str, number: usize) -> Done<Entry> {
    let is_hit = number < HITS;
    // Spread over everything that is not reached: periods, symbols, lines, levels.
    let spread = number as i32;
    let parameters = match kind {
        "rsi" => AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: if is_hit { 5 } else { 5 + spread % 46 },
            rsi_overbought: if is_hit { 60 } else { 75 + spread / 46 % 16 },
            rsi_oversold: 10 + spread % 16,
        }),
        "heatmap" => AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs: vec![SYMBOLS[if is_hit { 0 } else { number % SYMBOLS.len() }].into()],
            trading_style: "scalper".into(),
            buy_threshold: if is_hit { 50 } else { 90 + spread % 11 },
            sell_threshold: 90 + spread / 11 % 11,
        }),
        on => AlertParameters::PriceAlert(PriceAlert {
            symbol: SYMBOLS[if is_hit { 0 } else { number % SYMBOLS.len() }].into(),
            above: Some(if is_hit { LEVEL as f64 } else { LEVEL as f64 + 1000.0 + f64::from(spread) / 8.0 }),
            on_close: (on == "price").then_some(Timeframe::M5),
            fires: "every".into(),
            ..PriceAlert::default()
        }),
    };
    Ok(Entry::Alert(AlertChanged {
        origin: origin()?,
        alert_id: AlertId(scattered(number as u64)),
        user_id: UserId(scattered(!(number as u64))),
        version: 1,
        active: true,
        deleted: false,
        parameters,
    }))
}

/// Ids of users and alerts come in no order.
fn scattered(number: u64) -> Uuid {
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let high = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
    Uuid::from_u64_pair(high, mix(high))
}

fn tick(bar: i64, price: i64) -> Done<Entry> {
    let ts = START.plus(bar * 5 * MINUTE);
    Ok(Entry::Ticks(TickBlock {
        origin: origin()?,
        ingested_at: ts,
        first_seq: None,
        symbols: vec![BlockSymbol::of_quotes(SYMBOLS[0], 0)],
        ticks: vec![Tick { ts, symbol: 0, bid: price, ask: price }],
        volumes: Vec::new(),
    }))
}

fn heartbeat(bar: i64) -> Done<Entry> {
    let ts = START.plus((bar + 1) * 5 * MINUTE + 2_000_000);
    Ok(Entry::Heartbeat(Heartbeat { origin: origin()?, ts }))
}

/// Five minutes and half hours: half of what a scalper looks at, which is enough for a reading.
fn past() -> Vec<HistoryBar> {
    let bar = |minutes: i64, timeframe: Timeframe| {
        move |bar: i64| {
            let price = LEVEL + bar.rem_euclid(2) * 20 - 10;
            HistoryBar {
                symbol: SYMBOLS[0].into(),
                timeframe,
                open_time: START.plus(bar * minutes * MINUTE),
                close_time: START.plus((bar + 1) * minutes * MINUTE),
                scale: 0,
                open: price,
                high: price,
                low: price,
                close: price,
                ticks: 1,
            }
        }
    };
    let mut bars: Vec<HistoryBar> =
        (-300..0).map(bar(5, Timeframe::M5)).chain((-70..0).map(bar(30, Timeframe::M30))).collect();
    bars.sort_by_key(|bar| bar.close_time);
    bars
}

fn origin() -> Done<Origin> {
    Ok(Origin {
        tenant: "bench".parse()?,
        source: "bench".into(),
        session: String::new(),
        played: true,
        appended_at: START,
    })
}

/// CPU time of this thread, as the scheduler counts it: it does so when a thread yields.
fn cpu_nanoseconds() -> Done<u64> {
    std::thread::yield_now();
    let counters = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(counters.split_whitespace().next().ok_or("schedstat is empty")?.parse()?)
}

/// The most bytes that this process had in memory so far.
fn resident() -> Done<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(peak.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
