//! Mails that waited: what becomes of each when its wait is over, and who looks for them. The decision is made in the
//! transaction that records it, under the lock of the tenant's mail cursor, by the database's clock: a mail is released
//! once, whoever looks.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, Retries};
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::ids::UserId;
use bellwether_schemas::{TenantId, Timestamp};
use tokio::sync::Notify;

use super::brand::Look;
use super::compose::{Composed, compose, message_id};
use super::core::words;
use super::decide::{LATE, Owed, People, State, TOO_LATE};
use super::error::ComposeError;
use super::events::{MailsReleased, ReleaseRetried};
use super::frame::{Late, Setting};
use super::headers::Headers;
use super::kind::MailKind;
use super::limits::{Asked, Caps, Course, Hours, Wait};
use super::occurrence::Occurrence;
use super::outbox::Outbox;
use super::render::{Gist, Templates};
use super::scheduled::{Content, Digest, Held, Prepared};
use super::unsubscribe::WayOut;

/// How often somebody looks for mails whose wait is over.
const LOOK: Duration = Duration::from_secs(1);
/// The same where the database does not answer.
const BACKOFF: Backoff = Backoff::new(LOOK, Duration::from_secs(30));

/// A mail whose wait is over, as far as its release asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) occurrence: String,
    pub(super) kind: MailKind,
    pub(super) user: UserId,
    pub(super) wait: Wait,
    pub(super) gist: Gist,
    /// When what it tells of was appended.
    pub(super) appended_at: Timestamp,
    /// When it was held back first.
    pub(super) held_at: Timestamp,
}

/// A digest that goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DueDigest {
    pub(super) user: UserId,
    pub(super) recipient: String,
    /// Never empty; the mail that was held back first stands first.
    pub(super) told: Vec<Waiting>,
}

/// What becomes of mails whose wait is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// They are due.
    pub(super) sent: Vec<String>,
    /// They wait once more.
    pub(super) waits: Vec<(String, Wait)>,
    /// They are not sent, for that reason.
    pub(super) suppressed: Vec<(String, String)>,
    pub(super) digests: Vec<DueDigest>,
}

/// What becomes of one of them.
enum Next {
    Sent,
    Waits(Wait),
    Suppressed(String),
    /// In its user's digest, to that address.
    Told(String),
}

/// Decides about mails whose wait is over, those of a user one after the other in the order they were held back.
pub(super) fn plan(mut waiting: Vec<Waiting>, people: &People, caps: Caps) -> Plan {
    waiting.sort_by(|a, b| (a.user, a.held_at, &a.occurrence).cmp(&(b.user, b.held_at, &b.occurrence)));
    let (mut plan, mut hours) = (Plan::default(), people.hours.clone());
    for mail in waiting {
        match next(&mail, people, caps, &mut hours) {
            Next::Sent => plan.sent.push(mail.occurrence),
            Next::Waits(wait) => plan.waits.push((mail.occurrence, wait)),
            Next::Suppressed(reason) => plan.suppressed.push((mail.occurrence, reason)),
            Next::Told(recipient) => plan.tell(recipient, mail),
        }
    }
    plan
}

impl Plan {
    fn tell(&mut self, recipient: String, mail: Waiting) {
        match self.digests.last_mut() {
            Some(digest) if digest.user == mail.user => digest.told.push(mail),
            _ => self.digests.push(DueDigest { user: mail.user, recipient, told: vec![mail] }),
        }
    }
}

fn next(mail: &Waiting, people: &People, caps: Caps, hours: &mut Hours) -> Next {
    let Waiting { kind, user, wait, .. } = *mail;
    if let Err(reason) = people.recipient(user, kind) {
        return Next::Suppressed(reason);
    }
    // A wait that its user or the limit asked for makes no mail old; what came before and after it does.
    let late = people.now.since(wait.until);
    if mail.held_at.since(mail.appended_at).saturating_add(late) > TOO_LATE {
        return Next::Suppressed("more than 24 hours old".into());
    }
    let is_alert = matches!(kind, MailKind::Alert(_));
    if wait.why.is_for_digest() || late > LATE && is_alert {
        return told(mail, people, caps);
    }
    let asked = Asked { kind, user, wishes: people.wishes(user), useful_until: None };
    let course = hours.course(asked, caps, people.now);
    hours.note(asked, course);
    match course {
        Course::Send => Next::Sent,
        Course::Wait(wait) => Next::Waits(wait),
        Course::Drop(reason) => Next::Suppressed(reason.into()),
    }
}

