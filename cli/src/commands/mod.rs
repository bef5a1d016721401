//! One file a command, or a folder; `role` is what those that run a role share.

pub(crate) mod alerts;
pub(crate) mod backtest;
pub(crate) mod bundle;
pub(crate) mod deadletters;
pub(crate) mod debug;
mod decisions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
mod files;
pub(crate) mod gateway;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod mail;
pub(crate) mod migrate;
pub(crate) mod preview;
pub(crate) mod process;
pub(crate) mod produce;
pub(crate) mod replay;
mod role;
pub(crate) mod schedule;
pub(crate) mod shadow;
pub(crate) mod sink;
pub(crate) mod tenants;
pub(crate) mod top;
pub(crate) mod topics;
pub(crate) mod users;

use bellwether_producers::play::Speed;

use crate::exit::{Coded, USAGE};

/// A speed as given on the command line.
fn speed(times: f64) -> Result<Speed, Coded> {
    let message =
        || format!("--speed {times} is not a speed: use 0 (as fast as possible) or a number above it");
    Speed::new(times).ok_or_else(|| Coded { code: USAGE, message: message() })
}
