//! A run over files: their ticks merged by time, with the heartbeats of a played clock.

use std::path::PathBuf;

use bellwether_engine::ENGINE_VERSION;
use bellwether_producers::blocks::{Block, Blocks};
use bellwether_producers::sources::files::conclude;
use bellwether_producers::sources::files::report::Report;
use bellwether_producers::sources::{FileOptions, Input, LineRef, files};
use bellwether_producers::timeline::{Event, Timeline};
use bellwether_schemas::ids::match_key;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::{Entry, Symbol, Timestamp};

use crate::BacktestError;
use crate::resolution::Resolution;
use crate::run::{Finished, Run, Watch};

/// The tenant of a run over files.
pub const TENANT: &str = "backtest";
/// What its symbols may end in.
pub(crate) const SUFFIX: &str = "m";

/// Files whose ticks are to be played, and how.
#[derive(Debug, Clone)]
pub struct Files {
    /// Symbols and files, in the order given.
    pub inputs: Vec<Input>,
    /// How they are to be read.
    pub options: FileOptions,
    /// Symbols that trade around the clock.
    pub anchor_utc: Vec<String>,
    /// Ticks at or after this time are not played.
    pub to: Option<Timestamp>,
}

impl Files {
    /// The settings of the tenant: symbols in the order first given, everything else the documented defaults.
    ///
    /// # Errors
    /// A name that is no symbol; `anchor_utc` names one that is not among the inputs.
    pub fn settings(&self) -> Result<Settings, BacktestError> {
        let mut listed: Vec<Symbol> = Vec::new();
        for input in &self.inputs {
            if place_of(&listed, &input.symbol).is_none() {
                listed.push(symbol(&input.symbol)?);
            }
        }
        let mut settings = Settings::with_symbols(listed.clone(), SUFFIX);
        for name in &self.anchor_utc {
            let unknown = || BacktestError::Usage(format!("--anchor-utc {name}: no input has that symbol"));
            let place = place_of(&listed, name).ok_or_else(unknown)?;
            settings.symbols[place].always_open = true;
        }
        Ok(settings)
    }

    /// Bytes of all files.
    fn size(&self) -> u64 {
        let files = self.inputs.iter().flat_map(|input| std::iter::once(&input.file).chain(&input.ask));
        files.filter_map(|file: &PathBuf| std::fs::metadata(file).ok()).map(|meta| meta.len()).sum()
    }
}

/// A name as it is, else with the suffix, without regard to case: the engine's rule.
fn place_of(listed: &[Symbol], name: &str) -> Option<usize> {
    let find = |name: &str| listed.iter().position(|symbol| match_key(symbol.as_str()) == match_key(name));
    find(name).or_else(|| find(&format!("{name}{SUFFIX}")))
}

fn symbol(name: &str) -> Result<Symbol, BacktestError> {
    let plain: String = name.chars().filter(|c| !matches!(c, '/' | ' ')).collect();
    plain.parse().map_err(|error| BacktestError::Usage(format!("--input {name}=…: {error}")))
}

/// Plays the files through the run.
///
/// # Errors
/// A file is missing, of no known form or without a usable line; an output cannot be written.
pub fn play(files: &Files, mut run: Run, watch: &mut Watch<'_>) -> Result<Finished, BacktestError> {
    let settings = files.settings()?;
    let report = Report::default();
    let options = files.options.of_tenant(&settings, &files.inputs);
    let mut opened = files::open(&files.inputs, &options, &report)?;
    run.refuse_finer(&Resolution::of(&files.inputs, &opened.spacings));
    let before_end = |ts: Timestamp| files.to.is_none_or(|to| ts < to);
    let ticks = std::iter::from_fn(|| {
        opened.quotes.find(|tick| tick.as_ref().map_or(true, |tick| before_end(tick.quote.ts)))
    });
    let (lateness_max, size) = (settings.lateness_max, files.size());
    let mut player = Player {
        names: files.inputs.iter().map(|input| input.symbol.clone()).collect(),
        inputs: &files.inputs,
        report: &report,
        blocks: Blocks::default(),
        lines: Vec::new(),
        clock: Timestamp::MIN,
        run: &mut run,
    };
    player.begin(settings)?;
    for event in Timeline::new(ticks, lateness_max) {
        player.play(event?)?;
        if player.run.is_stopped(watch, || (report.bytes(), size)) {
            break;
        }
    }
    player.flush()?;
    conclude(&report);
    run.summary().files(&report);
    run.summary().want_accepted()?;
    run.finish()
}

