//! The engine over files or a range of the log, and the report of what alerts would have done.
//!
//! No database, no broker of its own, no mail: [`files`] or a [`journal`] go through a [`run::Run`], which hands what
//! the engine finds to the outputs. The same fold as live, so the same triggers.
#![warn(missing_docs)]

pub mod alerts;
pub mod compare;
mod entrance;
pub mod error;
pub mod files;
pub mod journal;
pub mod outputs;
pub mod report;
mod resolution;
pub mod run;
pub mod study;
pub mod summary;
pub mod sweep;

pub use error::BacktestError;
