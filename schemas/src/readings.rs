//! Readings: what bars and indicators stood at, at a bar's close. Carried by name, so that whoever passes them on
//! need not know what they are.

use serde::{Deserialize, Serialize};

use crate::ids::{Symbol, TenantId};
use crate::time::{Timeframe, Timestamp};

/// One named value; none before warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedValue {
    /// `close`, `rsi14`, …
    pub name: String,
    /// The value, if it exists yet.
    pub value: Option<f64>,
}

/// Everything of one kind that is known at one bar close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Whose.
    pub tenant: TenantId,
    /// `bar`, `indicators`.
    pub kind: String,
    /// The symbol it speaks of.
    pub symbol: Symbol,
    /// Bar length.
    pub timeframe: Timeframe,
    /// The bar's first instant.
    pub open_time: Timestamp,
    /// The bar's end.
    pub close_time: Timestamp,
    /// The values.
    pub values: Vec<NamedValue>,
}

impl Reading {
    /// Its record key, `bar|EURUSDm|5M`: the topic keeps the newest of each.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}|{}|{}", self.kind, self.symbol, self.timeframe)
    }

    /// The value of that name, if it exists.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|named| named.name == name)?.value
    }
}
