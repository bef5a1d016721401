//! The rows sink and databases that are away, slow, blocked, full, restored, locked or hostile: nothing is lost, nothing
//! comes twice, nobody else waits.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod classes;
mod exhausted;
mod hostile;
mod logins;
mod neighbours;
mod no_letters;
mod other_topic;
mod restored;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod unfinished;