/// Turns the events of the timeline into journal records and folds them.
struct Player<'a> {
    names: Vec<String>,
    inputs: &'a [Input],
    report: &'a Report,
    blocks: Blocks,
    /// Where the ticks stand that are not folded yet.
    lines: Vec<LineRef>,
    clock: Timestamp,
    run: &'a mut Run,
}

impl Player<'_> {
    fn begin(&mut self, settings: Settings) -> Result<(), BacktestError> {
        let origin = self.run.origin().clone();
        let change = SettingsChanged { origin, revision: 1, engine_version: ENGINE_VERSION, settings };
        self.run.apply(&Entry::Settings(change))
    }

    fn play(&mut self, event: Event) -> Result<(), BacktestError> {
        if self.run.entrance().is_due(event.ts()) {
            self.flush()?;
            self.run.let_in(event.ts())?;
        }
        match event {
            Event::Tick(tick) => {
                self.run.summary().tick(tick.quote.ts);
                // Full or not: what was there before has its own clock.
                let before = self.blocks.push(tick, Timestamp::MIN);
                before.map_or(Ok(()), |block| self.block(block))?;
                self.lines.extend(tick.line);
                self.clock = self.clock.max(tick.quote.ts);
                if self.blocks.is_full() { self.flush() } else { Ok(()) }
            }
            Event::Beat(ts) => {
                self.flush()?;
                self.clock = self.clock.max(ts);
                let origin = self.run.origin().clone();
                self.run.apply(&Entry::Heartbeat(Heartbeat { origin, ts }))
            }
        }
    }

    fn flush(&mut self) -> Result<(), BacktestError> {
        let block = self.blocks.take();
        block.map_or(Ok(()), |block| self.block(block))
    }

    fn block(&mut self, block: Block) -> Result<(), BacktestError> {
        let symbols = block.dictionary(&self.names);
        let ticks = block.ticks.len();
        self.run.apply(&Entry::Ticks(TickBlock {
            origin: self.run.origin().clone(),
            ingested_at: self.clock,
            first_seq: Some(block.first_seq),
            symbols,
            ticks: block.ticks,
            volumes: Vec::new(),
        }))?;
        self.tell_refusals();
        self.lines.drain(..ticks.min(self.lines.len()));
        Ok(())
    }

    /// Each tick that the engine refused stands on some line of a file.
    fn tell_refusals(&mut self) {
        for (index, reason) in self.run.take_refusals() {
            let line = self.lines.get(index as usize);
            if let Some((input, line)) =
                line.and_then(|line| Some((self.inputs.get(usize::from(line.input))?, line)))
            {
                self.report.refused(&input.file, line.line, reason.name());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(inputs: &[&str], anchor_utc: &[&str]) -> Files {
        Files {
            inputs: inputs.iter().map(|input| input.parse().unwrap()).collect(),
            options: FileOptions::default(),
            anchor_utc: anchor_utc.iter().map(|name| (*name).into()).collect(),
            to: None,
        }
    }

    #[test]
    fn symbols_stand_in_the_order_first_given_and_once() {
        let settings = files(&["GBPUSDm=a", "EUR/USD=b", "gbpusd=c", "eurusd=d"], &["btcusd"]).settings();
        assert_eq!(settings.unwrap_err().to_string(), "--anchor-utc btcusd: no input has that symbol");
        let settings =
            files(&["GBPUSDm=a", "EUR/USD=b", "gbpusd=c", "BTCUSD=d"], &["btcusd"]).settings().unwrap();
        let listed: Vec<(&str, bool)> =
            settings.symbols.iter().map(|symbol| (symbol.name.as_str(), symbol.always_open)).collect();
        assert_eq!(listed, [("GBPUSDm", false), ("EURUSD", false), ("BTCUSD", true)]);
        assert!(files(&["a+b=c"], &[]).settings().is_err());
    }
}
