//! One connection: sends the mails that the desk hands out, one after the other.

use std::borrow::Cow;
use std::sync::Arc;

use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::trace::{Span, Step, lines};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::PART;
use super::desk::Desk;
use crate::mail::core::Verdict;
use crate::mail::events::{MailSent, NotNoted};
use crate::mail::late_rendering::{Renderer, Unrendered};
use crate::mail::outbox::{Claimed, Settlement};
use crate::mail::session::{Letter, Session};

/// A connection without work is closed after this many polls.
const IDLE_POLLS: u32 = 5;

pub(super) struct Lane {
    desk: Arc<Desk>,
    renderer: Renderer,
    session: Option<Session>,
}

impl Lane {
    pub(super) fn new(desk: Arc<Desk>, renderer: Renderer) -> Self {
        Self { desk, renderer, session: None }
    }

    /// Until nothing is to be begun any more. The mail under way is finished first.
    pub(super) async fn run(mut self) {
        while let Some(mail) = self.next().await {
            reach(CrashPoint::MailClaimed);
            self.deliver(&mail).instrument(lines(mail.trace)).await;
        }
        if let Some(session) = self.session {
            session.quit().await;
        }
    }

    async fn deliver(&mut self, mail: &Claimed) {
        let delivery = &self.desk.delivery;
        delivery.progress.busy(&delivery.tenant, PART, delivery.timing.deadlines.longest());
        let mut span = Span::of(mail.trace, Step::SendMail, &delivery.tenant);
        span.set("mail.occurrence", &mail.occurrence);
        let verdict = self.send(mail).await;
        let settlement = verdict.map_or(Settlement::Release(self.desk.delivery.timing.poll), |verdict| {
            self.desk.learn(&verdict);
            Settlement::of(mail, verdict)
        });
        // The server's words may repeat the address: the outcome alone.
        span.set("mail.outcome", settlement.outcome().0);
        if !matches!(settlement, Settlement::Sent(_)) {
            span.failed("not sent");
        }
        drop(span);
        self.desk.settle(mail, &settlement).await;
    }

    /// The next mail, for which the connection does not stand open longer than it is worth. Waiting at the desk is
    /// never given up: it may have claimed something.
    async fn next(&mut self) -> Option<Claimed> {
        let desk = self.desk.clone();
        let next = desk.next();
        tokio::pin!(next);
        if self.session.is_some() {
            tokio::select! {
                mail = &mut next => return mail,
                () = tokio::time::sleep(desk.delivery.timing.poll * IDLE_POLLS) => {}
            }
            if let Some(session) = self.session.take() {
                session.quit().await;
            }
        }
        next.await
    }

    /// None when no content may leave: the mail is not ours any more, or the database cannot note it.
    async fn send(&mut self, mail: &Claimed) -> Option<Verdict> {
        let desk = self.desk.clone();
        let (to, content) = match self.letter(mail).await {
            Ok(letter) => letter,
            Err(Unrendered::Never(reason)) => return Some(Verdict::Failed { reason, address: false }),
            Err(Unrendered::NotNow(error)) => {
                NotNoted { tenant: &desk.delivery.tenant, occurrence: &mail.occurrence, error: &error }
                    .emit();
                return None;
            }
            Err(Unrendered::NotOurs) => return None,
        };
        let letter = Letter { from: &desk.delivery.from, to, content: &content };
        let reused = self.session.is_some();
        let mut verdict = self.offer(mail, &letter).await;
        if reused && matches!(verdict, Some(Verdict::Retry { server: true, .. })) {
            // The server may have closed a connection that stood idle: that says nothing about the mail.
            verdict = self.offer(mail, &letter).await;
        }
        verdict
    }

    /// Over the open connection, or a new one, which stays open after a success only.
    async fn offer(&mut self, mail: &Claimed, letter: &Letter<'_>) -> Option<Verdict> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => match self.desk.open().await {
                Ok(session) => session,
                Err(verdict) => return verdict,
            },
        };
        let (begun, lease) = (Instant::now(), &self.desk.lease);
        let term = lease.term();
        let verdict = session.send(letter, || self.note(mail), || lease.holds(term)).await;
        if matches!(verdict, Some(Verdict::Sent(_))) {
            reach(CrashPoint::MailTaken);
            MailSent { tenant: &self.desk.delivery.tenant, taken: begun.elapsed() }.emit();
            self.session = Some(session);
        }
        verdict
    }

    /// To whom, and what; of a mail without content it is composed now.
    async fn letter<'m>(&mut self, mail: &'m Claimed) -> Result<(&'m str, Cow<'m, [u8]>), Unrendered> {
        let gone = || Unrendered::Never("its address or content is gone".into());
        let to = mail.recipient.as_deref().ok_or_else(gone)?;
        let content: Cow<'m, [u8]> = match &mail.content {
            Some(content) => Cow::from(content),
            None => self.renderer.content(&self.desk.delivery.outbox, mail).await?.into(),
        };
        let Some(header) = &mail.idempotency else { return Ok((to, content)) };
        Ok((to, [header.as_bytes(), b"\r\n", &content].concat().into()))
    }

    async fn note(&self, mail: &Claimed) -> bool {
        let delivery = &self.desk.delivery;
        if delivery.cancelled.is_raised() {
            return false;
        }
        match delivery.outbox.data_started(mail).await {
            Ok(ours) => ours,
            Err(error) => {
                NotNoted { tenant: &delivery.tenant, occurrence: &mail.occurrence, error: &error }.emit();
                false
            }
        }
    }
}
