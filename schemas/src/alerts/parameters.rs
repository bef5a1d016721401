//! What each kind of alert watches: the columns of its table. Ranges and names are the engine's to judge, so that a
//! bad row is refused there, with its reason, at a known place of the log.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AlertKind;
use crate::time::{Timeframe, Timestamp};

/// What an `rsi_tracker` alert watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RsiTracker {
    /// Bar length; `1M` is read as `5M`.
    pub timeframe: Timeframe,
    /// Bars of Wilder's average, 5–50.
    #[serde(deserialize_with = "whole")]
    pub rsi_period: i32,
    /// Upper RSI line, 60–90: at or above it is overbought.
    #[serde(deserialize_with = "whole")]
    pub rsi_overbought: i32,
    /// Lower line, 10–40, below the upper.
    #[serde(deserialize_with = "whole")]
    pub rsi_oversold: i32,
}

/// What an `rsi_correlation_tracker` alert watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RsiCorrelationTracker {
    /// Bar length; `1M` is read as `5M`.
    pub timeframe: Timeframe,
    /// What counts as a mismatch: `rsi_threshold` (both RSIs against the lines) or `real_correlation`.
    pub mode: String,
    /// Bars of Wilder's average, 5–50.
    #[serde(deserialize_with = "whole")]
    pub rsi_period: i32,
    /// Upper RSI line of `rsi_threshold`, 60–90.
    #[serde(deserialize_with = "whole")]
    pub rsi_overbought: i32,
    /// Lower line, 10–40, below the upper.
    #[serde(deserialize_with = "whole")]
    pub rsi_oversold: i32,
    /// Log returns of the coefficient: 20, 50, 90 or 120.
    #[serde(deserialize_with = "whole")]
    pub correlation_window: i32,
}

/// What a `heatmap_tracker` alert watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatmapTracker {
    /// One to three symbols, as the user writes them.
    pub pairs: Vec<String>,
    /// The style whose heatmap is watched: `scalper` or `swingTrader`.
    pub trading_style: String,
    /// Buy% that is reached, 0–100.
    #[serde(deserialize_with = "whole")]
    pub buy_threshold: i32,
    /// Sell% that is reached, 0–100; below 50 it is the same line seen from the buyer's side.
    #[serde(deserialize_with = "whole")]
    pub sell_threshold: i32,
}

/// What a `heatmap_indicator_tracker` alert watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatmapIndicatorTracker {
    /// One to three symbols, as the user writes them.
    pub pairs: Vec<String>,
    /// Bar length; `1M` is read as `5M`.
    pub timeframe: Timeframe,
    /// One of the heatmap's seven, in any letter case.
    pub indicator: String,
}

/// What a `currency_strength_tracker` alert watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CurrencyStrengthTracker {
    /// Bar length; `1M` is read as `5M`.
    pub timeframe: Timeframe,
}

/// What a `price_alert` watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceAlert {
    /// As the user writes it.
    pub symbol: String,
    /// Level reached from below.
    #[serde(deserialize_with = "level")]
    pub above: Option<f64>,
    /// Level reached from above.
    #[serde(deserialize_with = "level")]
    pub below: Option<f64>,
    /// Closes of this timeframe; none: every tick.
    pub on_close: Option<Timeframe>,
    /// `once` (the first hit of either level ends the alert) or `every` hit.
    pub fires: String,
    /// Not evaluated from here on.
    pub expires_at: Option<Timestamp>,
}

impl Default for RsiTracker {
    fn default() -> Self {
        Self { timeframe: Timeframe::H1, rsi_period: 14, rsi_overbought: 70, rsi_oversold: 30 }
    }
}

impl Default for RsiCorrelationTracker {
    fn default() -> Self {
        Self {
            timeframe: Timeframe::H1,
            mode: "rsi_threshold".into(),
            rsi_period: 14,
            rsi_overbought: 70,
            rsi_oversold: 30,
            correlation_window: 50,
        }
    }
}

impl Default for HeatmapTracker {
    fn default() -> Self {
        Self { pairs: Vec::new(), trading_style: "swingTrader".into(), buy_threshold: 70, sell_threshold: 30 }
    }
}

impl Default for HeatmapIndicatorTracker {
    fn default() -> Self {
        Self { pairs: Vec::new(), timeframe: Timeframe::H1, indicator: String::new() }
    }
}

impl Default for CurrencyStrengthTracker {
    fn default() -> Self {
        Self { timeframe: Timeframe::H1 }
    }
}

impl Default for PriceAlert {
    fn default() -> Self {
        Self {
            symbol: String::new(),
            above: None,
            below: None,
            on_close: None,
            fires: "once".into(),
            expires_at: None,
        }
    }
}

