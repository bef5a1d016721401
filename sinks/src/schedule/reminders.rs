//! Which reminders of the news calendar are owed, by what the calendar and the tenant's database say now. An item is
//! its id: what it is called and when it comes may change until it is there.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::MINUTE;

use super::decision::CATCH_UP;

/// How long before an item its users are told, microseconds.
pub const AHEAD: i64 = 5 * MINUTE;

/// What users were told of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When it was to come by what was known then.
    pub time: Timestamp,
    /// They were told of another time once already.
    pub corrected: bool,
}

/// What is owed of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// It comes within [`AHEAD`].
    Reminder {
        /// When it comes.
        time: Timestamp,
    },
    /// It has another time than users were told.
    Correction {
        /// What they were told.
        told: Timestamp,
        /// When it comes.
        time: Timestamp,
    },
    /// It has passed, and nobody was there to say so.
    Missed {
        /// When it came.
        time: Timestamp,
    },
}

/// What is owed of an item that comes, or came, at `time`.
#[must_use]
pub fn decide(time: Timestamp, told: Option<Told>, now: Timestamp) -> Option<Owed> {
    match told {
        None if now >= time => (now.since(time) <= CATCH_UP).then_some(Owed::Missed { time }),
        None => (now >= due(time)).then_some(Owed::Reminder { time }),
        // Of use as long as somebody may still wait for it.
        Some(told) => (!told.corrected && told.time != time && now < told.time.max(time))
            .then_some(Owed::Correction { told: told.time, time }),
    }
}

/// When the reminder of an item is due.
#[must_use]
pub const fn due(time: Timestamp) -> Timestamp {
    time.plus(-AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: Timestamp = Timestamp(100 * MINUTE);

    fn at(minute: i64) -> Timestamp {
        Timestamp(minute * MINUTE)
    }

    fn told(minute: i64, corrected: bool) -> Option<Told> {
        Some(Told { time: at(minute), corrected })
    }

    #[test]
    fn a_reminder_is_owed_from_five_minutes_before_until_the_item_comes() {
        let reminder = Some(Owed::Reminder { time: NEWS });
        let just_before = |time: Timestamp| Timestamp(time.0 - 1);
        assert_eq!(decide(NEWS, None, just_before(at(95))), None);
        assert_eq!(decide(NEWS, None, at(95)), reminder);
        assert_eq!(decide(NEWS, None, just_before(NEWS)), reminder);
        assert_eq!(decide(NEWS, None, NEWS), Some(Owed::Missed { time: NEWS }));
        assert_eq!(decide(NEWS, None, at(100 + 6 * 60)), Some(Owed::Missed { time: NEWS }));
        assert_eq!(decide(NEWS, None, at(101 + 6 * 60)), None, "before anybody of us was there");
    }

    #[test]
    fn an_item_moved_before_its_reminder_is_told_of_once_at_its_new_time() {
        assert_eq!(decide(at(160), None, at(95)), None);
        assert_eq!(decide(at(160), None, at(155)), Some(Owed::Reminder { time: at(160) }));
        assert_eq!(decide(at(160), told(160, false), at(156)), None);
    }

    #[test]
    fn an_item_moved_after_its_reminder_is_corrected_once() {
        let correction = |minute| Some(Owed::Correction { told: NEWS, time: at(minute) });
        assert_eq!(decide(at(160), told(100, false), at(97)), correction(160));
        assert_eq!(decide(at(160), told(100, false), at(130)), correction(160));
        assert_eq!(decide(at(90), told(100, false), at(97)), correction(90), "it came before it was told of");
        assert_eq!(decide(at(160), told(100, false), at(160)), None, "nobody waits any more");
        assert_eq!(decide(at(190), told(100, true), at(97)), None, "at most one");
        assert_eq!(decide(at(160), told(100, true), at(156)), None, "nor a second reminder");
    }
}
