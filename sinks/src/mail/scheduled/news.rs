//! What users are told of an item of the news calendar.

use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::CalendarItem;
use serde::{Deserialize, Serialize};

/// An item is close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The item as it is known when it is told of.
    pub item: CalendarItem,
    /// When that was decided, by the clock of the tenant's database.
    pub told_at: Timestamp,
}

/// An item has another time than users were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The item with the time at which it comes.
    pub item: CalendarItem,
    /// The time that users were told.
    pub told: Timestamp,
}
