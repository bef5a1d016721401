//! Exit codes that mean something.

use std::process::ExitCode;

use bellwether_runtime::config::ConfigError;
use bellwether_runtime::log::LogError;
use bellwether_runtime::telemetry::TelemetryError;
use bellwether_worker::WorkerError;

/// The answer is "no".
pub(crate) const NO: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// Input was there and is bad.
pub(crate) const DATA: u8 = 65;
/// Input is not there.
pub(crate) const NO_INPUT: u8 = 66;
/// A service cannot be reached.
pub(crate) const UNAVAILABLE: u8 = 69;
/// Our bug.
pub(crate) const SOFTWARE: u8 = 70;
/// The file system said no.
pub(crate) const IO: u8 = 74;
/// Configuration.
pub(crate) const CONFIG: u8 = 78;

/// An error whose code the command knows better than its type does.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Coded {
    pub(crate) code: u8,
    pub(crate) message: String,
}

/// Prints what clap has to say: help and version are no errors.
pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Prints the error with its causes on one line and finds its code.
pub(crate) fn of_error(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(error.chain().find_map(code_of).unwrap_or(SOFTWARE))
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return Some(coded.code);
    }
    if error.is::<ConfigError>() || error.is::<TelemetryError>() {
        return Some(CONFIG);
    }
    if let Some(log) = error.downcast_ref::<LogError>() {
        return Some(of_log(log));
    }
    if let Some(worker) = error.downcast_ref::<WorkerError>() {
        return Some(of_worker(worker));
    }
    error.is::<std::io::Error>().then_some(IO)
}

fn of_worker(error: &WorkerError) -> u8 {
    match error {
        WorkerError::Log(log) => of_log(log),
        WorkerError::JournalCut { .. } => DATA,
        WorkerError::Thread(_) => IO,
        WorkerError::Panicked => SOFTWARE,
    }
}

const fn of_log(error: &LogError) -> u8 {
    match error {
        LogError::Address { .. } => USAGE,
        LogError::UnknownTopic { .. } => NO_INPUT,
        LogError::OffsetOutOfRange { .. } | LogError::Damaged { .. } | LogError::TooLarge { .. } => DATA,
        LogError::Held { .. } | LogError::Unavailable { .. } => UNAVAILABLE,
        LogError::ReadOnly { .. } | LogError::Poisoned { .. } | LogError::Io { .. } => IO,
    }
}
