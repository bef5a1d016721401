//! When a mail goes out: at once, later, with others in a digest, or not at all because its user wants it so. Nothing
//! here reaches a database or a clock: what users wish, what the last hour held and the time are arguments.
//!
//! Quiet hours come first: `hold` keeps a mail until their end, `drop` drops it, `digest` tells of it at their end; the
//! daily brief does not ask. What is of no use any more at their end is dropped (a reminder of news that have come).
//! Then, for alerts alone: a kind that its user wants in digests, the tenant's cap, and the user's limit of an hour. A
//! digest goes out when the hour has room again and within an hour of the first mail it tells of, quiet hours aside; it
//! counts for no limit.

mod hours;
mod quiet;
#[cfg(test)]
mod simulation;
mod wishes;

use std::fmt;
use std::str::FromStr;

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use bellwether_schemas::time::HOUR;
use serde::{Deserialize, Serialize};

pub(crate) use hours::Caps;
pub(super) use hours::Hours;
pub(super) use quiet::{Quiet, QuietAction};
pub(super) use wishes::{Wish, Wishes};

use super::kind::MailKind;

/// A mail waits no longer than this for its digest, quiet hours aside. Microseconds.
pub(super) const DIGEST_WITHIN: i64 = HOUR;

/// Why a mail was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It came in its user's quiet hours, and is sent when they are over.
    QuietHours,
    /// It came in its user's quiet hours, and is told in the digest at their end.
    QuietDigest,
    /// Its user had the most alert mails of an hour already.
    Limit,
    /// Its user wants a digest in place of mails of its kind.
    Wish,
    /// The tenant's users had the most alert mails of an hour already.
    Flood,
}

impl Why {
    /// Every reason there is.
    pub(super) const ALL: [Self; 5] =
        [Self::QuietHours, Self::QuietDigest, Self::Limit, Self::Wish, Self::Flood];

    /// What the outbox calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuietHours => "quiet_hours",
            Self::QuietDigest => "quiet_digest",
            Self::Limit => "limit",
            Self::Wish => "wish",
            Self::Flood => "flood",
        }
    }

    /// What its row says to whoever asks why it was not sent yet.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::QuietHours => "held: the user's quiet hours",
            Self::QuietDigest => "held for a digest: the user's quiet hours",
            Self::Limit => "held for a digest: the user had the most alert mails of an hour",
            Self::Wish => "held for a digest: the user wants these mails in one",
            Self::Flood => "held for a digest: the tenant's users had the most alert mails of an hour",
        }
    }

    /// It is told in a digest, and not sent itself.
    pub(super) const fn is_for_digest(self) -> bool {
        !matches!(self, Self::QuietHours)
    }
}

/// The text names no reason that this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a reason this version knows")]
pub struct UnknownWhy(pub String);

impl FromStr for Why {
    type Err = UnknownWhy;
    fn from_str(text: &str) -> Result<Self, UnknownWhy> {
        Self::ALL.into_iter().find(|why| why.name() == text).ok_or_else(|| UnknownWhy(text.into()))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// For what a mail waits, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) why: Why,
    pub(super) until: Timestamp,
}

/// What becomes of a mail that nothing else stands against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It goes out now.
    Send,
    /// It is asked about again when its wait is over.
    Wait(Wait),
    /// It never goes out: for this reason, which is its user's own choice.
    Drop(&'static str),
}

/// A mail that somebody asks about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) kind: MailKind,
    pub(super) user: UserId,
    pub(super) wishes: &'a Wishes,
    /// When it stops being of use; none: never.
    pub(super) useful_until: Option<Timestamp>,
}

impl Hours {
    /// What becomes of the mail at `now`. It counts for those that follow once it is noted ([`Self::note`]).
    pub(super) fn course(&self, asked: Asked<'_>, caps: Caps, now: Timestamp) -> Course {
        let quiet = asked.wishes.quiet_end(asked.kind, caps.zone, now);
        if let Some((action, end)) = quiet {
            return in_quiet_hours(asked, action, end);
        }
        let (MailKind::Alert(_), Some(why)) = (asked.kind, self.stands_against(asked, caps, now)) else {
            return Course::Send;
        };
        let due = self.digest_due(asked.user, why, caps, now);
        for_digest(asked.wishes, Wait { why, until: due })
    }

    fn stands_against(&self, asked: Asked<'_>, caps: Caps, now: Timestamp) -> Option<Why> {
        if asked.wishes.of(asked.kind).digest {
            Some(Why::Wish)
        } else if self.of_user(asked.user).room_at(caps.a_user, now).is_some() {
            Some(Why::Limit)
        } else if self.tenant >= u64::from(caps.tenant.get()) {
            Some(Why::Flood)
        } else {
            None
        }
    }

