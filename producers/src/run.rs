//! One producer for one tenant: from its source to the journal, until the source ends or a stop is asked for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::log::Log;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::bars::BarBlock;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::{Entry, TenantId, Timestamp};

use crate::error::{InputError, ProducerError};
use crate::events::{HistoryWritten, Started, Stopped};
use crate::history::{BarBlocks, History};
use crate::output::Output;
use crate::play::{Horizon, Player, Speed, Step};
use crate::publish::{Identity, Publisher};
use crate::resume::{Found, find};
use crate::sources::files::report::{Notice, Report, Unreadable};
use crate::sources::files::{OpenFiles, conclude};
use crate::sources::synthetic::{Market, minute_of_seq};
use crate::sources::{FileOptions, Input, files};
use crate::timeline::{Event, Timeline, ceil};

/// Longest wait before the wall clock is looked at again, should someone move it.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Names of the sources in the journal. History is the synthetic market's own past.
const FILE: &str = "file";
const SYNTHETIC: &str = "synthetic";

/// What every producer needs. Cheap to clone.
#[derive(Clone)]
pub struct ProducerContext {
    /// The log that journals are in.
    pub log: Arc<dyn Log>,
    /// Wall time, for append times and pace.
    pub clock: Clock,
    /// Asks it to stop.
    pub shutdown: Shutdown,
    /// Where it says that it goes on.
    pub progress: Progress,
    /// Where it says that a feed is dead, and that what it writes is taken.
    pub incidents: Incidents,
    /// The tenant's settings: of the symbols there it is measured how long a source has said nothing.
    pub settings: Option<Arc<Settings>>,
}

impl ProducerContext {
    /// One that nobody watches over.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, clock: Clock, shutdown: Shutdown) -> Self {
        let (progress, incidents) = (Progress::default(), Incidents::default());
        Self { log, clock, shutdown, progress, incidents, settings: None }
    }
}

/// Files to be played into a tenant's journal.
#[derive(Debug, Clone)]
pub struct FileRun {
    /// The tenant into whose journal the files are played.
    pub tenant: TenantId,
    /// The files, each with its symbol.
    pub inputs: Vec<Input>,
    /// How they are to be read.
    pub options: FileOptions,
    /// How fast event time passes.
    pub speed: Speed,
    /// The tenant's lateness in microseconds: how far behind the last minute the last heartbeat stands.
    pub lateness_max: i64,
}

/// A market to be played into a tenant's journal.
#[derive(Debug, Clone)]
pub struct SyntheticRun {
    /// The tenant into whose journal the market is played.
    pub tenant: TenantId,
    /// The tenant's symbols, anchor and lateness.
    pub settings: Settings,
    /// Seed of the market: the same one gives the same quotes.
    pub seed: u64,
    /// Ticks a minute and symbol, about; 60 is one a second.
    pub ticks_a_minute: u32,
    /// How fast it catches up with the present.
    pub speed: Speed,
    /// Where it begins in a journal that has nothing of it.
    pub start: Timestamp,
    /// Event time at which it ends, exclusive.
    pub until: Option<Timestamp>,
    /// Wall time after which it stops.
    pub run_for: Option<Duration>,
}

/// A market's past to be written into a tenant's journal.
#[derive(Debug, Clone)]
pub struct HistoryRun {
    /// The tenant into whose journal the past is written.
    pub tenant: TenantId,
    /// The tenant's symbols and anchor.
    pub settings: Settings,
    /// Which market: that of the [`SyntheticRun`] which follows.
    pub seed: u64,
    /// Ticks a minute and symbol of the market whose past this is.
    pub ticks_a_minute: u32,
    /// Where history ends; its minute's beginning counts.
    pub end: Timestamp,
}

/// Why a producer is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The source has no more.
    Source,
    /// Its wall time is over.
    Limit,
    /// A stop was asked for.
    Stop,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "the source has ended",
            Self::Limit => "its time is over",
            Self::Stop => "asked to",
        })
    }
}

