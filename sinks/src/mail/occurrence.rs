//! What a mail is about. Two mails about the same are the same mail: its text is unique among a tenant's rows of the
//! outbox and stands left of the `@` of the Message-ID.

use bellwether_schemas::ids::{GroupId, derive};
use bellwether_schemas::{TenantId, Timestamp, UserId};
use chrono::NaiveDate;

/// What a mail is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurrence {
    /// All triggers of one alert at one instant.
    AlertGroup(GroupId),
    /// What a schedule owes a user on one day of the tenant's calendar, however often the clock passes its time.
    Scheduled {
        /// What the schedule is called.
        schedule: String,
        /// The day of the tenant's calendar that it is owed for.
        date: NaiveDate,
        /// The user it is owed to.
        user: UserId,
    },
    /// An item of the news calendar is close.
    Reminder {
        /// The item's id in the news calendar.
        item: String,
        /// Whom it is told.
        user: UserId,
    },
    /// An item of the news calendar was moved, perhaps more than once.
    Correction {
        /// The item's id in the news calendar.
        item: String,
        /// When the item is to come by what is known now.
        moved_to: Timestamp,
        /// Whom it is told.
        user: UserId,
    },
    /// What was held back for a user.
    Digest {
        /// What the first mail of it was about, as its text says.
        first: String,
        /// The user it was held back for.
        user: UserId,
    },
    /// Somebody asked for a test mail.
    Test {
        /// When the test was asked for.
        asked_at: Timestamp,
        /// To whom it goes.
        user: UserId,
    },
}

impl Occurrence {
    /// Its text: the same for the same occurrence of the same tenant, another for any other. Letters, digits, dots,
    /// hyphens and underscores only, whatever a schedule or an item is called.
    #[must_use]
    pub fn text(&self, tenant: &TenantId) -> String {
        let derived =
            |what: &str, of: String| format!("{what}.{}", derive(&format!("{tenant}\n{what}\n{of}")));
        match self {
            // The group's id knows its tenant.
            Self::AlertGroup(group) => group.to_string(),
            Self::Scheduled { schedule, date, user } => {
                derived("scheduled", format!("{user}\n{date}\n{schedule}"))
            }
            Self::Reminder { item, user } => derived("reminder", format!("{user}\n{item}")),
            Self::Correction { item, moved_to, user } => {
                derived("correction", format!("{user}\n{}\n{item}", moved_to.0))
            }
            Self::Digest { first, user } => derived("digest", format!("{user}\n{first}")),
            Self::Test { asked_at, user } => derived("test", format!("{user}\n{}", asked_at.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn the_text_of_a_group_is_its_id() {
        let group: GroupId = "c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001".parse().unwrap();
        let text = Occurrence::AlertGroup(group).text(&"fxlabs".parse().unwrap());
        assert_eq!(text, "c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001");
    }

    #[test]
    fn the_same_occurrence_has_one_text_and_any_other_another_that_a_header_can_hold() {
        let (at, later) = (Timestamp(1), Timestamp(2));
        let item = || "NFP\r\n2026 <\"ü\">".to_string();
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let scheduled = |date, user| Occurrence::Scheduled { schedule: item(), date, user };
        let all = [
            scheduled(day(4), user(1)),
            scheduled(day(5), user(1)),
            scheduled(day(4), user(2)),
            Occurrence::Reminder { item: item(), user: user(1) },
            Occurrence::Reminder { item: item(), user: user(2) },
            Occurrence::Correction { item: item(), moved_to: at, user: user(1) },
            Occurrence::Correction { item: item(), moved_to: later, user: user(1) },
            Occurrence::Digest { first: item(), user: user(1) },
            Occurrence::Digest { first: "NFP".into(), user: user(1) },
            Occurrence::Test { asked_at: at, user: user(1) },
            Occurrence::Test { asked_at: later, user: user(1) },
        ];
        let mut texts = BTreeSet::new();
        for tenant in ["fxlabs", "hextech"] {
            let tenant = tenant.parse().unwrap();
            for occurrence in &all {
                let text = occurrence.text(&tenant);
                assert_eq!(text, occurrence.clone().text(&tenant));
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)), "{text}");
                texts.insert(text);
            }
        }
        assert_eq!(texts.len(), 2 * all.len());
    }
}
