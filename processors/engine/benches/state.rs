//! How large the engine's state is in parts, and what taking, writing, reading and restoring them costs.
//!
//! `cargo bench -p bellwether-engine --bench state` prints the tables for 33 warm symbols with 10⁴ and 10⁶ alerts;
//! another number of alerts as an argument takes its place.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench")]

use std::collections::BTreeMap;
use std::error::Error;

use bellwether_engine::Engine;
use bellwether_engine::snapshot::{Part, PartKey};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, HeatmapTracker, PriceAlert, RsiTracker};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::journal::{Entry, Origin};
use bellwether_schemas::settings::{DEFAULT_SYMBOLS, Settings, SettingsChanged};
use bellwether_schemas::{AlertId, SessionAnchor, Timeframe, Timestamp, UserId};
use uuid::Uuid;

type Done<T> = Result<T, Box<dyn Error>>;

/// 2024-01-07T00:00:00Z, a Sunday: bars of every timeframe end here.
const START: Timestamp = Timestamp(1_704_585_600_000_000);
/// Bars of each series: enough for every indicator and for the 200 ranges of a quiet market.
const BARS: i64 = 260;

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [] => [10_000, 1_000_000].into_iter().try_for_each(table),
        [alerts] => table(alerts.parse()?),
        _ => Err("no such arguments".into()),
    }
}

fn table(alerts: u64) -> Done<()> {
    let engine = engine(alerts)?;
    let (taken, parts) = timed(|| engine.parts().collect::<Vec<Part>>())?;
    let (written, bytes) =
        timed(|| parts.iter().map(|part| Ok((part.key(), part.encode()?))).collect::<Done<Vec<_>>>())?;
    let bytes = bytes?;
    let (read, parts) = timed(|| {
        let part = |(key, bytes): &(PartKey, Vec<u8>)| Part::decode(*key, bytes);
        bytes.iter().map(part).collect::<Result<Vec<Part>, _>>()
    })?;
    let parts = parts?;
    let (restored, again) =
        timed(|| Engine::from_parts("bench".parse()?, parts).map_err(Box::<dyn Error>::from))?;
    let again: Vec<Vec<u8>> = again?.parts().map(|part| part.encode()).collect::<Result<_, _>>()?;
    if !again.iter().eq(bytes.iter().map(|(_, bytes)| bytes)) {
        return Err("the restored engine is another".into());
    }
    println!(
        "{alerts} alerts: taken in {taken:.1} ms, written in {written:.1} ms, read in {read:.1} ms, restored in {restored:.1} ms"
    );
    sizes(&bytes);
    Ok(())
}

fn sizes(bytes: &[(PartKey, Vec<u8>)]) {
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (key, bytes) in bytes {
        let kind = key.to_string().split('/').next().unwrap_or_default().to_owned();
        kinds.entry(kind).or_default().push(bytes.len());
    }
    println!("{:<10}{:>8}{:>12}{:>12}", "", "parts", "bytes", "largest");
    for (kind, sizes) in kinds {
        let (all, largest) = (sizes.iter().sum::<usize>(), sizes.iter().max().copied().unwrap_or_default());
        println!("{kind:<10}{:>8}{all:>12}{largest:>12}", sizes.len());
    }
}

/// Milliseconds of CPU time.
fn timed<T>(work: impl FnOnce() -> T) -> Done<(f64, T)> {
    let start = cpu_nanoseconds()?;
    let result = work();
    Ok(((cpu_nanoseconds()? - start) as f64 / 1e6, result))
}

fn engine(alerts: u64) -> Done<Engine> {
    let mut engine = Engine::new("bench".parse()?).without_readings();
    let names = DEFAULT_SYMBOLS.iter().map(|name| format!("{name}m").parse()).collect::<Result<_, _>>()?;
    let settings = Settings { session_anchor: SessionAnchor::UTC, ..Settings::with_symbols(names, "m") };
    let settings = SettingsChanged { origin: origin()?, revision: 1, engine_version: 1, settings };
    let mut effects = Vec::new();
    engine.apply(0, &Entry::Settings(settings), &mut effects);
    engine.apply(1, &Entry::Bars(BarBlock { origin: origin()?, bars: past() }), &mut effects);
    for number in 0..alerts {
        effects.clear();
        engine.apply(number + 2, &alert(number)?, &mut effects);
    }
    Ok(engine)
}

/// Bars of every symbol and timeframe that end at [`START`], by their ends.
fn past() -> Vec<HistoryBar> {
    let mut bars = Vec::new();
    for timeframe in Timeframe::ALL {
        for (place, symbol) in (0..).zip(DEFAULT_SYMBOLS) {
            let bar = |bar: i64| {
                let open_time = START.plus(bar * timeframe.nominal());
                let price = 100_000 + (bar * 37 + place * 11).rem_euclid(101);
                HistoryBar {
                    symbol: symbol.into(),
                    timeframe,
                    open_time,
                    close_time: open_time.plus(timeframe.nominal()),
                    scale: 5,
                    open: price,
                    high: price + 3,
                    low: price - 2,
                    close: price + 1,
                    ticks: 1,
                }
            };
            bars.extend((-BARS..0).map(bar));
        }
    }
    bars.sort_by_key(|bar| bar.close_time);
    bars
}

fn alert(number: u64) -> Done<Entry> {
    let symbol = DEFAULT_SYMBOLS[number as usize % DEFAULT_SYMBOLS.len()];
    let parameters = match number % 3 {
        0 => AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 5 + (number % 46) as i32,
            rsi_overbought: 75,
            rsi_oversold: 25,
        }),
        1 => AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs: vec![symbol.into()],
            trading_style: "scalper".into(),
            buy_threshold: 70,
            sell_threshold: 70,
        }),
        _ => AlertParameters::PriceAlert(PriceAlert {
            symbol: symbol.into(),
            above: Some(2.0 + number as f64 / 1e6),
            fires: "every".into(),
            ..PriceAlert::default()
        }),
    };
    Ok(Entry::Alert(AlertChanged {
        origin: origin()?,
        alert_id: AlertId(Uuid::from_u64_pair(scattered(number), number)),
        user_id: UserId(Uuid::from_u64_pair(scattered(!number), number)),
        version: 1,
        active: true,
        deleted: false,
        parameters,
    }))
}

/// Ids come in no order.
fn scattered(number: u64) -> u64 {
    let x = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
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
