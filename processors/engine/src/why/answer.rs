//! What an inquiry found.

use bellwether_schemas::triggers::Condition;
use bellwether_schemas::{Timeframe, Timestamp};
use serde::Serialize;

use super::{Beside, Held};

/// Why an alert did, or did not, fire in a span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The span's first instant…
    pub from: Timestamp,
    /// …and its last.
    pub to: Timestamp,
    /// Event time up to which the journal is complete, where that is before the span's end.
    pub reached: Option<Timestamp>,
    /// What was found, the reason first.
    pub findings: Vec<Finding>,
}

impl Answer {
    /// What settles it.
    #[must_use]
    pub fn reason(&self) -> Option<&Finding> {
        self.findings.first()
    }
}

/// A line, or a level, at one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The end of the bar, or the tick's time.
    pub at: Timestamp,
    /// A symbol or pair; empty: all currencies.
    pub subject: String,
    /// What it fires as.
    pub condition: Condition,
    /// The value, in the kind's unit.
    pub value: Option<f64>,
    /// What belongs to it.
    pub beside: Option<Beside>,
    /// The user's line, in the same unit.
    pub line: Option<f64>,
}

/// One thing that was found. In the order in which they settle the question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Finding {
    /// It did fire.
    Fired {
        /// How often.
        times: u64,
        /// The first time.
        first: Point,
    },
    /// It was not evaluated in all of the span, or a part of it.
    Off {
        /// As [`super::State::name`] has it.
        state: &'static str,
        /// Why, where somebody said so.
        reason: Option<String>,
        /// The journal offset of the record that it is so since; none: since before the fold began.
        since: Option<u64>,
        /// The event time of that, or the span's first instant where it was before.
        from: Timestamp,
        /// Until when within the span.
        to: Timestamp,
    },
    /// A version was refused, and the one before went on.
    EditRefused {
        /// Which.
        version: i64,
        /// Why, for its user.
        reason: String,
        /// The journal offset of its record.
        offset: u64,
        /// The event time at which it came.
        at: Timestamp,
    },
    /// A line was reached and something kept it from firing.
    Held {
        /// What.
        by: Held,
        /// How often that was so.
        times: u64,
        /// The last time.
        last: Point,
    },
    /// A value was beyond its line already, and fires on getting there.
    Inside {
        /// How many evaluations saw that.
        times: u64,
        /// The last of them.
        last: Point,
    },
    /// The nearest that anything came to a line.
    Nearest {
        /// Where.
        point: Point,
        /// How much was missing, in the value's unit; of prices against an average, percent.
        distance: Option<f64>,
    },
    /// There is nothing to compare yet.
    Warming {
        /// The subject that needs the fewest bars.
        subject: String,
        /// Bars of this length are missing…
        timeframe: Timeframe,
        /// …so many at least.
        bars: u64,
    },
    /// Bars, or minutes of ticks, that should be there and are not.
    NoData {
        /// Of which symbols or pairs.
        subjects: Vec<String>,
        /// Since when.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// A value that was undefined, as a correlation of what stands still.
    Undefined {
        /// How many evaluations found it so.
        times: u64,
    },
    /// No bar that it looks at ends within the span.
    NothingDue,
}

impl Point {
    /// What orders points: ticks come in any order of their times, and subjects of one instant in that of the settings.
    pub(super) fn place(&self) -> (Timestamp, &str, &str) {
        (self.at, &self.subject, self.condition.name())
    }

    /// Not before the other.
    pub(super) fn is_later(&self, other: &Self) -> bool {
        self.place() >= other.place()
    }
}
