//! The rows sink and databases that are away, slow, blocked, full, restored, locked or hostile: nothing is lost, nothing
//! comes twice, nobody else waits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod classes;
mod hostile;
mod logins;
mod neighbours;
mod restored;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod unfinished;
