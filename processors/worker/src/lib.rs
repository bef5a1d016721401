//! Partitions, recovery and replay around the engine.
//!
//! [`core`] decides and performs nothing; [`drive`] performs and decides nothing. One tenant's journal has one
//! owner, so state needs no locks; many workers share the tenants out by consumer group.
#![warn(missing_docs)]

pub mod bundle;
pub mod core;
#[cfg(debug_assertions)]
mod deadly;
mod drive;
mod error;
mod events;
mod looking;
mod recovering;
pub mod recovery;
pub mod replay;
pub mod shadow;
pub mod snapshots;
pub mod standing;
mod storing;
pub mod tally;
mod traces;
pub mod why;

pub use bellwether_runtime::roles::Context;
pub use drive::{GROUP, run};
pub use error::WorkerError;
