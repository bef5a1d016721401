//! Live sources push quotes as they happen. Each holds the sending half of a bounded channel; a full one makes the
//! source wait, and the source's run has ended when it is dropped.
//!
//! The source numbers its quotes itself: `source_seq` rises within a session, which is one run of a client and outlives
//! its connections. So what a reconnect sends again carries the numbers it had, and the engine knows it.

use tokio::sync::mpsc;

use super::NumberedQuote;

/// Quotes that may wait for the log: a second of a busy feed.
pub const WAITING: usize = 4096;

/// Where a live source puts its quotes.
pub type QuoteSender = mpsc::Sender<NumberedQuote>;
/// Where they come out.
pub type LiveQuotes = mpsc::Receiver<NumberedQuote>;

/// The two ends of a live source.
#[must_use]
pub fn channel() -> (QuoteSender, LiveQuotes) {
    mpsc::channel(WAITING)
}
