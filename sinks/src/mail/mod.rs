//! Mail: groups of triggers become mails in the tenant's own outbox, and leave over SMTP.

pub mod brand;
mod colour;
pub mod compose;
pub mod group;
mod headers;
mod local_time;
mod number;
pub mod render;
mod rsi_tracker;
#[cfg(test)]
mod samples;
pub mod unsubscribe;
pub mod view;