    /// When the digest is due that tells of one more mail: with what waits for one already, if that is earlier.
    fn digest_due(&self, user: UserId, why: Why, caps: Caps, now: Timestamp) -> Timestamp {
        let hour = self.of_user(user);
        let latest = now.plus(DIGEST_WITHIN);
        let own = match why {
            Why::Limit => hour.room_at(caps.a_user, now).unwrap_or(latest).min(latest),
            Why::QuietHours | Why::QuietDigest | Why::Wish | Why::Flood => latest,
        };
        hour.digest.map_or(own, |due| due.min(own))
    }
}

fn in_quiet_hours(asked: Asked<'_>, action: QuietAction, end: Timestamp) -> Course {
    let is_alert = matches!(asked.kind, MailKind::Alert(_));
    match action {
        QuietAction::Drop => Course::Drop("dropped: the user's quiet hours"),
        _ if asked.useful_until.is_some_and(|until| until <= end) => {
            Course::Drop("dropped: the user's quiet hours end after it is of use")
        }
        QuietAction::Digest if is_alert => {
            for_digest(asked.wishes, Wait { why: Why::QuietDigest, until: end })
        }
        QuietAction::Hold | QuietAction::Digest => Course::Wait(Wait { why: Why::QuietHours, until: end }),
    }
}

