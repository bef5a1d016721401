//! What the decisions are told of a simulated tenant, and what its clocks say.

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use bellwether_schemas::time::HOUR;
use chrono::{Offset, TimeZone};

use super::{State, USERS, World, number, user};
use crate::mail::decide::People;
use crate::mail::kind::MailKind;
use crate::mail::limits::{Hours, Why};

impl World {
    /// What the database would say.
    pub(super) fn people(&self, now: Timestamp) -> People {
        let mut hours = Hours::default();
        for row in self.outbox.rows.values() {
            let left = match row.state {
                State::Pending => Some(None),
                State::Sent(at) | State::Ambiguous(at) if now.since(at) < HOUR => Some(Some(at)),
                _ => None,
            };
            if let Some(sent) = left {
                hours.add(row.user, sent);
                hours.tenant += 1;
            }
            if let State::Held(wait) = row.state
                && wait.until > now
                && matches!(wait.why, Why::Limit | Why::Wish | Why::Flood)
            {
                hours.digest(row.user, wait.until);
            }
        }
        People {
            now,
            known: self.outbox.rows.keys().cloned().collect(),
            addresses: (0..USERS as usize)
                .map(|number| (user(number), format!("{number}@u.example")))
                .collect(),
            wishes: self.wishes.iter().cloned().enumerate().map(|(of, wishes)| (user(of), wishes)).collect(),
            hours,
            ..People::default()
        }
    }

    /// By the wall clock alone; where clocks changed within two days nobody says so.
    pub(super) fn is_quiet(&self, user: UserId, kind: MailKind) -> bool {
        let wishes = &self.wishes[number(user)];
        let Some(quiet) = wishes.own.get(&kind).or(wishes.all.as_ref()).and_then(|wish| wish.quiet) else {
            return false;
        };
        let zone = quiet.zone.unwrap_or(self.caps.zone);
        let offset =
            |hours: i64| zone.offset_from_utc_datetime(&self.now.plus(hours * HOUR).utc().naive_utc()).fix();
        let clock = self.now.utc().with_timezone(&zone).time();
        let within = if quiet.from <= quiet.to {
            quiet.from <= clock && clock < quiet.to
        } else {
            quiet.from <= clock || clock < quiet.to
        };
        within && (-48..=48).all(|hours| offset(hours) == offset(0))
    }
}
