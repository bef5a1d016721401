//! `bellwether backtest`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bellwether_backtest::BacktestError;
use bellwether_backtest::alerts::{self, Alert};
use bellwether_backtest::compare::{Compared, Comparing, Counts, Difference, Told, What};
use bellwether_backtest::files::{self, Files, TENANT};
use bellwether_backtest::journal::{self, Boundary, Journal};
use bellwether_backtest::outputs::{Kinds, Outputs, is_stdout};
use bellwether_backtest::report::{self, Contents, Provenance, redact, sha256_of};
use bellwether_backtest::run::{Finished, Progress, Run, Watch};
use bellwether_backtest::study::{Followed, Study};
use bellwether_backtest::summary::{AlertSummary, FollowedOn, Summary};
use bellwether_backtest::sweep::Axis;
use bellwether_engine::ENGINE_VERSION;
use bellwether_producers::sources::Input;
use bellwether_producers::sources::files::forms;
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{TenantId, Timestamp};
use clap::{ArgGroup, Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::files::FileArgs;
use crate::exit::{Coded, DATA, NO, USAGE};
use crate::named_offset::NamedOffset;
use crate::output::{note, tell};
use crate::wiring::Process;

/// Alerts listed before the rest is only counted.
const LISTED: usize = 200;
/// Differences from what was recorded that are told before the rest is only counted; JSON has a thousand.
const DIFFERENCES: usize = 20;

/// What alerts would have done, over files or over a tenant's journal.
///
/// No database, no broker of its own, no mail. A file's form is recognised by what its columns are called and look
/// like: exports of HistData, MetaTrader, Dukascopy, TrueFX, TradingView, Binance, OANDA, freqtrade and spreadsheets,
/// bars or ticks, also as .gz and .zip; --help-formats lists them.
#[derive(Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["input", "log", "help_formats"]),
    after_help = "Examples:\n  \
        bellwether backtest --input GBPUSD=bid.csv+ask.csv --alerts alerts.json --report report.html\n  \
        bellwether backtest --input EURUSD=mt5.csv --zone Europe/Athens --alerts alerts.json\n  \
        bellwether backtest --input EURUSD=ticks.csv.gz --alerts alerts.json --triggers - | head\n  \
        bellwether backtest --input EURUSD=ticks.csv --alerts alerts.json --sweep rsi_overbought=65,70,75\n  \
        bellwether backtest --input EURUSD=ticks.csv --alerts alerts.json --sweep rsi_overbought=60..90 --report r.html\n  \
        bellwether backtest --log embedded:data/log --tenant fxlabs --from 2024-01-02T00:00:00Z --alerts alerts.json\n  \
        bellwether backtest --log embedded:data/log --tenant fxlabs --alerts dump.sql --compare recorded\n  \
        bellwether backtest --input EURUSD=ticks.csv --alerts rsi_tracker_alerts_rows.csv\n\n\
        alerts.json is an array such as [{\"kind\": \"rsi_tracker\", \"timeframe\": \"5M\", \"name\": \"mine\"}];\n\
        as a table it is\n\n  kind,timeframe,rsi_overbought,name\n  rsi_tracker,5M,75,mine"
)]
pub(crate) struct Backtest {
    /// SYMBOL=FILE, or SYMBOL=BID.csv+ASK.csv for one-minute bars. Repeatable; merged by time.
    #[arg(long, value_name = "SYMBOL=FILE")]
    input: Vec<Input>,
    #[command(flatten)]
    reading: FileArgs,
    /// Prints the forms of files that are read, each as it begins, and ends.
    #[arg(long)]
    help_formats: bool,
    /// A symbol that trades around the clock: its days begin at 00:00 UTC. Repeatable.
    #[arg(long, value_name = "SYMBOL", requires = "input")]
    anchor_utc: Vec<String>,
    /// The log whose journal is folded, with the given alerts instead of its own: embedded:DIR or kafka://HOST:PORT.
    #[arg(long, value_name = "URL", requires = "tenant")]
    log: Option<String>,
    /// Tenant whose journal is folded, with --log.
    #[arg(long, requires = "log")]
    tenant: Option<TenantId>,
    /// Alerts come in here, what is before only warms: an RFC 3339 time, start, or (of a log) an offset.
    #[arg(long, value_name = "X", default_value = "start")]
    from: NamedOffset,
    /// Ends before here: an RFC 3339 time, end, or (of a log) an offset.
    #[arg(long, value_name = "Y", default_value = "end")]
    to: NamedOffset,
    /// The alerts: a JSON array, a table with a header, or a dump of the alert tables.
    ///
    /// An object, or a row, has a kind (rsi_tracker, rsi_correlation_tracker, heatmap_tracker,
    /// heatmap_indicator_tracker, currency_strength_tracker, price_alert) and the columns of that kind's table; what is
    /// left out has the table's default. A table has one header and , ; or tab between its cells; where it has no column
    /// `kind`, the file's name has one in it, as in rsi_tracker_alerts_rows.csv. A dump has COPY blocks or INSERTs, as
    /// pg_dump and dashboards write them; other tables in it are passed over. id, user_id, name and is_active may be
    /// given. Anything unknown or impossible is an error with its place.
    #[arg(long, value_name = "FILE", required_unless_present = "help_formats")]
    alerts: Option<PathBuf>,
    /// Runs every alert that has the column with each of these values, in one pass. Repeatable: every combination.
    ///
    /// COLUMN=V,V names them; COLUMN=FROM..TO is every whole number of a range and COLUMN=FROM..TO:STEP every step of it,
    /// such as above=1.25..1.30:0.005. What no alert can be set to is left out of a range, and said. The summary tells
    /// what the price did after each setting's triggers beside random bars of the same hours. At most 256 settings an
    /// alert.
    #[arg(long, value_name = "COLUMN=V,V")]
    sweep: Vec<Axis>,
    /// Compares the triggers with the recorded ones of the tenant, from --from to --to; the exit code is 1 where any differ.
    ///
    /// An alert that the tenant has too, by its id, comes in where the tenant's did, and is paused and deleted as it was: what
    /// differs is what the file changed. Told are triggers that match (of these, those with another value or line), that are
    /// missing, extra, or come at another bar up to three away. Recorded triggers of alerts that the file does not have are
    /// only counted.
    #[arg(long, value_name = "WITH", requires = "log", conflicts_with = "sweep")]
    compare: Option<With>,
    /// Writes every reading as a JSON line; - is stdout.
    #[arg(long, value_name = "F")]
    readings: Option<PathBuf>,
    /// Only these readings: bar,indicators,heatmap,correlation,strength,daily_change,trending.
    #[arg(long, value_name = "KIND,KIND", requires = "readings")]
    readings_only: Option<Kinds>,
    /// Writes every trigger as a JSON line; - is stdout.
    #[arg(long, value_name = "F")]
    triggers: Option<PathBuf>,
    /// Writes a page of its own: when each alert would have fired, charts, and what the price did next.
    #[arg(long, value_name = "F.html")]
    report: Option<PathBuf>,
    /// Prints the summary as one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What a run may be compared with.
#[derive(Clone, Copy, ValueEnum)]
enum With {
    /// What the tenant's triggers topic has.
    Recorded,
}

impl Backtest {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        if self.help_formats {
            crate::output::show(&forms::table())?;
            return Ok(ExitCode::SUCCESS);
        }
        let shutdown = Process::shutdown()?;
        let alerts = alerts::read(self.alerts_file(), &self.sweep)?;
        // Told now, not after a long run.
        self.report.as_deref().map_or(Ok(()), report::reserve)?;
        let started = process.clock.now();
        let bar = progress();
        let mut show = |progress: Progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.done);
            let seconds = process.clock.now().since(started).max(1) / 1_000;
            bar.set_message(format!("{} ticks/s", progress.ticks * 1_000 / seconds.max(1).cast_unsigned()));
        };
        let mut watch = Watch { shutdown, progress: &mut show };
        let ran = match &self.log {
            Some(url) => self.over_log(process, url, &alerts, &mut watch),
            None => self.over_files(&alerts, &mut watch),
        };
        bar.finish_and_clear();
        let mut finished = ran?;
        finished.summary.notices.extend(alerts::left_out(&alerts, &self.sweep));
        finished.summary.set_elapsed(process.clock.now().since(started));
        self.write_report(&alerts, &finished)?;
        self.print(&finished.summary)?;
        self.want_one_alert(&finished.summary)?;
        let differs = finished.summary.compared.as_ref().is_some_and(|compared| !compared.same);
        Ok(if differs { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }

    fn alerts_file(&self) -> &Path {
        self.alerts.as_deref().unwrap_or_else(|| Path::new(""))
    }

    /// As with a file without a readable line: a refused alert leaves the others working, but nothing is left here.
    fn want_one_alert(&self, summary: &Summary) -> Result<(), Coded> {
        let refused = summary.alerts.iter().all(|alert| alert.state == AlertState::Refused.name());
        if summary.alerts.is_empty() || !refused {
            return Ok(());
        }
        let message =
            format!("{}: every alert was refused, the reasons stand above", self.alerts_file().display());
        Err(Coded { code: DATA, message })
    }

    fn over_files(&self, alerts: &[Alert], watch: &mut Watch<'_>) -> anyhow::Result<Finished> {
        let from = match self.from {
            NamedOffset::Start => None,
            NamedOffset::Time(time) => Some(time),
            NamedOffset::End | NamedOffset::Offset(_) => return Err(not_a_time("--from").into()),
        };
        let to = match self.to {
            NamedOffset::End => None,
            NamedOffset::Time(time) => Some(time),
            NamedOffset::Start | NamedOffset::Offset(_) => return Err(not_a_time("--to").into()),
        };
        let (inputs, anchor_utc) = (self.input.clone(), self.anchor_utc.clone());
        let files = Files { inputs, options: self.reading.clone().into(), anchor_utc, to };
        let run = Run::new(TENANT.parse()?, alerts, from, self.outputs()?, self.study(alerts));
        Ok(files::play(&files, run, watch)?)
    }

    fn over_log(
        &self,
        process: &Process,
        url: &str,
        alerts: &[Alert],
        watch: &mut Watch<'_>,
    ) -> anyhow::Result<Finished> {
        let Some(tenant) = self.tenant.clone() else {
            anyhow::bail!("clap lets no --log without --tenant through")
        };
        let log = process.read_log(Some(url), &tenant)?;
        let journal = Journal {
            log: log.as_ref(),
            tenant: tenant.clone(),
            from: boundary(self.from),
            to: boundary(self.to),
        };
        let run = Run::new(tenant, alerts, journal.from_time(), self.outputs()?, self.study(alerts));
        let run = match self.compare {
            Some(With::Recorded) => run.compared(Comparing::new(&journal, alerts)?),
            None => run,
        };
        Ok(journal::fold(&journal, run, watch)?)
    }

    fn outputs(&self) -> Result<Outputs, BacktestError> {
        Outputs::open(self.readings.as_deref(), self.readings_only.clone(), self.triggers.as_deref())
    }

    fn study(&self, alerts: &[Alert]) -> Option<Study> {
        (self.report.is_some() || !self.sweep.is_empty()).then(|| Study::new(alerts))
    }

    fn write_report(&self, alerts: &[Alert], finished: &Finished) -> Result<(), BacktestError> {
        let (Some(file), Some(study)) = (&self.report, &finished.study) else { return Ok(()) };
        let summary = &finished.summary;
        let files = self.input.iter().flat_map(|input| std::iter::once(&input.file).chain(&input.ask));
        let files = files.chain(&self.alerts).map(|file| sha256_of(file));
        let sources = summary.journal.clone().map(Ok).into_iter().chain(files).collect::<Result<_, _>>()?;
        let provenance = Provenance {
            command: redact(&std::env::args().collect::<Vec<_>>()),
            sources,
            version: env!("CARGO_PKG_VERSION").into(),
            engine: ENGINE_VERSION,
        };
        report::write(file, &Contents { alerts, summary, study, provenance: &provenance })
    }

    /// Stdout is the results': where lines go there, the table does not.
    fn print(&self, summary: &Summary) -> anyhow::Result<()> {
        let lines_on_stdout =
            [&self.readings, &self.triggers].into_iter().flatten().any(|file: &PathBuf| is_stdout(file));
        match (self.json, lines_on_stdout) {
            (true, _) => tell(&(summary.to_json()? + "\n")),
            (false, false) => tell(&table(summary)),
            (false, true) => {
                note(&table(summary));
                Ok(())
            }
        }
    }
}