/// Who switched digests off is told nothing.
fn for_digest(wishes: &Wishes, wait: Wait) -> Course {
    if wishes.wants(MailKind::Digest) {
        return Course::Wait(wait);
    }
    Course::Drop(match wait.why {
        Why::QuietHours | Why::QuietDigest => "dropped: the user's quiet hours, and digests switched off",
        Why::Limit => "dropped: the user had the most alert mails of an hour, and digests switched off",
        Why::Wish => "dropped: the user wants a digest, and digests switched off",
        Why::Flood => {
            "dropped: the tenant's users had the most alert mails of an hour, and digests switched off"
        }
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::time::MINUTE;
    use chrono::NaiveTime;
    use chrono_tz::Tz;
    use uuid::Uuid;

    use super::*;

    const RSI: MailKind = MailKind::Alert(AlertKind::RsiTracker);
    const PRICE: MailKind = MailKind::Alert(AlertKind::PriceAlert);
    const USER: UserId = UserId(Uuid::nil());

    fn noon() -> Timestamp {
        "2026-03-04T12:00:00Z".parse().unwrap()
    }

    fn caps() -> Caps {
        let most = |number| NonZeroU32::new(number).unwrap();
        Caps { a_user: most(5), tenant: most(100_000), zone: Tz::UTC }
    }

    fn asked(kind: MailKind, wishes: &Wishes) -> Asked<'_> {
        Asked { kind, user: USER, wishes, useful_until: None }
    }

    /// The courses of so many mails, each noted before the next.
    fn courses(hours: &mut Hours, count: usize, wishes: &Wishes, now: Timestamp) -> Vec<Course> {
        let mut next = || {
            let course = hours.course(asked(RSI, wishes), caps(), now);
            hours.note(asked(RSI, wishes), course);
            course
        };
        (0..count).map(|_| next()).collect()
    }

    fn wait(why: Why, minutes: i64) -> Course {
        Course::Wait(Wait { why, until: noon().plus(minutes * MINUTE) })
    }

    fn quiet(from: &str, to: &str, action: QuietAction) -> Wishes {
        let time = |text: &str| -> NaiveTime { text.parse().unwrap() };
        let quiet = Quiet { from: time(from), to: time(to), zone: None, action };
        let all = Wish { quiet: Some(quiet), ..Wish::default() };
        Wishes { all: Some(all), ..Wishes::default() }
    }

    #[test]
    fn five_mails_an_hour_go_out_and_the_rest_waits_for_one_digest() {
        let wishes = Wishes::default();
        let courses = courses(&mut Hours::default(), 12, &wishes, noon());
        assert_eq!(courses[..5], [Course::Send; 5]);
        assert_eq!(courses[5..], [wait(Why::Limit, 60); 7]);
    }

    #[test]
    fn the_digest_goes_out_when_the_hour_has_room_again() {
        let sent = [-50, -40, -30, -20, -10].map(|minutes| noon().plus(minutes * MINUTE));
        let mut hours = Hours::default();
        sent.iter().for_each(|at| hours.add(USER, Some(*at)));
        let wishes = Wishes::default();
        assert_eq!(courses(&mut hours.clone(), 1, &wishes, noon()), [wait(Why::Limit, 10)]);
        let room = noon().plus(10 * MINUTE);
        let mut hours = Hours::default();
        sent.iter().filter(|sent| room.since(**sent) < HOUR).for_each(|at| hours.add(USER, Some(*at)));
        assert_eq!(courses(&mut hours, 2, &wishes, room), [Course::Send, wait(Why::Limit, 20)]);
    }

    #[test]
    fn what_is_not_sent_yet_counts_until_an_hour_after_it_was() {
        let mut hours = Hours::default();
        (0..5).for_each(|_| hours.add(USER, None));
        assert_eq!(courses(&mut hours, 1, &Wishes::default(), noon()), [wait(Why::Limit, 60)]);
    }

    #[test]
    fn one_more_mail_joins_the_digest_that_waits() {
        let mut hours = Hours::default();
        (0..5).for_each(|_| hours.add(USER, None));
        hours.digest(USER, noon().plus(7 * MINUTE));
        assert_eq!(courses(&mut hours, 1, &Wishes::default(), noon()), [wait(Why::Limit, 7)]);
    }

    #[test]
    fn mails_that_are_no_alerts_count_for_no_limit_and_have_none() {
        let mut hours = Hours::default();
        (0..5).for_each(|_| hours.add(USER, None));
        let wishes = Wishes { all: Some(Wish { digest: true, ..Wish::default() }), ..Wishes::default() };
        for kind in MailKind::all().filter(|kind| !matches!(kind, MailKind::Alert(_))) {
            let course = hours.course(asked(kind, &wishes), caps(), noon());
            assert_eq!(course, Course::Send, "{kind}");
            let mut none = Hours::default();
            (0..9).for_each(|_| none.note(asked(kind, &wishes), course));
            assert_eq!(none.course(asked(RSI, &Wishes::default()), caps(), noon()), Course::Send, "{kind}");
        }
    }

    #[test]
    fn who_wants_a_digest_of_a_kind_gets_one_an_hour_and_other_kinds_at_once() {
        let own = Wish { digest: true, ..Wish::default() };
        let wishes = Wishes { own: [(RSI, own)].into(), ..Wishes::default() };
        let mut hours = Hours::default();
        assert_eq!(courses(&mut hours, 1, &wishes, noon()), [wait(Why::Wish, 60)]);
        let later = noon().plus(25 * MINUTE);
        assert_eq!(courses(&mut hours, 1, &wishes, later), [wait(Why::Wish, 60)], "with the first");
        assert_eq!(hours.course(asked(PRICE, &wishes), caps(), later), Course::Send);
    }

    #[test]
    fn in_quiet_hours_alerts_wait_are_dropped_or_are_told_at_their_end_and_the_brief_goes_out() {
        let course = |action, kind| {
            let wishes = quiet("11:30", "12:45", action);
            Hours::default().course(asked(kind, &wishes), caps(), noon())
        };
        assert_eq!(course(QuietAction::Hold, RSI), wait(Why::QuietHours, 45));
        assert_eq!(course(QuietAction::Digest, RSI), wait(Why::QuietDigest, 45));
        assert_eq!(course(QuietAction::Drop, RSI), Course::Drop("dropped: the user's quiet hours"));
        for action in [QuietAction::Hold, QuietAction::Drop, QuietAction::Digest] {
            assert_eq!(course(action, MailKind::Brief), Course::Send);
            assert_eq!(course(action, MailKind::Test), Course::Send);
        }
    }

    #[test]
    fn news_that_come_before_the_quiet_hours_end_are_not_told_after_them() {
        let wishes = quiet("11:30", "12:45", QuietAction::Digest);
        let course = |minutes: i64| {
            let useful_until = Some(noon().plus(minutes * MINUTE));
            let asked = Asked { useful_until, ..asked(MailKind::Correction, &wishes) };
            Hours::default().course(asked, caps(), noon())
        };
        assert_eq!(course(45), Course::Drop("dropped: the user's quiet hours end after it is of use"));
        assert_eq!(course(46), wait(Why::QuietHours, 45));
    }

    #[test]
    fn who_switched_digests_off_is_told_nothing_of_what_is_over_the_limit() {
        let off = Wish { email: false, ..Wish::default() };
        let wishes = Wishes { own: [(MailKind::Digest, off)].into(), ..Wishes::default() };
        let courses = courses(&mut Hours::default(), 6, &wishes, noon());
        assert_eq!(courses[..5], [Course::Send; 5]);
        assert!(matches!(courses[5], Course::Drop(reason) if reason.contains("digests switched off")));
    }

    #[test]
    fn over_the_tenants_cap_the_rest_waits_whoever_it_is_for() {
        let caps = Caps { tenant: NonZeroU32::MIN.saturating_add(1), ..caps() };
        let (mut hours, wishes) = (Hours::default(), Wishes::default());
        let mut of = |user: u128| {
            let asked = Asked { user: UserId(Uuid::from_u128(user)), ..asked(RSI, &wishes) };
            let course = hours.course(asked, caps, noon());
            hours.note(asked, course);
            course
        };
        assert_eq!([of(1), of(2), of(3)], [Course::Send, Course::Send, wait(Why::Flood, 60)]);
    }

    #[test]
    fn reasons_read_back_from_their_names() {
        for why in Why::ALL {
            assert_eq!(why.to_string().parse(), Ok(why));
            assert_eq!(serde_json::to_value(why).unwrap(), why.name());
        }
    }
}