/// In a digest, but in no quiet hours of digests. Those of what it tells are not asked: together the two might never end.
fn told(mail: &Waiting, people: &People, caps: Caps) -> Next {
    let wishes = people.wishes(mail.user);
    if let Some((_, until)) = wishes.quiet_end(MailKind::Digest, caps.zone, people.now) {
        return Next::Waits(Wait { until, ..mail.wait });
    }
    match people.recipient(mail.user, MailKind::Digest) {
        Ok(recipient) => Next::Told(recipient.into()),
        Err(reason) => Next::Suppressed(format!("no digest: {reason}")),
    }
}

/// Releases the mails of one tenant that waited, as its file says now.
pub(super) struct Release {
    pub(super) tenant: TenantId,
    pub(super) outbox: Outbox,
    pub(super) caps: Caps,
    pub(super) templates: Arc<Templates>,
    pub(super) look: Arc<Look>,
    /// The tenant has a server to send through.
    pub(super) configured: bool,
    /// Rung when mails are due.
    pub(super) added: Arc<Notify>,
    pub(super) incidents: Incidents,
    pub(super) shutdown: Shutdown,
}

impl Release {
    /// Until shutdown.
    pub(super) async fn run(self) {
        let mut retries = Retries::new(BACKOFF);
        loop {
            let compose = |digest: &DueDigest, now| self.owed(digest, now);
            let wait = match self.outbox.release(self.caps, compose).await {
                Ok(released) => {
                    retries.succeeded();
                    if released.sent + released.digests > 0 {
                        self.added.notify_one();
                    }
                    self.tell_operator(released.flooding);
                    MailsReleased { tenant: &self.tenant, released }.emit();
                    if released.waits_for_more() { Duration::ZERO } else { LOOK }
                }
                Err(error) => {
                    ReleaseRetried { tenant: &self.tenant, error: &error }.emit();
                    retries.failed()
                }
            };
            if self.shutdown.sleep(wait).await {
                return;
            }
        }
    }

    /// A flood lasts while mails wait because of it.
    fn tell_operator(&self, flooding: bool) {
        if flooding {
            let text = "more alert mails than mail.alerts_an_hour; the rest waits for digests";
            self.incidents.begin(IncidentKind::HourlyCap, &self.tenant, text);
        } else {
            self.incidents.end(IncidentKind::HourlyCap, &self.tenant);
        }
    }

    /// The digest's own row of the outbox.
    fn owed(&self, digest: &DueDigest, now: Timestamp) -> Owed {
        let first = digest.told.first().map(|first| first.occurrence.clone()).unwrap_or_default();
        let occurrence = Occurrence::Digest { first: first.clone(), user: digest.user };
        let (state, reason, mail) = match self.written(digest, first, &occurrence, now) {
            Ok(mail) if self.configured => (State::Pending, None, Some(mail)),
            Ok(mail) => {
                (State::Failed, Some("not configured: the tenant's file has no mail.smtp".into()), Some(mail))
            }
            Err(error) => (State::Failed, Some(words(&format!("cannot be composed: {error}"))), None),
        };
        Owed {
            occurrence: occurrence.text(&self.look.tenant),
            kind: MailKind::Digest,
            user: digest.user,
            message_id: message_id(&self.look, &occurrence),
            appended_at: now,
            recipient: Some(digest.recipient.clone()),
            state,
            reason,
            mail,
            wait: None,
        }
    }

    fn written(
        &self,
        digest: &DueDigest,
        first: String,
        occurrence: &Occurrence,
        now: Timestamp,
    ) -> Result<Composed, ComposeError> {
        let (kind, look) = (MailKind::Digest, &*self.look);
        let way_out = WayOut::of(look, digest.user, kind);
        let way_out = way_out.as_ref();
        let due = digest.told.iter().map(|mail| mail.wait.until).min().unwrap_or(now);
        let late = (now.since(due) > LATE).then_some(Late { due, now });
        let held = digest.told.iter().map(Waiting::held).collect();
        let content = Content::Digest(Digest { at: now, first, held });
        let setting = Setting { templates: &self.templates, look, late, way_out };
        let rendered = Prepared::from(content).render(setting, now)?;
        let headers = Headers { kind, occurrence, recipient: &digest.recipient, way_out, date: now };
        compose(look, &headers, rendered)
    }
}