/// What a producer did. Everything counted is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Ticks that were written and acknowledged.
    pub ticks: u64,
    /// Heartbeats that were written and acknowledged.
    pub heartbeats: u64,
    /// Bars of history written.
    pub bars: u64,
    /// The first lines left out of each file.
    pub unreadable: Vec<Unreadable>,
    /// How many lines were left out in all.
    pub unreadable_total: u64,
    /// What is strange about the files.
    pub notices: Vec<Notice>,
    /// Why it is done.
    pub ended: Ended,
}

impl Summary {
    pub(crate) const fn new() -> Self {
        Self {
            ticks: 0,
            heartbeats: 0,
            bars: 0,
            unreadable: Vec::new(),
            unreadable_total: 0,
            notices: Vec::new(),
            ended: Ended::Source,
        }
    }

    /// Says that the source has stopped.
    pub(crate) fn told(self, tenant: &TenantId, source: &str) -> Self {
        Stopped { tenant, source, ticks: self.ticks, ended: self.ended }.emit();
        self
    }

    pub(crate) fn count(&mut self, output: &Output) {
        match output {
            Output::Ticks(block, _) => self.ticks += block.ticks.len() as u64,
            Output::Heartbeat(_) => self.heartbeats += 1,
        }
    }
}

/// Plays files. A run that was cut off goes on where the journal stands.
///
/// # Errors
/// An input is missing or not readable, or the log cannot be written.
pub async fn run_file(ctx: &ProducerContext, run: FileRun) -> Result<Summary, ProducerError> {
    let report = Report::default();
    let names = run.inputs.iter().map(|input| input.symbol.clone()).collect();
    let (opened, session) = open_files(run.inputs, run.options, report.clone()).await?;
    let found = find(&ctx.log, &run.tenant, FILE, &session).await?;
    let resumed = found.position.last_seq.is_some();
    Started { tenant: &run.tenant, source: FILE, session: &session, resumed }.emit();
    let events = Timeline::new(opened.quotes, run.lateness_max).after(found.position);
    let mut playback = Playback {
        publisher: Publisher::new(ctx, &run.tenant, Identity::played(FILE, &session)),
        names,
        summary: Summary::new(),
        limit: None,
    };
    playback.run(ctx, Player::new(events, run.speed, Horizon::None)).await?;
    conclude(&report);
    playback.summary.notices = report.notices();
    playback.summary.unreadable = report.shown();
    playback.summary.unreadable_total = report.total();
    Ok(playback.summary.told(&run.tenant, FILE))
}

async fn open_files(
    inputs: Vec<Input>,
    options: FileOptions,
    report: Report,
) -> Result<(OpenFiles, String), ProducerError> {
    let open = move || {
        let opened = files::open(&inputs, &options, &report)?;
        let session = files::session(&inputs, &options, &opened)?;
        Ok((opened, session))
    };
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|_| ProducerError::Task("opening the input files"))?.map_err(|e: InputError| e.into())
}

/// Plays the synthetic market from where the journal stands: at `speed` up to the present, and on with it.
///
/// # Errors
/// The market cannot be made, or the log cannot be written.
pub async fn run_synthetic(ctx: &ProducerContext, run: SyntheticRun) -> Result<Summary, ProducerError> {
    let market = Market::new(run.seed, &run.settings, run.ticks_a_minute)?;
    let session = market.session();
    let found = find(&ctx.log, &run.tenant, SYNTHETIC, &session).await?;
    let resumed = found.newest.is_some();
    Started { tenant: &run.tenant, source: SYNTHETIC, session: &session, resumed }.emit();
    let from = synthetic_start(&found, run.start);
    let ticks = market.ticks(from, run.until);
    let events = Timeline::new(ticks, run.settings.lateness_max).after(found.position);
    let now = ctx.clock.now();
    let mut playback = Playback {
        publisher: Publisher::new(ctx, &run.tenant, Identity::played(SYNTHETIC, &session)),
        names: market.names(),
        summary: Summary::new(),
        limit: run.run_for.map(|span| now.plus(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))),
    };
    playback.run(ctx, Player::new(events, run.speed, Horizon::Present)).await?;
    Ok(playback.summary.told(&run.tenant, SYNTHETIC))
}

