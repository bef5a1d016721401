//! What the lanes of one worker share: the mails it claimed, and how its server does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::backoff::Retries;
use bellwether_runtime::incident::IncidentKind;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::lease::Lease;
use super::pace::Pace;
use super::{Delivery, PART};
use crate::mail::core::Verdict;
use crate::mail::events::{ClaimRetried, FenceLost, MailLimited, MailSettled, SettleRetried};
use crate::mail::outbox::{Claimed, Settlement};
use crate::mail::session::Session;

/// Most mails claimed at once.
const CLAIM: i64 = 16;
/// A refused password is tried this often, lest the account be locked.
const AUTH_TRIES: u32 = 3;
/// A process that stops tries this often to write down what became of a mail.
const SETTLE_TRIES: u32 = 8;
/// Between two tries.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Desk {
    pub(super) delivery: Delivery,
    pub(super) lease: Arc<Lease>,
    /// Claimed and not begun. Whoever holds it looks for more when it is empty; the others wait for that.
    claimed: Mutex<VecDeque<Claimed>>,
    /// One connection is opened at a time, so that a password is not refused more often than it may be.
    opening: Mutex<()>,
    server: Lock<Condition>,
}

/// How the server does.
struct Condition {
    /// Refusals in a row that any mail would have met.
    down: Retries,
    down_until: Option<Instant>,
    auth_refused: u32,
    pace: Pace,
}

impl Desk {
    pub(super) fn new(delivery: Delivery, lease: Arc<Lease>) -> Self {
        let (down, pace) = (Retries::new(delivery.timing.pause), Pace::new(delivery.rate));
        let condition = Condition { down, down_until: None, auth_refused: 0, pace };
        Self {
            delivery,
            lease,
            claimed: Mutex::default(),
            opening: Mutex::default(),
            server: Lock::new(condition),
        }
    }

    /// How often our password was refused, where it will not be tried again.
    pub(super) fn password_refused(&self) -> Option<u32> {
        Some(self.condition().auth_refused).filter(|tries| *tries >= AUTH_TRIES)
    }

    /// Nothing is to be begun any more.
    pub(super) fn is_over(&self) -> bool {
        self.delivery.shutdown.is_raised() || self.password_refused().is_some()
    }

    /// The next mail to send; none when it is over. It waits for mails, for the server to be asked again, and for the
    /// mail's turn.
    pub(super) async fn next(&self) -> Option<Claimed> {
        let mut claimed = self.claimed.lock().await;
        loop {
            if self.is_over() {
                self.release(&mut claimed, Duration::ZERO).await;
                return None;
            }
            self.delivery.progress.moved(&self.delivery.tenant, PART);
            if let Some(wait) = self.down_for() {
                self.release(&mut claimed, wait).await;
                self.delivery.shutdown.sleep(wait).await;
            } else if claimed.is_empty() {
                claimed.extend(self.claim().await);
                if claimed.is_empty() {
                    self.rest().await;
                }
            } else if self.comes_to_its_turn().await {
                return claimed.pop_front();
            }
        }
    }

    /// A new connection, or the verdict on the mail it was for; none when it is over, and nothing was tried.
    pub(super) async fn open(&self) -> Result<Session, Option<Verdict>> {
        let _one = self.opening.lock().await;
        if self.is_over() {
            return Err(None);
        }
        let opened = Session::open(&self.delivery.server, self.delivery.timing.deadlines).await;
        match &opened {
            Ok(_) => {
                self.condition().auth_refused = 0;
                self.delivery.incidents.end(IncidentKind::RefusedLogins, &self.delivery.tenant);
            }
            Err(Verdict::AuthRefused(_)) => self.condition().auth_refused += 1,
            Err(_) => {}
        }
        opened.map_err(Some)
    }

    /// What a mail's end says of the server.
    pub(super) fn learn(&self, verdict: &Verdict) {
        let (now, mut server) = (Instant::now(), self.condition());
        match verdict {
            Verdict::Sent(_) => {
                server.down.succeeded();
                server.pace.easier();
            }
            Verdict::Limited(_) => {
                server.pace.slower(now);
                MailLimited { tenant: &self.delivery.tenant }.emit();
            }
            Verdict::Retry { server: true, .. } | Verdict::AuthRefused(_) => {
                let wait = server.down.failed();
                server.down_until = Some(now + wait);
            }
            Verdict::Retry { server: false, .. } | Verdict::Failed { .. } | Verdict::Ambiguous(_) => {}
        }
    }

    /// What happened is kept until the database has it: forgetting a 250 would send the mail twice.
    pub(super) async fn settle(&self, mail: &Claimed, settlement: &Settlement) {
        let (tenant, occurrence) = (&self.delivery.tenant, &mail.occurrence);
        let mut after_shutdown = 0;
        while after_shutdown < SETTLE_TRIES {
            match self.delivery.outbox.settle(mail, settlement).await {
                Ok(true) => return MailSettled { tenant, mail, settlement }.emit(),
                Ok(false) => return FenceLost { tenant, occurrence }.emit(),
                Err(error) => SettleRetried { tenant, occurrence, error: &error }.emit(),
            }
            tokio::time::sleep(SETTLE_PAUSE).await;
            after_shutdown += u32::from(self.delivery.shutdown.is_raised());
        }
        // Its lease will end, and whoever finds it treats it by the state it is in.
    }

    /// Nothing is claimed that could not be sent in time.
    async fn claim(&self) -> Vec<Claimed> {
        if !self.lease.holds(self.lease.term()) {
            return Vec::new();
        }
        let most = self.condition().pace.worth_claiming(CLAIM);
        self.delivery.outbox.claim(self.lease.worker, most).await.unwrap_or_else(|error| {
            ClaimRetried { tenant: &self.delivery.tenant, error: &error }.emit();
            Vec::new()
        })
    }

    async fn release(&self, claimed: &mut VecDeque<Claimed>, wait: Duration) {
        for mail in claimed.drain(..) {
            self.settle(&mail, &Settlement::Release(wait)).await;
        }
    }

    /// Nothing is under way here, so waiting may be given up.
    async fn rest(&self) {
        tokio::select! {
            () = self.delivery.added.notified() => {}
            _ = self.delivery.shutdown.sleep(self.delivery.timing.poll) => {}
        }
    }

    /// Waits for the next mail's turn. False when no mail is to be sent by then.
    async fn comes_to_its_turn(&self) -> bool {
        let now = Instant::now();
        let turn = self.condition().pace.turn(now);
        if turn > now {
            self.delivery.shutdown.sleep(turn - now).await;
        }
        !self.is_over() && self.down_for().is_none()
    }

    fn down_for(&self) -> Option<Duration> {
        let until = self.condition().down_until?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    fn condition(&self) -> MutexGuard<'_, Condition> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
