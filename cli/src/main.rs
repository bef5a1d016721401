//! The `bellwether` command: parses, wires, prints; nothing else.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod commands;
mod exit;
mod named_offset;
mod output;
mod wiring;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    alerts, backtest, bundle, deadletters, debug, demo, doctor, explain, gateway, inbox, journal, mail,
    migrate, preview, process, produce, replay, schedule, shadow, sink, tenants, top, topics, users,
};

/// Watches prices, fires alerts, writes rows and sends mail, for many brands that never see each other.
#[derive(Parser)]
#[command(name = "bellwether", version, propagate_version = true)]
struct Arguments {
    /// Configuration; without it `bellwether.toml` in the working directory, where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Backtest(Box<backtest::Backtest>),
    Replay(replay::Replay),
    Shadow(shadow::Shadow),
    #[command(subcommand)]
    Journal(journal::Journal),
    #[command(subcommand)]
    Produce(produce::Produce),
    Process(process::Process),
    Preview(preview::Preview),
    #[command(subcommand)]
    Sink(sink::Sink),
    Schedule(schedule::Schedule),
    Migrate(migrate::Migrate),
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    #[command(subcommand)]
    Alerts(alerts::Alerts),
    #[command(subcommand)]
    Topics(topics::Topics),
    Top(top::Top),
    #[command(subcommand, name = "deadletters")]
    DeadLetters(deadletters::DeadLetters),
    Inbox(inbox::Inbox),
    Gateway(gateway::Gateway),
    #[command(subcommand)]
    Mail(mail::Mail),
    #[command(subcommand)]
    Users(users::Users),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Bundle(bundle::Bundle),
    Rerun(bundle::rerun::Rerun),
    Shrink(bundle::shrink::Shrink),
    #[command(subcommand)]
    Debug(debug::Debug),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::of_usage(&error),
    };
    // Whoever opens a TLS connection first decides for the process, so it is decided here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => exit::of_error(&error),
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let process = wiring::Process::load(arguments.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(async move {
        match arguments.command {
            Command::Demo(command) => command.run(&process).await,
            Command::Backtest(command) => command.run(&process),
            Command::Replay(command) => command.run(&process),
            Command::Shadow(command) => command.run(&process),
            Command::Journal(command) => command.run(&process),
            Command::Produce(command) => command.run(&process).await,
            Command::Process(command) => command.run(&process).await,
            Command::Preview(command) => command.run(&process).await,
            Command::Sink(command) => command.run(&process).await,
            Command::Schedule(command) => command.run(&process),
            Command::Migrate(command) => command.run(&process).await,
            Command::Tenants(command) => command.run(&process).await,
            Command::Alerts(command) => command.run(&process).await,
            Command::Topics(command) => command.run(&process),
            Command::Top(command) => command.run(&process).await,
            Command::DeadLetters(command) => command.run(&process).await,
            Command::Inbox(command) => command.run(&process).await,
            Command::Gateway(command) => command.run(&process).await,
            Command::Mail(command) => command.run(&process).await,
            Command::Users(command) => command.run(&process).await,
            Command::Doctor(command) => command.run(&process).await,
            Command::Explain(command) => command.run(&process),
            Command::Bundle(command) => command.run(&process),
            Command::Rerun(command) => command.run(),
            Command::Shrink(command) => command.run(&process),
            Command::Debug(command) => command.run(&process).await,
        }
    });
    bellwether_runtime::trace::flush();
    // Threads that wait for something that will not come must not keep a finished command.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::roles::Role;
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_role_is_a_command_of_its_name() {
        let whole = Arguments::command();
        for role in Role::ALL {
            let mut words = role.name().split(' ');
            let found = words.try_fold(&whole, |command, word| command.find_subcommand(word));
            assert!(found.is_some(), "there is no command {role}");
        }
    }
}