/// In the minute of its last tick; behind whatever else this source has written; else where it is told to.
fn synthetic_start(found: &Found, otherwise: Timestamp) -> Timestamp {
    let own = found.position.last_seq.map(minute_of_seq);
    match (own, found.elsewhere) {
        (Some(own), elsewhere) => elsewhere.map_or(own, |newest| own.max(ceil(newest))),
        (None, _) => found.newest.map_or(otherwise, ceil),
    }
}

/// Writes the synthetic market's history, as far as the journal lacks it: nothing for symbols that have ticks.
///
/// # Errors
/// The market cannot be made, or the log cannot be written.
pub async fn run_history(ctx: &ProducerContext, run: HistoryRun) -> Result<Summary, ProducerError> {
    let market = Market::new(run.seed, &run.settings, run.ticks_a_minute)?;
    let session = market.session();
    let found = find(&ctx.log, &run.tenant, SYNTHETIC, &session).await?;
    let mut publisher = Publisher::new(ctx, &run.tenant, Identity::played(SYNTHETIC, &session));
    let mut summary = Summary::new();
    if run.settings.symbols.iter().any(|symbol| !found.ticked.contains(symbol.name.as_str())) {
        for bars in BarBlocks::new(History::new(&market, &run.settings, run.end), found) {
            if ctx.shutdown.is_raised() {
                summary.ended = Ended::Stop;
                break;
            }
            summary.bars += bars.len() as u64;
            let origin = publisher.origin();
            publisher.publish(&Entry::Bars(BarBlock { origin, bars })).await?;
        }
    }
    publisher.drain().await?;
    HistoryWritten { tenant: &run.tenant, bars: summary.bars, end: run.end }.emit();
    Ok(summary)
}

/// Performs what a player decides.
struct Playback {
    publisher: Publisher,
    names: Vec<String>,
    summary: Summary,
    limit: Option<Timestamp>,
}

impl Playback {
    /// Plays to the end, and waits until all of it is acknowledged even where the source failed on the way.
    async fn run(
        &mut self,
        ctx: &ProducerContext,
        player: Player<impl Iterator<Item = Result<Event, InputError>>>,
    ) -> Result<(), ProducerError> {
        let ended = self.play(ctx, player).await;
        self.publisher.drain().await?;
        self.summary.ended = ended?;
        Ok(())
    }

    async fn play(
        &mut self,
        ctx: &ProducerContext,
        mut player: Player<impl Iterator<Item = Result<Event, InputError>>>,
    ) -> Result<Ended, ProducerError> {
        loop {
            let wall = ctx.clock.now();
            let over = self.limit.is_some_and(|limit| limit <= wall);
            if over || ctx.shutdown.is_raised() {
                for output in player.drain() {
                    self.publish(output).await?;
                }
                return Ok(if over { Ended::Limit } else { Ended::Stop });
            }
            match player.step(wall)? {
                Step::Publish(output) => self.publish(output).await?,
                Step::WaitUntil(until) => self.wait(ctx, until).await?,
                Step::Done => return Ok(Ended::Source),
            }
        }
    }

    async fn publish(&mut self, output: Output) -> Result<(), ProducerError> {
        self.summary.count(&output);
        self.publisher.publish_output(output, &self.names).await
    }

    async fn wait(&mut self, ctx: &ProducerContext, until: Timestamp) -> Result<(), ProducerError> {
        self.publisher.drain().await?;
        let until = self.limit.map_or(until, |limit| limit.min(until));
        let micros = u64::try_from(until.since(ctx.clock.now())).unwrap_or(0);
        ctx.shutdown.sleep(Duration::from_micros(micros).min(LONGEST_WAIT)).await;
        Ok(())
    }
}
