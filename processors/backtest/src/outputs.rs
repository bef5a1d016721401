//! Readings and triggers as JSON lines, in the engine's order.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bellwether_schemas::readings::Reading;
use bellwether_schemas::triggers::TriggerFired;

use crate::BacktestError;

/// Every kind of reading that has a line. Trending pairs are written only when they are named.
pub const KINDS: [&str; 7] =
    ["bar", "indicators", "heatmap", "correlation", "strength", "daily_change", "trending"];
const BY_DEFAULT: usize = 6;
/// Bytes collected before they are written.
const BUFFER: usize = 256 * 1024;

/// Which readings are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<&'static str>);

impl Default for Kinds {
    fn default() -> Self {
        Self(KINDS[..BY_DEFAULT].iter().copied().collect())
    }
}

impl FromStr for Kinds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |name: &str| {
            let found = KINDS.into_iter().find(|kind| *kind == name.trim());
            found.ok_or_else(|| format!("{name:?} is no kind of reading: use {}", KINDS.join(",")))
        };
        text.split(',').map(known).collect::<Result<_, _>>().map(Self)
    }
}

/// A file, or stdout where it is called `-`.
struct Sink {
    path: PathBuf,
    out: BufWriter<Box<dyn Write + Send>>,
}

/// The files that take readings and triggers as JSON lines.
#[derive(Default)]
pub struct Outputs {
    sinks: Vec<Sink>,
    readings: Option<usize>,
    triggers: Option<usize>,
    kinds: Kinds,
}

impl Outputs {
    /// Opens what is asked for; both may be the same file.
    ///
    /// # Errors
    /// A file cannot be created.
    pub fn open(
        readings: Option<&Path>,
        kinds: Option<Kinds>,
        triggers: Option<&Path>,
    ) -> Result<Self, BacktestError> {
        let mut outputs = Self { kinds: kinds.unwrap_or_default(), ..Self::default() };
        outputs.readings = readings.map(|path| outputs.sink(path)).transpose()?;
        outputs.triggers = triggers.map(|path| outputs.sink(path)).transpose()?;
        Ok(outputs)
    }

    /// Whether anybody wants readings; the engine is spared them otherwise.
    #[must_use]
    pub const fn has_readings(&self) -> bool {
        self.readings.is_some()
    }

    /// Writes a reading's line, where it is wanted.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reading(&mut self, reading: &Reading) -> Result<(), BacktestError> {
        match self.readings {
            Some(sink) if self.kinds.0.contains(reading.kind()) => self.sinks[sink].line(reading.to_json()),
            _ => Ok(()),
        }
    }

    /// Writes a trigger's line, where it is wanted.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trigger(&mut self, trigger: &TriggerFired) -> Result<(), BacktestError> {
        self.triggers.map_or(Ok(()), |sink| self.sinks[sink].line(trigger.to_json()))
    }

    /// Writes what is collected.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn flush(&mut self) -> Result<(), BacktestError> {
        self.sinks
            .iter_mut()
            .try_for_each(|sink| sink.out.flush().map_err(|error| failed(&sink.path, &error)))
    }

    fn sink(&mut self, path: &Path) -> Result<usize, BacktestError> {
        if let Some(place) = self.sinks.iter().position(|sink| sink.path == path) {
            return Ok(place);
        }
        let out: Box<dyn Write + Send> = if is_stdout(path) {
            Box::new(std::io::stdout())
        } else {
            Box::new(File::create(path).map_err(|error| failed(path, &error))?)
        };
        self.sinks.push(Sink { path: path.into(), out: BufWriter::with_capacity(BUFFER, out) });
        Ok(self.sinks.len() - 1)
    }
}

impl Sink {
    fn line(&mut self, line: serde_json::Result<String>) -> Result<(), BacktestError> {
        let line = line.map_err(std::io::Error::from);
        let written = line.and_then(|line| {
            self.out.write_all(line.as_bytes())?;
            self.out.write_all(b"\n")
        });
        written.map_err(|error| failed(&self.path, &error))
    }
}

/// `-` as a file is stdout.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn failed(path: &Path, error: &std::io::Error) -> BacktestError {
    if error.kind() == ErrorKind::BrokenPipe {
        return BacktestError::Closed;
    }
    let file = if is_stdout(path) { "stdout".into() } else { path.into() };
    BacktestError::Io { file, reason: error.to_string() }
}