/// A whole number, also as `70.0`: JSON does not tell the two apart.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    if !deserializer.is_human_readable() {
        return i32::deserialize(deserializer);
    }
    let number = f64::deserialize(deserializer)?;
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
    let whole = number as i32;
    if f64::from(whole) == number {
        return Ok(whole);
    }
    Err(serde::de::Error::custom(format_args!("{number} is not a whole number")))
}

/// A level is a number, or a decimal as text: what a `numeric` column becomes in JSON differs by who writes it.
fn level<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Level {
        Number(f64),
        Text(String),
    }
    if !deserializer.is_human_readable() {
        return Option::deserialize(deserializer);
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Level::Number(number)) => Ok(Some(number)),
        Some(Level::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// The parameters of an alert, by kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertParameters {
    /// RSI of every symbol against two lines.
    RsiTracker(RsiTracker),
    /// Pairs that stop moving as expected of them.
    RsiCorrelationTracker(RsiCorrelationTracker),
    /// A style's Buy% or Sell% against two thresholds.
    HeatmapTracker(HeatmapTracker),
    /// One cell of the heatmap turning buy or sell.
    HeatmapIndicatorTracker(HeatmapIndicatorTracker),
    /// The strongest and weakest currency of a timeframe.
    CurrencyStrengthTracker(CurrencyStrengthTracker),
    /// A price against up to two levels.
    PriceAlert(PriceAlert),
}

impl AlertParameters {
    /// The kind they belong to.
    #[must_use]
    pub const fn kind(&self) -> AlertKind {
        match self {
            Self::RsiTracker(_) => AlertKind::RsiTracker,
            Self::RsiCorrelationTracker(_) => AlertKind::RsiCorrelationTracker,
            Self::HeatmapTracker(_) => AlertKind::HeatmapTracker,
            Self::HeatmapIndicatorTracker(_) => AlertKind::HeatmapIndicatorTracker,
            Self::CurrencyStrengthTracker(_) => AlertKind::CurrencyStrengthTracker,
            Self::PriceAlert(_) => AlertKind::PriceAlert,
        }
    }

    /// As an object with the columns of the kind's table, of which [`Self::from_columns`] makes the same again.
    ///
    /// # Errors
    /// A number that JSON has no word for.
    pub fn columns(&self) -> serde_json::Result<Value> {
        match self {
            Self::RsiTracker(own) => serde_json::to_value(own),
            Self::RsiCorrelationTracker(own) => serde_json::to_value(own),
            Self::HeatmapTracker(own) => serde_json::to_value(own),
            Self::HeatmapIndicatorTracker(own) => serde_json::to_value(own),
            Self::CurrencyStrengthTracker(own) => serde_json::to_value(own),
            Self::PriceAlert(own) => serde_json::to_value(own),
        }
    }

    /// From an object with the columns of the kind's table; other keys are ignored, missing and null ones are the
    /// table's defaults.
    ///
    /// # Errors
    /// A column of the wrong type.
    pub fn from_columns(kind: AlertKind, columns: &Value) -> serde_json::Result<Self> {
        let given = match columns {
            Value::Object(columns) => {
                let given = columns.iter().filter(|(_, value)| !value.is_null());
                Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            other => other.clone(),
        };
        match kind {
            AlertKind::RsiTracker => Deserialize::deserialize(given).map(Self::RsiTracker),
            AlertKind::RsiCorrelationTracker => {
                Deserialize::deserialize(given).map(Self::RsiCorrelationTracker)
            }
            AlertKind::HeatmapTracker => Deserialize::deserialize(given).map(Self::HeatmapTracker),
            AlertKind::HeatmapIndicatorTracker => {
                Deserialize::deserialize(given).map(Self::HeatmapIndicatorTracker)
            }
            AlertKind::CurrencyStrengthTracker => {
                Deserialize::deserialize(given).map(Self::CurrencyStrengthTracker)
            }
            AlertKind::PriceAlert => Deserialize::deserialize(given).map(Self::PriceAlert),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_columns_are_the_defaults_and_whole_numbers_may_have_a_point() {
        let columns = serde_json::json!({"rsi_period": 9.0, "correlation_window": null, "name": "mine"});
        let read = AlertParameters::from_columns(AlertKind::RsiCorrelationTracker, &columns).unwrap();
        let expected = RsiCorrelationTracker { rsi_period: 9, ..RsiCorrelationTracker::default() };
        assert_eq!(read, AlertParameters::RsiCorrelationTracker(expected));
        let half = serde_json::json!({"rsi_overbought": 61.5});
        let error = AlertParameters::from_columns(AlertKind::RsiTracker, &half).unwrap_err();
        assert_eq!(error.to_string(), "61.5 is not a whole number");
        let price = serde_json::json!({"symbol": "EURUSD", "above": "1.25"});
        let read = AlertParameters::from_columns(AlertKind::PriceAlert, &price).unwrap();
        assert!(matches!(read, AlertParameters::PriceAlert(PriceAlert { above: Some(1.25), .. })));
    }
}
