//! What the daily brief says, and what the next one compares itself with.

use std::collections::BTreeMap;

use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::previews::UserFollowed;
use bellwether_schemas::readings::Mover;
use bellwether_schemas::{Symbol, Timeframe, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A tenant's market on one morning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// The day of the tenant's calendar that it is for.
    pub date: NaiveDate,
    /// When it was due.
    pub due: Timestamp,
    /// When the one after it is due; none: there is to be none.
    pub next: Option<Timestamp>,
    /// The tenant's core symbols, in the order of its file.
    pub signals: Vec<CoreSignal>,
    /// Symbols whose RSI of 14 bars of 4H is 70 or more, highest first.
    pub overbought: Vec<Rsi>,
    /// Symbols whose RSI of 14 bars of 4H is 30 or less, lowest first.
    pub oversold: Vec<Rsi>,
    /// The day's items of high impact, in the order in which they come.
    pub news: Vec<CalendarItem>,
    /// Every coefficient that says something of now, by the key of its pair.
    pub coefficients: BTreeMap<String, f64>,
    /// The coefficient furthest from 0.
    pub largest: Option<Coefficient>,
    /// The coefficient furthest from what the brief before said of it.
    pub changed: Option<Change>,
    /// What moved most today, most first.
    pub trending: Vec<Mover>,
    /// What followed the own alerts of whoever reads it: found when the mail is composed, so that no run's content has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<UserFollowed>,
}

/// The style's view of a core symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreSignal {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// Whether its market was open.
    pub open: bool,
    /// None where nothing is known, or only what is too old to say something of now.
    pub score: Option<Score>,
    /// Its prices had stopped although its market was open: what is said of it is of before. Briefs of earlier builds do not
    /// say it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delayed: bool,
}

/// What the style says of a symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// 0 (all sell) to 100 (all buy).
    pub buy_percent: f64,
    /// Whether it is far enough from 50 for the style to act.
    pub acts: bool,
    /// The same of each timeframe that has enough bars.
    pub by_timeframe: BTreeMap<Timeframe, f64>,
}

/// A symbol's RSI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// 0 to 100.
    pub value: f64,
}

/// How a pair moves together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Both symbols in the tenant's own spelling, in the order of the pair's key.
    pub legs: [Symbol; 2],
    /// −1 to 1.
    pub value: f64,
}

/// How much that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The pair as it is now.
    pub now: Coefficient,
    /// The coefficient in the brief before.
    pub before: f64,
    /// The day that the brief before was for.
    pub since: NaiveDate,
}
