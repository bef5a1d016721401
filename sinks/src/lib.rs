//! What is delivered of triggers: [`rows`] into the tenant's tables, [`mail`] to its users. [`feed`] is what every sink
//! shares: it hands each tenant's triggers to a task of its own and commits what that has done.

pub mod error;
mod events;
pub mod feed;
pub mod mail;
pub mod rows;
pub mod schedule;
#[cfg(test)]
mod simulated;

pub use error::SinkError;
