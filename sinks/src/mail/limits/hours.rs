//! What the last hour held: of each user's alert mails, of all of them, and which users wait for a digest.

use std::collections::HashMap;
use std::num::NonZeroU32;

use bellwether_runtime::config::Tenant;
use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use bellwether_schemas::time::HOUR;
use chrono_tz::Tz;

use super::{Asked, Course, Why};
use crate::mail::kind::MailKind;

/// What the tenant's file says of limits, and of the time where a user's row says nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// Most alert mails a user gets within an hour.
    pub(in crate::mail) a_user: NonZeroU32,
    /// Most that all users get.
    pub(in crate::mail) tenant: NonZeroU32,
    /// The tenant's zone.
    pub(in crate::mail) zone: Tz,
}

impl Caps {
    /// Those of the tenant's file.
    pub(crate) const fn of(tenant: &Tenant) -> Self {
        Self {
            a_user: tenant.mail.alerts_a_user_an_hour,
            tenant: tenant.mail.alerts_an_hour,
            zone: tenant.zone,
        }
    }
}

/// The last hour of one tenant's alert mails.
#[derive(Debug, Clone, Default)]
pub(in crate::mail) struct Hours {
    by_user: HashMap<UserId, Hour>,
    /// How many there are of all users, counted up to the cap.
    pub(in crate::mail) tenant: u64,
}

/// The last hour of one user's alert mails. A mail that has not left yet counts until an hour after it has: so no hour
/// has more than the limit, however long a server was away.
#[derive(Debug, Clone, Default)]
pub(in crate::mail) struct Hour {
    /// When those left that have, the earliest first.
    sent: Vec<Timestamp>,
    /// How many are on their way.
    unsent: usize,
    /// When the digest is due that the user waits for.
    pub(super) digest: Option<Timestamp>,
}

impl Hours {
    pub(super) fn of_user(&self, user: UserId) -> &Hour {
        const NOTHING: &Hour = &Hour { sent: Vec::new(), unsent: 0, digest: None };
        self.by_user.get(&user).unwrap_or(NOTHING)
    }

    /// An alert mail of the user's, which left at that time within the last hour or is on its way.
    pub(in crate::mail) fn add(&mut self, user: UserId, sent: Option<Timestamp>) {
        let hour = self.by_user.entry(user).or_default();
        match sent {
            Some(at) => {
                let place = hour.sent.partition_point(|earlier| *earlier <= at);
                hour.sent.insert(place, at);
            }
            None => hour.unsent += 1,
        }
    }

    /// The user waits for a digest that is due then.
    pub(in crate::mail) fn digest(&mut self, user: UserId, due: Timestamp) {
        let digest = &mut self.by_user.entry(user).or_default().digest;
        *digest = Some(digest.map_or(due, |before| before.min(due)));
    }

    /// That became of the mail: it counts for those that follow.
    pub(in crate::mail) fn note(&mut self, asked: Asked<'_>, course: Course) {
        match course {
            Course::Send if matches!(asked.kind, MailKind::Alert(_)) => {
                self.add(asked.user, None);
                self.tenant += 1;
            }
            Course::Wait(wait) if matches!(wait.why, Why::Limit | Why::Wish | Why::Flood) => {
                self.digest(asked.user, wait.until);
            }
            Course::Send | Course::Wait(_) | Course::Drop(_) => {}
        }
    }
}

impl Hour {
    /// When the hour has room for one more, by what is known now; none: it has.
    pub(super) fn room_at(&self, most: NonZeroU32, now: Timestamp) -> Option<Timestamp> {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        // So many have to be out of the hour first, less one.
        let over = (self.sent.len() + self.unsent).checked_sub(most)?;
        Some(self.sent.get(over).map_or(now.plus(HOUR), |sent| sent.plus(HOUR)))
    }
}
