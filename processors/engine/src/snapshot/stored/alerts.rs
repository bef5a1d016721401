//! Alerts.

use bellwether_schemas::Timeframe;
use serde::{Deserialize, Serialize};

use crate::alerts::Zone;
use crate::heatmap::{CellName, Style};
use crate::snapshot::Code;

/// The part `alerts/<bucket>`: up to [`super::super::BUCKET`] alerts by the offset of their first records.
pub(crate) type Bucket = Vec<Alert>;

/// The part `disabled`: the offsets of the first records of alerts that an operator disabled, in their order.
pub(crate) type Disabled = Vec<u64>;

/// One alert that ever was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// Offset of its first record.
    pub(crate) rank: u64,
    pub(crate) id: [u8; 16],
    /// The newest that was seen.
    pub(crate) version: i64,
    /// None while it is switched off, deleted, spent, expired, or was never accepted.
    pub(crate) watched: Option<Watched>,
    /// By place of the symbol in the settings: its last heatmap trigger.
    pub(crate) cooldowns: Vec<Cooldown>,
}

/// The version of an alert that is watched; the newest that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) user_id: [u8; 16],
    pub(crate) version: i64,
    /// Offset from which on it counts.
    pub(crate) effective: u64,
    /// Nothing of what it watches has had a value.
    pub(crate) is_warming: bool,
    pub(crate) watch: Watch,
}

/// What is watched. Symbols are spelled as their user does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Watch {
    /// RSI of every symbol.
    Rsi { timeframe: Code<Timeframe>, period: u32, overbought: i32, oversold: i32 },
    /// RSI of every pair.
    PairRsi { timeframe: Code<Timeframe>, period: u32, overbought: i32, oversold: i32 },
    /// The coefficient of every pair.
    PairCoefficient { timeframe: Code<Timeframe>, window: u32 },
    /// Buy% and Sell% from which on a zone is entered.
    Heatmap { symbols: Vec<String>, style: Code<Style>, buy: i32, sell: i32 },
    /// The turns of one cell of these symbols.
    Turn { symbols: Vec<String>, timeframe: Code<Timeframe>, cell: Code<CellName> },
    /// Who leads, who trails.
    Strength { timeframe: Code<Timeframe> },
    /// Levels, at every tick or at closes.
    Price {
        symbol: String,
        above: Option<f64>,
        below: Option<f64>,
        on_close: Option<Code<Timeframe>>,
        once: bool,
        expires_at: Option<i64>,
    },
}

/// The last trigger of one heatmap alert and symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cooldown {
    pub(crate) place: u32,
    pub(crate) at: i64,
    pub(crate) side: Code<Zone>,
}
