//! What indicators cost, in nanoseconds of this thread's CPU time; the least of several rounds.
//!
//! `cargo bench -p bellwether-engine --bench indicators` prints the table. With `rsi CLOSES VALUES` it computes RSI 14
//! of a file of doubles, for `rsi_beside_talib.py` beside it.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench")]

use std::error::Error;
use std::hint::black_box;

use bellwether_engine::Version;
use bellwether_engine::heatmap::CellName;
use bellwether_engine::indicators::{
    Indicators, MAX_PERIOD, MIN_PERIOD, Ohlc, PairReturns, Rsi, RsiBank, log_return,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One period, as a library computes it.
type Rsi14 = Rsi<14, 1>;

const SYMBOLS: usize = 33;
const ROUNDS: usize = 9;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [mode, closes, values] if mode == "rsi" => beside(closes, values),
        _ => table(),
    }
}

fn table() -> Outcome<()> {
    let bars = bars(1_000_000);
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    let mut values = vec![f64::NAN; closes.len()];
    println!("{:<58} {:>8}", "", "ns");
    line("RSI 14, one series, update and value", least(closes.len(), || one_series(&closes, &mut values))?);
    let interleaved = least(closes.len() / SYMBOLS * SYMBOLS, || interleaved(&closes, &mut values))?;
    line("RSI 14, 33 interleaved series, update and value", interleaved);
    let bank = least(closes.len(), || bank(&closes))?;
    line("RSI bank, 5 to 50, a bar", bank);
    line("    a period", bank / (MAX_PERIOD - MIN_PERIOD + 1) as f64);
    let whole = least(bars.len(), || one_set(&bars))?;
    line("all indicators, cells and score, one series, a bar", whole);
    line("    a cell", whole / CellName::ALL.len() as f64);
    let whole = least(bars.len(), || sets(&bars, SYMBOLS))?;
    line("the same, 33 interleaved series, a bar", whole);
    line("    a cell", whole / CellName::ALL.len() as f64);
    let whole = least(bars.len(), || sets(&bars, SYMBOLS * 8))?;
    line("the same, 264 interleaved series, a bar", whole);
    line("    a cell", whole / CellName::ALL.len() as f64);
    for window in [50, 120] {
        let cost = least(100_000, || coefficients(&closes[..100_000], window))?;
        line(&format!("pair: two log returns and correlation({window})"), cost);
    }
    println!("{:<58} {:>8}", "bytes a series", size_of::<Indicators>());
    correlation_error();
    Ok(())
}

fn line(what: &str, nanoseconds: f64) {
    println!("{what:<58} {nanoseconds:>8.2}");
}

/// Nanoseconds an element: the round that was disturbed least.
fn least(elements: usize, mut round: impl FnMut()) -> Outcome<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let before = cpu_nanoseconds()?;
        round();
        least = least.min((cpu_nanoseconds()? - before) as f64 / elements as f64);
    }
    Ok(least)
}

/// CPU time of this thread, as the scheduler counts it: it does so when a thread yields.
fn cpu_nanoseconds() -> Outcome<u64> {
    std::thread::yield_now();
    let counters = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(counters.split_whitespace().next().ok_or("schedstat is empty")?.parse()?)
}

/// A walk like that of the test vectors.
fn bars(count: usize) -> Vec<Ohlc> {
    let mut x = 42_u32;
    let mut draw = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(x >> 16)
    };
    let mut open = 1.1;
    let mut next = || {
        let step = (draw() % 201.0 - 100.0) / 100_000.0 - (open - 1.1) / 1000.0;
        let (close, up, down) = (open + step, draw() % 40.0 / 100_000.0, draw() % 40.0 / 100_000.0);
        let bar = Ohlc { open, high: open.max(close) + up, low: open.min(close) - down, close };
        open = close;
        bar
    };
    (0..count).map(|_| next()).collect()
}

fn one_series(closes: &[f64], values: &mut [f64]) {
    let mut rsi = Rsi14::default();
    for (close, value) in closes.iter().zip(values) {
        rsi.update(*close, Version::NEWEST);
        *value = rsi.value(14).unwrap_or(f64::NAN);
    }
}

/// The closes are dealt out to 33 series in turn, as instants deal them to an engine.
fn interleaved(closes: &[f64], values: &mut [f64]) {
    let mut series = vec![Rsi14::default(); SYMBOLS];
    for (closes, values) in closes.chunks_exact(SYMBOLS).zip(values.chunks_exact_mut(SYMBOLS)) {
        for ((close, value), rsi) in closes.iter().zip(values).zip(&mut series) {
            rsi.update(*close, Version::NEWEST);
            *value = rsi.value(14).unwrap_or(f64::NAN);
        }
    }
}