fn not_a_time(option: &str) -> Coded {
    let message =
        format!("{option}: of files it is an RFC 3339 time such as 2012-02-01T00:00:00Z, or left out");
    Coded { code: USAGE, message }
}

fn boundary(named: NamedOffset) -> Option<Boundary> {
    match named {
        NamedOffset::Start | NamedOffset::End => None,
        NamedOffset::Offset(offset) => Some(Boundary::Offset(offset)),
        NamedOffset::Time(time) => Some(Boundary::Time(time)),
    }
}

/// Hidden by itself where stderr is no terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent}%, {msg}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The summary for people.
fn table(summary: &Summary) -> String {
    let Summary { ticks, triggers, seconds, .. } = summary;
    let mut lines: Vec<String> = summary.alerts.iter().take(LISTED).map(row).collect();
    if summary.alerts.len() > LISTED {
        lines.push(format!("  and {} more alerts", summary.alerts.len() - LISTED));
    }
    lines
        .extend(summary.refused.iter().map(|(reason, count)| format!("{count:>8}  ticks refused: {reason}")));
    let put_aside = summary.put_aside.iter();
    lines.extend(put_aside.map(|(reason, count)| format!("{count:>8}  records put aside: {reason}")));
    if summary.unreadable > 0 {
        lines.push(format!("{:>8}  lines unreadable", summary.unreadable));
    }
    lines.extend(summary.notices.iter().map(|notice| format!("  note: {notice}")));
    lines.extend(summary.compared.as_ref().map(compared));
    let span = match (summary.first, summary.last) {
        (Some(first), Some(last)) => format!(" from {} to {}", minute(first), minute(last)),
        _ => String::new(),
    };
    let stopped = if summary.stopped { ", stopped before the end" } else { "" };
    lines.push(format!(
        "{triggers} triggers; {ticks} ticks{span} in {seconds:.1} s, {:.0} ticks/s{stopped}",
        summary.rate()
    ));
    lines.join("\n") + "\n"
}

