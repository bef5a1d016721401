//! Rows and mail out of triggers, and what they own of the tenant's database

pub mod database;
pub mod error;
pub mod events;
pub mod feed;
pub mod mail;
pub mod rows;
pub use error::SinkError;
