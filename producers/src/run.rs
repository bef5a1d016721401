//! One producer for one tenant: from its source to the journal, until the source ends or a stop is asked for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::Log;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::bars::BarBlock;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::{Entry, TenantId, Timestamp};

use crate::error::{InputError, ProducerError};
use crate::events;
use crate::history::{BarBlocks, History};
use crate::play::{Horizon, Played, Player, Speed, Step};
use crate::publish::Publisher;
use crate::resume::{Found, find};
use crate::sources::lines::{Report, Unreadable};
use crate::sources::merge::Merged;
use crate::sources::synthetic::{Market, minute_of_seq};
use crate::sources::{Form, Input, file};
use crate::timeline::{Event, Timeline, ceil};

/// Longest wait before the wall clock is looked at again, should someone move it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Names of the sources in the journal. History is the synthetic market's own past.
const FILE: &str = "file";
const SYNTHETIC: &str = "synthetic";

/// What every producer needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Where to.
    pub log: Arc<dyn Log>,
    /// Wall time.
    pub clock: Clock,
    /// Asks it to stop.
    pub shutdown: Shutdown,
}

/// Files to be played into a tenant's journal.
#[derive(Debug, Clone)]
pub struct FileRun {
    /// Whose journal.
    pub tenant: TenantId,
    /// What is played.
    pub inputs: Vec<Input>,
    /// Their form; recognised where it is not given.
    pub form: Option<Form>,
    /// How fast.
    pub speed: Speed,
    /// The tenant's lateness in microseconds: how far behind the last minute the last heartbeat stands.
    pub lateness_max: i64,
}

/// A market to be played into a tenant's journal.
#[derive(Debug, Clone)]
pub struct SyntheticRun {
    /// Whose journal.
    pub tenant: TenantId,
    /// The tenant's symbols, anchor and lateness.
    pub settings: Settings,
    /// Which market.
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
    /// Whose journal.
    pub tenant: TenantId,
    /// The tenant's symbols and anchor.
    pub settings: Settings,
    /// Which market: that of the [`SyntheticRun`] which follows.
    pub seed: u64,
    /// As there.
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
    /// Ticks written.
    pub ticks: u64,
    /// Heartbeats written.
    pub heartbeats: u64,
    /// Bars of history written.
    pub bars: u64,
    /// The first lines left out of each file.
    pub unreadable: Vec<Unreadable>,
    /// How many lines were left out in all.
    pub unreadable_total: u64,
    /// Why it is done.
    pub ended: Ended,
}

impl Summary {
    const fn new() -> Self {
        let (ticks, heartbeats, bars, unreadable_total) = (0, 0, 0, 0);
        Self { ticks, heartbeats, bars, unreadable: Vec::new(), unreadable_total, ended: Ended::Source }
    }
}

/// Plays files. A run that was cut off goes on where the journal stands.
///
/// # Errors
/// An input is missing or not readable, or the log cannot be written.
pub async fn run_file(ctx: &Context, run: FileRun) -> Result<Summary, ProducerError> {
    let report = Report::default();
    let names = run.inputs.iter().map(|input| input.symbol.clone()).collect();
    let (merged, session) = open_files(run.inputs, run.form, report.clone()).await?;
    let found = find(&ctx.log, &run.tenant, FILE, &session).await?;
    let resumed = found.position.last_seq.is_some();
    events::started(&run.tenant, FILE, &session, resumed);
    let events = Timeline::new(merged, run.lateness_max).after(found.position);
    let mut show = Show {
        publisher: Publisher::new(ctx, &run.tenant, FILE, session),
        names,
        summary: Summary::new(),
        limit: None,
    };
    show.run(ctx, Player::new(events, run.speed, Horizon::None)).await?;
    show.summary.unreadable = report.shown();
    show.summary.unreadable_total = report.total();
    events::stopped(&run.tenant, FILE, show.summary.ticks, &show.summary.ended);
    Ok(show.summary)
}

async fn open_files(
    inputs: Vec<Input>,
    form: Option<Form>,
    report: Report,
) -> Result<(Merged, String), ProducerError> {
    let open = move || Ok((file::open(&inputs, form, &report)?, file::session(&inputs, form)?));
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|_| ProducerError::Task("opening the input files"))?.map_err(|e: InputError| e.into())
}