fn bank(closes: &[f64]) {
    let mut bank = RsiBank::default();
    for close in closes {
        bank.update(*close, Version::NEWEST);
        black_box(bank.value(14));
    }
}

fn one_set(bars: &[Ohlc]) {
    let mut indicators = Indicators::default();
    for bar in bars {
        indicators.update(bar, Version::NEWEST);
        black_box(indicators.score());
    }
}

fn sets(bars: &[Ohlc], series: usize) {
    let mut sets = vec![Indicators::default(); series];
    for bars in bars.chunks(series) {
        for (bar, indicators) in bars.iter().zip(&mut sets) {
            indicators.update(bar, Version::NEWEST);
            black_box(indicators.score());
        }
    }
}

fn coefficients(closes: &[f64], window: usize) {
    let mut pair = PairReturns::default();
    for two in closes.windows(2) {
        pair.update(two[0], two[1]);
        black_box(pair.coefficient(window));
    }
}

/// Ten million bars of a pair; over the last ten thousand of them, the coefficient beside a two-pass one in compensated
/// sums, and beside what carried sums would have become.
fn correlation_error() {
    const BARS: usize = 10_000_000;
    const WINDOW: usize = 50;
    let closes: Vec<(f64, f64)> = bars(BARS).into_iter().map(|bar| (bar.close, bar.high)).collect();
    let returns: Vec<(f64, f64)> = closes
        .windows(2)
        .map(|two| (log_return(two[0].0, two[1].0), log_return(two[0].1, two[1].1)))
        .collect();
    let (mut pair, mut carried) = (PairReturns::default(), Carried::default());
    pair.update(closes[0].0, closes[0].1);
    let (mut error, mut carried_error) = (0.0_f64, 0.0_f64);
    for end in 1..closes.len() {
        pair.update(closes[end].0, closes[end].1);
        carried.update(&returns[end.saturating_sub(WINDOW + 1)..end], WINDOW);
        if end + 10_000 > closes.len() {
            let exact = two_pass(&returns[end - WINDOW..end]);
            error = error.max((pair.coefficient(WINDOW).unwrap_or(f64::NAN) - exact).abs());
            carried_error = carried_error.max((carried.coefficient(WINDOW) - exact).abs());
        }
    }
    println!("correlation({WINDOW}) after {BARS} bars: largest error {error:.1e}");
    println!("    sums carried along would be off by {carried_error:.1e}");
}

/// Neumaier's sum: the lost low digits are kept beside it.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for value in values {
        let next: f64 = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

fn two_pass(returns: &[(f64, f64)]) -> f64 {
    let count = returns.len() as f64;
    let (mean_a, mean_b) =
        (sum(returns.iter().map(|(a, _)| *a)) / count, sum(returns.iter().map(|(_, b)| *b)) / count);
    let ab = sum(returns.iter().map(|(a, b)| (a - mean_a) * (b - mean_b)));
    let aa = sum(returns.iter().map(|(a, _)| (a - mean_a).powi(2)));
    let bb = sum(returns.iter().map(|(_, b)| (b - mean_b).powi(2)));
    ab / (aa * bb).sqrt()
}

/// What is not done: Σa, Σb, Σa², Σb², Σab, to which a return is added and from which one is taken.
#[derive(Default)]
struct Carried([f64; 5]);

impl Carried {
    fn update(&mut self, newest: &[(f64, f64)], window: usize) {
        let terms = |(a, b): (f64, f64)| [a, b, a * a, b * b, a * b];
        let old = if newest.len() > window { terms(newest[0]) } else { [0.0; 5] };
        let new = newest.last().map_or([0.0; 5], |newest| terms(*newest));
        for (sum, (new, old)) in self.0.iter_mut().zip(new.into_iter().zip(old)) {
            *sum = *sum + new - old;
        }
    }

    fn coefficient(&self, window: usize) -> f64 {
        let ([a, b, aa, bb, ab], count) = (self.0, window as f64);
        (count * ab - a * b) / ((count * aa - a * a) * (count * bb - b * b)).sqrt()
    }
}

/// For the script: prints nanoseconds an element, first one series, then 33 interleaved.
fn beside(closes: &str, values: &str) -> Outcome<()> {
    let bytes = std::fs::read(closes)?;
    let (doubles, _) = bytes.as_chunks::<8>();
    let closes: Vec<f64> = doubles.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let mut dealt = vec![f64::NAN; closes.len()];
    let mut found = vec![f64::NAN; closes.len()];
    let one = least(closes.len(), || one_series(&closes, &mut found))?;
    let many = least(closes.len() / SYMBOLS * SYMBOLS, || interleaved(&closes, &mut dealt))?;
    found.extend(dealt);
    std::fs::write(values, found.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    println!("{one} {many}");
    Ok(())
}
