//! Exit codes that mean something.

use std::process::ExitCode;

use bellwether_backtest::BacktestError;
use bellwether_database::DatabaseError;
use bellwether_local::demo::DemoError;
use bellwether_preview::PreviewError;
use bellwether_producers::ProducerError;
use bellwether_roles::RoleError;
use bellwether_runtime::config::ConfigError;
use bellwether_runtime::log::LogError;
use bellwether_runtime::registry::RegistryError;
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_runtime::telemetry::TelemetryError;
use bellwether_sinks::SinkError;
use bellwether_sinks::mail::server::ServerError;
use bellwether_worker::WorkerError;

use crate::output::{Closed, note};

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
/// A bug of ours (EX_SOFTWARE).
pub(crate) const SOFTWARE: u8 = 70;
/// The file system said no.
pub(crate) const IO: u8 = 74;
/// Something in the configuration is wrong (EX_CONFIG).
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

/// Prints the error with its causes on one line and finds its code. That a reader has gone is none.
pub(crate) fn of_error(error: &anyhow::Error) -> ExitCode {
    if error.is::<Closed>() || matches!(error.downcast_ref(), Some(BacktestError::Closed)) {
        return ExitCode::SUCCESS;
    }
    note(&format!("error: {error:#}\n"));
    ExitCode::from(error.chain().find_map(code_of).unwrap_or(SOFTWARE))
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return Some(coded.code);
    }
    if error.is::<ConfigError>() || error.is::<TelemetryError>() || error.is::<ServerError>() {
        return Some(CONFIG);
    }
    let by_type = [
        error.downcast_ref().map(of_log),
        error.downcast_ref().map(of_registry),
        error.downcast_ref().map(of_role),
        error.downcast_ref().map(of_worker),
        error.downcast_ref().map(of_snapshots),
        error.downcast_ref().map(of_producer),
        error.downcast_ref().map(of_database),
        error.downcast_ref().map(of_demo),
        error.downcast_ref().map(of_backtest),
    ];
    by_type.into_iter().flatten().next().or_else(|| error.is::<std::io::Error>().then_some(IO))
}

fn of_role(error: &RoleError) -> u8 {
    match error {
        RoleError::Log(log) => of_log(log),
        RoleError::Producer(producer) => of_producer(producer),
        RoleError::Worker(worker) => of_worker(worker),
        RoleError::Preview(preview) => of_preview(preview),
        RoleError::Sink(sink) => of_sink(sink),
        RoleError::Database(source) | RoleError::Login { source, .. } => of_database(source),
        RoleError::Server(_) => CONFIG,
        RoleError::Panicked => SOFTWARE,
    }
}

fn of_demo(error: &DemoError) -> u8 {
    match error {
        DemoError::Directory { .. } => IO,
        DemoError::Config(_) => CONFIG,
        DemoError::Log(log) => of_log(log),
        DemoError::Producer(producer) => of_producer(producer),
        DemoError::Worker(worker) => of_worker(worker),
        DemoError::Job { source, .. } => of_role(source),
        DemoError::Page(_) => SOFTWARE,
        DemoError::Listen { .. }
        | DemoError::Postgres(_)
        | DemoError::Seed(_)
        | DemoError::Database { .. }
        | DemoError::Inbox(_)
        | DemoError::Slow { .. }
        | DemoError::Ended { .. } => UNAVAILABLE,
    }
}

const fn of_producer(error: &ProducerError) -> u8 {
    match error {
        ProducerError::Input(input) => input.exit_code(),
        ProducerError::Log(log) => of_log(log),
        ProducerError::Snapshot(fault) => of_snapshots(fault),
        ProducerError::Market(_) | ProducerError::Revision { .. } | ProducerError::NewerEngine { .. } => {
            CONFIG
        }
        ProducerError::Calendar { .. } => UNAVAILABLE,
        ProducerError::Encode(_) | ProducerError::Task(_) => SOFTWARE,
    }
}

const fn of_backtest(error: &BacktestError) -> u8 {
    match error {
        BacktestError::Input(input) => input.exit_code(),
        BacktestError::Log(log) => of_log(log),
        BacktestError::Snapshot(fault) => of_snapshots(fault),
        BacktestError::Alerts { .. }
        | BacktestError::NothingAccepted { .. }
        | BacktestError::JournalCut { .. }
        | BacktestError::Halted(_) => DATA,
        BacktestError::Usage(_) => USAGE,
        BacktestError::Page(_) => SOFTWARE,
        BacktestError::Closed | BacktestError::Io { .. } => IO,
    }
}

const fn of_sink(error: &SinkError) -> u8 {
    match error {
        SinkError::Log { source, .. } => of_log(source),
        SinkError::Start { .. } | SinkError::Thread { .. } => SOFTWARE,
    }
}

fn of_database(error: &DatabaseError) -> u8 {
    if error.is_transient() { UNAVAILABLE } else { CONFIG }
}

const fn of_preview(error: &PreviewError) -> u8 {
    match error {
        PreviewError::Log(log) => of_log(log),
        PreviewError::Snapshot(fault) => of_snapshots(fault),
        PreviewError::State { .. } => DATA,
        PreviewError::Panicked => SOFTWARE,
    }
}

fn of_worker(error: &WorkerError) -> u8 {
    match error {
        WorkerError::Log(log) => of_log(log),
        WorkerError::Snapshot(fault) => of_snapshots(fault),
        WorkerError::JournalReplaced { .. } | WorkerError::JournalGap { .. } => DATA,
        WorkerError::Thread(_) => IO,
        WorkerError::Panicked => SOFTWARE,
    }
}

pub(crate) const fn of_snapshots(fault: &SnapshotFault) -> u8 {
    match fault {
        SnapshotFault::Log(log) => of_log(log),
        SnapshotFault::JournalCut { .. } | SnapshotFault::JournalDiffers { .. } => DATA,
    }
}

const fn of_registry(error: &RegistryError) -> u8 {
    match error {
        RegistryError::Away { .. } => UNAVAILABLE,
        RegistryError::Refused { .. } | RegistryError::Taken { .. } => CONFIG,
        RegistryError::Thread { .. } => IO,
    }
}

const fn of_log(error: &LogError) -> u8 {
    match error {
        LogError::Address { .. } => USAGE,
        LogError::UnknownTopic { .. } | LogError::NoLog { .. } => NO_INPUT,
        LogError::OffsetOutOfRange { .. }
        | LogError::Damaged { .. }
        | LogError::Partitions { .. }
        | LogError::TooLarge { .. } => DATA,
        LogError::UnknownSchema { .. }
        | LogError::Held { .. }
        | LogError::NotAssigned { .. }
        | LogError::Unavailable { .. } => UNAVAILABLE,
        LogError::ReadOnly { .. }
        | LogError::Refused { .. }
        | LogError::Poisoned { .. }
        | LogError::Io { .. } => IO,
    }
}
