//! `bellwether replay`.

use std::process::ExitCode;

use bellwether_runtime::log::Log;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use bellwether_worker::replay::{Difference, Explained, FieldDifference, Report, first_explained, verify};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::{Coded, NO, USAGE};
use crate::named_offset::NamedOffset;
use crate::output::tell;
use crate::wiring::Process;

/// Differences shown before the rest is only counted.
const SHOWN: usize = 20;

/// Folds a tenant's journal again and compares with the triggers that were recorded.
///
/// The first difference is told down to its bar: each field that differs, and the bar and the indicators there and one bar before.
/// Differences are listed and the exit code is 1; the journal's tail that no processor has got to yet is counted, not
/// held against it.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether replay --log embedded:data/log --tenant fxlabs --verify")]
pub(crate) struct Replay {
    /// The log: embedded:DIR. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Tenant whose journal is folded again.
    #[arg(long)]
    tenant: TenantId,
    /// Compare only what was caused from here on: an offset, an event time, start or end.
    #[arg(long, default_value = "start")]
    from: NamedOffset,
    /// Compare only what was caused before here.
    #[arg(long, default_value = "end")]
    to: NamedOffset,
    /// Compare with the recorded triggers, byte for byte.
    #[arg(long, required = true)]
    verify: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let journal = Topic::new(&self.tenant, TopicKind::Journal);
        let range = range(self.from, self.to, log.as_ref(), &journal)?;
        let bar = progress(range.end);
        let report = verify(log.as_ref(), &self.tenant, &range, &mut |done| bar.set_position(done))?;
        bar.finish_and_clear();
        let first = first_explained(log.as_ref(), &self.tenant, &report)?;
        tell(&if self.json { json(&report, first.as_ref())? } else { text(&report, first.as_ref()) })?;
        Ok(if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }
}

/// The journal's offsets between two places; up to its end where the second lies beyond it. A range that begins behind its end
/// is refused: of nothing it could be said that it is the same.
pub(super) fn range(
    from: NamedOffset,
    to: NamedOffset,
    log: &dyn Log,
    journal: &Topic,
) -> anyhow::Result<std::ops::Range<u64>> {
    let end = to.offset(log, journal)?.min(log.bounds(journal)?.next);
    let begin = from.offset(log, journal)?;
    if begin > end {
        let message = format!(
            "--from is journal offset {begin}, and the range ends at {end}: there is nothing to compare, begin earlier"
        );
        return Err(Coded { code: USAGE, message }.into());
    }
    Ok(begin..end)
}

/// Hidden by itself where stderr is no terminal.
pub(super) fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn text(report: &Report, first: Option<&Explained>) -> String {
    let mut lines: Vec<String> = report.differences.iter().take(SHOWN).map(describe).collect();
    if report.differences.len() > SHOWN {
        lines.push(format!("and {} more", report.differences.len() - SHOWN));
    }
    lines.extend(first.map(explained));
    let Report { begins, records, folded, compared, repeats, pending, differences } = report;
    if *begins > 0 {
        lines.push(format!(
            "the journal's front is cut off: what was caused before offset {begins}, where its oldest base snapshot \
             stands, is not compared"
        ));
    }
    lines.push(format!(
        "{records} journal records folded, {folded} outcomes; {compared} recorded ones compared, {repeats} of them \
         repeats; {pending} not recorded yet"
    ));
    lines.push(match differences.len() {
        0 => "identical\n".into(),
        count => format!("{count} differences\n"),
    });
    lines.join("\n")
}

fn describe(difference: &Difference) -> String {
    match difference {
        Difference::Changed { offset, cause, byte, folded, recorded } => {
            let recorded =
                recorded.as_ref().map_or_else(|| "unreadable".into(), |outcome| format!("{outcome:?}"));
            format!(
                "triggers offset {offset}, caused by journal {cause}: differs from byte {byte} on\n  recorded: \
                 {recorded}\n  folded:   {folded:?}"
            )
        }
        Difference::Missing(outcome) => {
            format!("journal {}: an outcome was never recorded\n  folded:   {outcome:?}", outcome.cause())
        }
        Difference::Unexplained { offset, recorded } => {
            let recorded =
                recorded.as_ref().map_or_else(|| "unreadable".into(), |outcome| format!("{outcome:?}"));
            format!("triggers offset {offset}: the journal does not explain it\n  recorded: {recorded}")
        }
    }
}

/// The first difference by its cause, down to the bar.
fn explained(first: &Explained) -> String {
    let Explained { cause, at, fields, seen, before } = first;
    let at = at.map_or_else(String::new, |at| format!(", at the bar that closed at {at}"));
    let mut lines = vec![format!("the first is of journal {cause}{at}")];
    let field = |FieldDifference { field, recorded, folded }: &FieldDifference| {
        format!("  {field}: recorded {recorded}, folded {folded}")
    };
    lines.extend(fields.iter().map(field));
    lines.extend(before.iter().map(|reading| format!("  the bar before: {reading}")));
    lines.extend(seen.iter().map(|reading| format!("  there:          {reading}")));
    lines.join("\n")
}

fn json(report: &Report, first: Option<&Explained>) -> serde_json::Result<String> {
    let line = serde_json::json!({
        "type": "verify",
        "identical": report.differences.is_empty(),
        "begins": report.begins,
        "records": report.records,
        "folded": report.folded,
        "compared": report.compared,
        "repeats": report.repeats,
        "pending": report.pending,
        "first": first,
        "differences": report.differences.iter().map(describe).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string(&line)? + "\n")
}
