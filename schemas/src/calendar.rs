//! The news calendar: what is announced to come, and when. Items enter the journal like everything that can change a
//! result; what is known of one now is the reading `calendar|<id>`.

use serde::{Deserialize, Serialize};

use crate::journal::Origin;
use crate::listed::listed;
use crate::time::{DAY, Timestamp};

/// How long after its time an item's reading is kept, microseconds.
pub const KEPT: i64 = 7 * DAY;

listed! {
    /// How much an item is expected to move the market.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(try_from = "String", into = "String")]
    pub enum Impact {
        /// Little, or nothing at all, as on a holiday.
        Low = "low",
        /// Somewhat.
        Medium = "medium",
        /// Much: users are reminded of it.
        High = "high",
    }
}

impl Impact {
    /// As sources write it, in any letter case: `high`, `red`, `3`; a holiday moves nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().trim_end_matches(" impact expected") {
            "low" | "yellow" | "1" | "none" | "holiday" | "non-economic" | "gray" | "grey" | "0" => {
                Some(Self::Low)
            }
            "medium" | "moderate" | "orange" | "2" => Some(Self::Medium),
            "high" | "red" | "3" => Some(Self::High),
            _ => None,
        }
    }
}

impl TryFrom<String> for Impact {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|impact| impact.name() == text);
        found.ok_or_else(|| format!("{text:?} is not an impact: use low, medium or high"))
    }
}

impl From<Impact> for String {
    fn from(impact: Impact) -> Self {
        impact.name().into()
    }
}

/// One announcement of the news calendar, as far as it is known now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarItem {
    /// What its source calls it, or what follows from currency, time and title where the source gives no id: the same
    /// for every change of it.
    pub id: String,
    /// When it comes.
    pub time: Timestamp,
    /// The currency it concerns: `USD`.
    pub currency: String,
    /// What is announced: `Non-Farm Payrolls`.
    pub title: String,
    /// How much it is expected to move the market.
    pub impact: Impact,
    /// The value of the time before, as its source writes it: `175K`.
    pub previous: Option<String>,
    /// The value that is expected.
    pub forecast: Option<String>,
    /// The value that came, once it is known.
    pub actual: Option<String>,
    /// Where it was read: the source's name in the tenant's file.
    pub source: String,
}

/// A journal record: an item that is new, or known otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "CalendarItem")]
pub struct CalendarChanged {
    /// The producer that wrote it, and when.
    pub origin: Origin,
    /// The item as it is known from here on.
    pub item: CalendarItem,
}
