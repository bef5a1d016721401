//! One file a command, or a folder; `role` is what those that run a role share.

pub(crate) mod backtest;
pub(crate) mod deadletters;
pub(crate) mod demo;
mod files;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod migrate;
pub(crate) mod process;
pub(crate) mod produce;
pub(crate) mod replay;
mod role;
pub(crate) mod sink;
pub(crate) mod tenants;
pub(crate) mod top;
pub(crate) mod topics;

use std::io::Write as _;

use bellwether_producers::play::Speed;

use crate::exit::{Coded, USAGE};

/// Prints what was asked for. A reader that went away (`| head`) is no failure.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A speed as given on the command line.
fn speed(times: f64) -> Result<Speed, Coded> {
    let message =
        || format!("--speed {times} is not a speed: use 0 (as fast as possible) or a number above it");
    Speed::new(times).ok_or_else(|| Coded { code: USAGE, message: message() })
}
