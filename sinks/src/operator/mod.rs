//! Tells the operator what begins and ends with tenants: takes what roles say ([`News`]), keeps in the tenant's own
//! database what was told, and mails it over the operator's own server. Nothing here keeps a role waiting.
//!
//! A mail goes out before it is written down that it did: whoever dies in between has it told twice, and never not at all.
//! What a database that is away cannot keep, a parked tenant most of all, this process remembers: a process that takes such
//! a tenant over, or is started again meanwhile, tells of it anew; and when the tenant comes back while nobody runs who
//! remembers, its end is not told.

mod letter;
mod records;

use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, Retries};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Mailbox, Operator};
use bellwether_runtime::incident::{News, without_addresses};
use bellwether_runtime::metric_names::OPERATOR_MAILS;
use bellwether_runtime::roles::TenantSet;
use bellwether_runtime::shutdown::Shutdown;
use lettre::Address;
use metrics::counter;
use tokio::task::JoinHandle;

use self::letter::Letter;
use self::records::{Records, Untold};
use crate::mail::core::Verdict;
use crate::mail::server::Server;
use crate::mail::session::{self, Deadlines, Session};

/// Between looks for what another process began to tell and did not.
const LOOK: Duration = Duration::from_secs(60);
/// A process that ends waits so long for its last mail.
const LAST: Duration = Duration::from_secs(5);
/// How long the operator's server may take.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(10),
    command: Duration::from_secs(20),
    body: Duration::from_secs(60),
};

/// Who tells the operator.
pub struct Teller {
    post: Post,
    records: Records,
    news: News,
    clock: Clock,
    pace: Pace,
}

/// How long what is told may take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What begins within so long of something else shares its mail.
    pub gather: Duration,
    /// Between tries to send a mail.
    pub retry: Backoff,
}

impl Default for Pace {
    fn default() -> Self {
        let retry = Backoff::new(Duration::from_secs(5), Duration::from_secs(600));
        Self { gather: Duration::from_secs(3), retry }
    }
}

/// The operator's own way of mail.
struct Post {
    server: Server,
    from: Mailbox,
    to: String,
}

/// A [`Teller`] at work. One that is dropped goes on until its process ends.
pub struct Telling {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Teller {
    /// Somebody to tell what is new; none where the configuration names no operator. `tenants` are all whose incidents
    /// may be told, also those that cannot be served for now.
    #[must_use]
    pub fn new(operator: &Operator, news: News, tenants: TenantSet, clock: Clock) -> Option<Self> {
        let post = Post {
            server: Server::of_operator(operator)?,
            from: operator.from.clone()?,
            to: operator.to.as_ref()?.to_string(),
        };
        Some(Self { post, records: Records::new(tenants), news, clock, pace: Pace::default() })
    }

    /// The same at another pace.
    #[must_use]
    pub const fn at(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Tells what is said from here on.
    #[must_use]
    pub fn start(self) -> Telling {
        let shutdown = Shutdown::new();
        Telling { shutdown: shutdown.clone(), task: tokio::spawn(self.run(shutdown)) }
    }

    async fn run(mut self, shutdown: Shutdown) {
        let mut retries = Retries::new(self.pace.retry);
        let mut wait = LOOK;
        loop {
            tokio::select! {
                () = self.news.changed() => drop(shutdown.sleep(self.pace.gather).await),
                _ = shutdown.sleep(wait) => {}
            }
            // What is said until now is told even then.
            let last = shutdown.is_raised();
            for (key, change) in self.news.take() {
                self.records.note(key, change).await;
            }
            wait = if self.tell().await {
                retries.succeeded();
                LOOK
            } else {
                retries.failed()
            };
            if last {
                return;
            }
        }
    }

    /// False where the operator could not be told for now.
    async fn tell(&mut self) -> bool {
        loop {
            let untold = self.records.claim().await;
            if untold.is_empty() {
                return true;
            }
            let sent = self.send(&untold).await;
            let outcome = if sent.is_ok() { "sent" } else { "failed" };
            counter!(OPERATOR_MAILS, "outcome" => outcome).increment(1);
            match sent {
                Ok(()) => self.records.told(&untold).await,
                Err(reason) => {
                    tracing::error!(
                        error = %without_addresses(&reason), incidents = untold.len(),
                        "the operator cannot be told; it is tried again: see that [operator] is right"
                    );
                    self.records.release(&untold).await;
                    return false;
                }
            }
        }
    }

    async fn send(&self, untold: &[Untold]) -> Result<(), String> {
        let letter = Letter { from: &self.post.from, to: &self.post.to, untold, now: self.clock.now() };
        let content = letter.content()?;
        let address = self.post.from.address();
        let from = Address::new(address.local(), address.domain()).map_err(|error| error.to_string())?;
        let letter = session::Letter { from: &from, to: &self.post.to, content: &content };
        let mut session =
            Session::open(&self.post.server, DEADLINES).await.map_err(|verdict| words(&verdict))?;
        match session.send(&letter, || async { true }, || true).await {
            Some(Verdict::Sent(_)) => {
                session.quit().await;
                Ok(())
            }
            Some(other) => Err(words(&other)),
            None => Err("nothing left".into()),
        }
    }
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Sent(reason)
        | Verdict::Limited(reason)
        | Verdict::Retry { reason, .. }
        | Verdict::AuthRefused(reason)
        | Verdict::Failed { reason, .. }
        | Verdict::Ambiguous(reason) => reason.clone(),
    }
}

impl Telling {
    /// Tells what was said until now, for a few seconds at most.
    pub async fn finish(self) {
        self.shutdown.raise();
        if tokio::time::timeout(LAST, self.task).await.is_err() {
            tracing::warn!(
                "the operator's last mail was not sent in time; the next process of this role sends it"
            );
        }
    }
}
