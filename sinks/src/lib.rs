//! Rows and mail out of triggers.

pub mod error;
mod events;
pub mod feed;
pub mod mail;
pub mod rows;
pub use error::SinkError;
