//! What is to be done about a daily schedule, by what its tenant's database says: no worker's clock, no memory.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{HOUR, MINUTE};
use chrono::NaiveDate;

use super::slots::{DailyTime, Slot};

/// What was due longer ago than this is not sent any more, microseconds.
pub const CATCH_UP: i64 = 6 * HOUR;
/// What goes out later than this says so, microseconds.
pub const DELAYED: i64 = 5 * MINUTE;

/// What the database knows of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The time by the database's clock.
    pub now: Timestamp,
    /// The latest day that a run is recorded for; none: the schedule never ran.
    pub latest: Option<NaiveDate>,
}

/// One row of a schedule: for each day one, whoever writes it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The day, and when it was due.
    pub slot: Slot,
    /// What becomes of it.
    pub state: RunState,
}

/// What becomes of what was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Mails are owed.
    Due {
        /// So late that they say so.
        delayed: bool,
    },
    /// Nobody was there in time: nothing is sent for that day.
    Missed,
    /// The schedule began after that day's time: nothing was owed.
    Before,
}

impl RunState {
    /// What its row calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due { .. } => "due",
            Self::Missed => "missed",
            Self::Before => "before",
        }
    }
}

/// The rows to write: none where nothing is due. Of the days that were missed at most the last is caught up with, and
/// only within [`CATCH_UP`]. A schedule without a row begins: its first row says from which day on.
#[must_use]
pub fn decide(daily: DailyTime, standing: Standing) -> Vec<Run> {
    let Standing { now, latest } = standing;
    let Some(latest) = latest else {
        return daily.last(now).map(|slot| Run { slot, state: RunState::Before }).into_iter().collect();
    };
    let due = daily.due(latest, now);
    let last = due.last().copied();
    let state = |slot: Slot| {
        let late = now.since(slot.due);
        let caught_up = Some(slot) == last && late <= CATCH_UP;
        if caught_up { RunState::Due { delayed: late > DELAYED } } else { RunState::Missed }
    };
    due.into_iter().map(|slot| Run { slot, state: state(slot) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(latest: Option<&str>, now: &str) -> Vec<(String, &'static str, bool)> {
        let daily = DailyTime { zone: chrono_tz::Asia::Kolkata, time: "09:00:00".parse().unwrap() };
        let latest = latest.map(|date| date.parse().unwrap());
        decide(daily, Standing { now: now.parse().unwrap(), latest })
            .iter()
            .map(|run| {
                let delayed = run.state == RunState::Due { delayed: true };
                (run.slot.date.to_string(), run.state.name(), delayed)
            })
            .collect()
    }

    fn row(date: &str, state: &'static str, delayed: bool) -> (String, &'static str, bool) {
        (date.into(), state, delayed)
    }

    #[test]
    fn a_schedule_begins_with_the_day_after_its_first_look() {
        assert_eq!(decided(None, "2026-03-04T03:29:00Z"), [row("2026-03-03", "before", false)]);
        assert_eq!(decided(None, "2026-03-04T03:30:00Z"), [row("2026-03-04", "before", false)]);
    }

    #[test]
    fn it_is_due_at_its_minute_and_once() {
        assert_eq!(decided(Some("2026-03-03"), "2026-03-04T03:29:59Z"), []);
        assert_eq!(decided(Some("2026-03-03"), "2026-03-04T03:30:00Z"), [row("2026-03-04", "due", false)]);
        assert_eq!(decided(Some("2026-03-04"), "2026-03-04T03:30:01Z"), []);
    }

    #[test]
    fn after_downtime_the_last_goes_out_within_six_hours_and_the_rest_is_recorded() {
        let missed = |date| row(date, "missed", false);
        assert_eq!(
            decided(Some("2026-03-01"), "2026-03-04T09:30:00Z"),
            [missed("2026-03-02"), missed("2026-03-03"), row("2026-03-04", "due", true)]
        );
        assert_eq!(
            decided(Some("2026-03-02"), "2026-03-04T09:30:01Z"),
            [missed("2026-03-03"), missed("2026-03-04")]
        );
        assert_eq!(decided(Some("2026-03-03"), "2026-03-04T03:35:00Z"), [row("2026-03-04", "due", false)]);
        assert_eq!(decided(Some("2026-03-03"), "2026-03-04T03:35:01Z"), [row("2026-03-04", "due", true)]);
    }

    #[test]
    fn a_clock_that_was_set_back_owes_no_day_twice() {
        assert_eq!(decided(Some("2026-03-05"), "2026-03-04T05:00:00Z"), []);
    }
}