/// Plays the synthetic market from where the journal stands: at `speed` up to the present, and on with it.
///
/// # Errors
/// The market cannot be made, or the log cannot be written.
pub async fn run_synthetic(ctx: &Context, run: SyntheticRun) -> Result<Summary, ProducerError> {
    let market = Market::new(run.seed, &run.settings, run.ticks_a_minute)?;
    let session = market.session();
    let found = find(&ctx.log, &run.tenant, SYNTHETIC, &session).await?;
    events::started(&run.tenant, SYNTHETIC, &session, found.newest.is_some());
    let from = synthetic_start(&found, run.start);
    let ticks = market.ticks(from, run.until);
    let events = Timeline::new(ticks, run.settings.lateness_max).after(found.position);
    let now = ctx.clock.now();
    let mut show = Show {
        publisher: Publisher::new(ctx, &run.tenant, SYNTHETIC, session),
        names: market.names(),
        summary: Summary::new(),
        limit: run.run_for.map(|span| now.plus(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))),
    };
    show.run(ctx, Player::new(events, run.speed, Horizon::Present)).await?;
    events::stopped(&run.tenant, SYNTHETIC, show.summary.ticks, &show.summary.ended);
    Ok(show.summary)
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
pub async fn run_history(ctx: &Context, run: HistoryRun) -> Result<Summary, ProducerError> {
    let market = Market::new(run.seed, &run.settings, run.ticks_a_minute)?;
    let session = market.session();
    let found = find(&ctx.log, &run.tenant, SYNTHETIC, &session).await?;
    let mut publisher = Publisher::new(ctx, &run.tenant, SYNTHETIC, session);
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
    events::history_written(&run.tenant, summary.bars, run.end);
    Ok(summary)
}

/// Performs what a player decides.
struct Show {
    publisher: Publisher,
    names: Vec<String>,
    summary: Summary,
    limit: Option<Timestamp>,
}

impl Show {
    /// Plays to the end, and waits until all of it is acknowledged even where the source failed on the way.
    async fn run(
        &mut self,
        ctx: &Context,
        player: Player<impl Iterator<Item = Result<Event, InputError>>>,
    ) -> Result<(), ProducerError> {
        let ended = self.play(ctx, player).await;
        self.publisher.drain().await?;
        self.summary.ended = ended?;
        Ok(())
    }

    async fn play(
        &mut self,
        ctx: &Context,
        mut player: Player<impl Iterator<Item = Result<Event, InputError>>>,
    ) -> Result<Ended, ProducerError> {
        loop {
            let wall = ctx.clock.now();
            let over = self.limit.is_some_and(|limit| limit <= wall);
            if over || ctx.shutdown.is_raised() {
                for played in player.drain() {
                    self.publish(played).await?;
                }
                return Ok(if over { Ended::Limit } else { Ended::Stop });
            }
            match player.step(wall)? {
                Step::Publish(played) => self.publish(played).await?,
                Step::WaitUntil(until) => self.wait(ctx, until).await?,
                Step::Done => return Ok(Ended::Source),
            }
        }
    }

    async fn publish(&mut self, played: Played) -> Result<(), ProducerError> {
        let origin = self.publisher.origin();
        let entry = match played {
            Played::Beat(ts) => {
                self.summary.heartbeats += 1;
                Entry::Heartbeat(Heartbeat { origin, ts })
            }
            Played::Ticks(filled, ingested_at) => {
                self.summary.ticks += filled.ticks.len() as u64;
                let symbols = filled.dictionary(&self.names);
                let (first_seq, ticks) = (Some(filled.first_seq), filled.ticks);
                let volumes = Vec::new();
                Entry::Ticks(TickBlock { origin, ingested_at, first_seq, symbols, ticks, volumes })
            }
        };
        self.publisher.publish(&entry).await
    }

    async fn wait(&mut self, ctx: &Context, until: Timestamp) -> Result<(), ProducerError> {
        self.publisher.drain().await?;
        let until = self.limit.map_or(until, |limit| limit.min(until));
        let micros = u64::try_from(until.since(ctx.clock.now())).unwrap_or(0);
        ctx.shutdown.sleep(Duration::from_micros(micros).min(LONGEST_WAIT)).await;
        Ok(())
    }
}
