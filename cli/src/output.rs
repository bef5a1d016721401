//! What commands print, and what becomes of them when nobody reads it any more. Everything goes through here: a plain
//! `println` panics where its reader has gone.
//!
//! A command that shows something for as long as it runs ends with its reader, quietly and with 0: `top | head`. One
//! that does something has done it whether or not anybody listens, and keeps its exit code. A role, which prints a line
//! when it ends, outlives its reader: a supervisor that takes its output may come back.

use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::unix::pipe;

/// Whoever read standard output has gone: the command ends, and that is no failure.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub(crate) struct Closed;

/// Shows results of which more are to come.
///
/// # Errors
/// [`Closed`]; or standard output cannot be written.
pub(crate) fn show(text: &str) -> anyhow::Result<()> {
    write(text).map_err(failed)
}

/// Says what was done, or found. It stays so when nobody listens.
///
/// # Errors
/// Standard output cannot be written, for another reason than that its reader has gone.
pub(crate) fn tell(text: &str) -> anyhow::Result<()> {
    match write(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Says something beside the results, to standard error, if anybody listens.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What it means that standard output could not be written.
pub(crate) fn failed(error: io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::BrokenPipe { Closed.into() } else { error.into() }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Waits until whoever reads standard output has gone; for ever where that is a file or a terminal.
pub(crate) async fn reader_gone() {
    let out = io::stdout().as_fd().try_clone_to_owned();
    // Unchecked: it is not written through, so need not be told to never block, and a socket will do as well. What
    // cannot be waited for, such as a file, has no reader that could go.
    if let Ok(out) = out.and_then(pipe::Sender::from_owned_fd_unchecked)
        && out.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
