//! What is delivered: [`rows`] of triggers into the tenant's tables, [`mail`] to its users, and what [`schedule`] says is
//! owed by the clock. [`doctor`] looks how they fare. [`operator`] is told what goes wrong meanwhile. [`feed`] is what sinks of triggers share: it hands each tenant's to a task of its own and commits
//! what that has done.

pub mod doctor;
pub mod error;
mod events;
pub mod feed;
mod follow;
pub mod mail;
pub mod operator;
pub mod rows;
pub mod schedule;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod simulation;
mod thread;
pub mod verify;

pub use error::SinkError;
