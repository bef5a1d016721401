//! Small files, and runs over them.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod folded;

use std::path::{Path, PathBuf};

use bellwether_backtest::files::{Files, TENANT, play};
use bellwether_backtest::outputs::Outputs;
use bellwether_backtest::run::{Finished, Run, Watch};
use bellwether_backtest::study::Study;
use bellwether_backtest::sweep::Axis;
use bellwether_backtest::{BacktestError, alerts};
use bellwether_producers::sources::FileOptions;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::Timestamp;
use serde_json::Value;

/// 2024-01-02T10:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_704_189_600_000_000);
const SECOND: i64 = 1_000_000;

/// A quote every ten seconds for so many hours, up and down so that an RSI crosses its lines: time, bid, ask.
pub(crate) fn quotes(hours: u32) -> Vec<(Timestamp, String, String)> {
    let quote = |number: u32| {
        let seconds = f64::from(number) * 10.0;
        let price = 1.27 + 0.01 * (seconds / 1_900.0).sin() + 0.000_7 * (seconds / 97.0).sin();
        let ts = START.plus(i64::from(number) * 10 * SECOND + 3 * SECOND);
        (ts, format!("{price:.5}"), format!("{:.5}", price + 0.0001))
    };
    (0..hours * 360).map(quote).collect()
}

/// Quotes as `ts,bid,ask` lines under their header.
pub(crate) fn as_ticks(quotes: &[(Timestamp, String, String)]) -> String {
    let lines = quotes.iter().map(|(ts, bid, ask)| format!("{},{bid},{ask}\n", ts.0));
    std::iter::once("ts,bid,ask\n".into()).chain(lines).collect()
}

pub(crate) struct Place(tempfile::TempDir);

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) finished: Finished,
    pub(crate) readings: Vec<Value>,
    pub(crate) triggers: Vec<Value>,
}

/// What to run.
#[derive(Default)]
pub(crate) struct Ask<'a> {
    pub(crate) inputs: &'a [&'a str],
    pub(crate) alerts: &'a str,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) sweep: &'a [&'a str],
    pub(crate) options: FileOptions,
    pub(crate) anchor_utc: Vec<String>,
    pub(crate) shutdown: Shutdown,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// `EURUSD=ticks.csv` with the file in this place.
    fn input(&self, text: &str) -> bellwether_producers::sources::Input {
        let (symbol, file) = text.split_once('=').unwrap();
        format!("{symbol}={}", self.path(file).display()).parse().unwrap()
    }

    pub(crate) fn run(&self, ask: &Ask<'_>) -> Ran {
        self.attempt(ask).unwrap()
    }

    pub(crate) fn attempt(&self, ask: &Ask<'_>) -> Result<Ran, BacktestError> {
        self.write("alerts.json", ask.alerts);
        let sweep: Vec<Axis> = ask.sweep.iter().map(|axis| axis.parse().unwrap()).collect();
        let alerts = alerts::read(&self.path("alerts.json"), &sweep)?;
        let (readings, triggers) = (self.path("readings.jsonl"), self.path("triggers.jsonl"));
        let outputs = Outputs::open(Some(&readings), None, Some(&triggers))?;
        let run = Run::new(TENANT.parse().unwrap(), &alerts, ask.from, outputs, Some(Study::new(&alerts)));
        let inputs = ask.inputs.iter().map(|input| self.input(input)).collect();
        let files =
            Files { inputs, options: ask.options.clone(), anchor_utc: ask.anchor_utc.clone(), to: ask.to };
        let mut watch = Watch { shutdown: ask.shutdown.clone(), progress: &mut |_| {} };
        let finished = play(&files, run, &mut watch)?;
        Ok(Ran { finished, readings: lines(&readings), triggers: lines(&triggers) })
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The close time of a line.
pub(crate) fn closes(line: &Value) -> Timestamp {
    line["close_time"].as_str().unwrap().parse().unwrap()
}
