//! Why an alert fired, and above all why it did not: what the fold itself saw of it.
//!
//! An engine that was [asked about](crate::Engine::ask_about) alerts notes a [`Sighting`] wherever it looks at one of them:
//! each comparison with a line, what held a trigger back, where the alert came and went. An [`Inquiry`] takes the sightings
//! of one alert and one span of event time, and has the [`Answer`]. So the answer comes of the rules in force and not of a
//! second copy of them. Nothing of it is state: an engine that observes gives the same effects, and is stored the same.

mod answer;
mod gaps;
mod inquiry;
mod words;

use std::sync::Arc;

use bellwether_schemas::time::Span;
use bellwether_schemas::triggers::Condition;
use bellwether_schemas::{AlertId, SessionAnchor, Timeframe, Timestamp};
use serde::Serialize;

pub use answer::{Answer, Finding, Point};
pub use inquiry::Inquiry;

/// Something that the fold saw of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Which alert.
    pub alert: AlertId,
    /// The journal offset of the record that was applied.
    pub offset: u64,
    /// The end of the bar or the tick's time; of a change, the watermark at which it came.
    pub at: Timestamp,
    /// What was seen.
    pub sight: Sight,
}

/// See [`Sighting`].
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// How the alert stands from here on.
    Stands(State),
    /// A version that was not taken; the one before goes on.
    EditRefused {
        /// The version that was refused.
        version: i64,
        /// Why, for its user.
        reason: String,
    },
    /// One of its subjects was looked at.
    Looked(Look),
    /// It fired.
    Fired(Point),
}

/// How an alert stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// There has been no record of it.
    Unknown,
    /// It is evaluated.
    Watched(Watched),
    /// Its only version was not taken.
    Refused {
        /// Why, for its user.
        reason: String,
    },
    /// Its user switched it off.
    Paused,
    /// Its row is gone.
    Deleted,
    /// An operator took it out.
    Disabled,
    /// It was to fire once, and did.
    Spent,
    /// Its time is over.
    Expired,
    /// It is not evaluated, for a reason from before the fold began.
    Unwatched,
}

impl State {
    /// The word for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Watched(_) => "watched",
            Self::Refused { .. } => "refused",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
            Self::Disabled => "disabled",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Unwatched => "unwatched",
        }
    }
}

/// What a version of an alert is evaluated at.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Which version.
    pub version: i64,
    /// The shortest bars that it looks at; none: every tick.
    pub timeframe: Option<Timeframe>,
    /// Each symbol or pair, and where the days of its bars begin.
    pub subjects: Arc<[(String, SessionAnchor)]>,
}

/// One evaluation of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// A symbol or pair; empty: all currencies.
    pub subject: String,
    /// The bar that closed, or the minute that the tick is in.
    pub span: Span,
    /// What came of it.
    pub seen: Seen,
}

/// What an evaluation saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// There is nothing to compare yet.
    Warming {
        /// Bars of this length are missing…
        timeframe: Timeframe,
        /// …so many at least.
        bars: u64,
    },
    /// A value that is undefined here, as a correlation of what stands still.
    Nothing,
    /// Each of its lines beside the value.
    Sides(Vec<Side>),
}

/// One line of an alert at one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it would fire as.
    pub condition: Condition,
    /// The value, in the kind's unit.
    pub value: Option<f64>,
    /// The other symbol's, or the currency that is next in line.
    pub beside: Option<Beside>,
    /// The user's line, in the same unit.
    pub line: Option<f64>,
    /// How much was missing, 0 or more; none where the kind knows no distance.
    pub distance: Option<f64>,
    /// On which side of the line it is.
    pub stands: Stands,
    /// What keeps a line that is reached from firing.
    pub held: Option<Held>,
}

/// What else belongs to a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// The RSI of the pair's other symbol.
    Other(f64),
    /// Whose value it is.
    Currency(&'static str),
}

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The line is not reached.
    Outside,
    /// It was reached before: only getting there fires.
    Inside,
    /// It is reached here.
    Reached,
}

/// Why a line that was reached fired nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Nothing but history is in the bar.
    History,
    /// The bar closed more than two of its lengths behind the watermark.
    Stale,
    /// The first evaluation of a version only records where things stand.
    Baseline,
    /// The alert's time was over.
    Expired,
    /// After a trigger nothing fires until then.
    Cooldown(Timestamp),
    /// After a trigger its own side stays silent until then.
    Suppressed(Timestamp),
}

impl Side {
    fn point(&self, at: Timestamp, subject: &str) -> Point {
        let Self { condition, value, beside, line, .. } = *self;
        Point { at, subject: subject.into(), condition, value, beside, line }
    }
}