fn row(alert: &AlertSummary) -> String {
    let state = match (&alert.reason, alert.state) {
        (Some(reason), state) => format!("  {state}: {reason}"),
        (None, "active") => String::new(),
        (None, state) => format!("  {state}"),
    };
    let sides = alert.followed.iter().filter(|on| alert.swept_side.is_none_or(|side| side == on.side));
    let followed: String = sides.map(followed).collect();
    format!("{:>8}  {}{state}{followed}", alert.fired, alert.name)
}

/// Moves of the price as they are: below zero is down.
fn followed(on: &FollowedOn) -> String {
    let FollowedOn { side, fired, moves } = on;
    let Followed { bars, median, random_median, .. } = moves;
    let random = random_median.map_or_else(String::new, |random| format!(", random bars {random:+.3} %"));
    let apart = if moves.is_apart() { ": told apart" } else { "" };
    format!("\n{:>10}{fired} {side}, median {median:+.3} % after {bars} bars{random}{apart}", "")
}

/// The run beside what was recorded: the first differences, then how many.
fn compared(compared: &Compared) -> String {
    let Compared { counts, pending, of_others, kept_from, alerts, differences, .. } = compared;
    let name = |difference: &Difference| {
        let alert = alerts.iter().find(|alert| alert.id == difference.alert);
        alert.map_or("", |alert| alert.name.as_str())
    };
    let shown = differences.iter().take(DIFFERENCES);
    let mut lines: Vec<String> = shown.map(|one| describe(name(one), one)).collect();
    let Counts { matching, altered, missing, extra, drifted } = *counts;
    let all = altered + missing + extra + drifted;
    if all > DIFFERENCES as u64 {
        lines.push(format!("  and {} more", all - DIFFERENCES as u64));
    }
    let new = alerts.iter().filter(|alert| !alert.known).map(|alert| alert.name.as_str());
    let new: Vec<&str> = new.collect();
    if !new.is_empty() {
        lines.push(format!("  the tenant never had these alerts: {}", new.join(", ")));
    }
    if *of_others > 0 {
        lines.push(format!("  {of_others} recorded triggers of alerts that the file does not have"));
    }
    lines.extend(kept_from.map(|from| {
        format!("  triggers caused before journal offset {from} are not kept any more, and not compared")
    }));
    if *pending > 0 {
        lines.push(format!("  {pending} triggers not recorded yet: no worker has got so far"));
    }
    lines.push(format!(
        "compared with what was recorded: {matching} match, {altered} of them with other values; {missing} missing, {extra} \
         extra, {drifted} at another bar"
    ));
    lines.join("\n")
}

fn describe(name: &str, difference: &Difference) -> String {
    let Difference { what, subject, timeframe, condition, recorded, run, later_by, fields, .. } = difference;
    let timeframe = timeframe.map_or("tick", |timeframe| timeframe.code());
    let at = difference.at().map_or_else(String::new, minute);
    let what = match what {
        What::Missing => "missing".to_owned(),
        What::Extra => "extra".into(),
        What::Drifted => {
            let by = later_by.unwrap_or(0);
            format!("{} s {}", by.abs(), if by < 0 { "earlier" } else { "later" })
        }
        What::Altered => format!("other {}", fields.join(", ")),
    };
    let side = |side: &str, told: Option<&Told>| {
        told.map_or_else(String::new, |told| {
            let Told { offset, says, .. } = told;
            format!("\n    {side} {}, journal offset {offset}: {says}", minute(told.at))
        })
    };
    let (recorded, run) = (side("recorded", recorded.as_ref()), side("now", run.as_ref()));
    format!("  {what}: {name} {subject} {timeframe} {condition} at {at}{recorded}{run}")
}

fn minute(time: Timestamp) -> String {
    time.utc().format("%Y-%m-%d %H:%M").to_string()
}
