//! `bellwether shrink`.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use bellwether_runtime::shutdown::Shutdown;
use bellwether_worker::bundle::{BadBundle, Bundle, Shrinker};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::{file, state};
use crate::exit::{Coded, SOFTWARE, USAGE};
use crate::output::{note, tell};
use crate::wiring::Process;

/// By what a shell says that it could not run a command.
const NOT_RUN: [i32; 2] = [126, 127];
/// Names the bundle in the command's environment.
const VARIABLE: &str = "BUNDLE";

/// Takes records and alerts out of a bundle for as long as a command goes on exiting as it did at first.
///
/// COMMAND is run by sh with the path of a smaller bundle as its last argument, or where it says "$BUNDLE". Most is
/// taken out by few runs: halves of the records, of which a state made here stands for what came before, then the state
/// itself or its alerts, then single records. FILE stays as it is. Ctrl-C ends with the smallest one so far.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether shrink trigger.bundle --while 'bellwether rerun'\n  \
    bellwether shrink record.bundle --while 'bellwether rerun \"$BUNDLE\" | grep -q oversold' --out small.bundle")]
pub(crate) struct Shrink {
    /// A file that `bellwether bundle` wrote.
    #[arg(value_name = "F")]
    file: PathBuf,
    /// Shows the fault, or whatever is to stay, by its exit code.
    #[arg(long = "while", value_name = "COMMAND")]
    command: String,
    /// Where the smallest bundle is written, - is stdout; without it F with .small behind its name.
    #[arg(long, value_name = "F")]
    out: Option<PathBuf>,
    /// A JSON object about what is left.
    #[arg(long)]
    json: bool,
}

/// Why it ended before nothing more could go.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Bad(#[from] BadBundle),
    #[error(transparent)]
    Failed(#[from] Coded),
}

impl Shrink {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let shutdown = Process::shutdown()?;
        let bundle = file::read(&self.file)?;
        let begun = process.clock.now();
        let of = bundle.records.len();
        let out = self.out.clone().unwrap_or_else(|| file::beside(&self.file, "small"));
        let mut judge = Judge::new(&self.command, &out, shutdown);
        judge.wanted = judge.exit_for(&self.file)?;
        let mut shrinker = Shrinker::new(bundle);
        let ended = shrinker.shrink(&mut |candidate| judge.shows(candidate));
        judge.clear();
        let smallest = shrinker.smallest();
        // However it ended: what was found out by then is not lost.
        file::write(&out, &smallest.encode().map_err(|error| file::bad(&out, &error))?)?;
        let is_interrupted = matches!(ended, Err(Ended::Interrupted));
        let told = Told { smallest, of, runs: judge.runs, exit: judge.wanted, is_interrupted, out: &out };
        let told = if self.json { told.json() } else { told.text(process.clock.now().since(begun)) };
        if file::is_stdout(&out) {
            note(&told);
        } else {
            tell(&told)?;
        }
        match ended {
            Err(Ended::Failed(coded)) => return Err(coded.into()),
            Err(Ended::Bad(bad)) => return Err(file::bad(&self.file, &bad).into()),
            Ok(()) if smallest.records.len() == of => note(
                "nothing could go: does the command exit the same way twice, and not because of what was recorded?\n",
            ),
            Ok(()) | Err(Ended::Interrupted) => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs the command over candidates.
struct Judge {
    script: String,
    candidate: PathBuf,
    wanted: i32,
    runs: u64,
    shutdown: Shutdown,
    bar: ProgressBar,
}

impl Judge {
    fn new(command: &str, out: &Path, shutdown: Shutdown) -> Self {
        let names_it = ["$BUNDLE", "${BUNDLE"].iter().any(|name| command.contains(name));
        let script = if names_it { command.to_owned() } else { format!("{command} \"$BUNDLE\"") };
        let bar = ProgressBar::new_spinner();
        Self { script, candidate: file::beside(out, "candidate"), wanted: 0, runs: 0, shutdown, bar }
    }

    /// How the command exits for that file: as a shell says it, 128 and the signal where one ended it.
    fn exit_for(&mut self, path: &Path) -> Result<i32, Coded> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.script]).env(VARIABLE, path);
        let ran = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        self.runs += 1;
        let status =
            ran.map_err(|error| Coded { code: SOFTWARE, message: format!("sh cannot be run: {error}") })?;
        let exit = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        if NOT_RUN.contains(&exit) {
            let message = format!("--while {:?}: sh cannot run it (exit code {exit})", self.script);
            return Err(Coded { code: USAGE, message });
        }
        Ok(exit)
    }

    fn shows(&mut self, candidate: &Bundle) -> Result<bool, Ended> {
        if self.shutdown.is_raised() {
            return Err(Ended::Interrupted);
        }
        self.bar.set_message(format!(
            "run {}: {} records, {}",
            self.runs,
            candidate.records.len(),
            state(candidate)
        ));
        self.bar.tick();
        let path = self.candidate.clone();
        file::write(&path, &candidate.encode()?)?;
        let exit = self.exit_for(&path)?;
        // A terminal's Ctrl-C ends the command too, which says nothing of the fault.
        if self.shutdown.is_raised() { Err(Ended::Interrupted) } else { Ok(exit == self.wanted) }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
        let _ = fs::remove_file(&self.candidate);
    }
}

struct Told<'a> {
    smallest: &'a Bundle,
    of: usize,
    runs: u64,
    exit: i32,
    is_interrupted: bool,
    out: &'a Path,
}

impl Told<'_> {
    fn text(&self, micros: i64) -> String {
        let Self { smallest, of, runs, exit, is_interrupted, out } = self;
        let interrupted = if *is_interrupted { ", interrupted" } else { "" };
        format!(
            "{}: {} of {of} records, {}; {runs} runs that exit with {exit}, {:.1} s{interrupted}\n",
            out.display(),
            smallest.records.len(),
            state(smallest),
            micros as f64 / 1e6
        )
    }

    fn json(&self) -> String {
        let Self { smallest, of, runs, exit, is_interrupted, out } = self;
        let line = json!({
            "type": "shrunk", "file": out.display().to_string(), "records": smallest.records.len(), "of": of,
            "state": smallest.state.is_some(), "runs": runs, "exit": exit, "interrupted": is_interrupted,
        });
        format!("{line}\n")
    }
}
