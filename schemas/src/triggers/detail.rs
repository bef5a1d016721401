//! The `detail` of a trigger: the user's own parameters and what was seen, so that a trigger explains itself after
//! its alert is gone. In records and rows it is a JSON object as text, its keys in the order of the fields here, the
//! sentence last under `text`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};

use super::Condition;
use crate::alerts::AlertKind;
use crate::heatmap::{CellName, Style};
use crate::readings::{Cell, Signal};
use crate::time::Timeframe;

/// Most bytes of a JSON object that holds no cells: room for it is made at once.
const USUAL_BYTES: usize = 256;

/// What a trigger carries besides its numbers, by what can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// RSI reached a line.
    Rsi(RsiReached),
    /// Two RSI contradict their pair.
    RsiMismatch(RsiMismatch),
    /// A coefficient contradicts its pair.
    RealMismatch(RealMismatch),
    /// A style's reading entered a zone.
    Heatmap(ZoneEntered),
    /// One indicator of the heatmap turned.
    Turn(IndicatorTurned),
    /// Another currency leads or trails.
    Leader(LeaderChanged),
    /// The price reached a level.
    Price(LevelReached),
}

/// RSI reached the user's line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RsiReached {
    /// Bars of Wilder's average.
    pub rsi_period: usize,
    /// The user's upper line.
    pub overbought: f64,
    /// The user's lower line.
    pub oversold: f64,
}

/// How two symbols usually move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// A positive pair: both are expected to rise and fall together.
    #[serde(rename = "together")]
    Together,
    /// A negative pair: one is expected to rise where the other falls.
    #[serde(rename = "against each other")]
    AgainstEachOther,
}

/// The RSI of a pair's symbols contradict what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename = "rsi_threshold")]
pub struct RsiMismatch {
    /// What usually holds of the pair.
    pub expected: Expected,
    /// Bars of Wilder's average.
    pub rsi_period: usize,
    /// The user's upper line.
    pub overbought: f64,
    /// The user's lower line.
    pub oversold: f64,
    /// RSI of both symbols, in the order of the pair.
    pub rsi: [f64; 2],
}

/// How large a coefficient is, whatever its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// A coefficient of 0.7 or more, by size.
    Strong,
    /// A coefficient of 0.3 or more, by size.
    Moderate,
    /// A coefficient below 0.3, by size.
    Weak,
}

/// The correlation of a pair's symbols left what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename = "real_correlation")]
pub struct RealMismatch {
    /// What usually holds of the pair.
    pub expected: Expected,
    /// Log returns the coefficient is computed from.
    pub correlation_window: usize,
    /// How large the coefficient is.
    pub strength: Strength,
}

/// A style's reading of a symbol entered the user's buy or sell zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneEntered {
    /// Which view of the symbol.
    pub trading_style: Style,
    /// The style's score, −100 (all sell) to 100 (all buy).
    pub final_score: f64,
    /// The same from 0 to 100.
    pub buy_percent: f64,
    /// The sell side's share: 100 − `buy_percent`.
    pub sell_percent: f64,
    /// Weights of the timeframes that took part, 0.5–1.
    pub coverage: f64,
    /// The cells of each timeframe that took part.
    pub cells: BTreeMap<Timeframe, BTreeMap<CellName, Cell>>,
}

/// One indicator of the heatmap turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorTurned {
    /// The cell that turned.
    pub indicator: CellName,
    /// What it turned to: buy or sell.
    pub signal: Signal,
}

/// Another currency is the strongest, or the weakest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaderChanged {
    /// The role that changed hands: `strongest` or `weakest`.
    pub role: Condition,
    /// Who it was at the reading before.
    pub from: String,
    /// The currency that has the role now.
    pub to: String,
    /// What every currency scored at that bar, −100 to 100, by its name; one without a pair is `null`. None where rules
    /// that told of the leader alone wrote the detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<BTreeMap<Cow<'static, str>, Option<f64>>>,
}

/// The price reached the user's level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LevelReached {
    /// From which side the level was reached: `above` or `below`.
    pub side: Condition,
    /// The user's level, a price.
    pub level: f64,
    /// Closes of this timeframe were looked at; none: every tick.
    pub on_close: Option<Timeframe>,
}

/// A detail as records and rows carry it. Whether it can be read shows when it is: most of those it passes through
/// only hand it on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DetailText(String);

impl DetailText {
    /// The object with this sentence as its `text`.
    #[must_use]
    pub fn new(detail: &Detail, text: &str) -> Self {
        let written = match detail {
            Detail::Rsi(detail) => write(detail, text),
            Detail::RsiMismatch(detail) => write(detail, text),
            Detail::RealMismatch(detail) => write(detail, text),
            Detail::Heatmap(detail) => write(detail, text),
            Detail::Turn(detail) => write(detail, text),
            Detail::Leader(detail) => write(detail, text),
            Detail::Price(detail) => write(detail, text),
        };
        // Nothing above can fail to become JSON; if it ever did, a trigger without its detail is better than none.
        Self(written.unwrap_or_else(|_| "{}".into()))
    }

    /// The JSON text, as it stands in the record.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What an alert of that kind has told.
    ///
    /// # Errors
    /// A text that is no detail of that kind, with the place where it is not.
    pub fn read(&self, kind: AlertKind) -> serde_json::Result<Detail> {
        match kind {
            AlertKind::RsiTracker => serde_json::from_str(&self.0).map(Detail::Rsi),
            AlertKind::RsiCorrelationTracker => match serde_json::from_str::<Mode>(&self.0)?.mode {
                PairMode::RsiThreshold => serde_json::from_str(&self.0).map(Detail::RsiMismatch),
                PairMode::RealCorrelation => serde_json::from_str(&self.0).map(Detail::RealMismatch),
            },
            AlertKind::HeatmapTracker => serde_json::from_str(&self.0).map(Detail::Heatmap),
            AlertKind::HeatmapIndicatorTracker => serde_json::from_str(&self.0).map(Detail::Turn),
            AlertKind::CurrencyStrengthTracker => serde_json::from_str(&self.0).map(Detail::Leader),
            AlertKind::PriceAlert => serde_json::from_str(&self.0).map(Detail::Price),
        }
    }

    /// The sentence that was written into it; none where there is none.
    ///
    /// # Errors
    /// A text that is no JSON object, or whose `text` is no text.
    pub fn text(&self) -> serde_json::Result<Option<String>> {
        #[derive(Deserialize)]
        struct Text {
            text: Option<String>,
        }
        serde_json::from_str::<Text>(&self.0).map(|found| found.text)
    }
}

#[derive(Deserialize)]
struct Mode {
    mode: PairMode,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PairMode {
    RsiThreshold,
    RealCorrelation,
}

/// For text that comes from a record or a row.
impl From<String> for DetailText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for DetailText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for DetailText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Doubles as Rust spells them: `70`, where `serde_json` has `70.0`. So they stand in every detail on the log, and
/// replay compares bytes.
struct AsRustSpellsDoubles;

impl Formatter for AsRustSpellsDoubles {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value}")
    }
}

fn write<T: Serialize>(detail: &T, text: &str) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Object<'a, T> {
        #[serde(flatten)]
        detail: &'a T,
        text: &'a str,
    }
    let mut bytes = Vec::with_capacity(USUAL_BYTES + text.len());
    let mut serializer = Serializer::with_formatter(&mut bytes, AsRustSpellsDoubles);
    Object { detail, text }.serialize(&mut serializer)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}
