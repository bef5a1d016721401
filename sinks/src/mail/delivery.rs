//! Sends what one tenant's outbox owes: claim, send, settle, one mail after the other over one connection.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use lettre::Address;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::core::Verdict;
use super::events::{AuthStopped, ClaimRetried, FenceLost, MailSent, MailSettled, NotNoted, SettleRetried};
use super::late_rendering::{Renderer, Unrendered};
use super::outbox::{Claimed, Outbox, Settlement};
use super::retry;
use super::server::Server;
use super::session::{Deadlines, Letter, Session};

/// Most mails claimed at once: what a crash leaves waiting for its lease.
const CLAIM: i64 = 16;
/// How long until somebody else's mails, or those due again, are looked for.
const POLL: Duration = Duration::from_secs(1);
/// A connection without work is closed after this many polls.
const IDLE_POLLS: u32 = 5;
/// Before a server that takes no connection is asked again.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
/// A refused password is tried this often, lest the account be locked.
const AUTH_TRIES: u32 = 3;

/// A process that stops tries this often to write down what became of a mail.
const SETTLE_TRIES: u32 = 8;

/// Sends what one tenant's outbox owes.
pub(super) struct Delivery {
    pub(super) tenant: TenantId,
    pub(super) outbox: Outbox,
    pub(super) renderer: Renderer,
    pub(super) server: Server,
    /// The envelope's sender, whom a server tells of what it could not deliver.
    pub(super) from: Address,
    pub(super) deadlines: Deadlines,
    /// Rung when mails were added.
    pub(super) added: Arc<Notify>,
    pub(super) shutdown: Shutdown,
}

/// What is remembered between mails.
#[derive(Default)]
struct Line {
    session: Option<Session>,
    /// Connections in a row that came to nothing.
    refused: u32,
    auth_refused: u32,
    idle: u32,
}

