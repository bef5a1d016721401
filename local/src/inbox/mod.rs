//! A small SMTP receiver on loopback: every mail it answers 250 for is kept and can be looked at.
//!
//! With a directory it is a ledger: a mail is on disk and synced before the 250, and is there again after a
//! restart or a kill. It takes mail for anybody, without TLS or a password, and so binds to loopback unless it is told
//! that it may be exposed.

mod faults;
mod mail;
mod page;
mod smtp;
mod store;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::shutdown::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

pub use faults::{Fault, Faults};
pub use mail::Mail;
pub use store::{Envelope, Store, Summary};

/// The most of everything that a client can make the inbox keep or wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a mail.
    pub mail_bytes: usize,
    /// Bytes of a line of a mail with its line end: RFC 5321 §4.5.3.1.6.
    pub line_bytes: usize,
    /// Recipients of a mail.
    pub recipients: usize,
    /// Connections open at the same time.
    pub connections: usize,
    /// Mails kept; the oldest goes when one more comes.
    pub mails: usize,
    /// Seconds without a byte until a connection is closed.
    pub idle_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mail_bytes: 2 * 1024 * 1024,
            line_bytes: 1_000,
            recipients: 100,
            connections: 64,
            mails: 20_000,
            idle_seconds: 300,
        }
    }
}

/// Why the inbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// It takes any mail from anybody, so it may not be reachable from elsewhere.
    #[error("{0} is not a loopback address: the inbox takes mail for anybody, use 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The port is taken, or may not be had.
    #[error("cannot listen on {addr} (stop what listens there, or give another port)")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// The system's own error.
        source: io::Error,
    },
    /// The kept mails cannot be read.
    #[error("cannot use {} for mails", dir.display())]
    Directory {
        /// The directory that was to hold the mails.
        dir: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
}

/// A running receiver. Dropping it stops it; [`Inbox::stop`] also waits until the port is free.
#[derive(Debug)]
pub struct Inbox {
    /// The address it listens on; with port 0 asked for, the port it was given.
    pub addr: SocketAddr,
    /// Every mail it answered 250 for, up to its limit.
    pub store: Store,
    /// What it does wrong on purpose.
    pub faults: Faults,
    shutdown: Shutdown,
    listening: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Listens on `addr` (port 0: any free one) with the default limits. With a directory, mails are kept in its
    /// `mails/` and those already there are loaded.
    ///
    /// # Errors
    /// See [`InboxError`].
    pub async fn start(addr: SocketAddr, dir: Option<PathBuf>, clock: Clock) -> Result<Self, InboxError> {
        Self::start_with(addr, dir, clock, Limits::default()).await
    }

    /// As [`Self::start`], on any address: whoever asks for it says that nobody but its own containers reaches it.
    ///
    /// # Errors
    /// See [`InboxError`].
    pub async fn start_exposed(
        addr: SocketAddr,
        dir: Option<PathBuf>,
        clock: Clock,
    ) -> Result<Self, InboxError> {
        Self::listen(addr, dir, clock, Limits::default()).await
    }

    /// As [`Self::start`] with limits of one's own.
    ///
    /// # Errors
    /// See [`InboxError`].
    pub async fn start_with(
        addr: SocketAddr,
        dir: Option<PathBuf>,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self, InboxError> {
        if !addr.ip().is_loopback() {
            return Err(InboxError::NotLoopback(addr));
        }
        Self::listen(addr, dir, clock, limits).await
    }

    async fn listen(
        addr: SocketAddr,
        dir: Option<PathBuf>,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self, InboxError> {
        let store = Store::open(dir, clock, limits.mails)?;
        let listen = |source| InboxError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let (faults, shutdown) = (Faults::default(), Shutdown::new());
        let session = Shared { store: store.clone(), faults: faults.clone(), limits };
        let listening = Some(tokio::spawn(accept(listener, session, shutdown.clone())));
        Ok(Self { addr, store, faults, shutdown, listening })
    }

    /// Stops: a mail under way is taken or not, never half; the port is free afterwards.
    pub async fn stop(mut self) {
        self.shutdown.raise();
        if let Some(listening) = self.listening.take() {
            let _ = listening.await;
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shutdown.raise();
    }
}

/// What all sessions share. Cheap to clone.
#[derive(Clone)]
struct Shared {
    store: Store,
    faults: Faults,
    limits: Limits,
}

async fn accept(listener: TcpListener, shared: Shared, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.raised() => break,
            accepted = listener.accept() => accepted,
        };
        while sessions.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) if shared.faults.refuses_connections() => reset(&stream),
            Ok((stream, _)) => {
                let place = Arc::clone(&places).try_acquire_owned().ok();
                let (shared, shutdown) = (shared.clone(), shutdown.clone());
                sessions.spawn(async move { smtp::serve(stream, shared, place, shutdown).await });
            }
            Err(error) => {
                tracing::warn!(error = %error, "the inbox could not accept a connection");
                shutdown.sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

/// Closes with a reset: as near to a refusal as an open port can come.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