impl Waiting {
    fn held(&self) -> Held {
        let Gist { what, at } = self.gist.clone();
        Held { kind: self.kind, what, at, why: self.wait.why }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::time::{HOUR, MINUTE};
    use chrono_tz::Tz;
    use uuid::Uuid;

    use super::*;
    use crate::mail::limits::{Quiet, QuietAction, Why, Wish};

    const RSI: MailKind = MailKind::Alert(AlertKind::RsiTracker);
    const USER: UserId = UserId(Uuid::nil());

    fn now() -> Timestamp {
        "2026-03-04T07:00:00Z".parse().unwrap()
    }

    fn caps() -> Caps {
        let most = |number| NonZeroU32::new(number).unwrap();
        Caps { a_user: most(5), tenant: most(100), zone: Tz::UTC }
    }

    /// So many that waited until now, each held back a minute after the one before.
    fn waiting(why: Why, count: i64) -> Vec<Waiting> {
        let one = |number| {
            let held_at = now().plus(-9 * HOUR + number * MINUTE);
            Waiting {
                occurrence: format!("{why} {number:02}"),
                kind: RSI,
                user: USER,
                wait: Wait { why, until: now() },
                gist: Gist { what: format!("alert {number}"), at: held_at },
                appended_at: held_at,
                held_at,
            }
        };
        (0..count).map(one).collect()
    }

    fn people() -> People {
        People { now: now(), addresses: [(USER, "u@people.example".into())].into(), ..People::default() }
    }

    fn wishing(kind: Option<MailKind>, wish: Wish) -> People {
        let mut people = people();
        let wishes = people.wishes.entry(USER).or_default();
        match kind {
            Some(kind) => drop(wishes.own.insert(kind, wish)),
            None => wishes.all = Some(wish),
        }
        people
    }

    /// Until 08:00.
    fn quiet() -> Wish {
        let time = |text: &str| text.parse().unwrap();
        let quiet = Quiet { from: time("06:00"), to: time("08:00"), zone: None, action: QuietAction::Drop };
        Wish { quiet: Some(quiet), ..Wish::default() }
    }

    #[test]
    fn after_quiet_hours_the_first_five_go_out_and_the_others_wait_for_a_digest() {
        let mut held = waiting(Why::QuietHours, 12);
        held.reverse();
        let plan = plan(held, &people(), caps());
        assert_eq!(
            plan.sent,
            ["quiet_hours 00", "quiet_hours 01", "quiet_hours 02", "quiet_hours 03", "quiet_hours 04"]
        );
        let wait = Wait { why: Why::Limit, until: now().plus(HOUR) };
        assert_eq!((plan.waits.len(), plan.waits[0].1), (7, wait));
        assert!(plan.digests.is_empty() && plan.suppressed.is_empty());
    }

    #[test]
    fn what_waited_for_a_digest_is_told_in_one() {
        let held = [waiting(Why::Limit, 3), waiting(Why::QuietDigest, 2)].concat();
        let plan = plan(held, &people(), caps());
        assert_eq!((plan.digests.len(), plan.digests[0].told.len()), (1, 5));
        assert_eq!(plan.digests[0].recipient, "u@people.example");
        assert!(plan.sent.is_empty() && plan.waits.is_empty() && plan.suppressed.is_empty());
    }

    #[test]
    fn no_digest_goes_out_in_quiet_hours_of_digests() {
        let once_more = [("limit 00".to_owned(), Wait { why: Why::Limit, until: now().plus(HOUR) })];
        for people in [wishing(None, quiet()), wishing(Some(MailKind::Digest), quiet())] {
            assert_eq!(plan(waiting(Why::Limit, 1), &people, caps()).waits, once_more);
        }
        let told = plan(waiting(Why::Limit, 1), &wishing(Some(RSI), quiet()), caps());
        assert_eq!(told.digests.len(), 1);
    }

    #[test]
    fn who_switched_mail_off_meanwhile_gets_none_and_the_row_says_so() {
        let off = Wish { email: false, ..Wish::default() };
        let reason = |people, why| plan(waiting(why, 1), &people, caps()).suppressed[0].1.clone();
        assert_eq!(reason(wishing(Some(RSI), off.clone()), Why::QuietHours), "switched off by the user");
        assert_eq!(
            reason(wishing(Some(MailKind::Digest), off), Why::Limit),
            "no digest: switched off by the user"
        );
        assert_eq!(
            reason(People { now: now(), ..People::default() }, Why::Limit),
            "the user has no confirmed address"
        );
    }

    #[test]
    fn a_wait_that_was_asked_for_makes_no_mail_old_and_one_that_was_not_does() {
        let mut held = waiting(Why::QuietHours, 1);
        held[0].held_at = now().plus(-40 * HOUR);
        held[0].appended_at = held[0].held_at;
        assert_eq!(plan(held.clone(), &people(), caps()).sent.len(), 1);
        let late = |more: i64| {
            let people = People { now: now().plus(more), ..people() };
            plan(held.clone(), &people, caps())
        };
        assert_eq!(late(6 * HOUR).sent.len(), 1);
        assert_eq!(late(6 * HOUR + 1).digests.len(), 1, "a digest says when things were");
        assert_eq!(late(24 * HOUR).digests.len(), 1);
        assert_eq!(late(24 * HOUR + 1).suppressed[0].1, "more than 24 hours old");
    }
}