impl Delivery {
    /// Until shutdown, or until the server refused our password three times. The mail under way is finished first.
    pub(super) async fn run(mut self) {
        let mut line = Line::default();
        while !self.shutdown.is_raised() && line.auth_refused < AUTH_TRIES {
            let claimed = match self.outbox.claim(CLAIM).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    ClaimRetried { tenant: &self.tenant, error: &error }.emit();
                    Vec::new()
                }
            };
            if claimed.is_empty() {
                self.rest(&mut line).await;
            } else {
                self.deliver(&mut line, claimed).await;
            }
        }
        if line.auth_refused >= AUTH_TRIES {
            AuthStopped { tenant: &self.tenant, tries: AUTH_TRIES }.emit();
        }
        if let Some(session) = line.session {
            session.quit().await;
        }
    }

    /// Nothing is under way here, so waiting may be given up.
    async fn rest(&self, line: &mut Line) {
        line.idle += 1;
        if line.idle >= IDLE_POLLS
            && let Some(session) = line.session.take()
        {
            session.quit().await;
        }
        tokio::select! {
            () = self.added.notified() => {}
            _ = self.shutdown.sleep(POLL) => {}
        }
    }

    async fn deliver(&mut self, line: &mut Line, claimed: Vec<Claimed>) {
        line.idle = 0;
        let mut server_down = false;
        for mail in claimed {
            let stop = server_down || self.shutdown.is_raised();
            let settlement = if stop {
                Settlement::Release(if server_down { PAUSE.after(line.refused + 1) } else { Duration::ZERO })
            } else {
                let verdict = self.send(line, &mail).await;
                server_down =
                    matches!(verdict, Some(Verdict::Retry { server: true, .. } | Verdict::AuthRefused(_)));
                verdict.map_or(Settlement::Release(POLL), |verdict| settlement(&mail, verdict))
            };
            self.settle(&mail, &settlement).await;
        }
        if server_down {
            self.shutdown.sleep(PAUSE.after(line.refused + 1)).await;
        }
    }

    /// None when no content may leave: the mail is not ours any more, or the database cannot note it.
    async fn send(&mut self, line: &mut Line, mail: &Claimed) -> Option<Verdict> {
        let (to, content) = match self.letter(mail).await {
            Ok(letter) => letter,
            Err(Unrendered::Never(reason)) => return Some(Verdict::Failed { reason, address: false }),
            Err(Unrendered::NotNow(error)) => {
                NotNoted { tenant: &self.tenant, occurrence: &mail.occurrence, error: &error }.emit();
                return None;
            }
            Err(Unrendered::NotOurs) => return None,
        };
        let reused = line.session.is_some();
        let mut session = match self.session(line).await {
            Ok(session) => session,
            Err(verdict) => return Some(verdict),
        };
        let letter = Letter { from: &self.from, to, content: &content };
        let begun = Instant::now();
        let mut verdict = session.send(&letter, || self.note(mail)).await;
        if reused && matches!(verdict, Some(Verdict::Retry { server: true, .. })) {
            // The server may have closed a connection that stood idle: that says nothing about the mail.
            session = match self.session(line).await {
                Ok(session) => session,
                Err(verdict) => return Some(verdict),
            };
            verdict = session.send(&letter, || self.note(mail)).await;
        }
        if matches!(verdict, Some(Verdict::Sent(_))) {
            MailSent { tenant: &self.tenant, taken: begun.elapsed() }.emit();
            line.session = Some(session);
        }
        verdict
    }

    /// To whom, and what; of a mail without content it is composed now.
    async fn letter<'m>(&mut self, mail: &'m Claimed) -> Result<(&'m str, Cow<'m, [u8]>), Unrendered> {
        let gone = || Unrendered::Never("its address or content is gone".into());
        let to = mail.recipient.as_deref().ok_or_else(gone)?;
        let content = match &mail.content {
            Some(content) => Cow::from(content),
            None => self.renderer.content(&self.outbox, mail).await?.into(),
        };
        Ok((to, content))
    }

    /// The open connection, or a new one. It is the caller's until it is put back.
    async fn session(&self, line: &mut Line) -> Result<Session, Verdict> {
        if let Some(session) = line.session.take() {
            return Ok(session);
        }
        let opened = Session::open(&self.server, self.deadlines).await;
        match &opened {
            Ok(_) => (line.refused, line.auth_refused) = (0, 0),
            Err(Verdict::AuthRefused(_)) => line.auth_refused += 1,
            Err(_) => line.refused += 1,
        }
        opened
    }

    async fn note(&self, mail: &Claimed) -> bool {
        match self.outbox.data_started(mail).await {
            Ok(ours) => ours,
            Err(error) => {
                NotNoted { tenant: &self.tenant, occurrence: &mail.occurrence, error: &error }.emit();
                false
            }
        }
    }

    /// What happened is kept until the database has it: forgetting a 250 would send the mail twice.
    async fn settle(&self, mail: &Claimed, settlement: &Settlement) {
        let mut after_shutdown = 0;
        while after_shutdown < SETTLE_TRIES {
            match self.outbox.settle(mail, settlement).await {
                Ok(true) => return MailSettled { tenant: &self.tenant, mail, settlement }.emit(),
                Ok(false) => return FenceLost { tenant: &self.tenant, occurrence: &mail.occurrence }.emit(),
                Err(error) => {
                    SettleRetried { tenant: &self.tenant, occurrence: &mail.occurrence, error: &error }
                        .emit();
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            after_shutdown += u32::from(self.shutdown.is_raised());
        }
        // Its lease will end, and whoever finds it treats it by the state it is in.
    }
}

fn settlement(mail: &Claimed, verdict: Verdict) -> Settlement {
    let wait = retry::after(mail.attempts, &mail.occurrence);
    match verdict {
        Verdict::Sent(reply) => Settlement::Sent(reply),
        Verdict::Retry { reason, .. } => Settlement::Retry(wait, reason),
        Verdict::AuthRefused(reason) => Settlement::Retry(wait, reason),
        Verdict::Failed { reason, address: true } => Settlement::Refused(reason),
        Verdict::Failed { reason, address: false } => Settlement::Failed(reason),
        Verdict::Ambiguous(reason) => Settlement::Ambiguous(wait, reason),
    }
}
