//! The news calendar, as parts hold it.

use serde::{Deserialize, Serialize};

/// Every item that is kept, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calendar {
    pub(crate) items: Vec<CalendarItem>,
}

/// One item; `impact` is its place from low to high.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CalendarItem {
    pub(crate) id: String,
    pub(crate) time: i64,
    pub(crate) currency: String,
    pub(crate) title: String,
    pub(crate) impact: u8,
    pub(crate) previous: Option<String>,
    pub(crate) forecast: Option<String>,
    pub(crate) actual: Option<String>,
    pub(crate) source: String,
}
