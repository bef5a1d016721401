//! The sentence of a trigger. There is one: the engine writes it into `detail`, and so it stands in the row, on the
//! page, in the report of a backtest and in the mail, which has numbers and a subject of its own beside it.

use std::fmt;

use super::{
    Condition, Detail, Expected, IndicatorTurned, LeaderChanged, LevelReached, RealMismatch, RsiMismatch,
    RsiReached, TriggerFired, ZoneEntered,
};
use crate::alerts::AlertKind;
use crate::heatmap::CellName;
use crate::ids::TriggerId;
use crate::readings::Signal;
use crate::time::Timeframe;

/// What a sentence says besides the detail: fields of the trigger.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// What happened: the side, signal or role that fired.
    pub condition: Condition,
    /// The pair's key, where the kind watches a pair.
    pub pair: Option<&'a str>,
    /// Bar length; none at a tick.
    pub timeframe: Option<Timeframe>,
    /// The value now, in the kind's unit.
    pub value: Option<f64>,
    /// The value at the evaluation before, in the same unit.
    pub previous: Option<f64>,
    /// The line that was reached.
    pub threshold: Option<f64>,
}

/// The `detail` of a trigger cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trigger {trigger}: field detail is not what {kind} writes: {why}")]
pub struct UnreadableDetail {
    /// Id of the trigger whose detail it is.
    pub trigger: TriggerId,
    /// Kind of its alert.
    pub kind: AlertKind,
    /// What is wrong, and where in the text.
    pub why: String,
}

impl TriggerFired {
    /// Its detail as a value.
    ///
    /// # Errors
    /// A text that is no detail of its kind.
    pub fn read_detail(&self) -> Result<Detail, UnreadableDetail> {
        self.detail.read(self.kind).map_err(|error| self.unreadable(&error))
    }

    /// What happened, for people, without the symbol: the sentence that was written into the detail. Triggers of
    /// older engines have none; theirs is made from the detail.
    ///
    /// # Errors
    /// A detail that cannot be read.
    pub fn sentence(&self) -> Result<String, UnreadableDetail> {
        match self.detail.text().map_err(|error| self.unreadable(&error))? {
            Some(text) => Ok(text),
            None => Ok(sentence(&self.read_detail()?, &self.circumstances())),
        }
    }

    /// The sentence for lists of many symbols: `EUR/USD: RSI 14 on 5M went from …`. `suffix` is what the tenant adds
    /// to symbols. A sentence about a pair or a currency names it already.
    ///
    /// # Errors
    /// A detail that cannot be read.
    pub fn sentence_with_symbol(&self, suffix: &str) -> Result<String, UnreadableDetail> {
        let sentence = self.sentence()?;
        Ok(match &self.symbol {
            Some(symbol) => format!("{}: {sentence}", symbol.display(suffix)),
            None => sentence,
        })
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            condition: self.condition,
            pair: self.pair.as_deref(),
            timeframe: self.timeframe,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
        }
    }

    fn unreadable(&self, error: &serde_json::Error) -> UnreadableDetail {
        UnreadableDetail { trigger: self.id, kind: self.kind, why: error.to_string() }
    }
}

/// What happened, for people.
#[must_use]
pub fn sentence(detail: &Detail, at: &Circumstances<'_>) -> String {
    match detail {
        Detail::Rsi(detail) => of_rsi(detail, at),
        Detail::RsiMismatch(detail) => of_rsi_mismatch(detail, at),
        Detail::RealMismatch(detail) => of_real_mismatch(detail, at),
        Detail::Heatmap(detail) => of_zone(detail, at),
        Detail::Turn(detail) => of_turn(*detail, at),
        Detail::Leader(detail) => of_leader(detail, at),
        Detail::Price(detail) => of_price(detail, at),
    }
}

/// `RSI 14 on 5M went from 68.9 to 71.2, at or above your 70`.
fn of_rsi(detail: &RsiReached, at: &Circumstances<'_>) -> String {
    let (period, on) = (detail.rsi_period, timeframe(at));
    let (previous, value) = (number(at.previous, 1), number(at.value, 1));
    let (relation, line) = (relation(at.condition), plain(at.threshold));
    format!("RSI {period} on {on} went from {previous} to {value}, {relation} your {line}")
}

fn of_rsi_mismatch(detail: &RsiMismatch, at: &Circumstances<'_>) -> String {
    let RsiMismatch { expected, rsi_period, overbought, oversold, rsi: [a, b] } = detail;
    let ((first, second), expected, on) = (legs(at), words(*expected), timeframe(at));
    format!(
        "{first} and {second} usually move {expected}, but on {on} RSI {rsi_period} stands at {a:.1} and {b:.1}, \
         against your {overbought} and {oversold}"
    )
}

fn of_real_mismatch(detail: &RealMismatch, at: &Circumstances<'_>) -> String {
    let ((first, second), expected) = (legs(at), words(detail.expected));
    let (window, on) = (detail.correlation_window, timeframe(at));
    let [previous, value, limit] = [at.previous, at.value, at.threshold].map(|some| number(some, 2));
    format!(
        "{first} and {second} usually move {expected}, but their correlation over {window} bars of {on} went from \
         {previous} to {value}, past {limit}"
    )
}

/// `Intraday Buy% went from 65.0 to 71.4, at or above your 70`: Sell% too rises when its zone is entered.
fn of_zone(detail: &ZoneEntered, at: &Circumstances<'_>) -> String {
    let style = detail.trading_style.title();
    let side = if at.condition == Condition::Sell { "Sell" } else { "Buy" };
    let (previous, value, line) = (number(at.previous, 1), number(at.value, 1), plain(at.threshold));
    format!("{style} {side}% went from {previous} to {value}, at or above your {line}")
}

fn of_turn(detail: IndicatorTurned, at: &Circumstances<'_>) -> String {
    let IndicatorTurned { indicator, signal } = detail;
    let (name, on, turned) = (indicator.name(), timeframe(at), signal.name());
    let what = match (indicator, signal) {
        (CellName::Ema21 | CellName::Ema50 | CellName::Ema200, Signal::Buy) => "the close crossed above it",
        (CellName::Ema21 | CellName::Ema50 | CellName::Ema200, _) => "the close crossed below it",
        (CellName::Macd, Signal::Buy) => "the line crossed above its signal, above zero",
        (CellName::Macd, _) => "the line crossed below its signal, below zero",
        (CellName::Rsi, Signal::Buy) => "it crossed above 50",
        (CellName::Rsi, _) => "it crossed below 50",
        (CellName::Utbot, Signal::Buy) => "the close broke the short stop",
        (CellName::Utbot, _) => "the close broke the long stop",
        (CellName::Ichimoku, Signal::Buy) => "the close stands on the buy side of the cloud",
        (CellName::Ichimoku, _) => "the close stands on the sell side of the cloud",
    };
    format!("{name} on {on} turned {turned}: {what}")
}

fn of_leader(detail: &LeaderChanged, at: &Circumstances<'_>) -> String {
    let (LeaderChanged { role, from, to, .. }, on) = (detail, timeframe(at));
    let score = at.value.map(|score| format!(", at {score:.0}")).unwrap_or_default();
    format!("the {role} currency on {on} is now {to}{score}; it was {from}")
}

/// `the price went from 1.0949 to 1.0951, at or above your 1.095`.
fn of_price(detail: &LevelReached, at: &Circumstances<'_>) -> String {
    let what = match detail.on_close {
        Some(timeframe) => format!("the {timeframe} close"),
        None => "the price".into(),
    };
    let (previous, value) = (plain(at.previous), plain(at.value));
    let (relation, level) = (relation(detail.side), detail.level);
    format!("{what} went from {previous} to {value}, {relation} your {level}")
}

/// How the value lies to the line it reached. Sell% rises into its zone, so only these two fall.
fn relation(condition: Condition) -> &'static str {
    if matches!(condition, Condition::Oversold | Condition::Below) { "at or below" } else { "at or above" }
}

fn timeframe(at: &Circumstances<'_>) -> &'static str {
    at.timeframe.map_or("tick", Timeframe::code)
}

fn legs<'a>(at: &Circumstances<'a>) -> (&'a str, &'a str) {
    let pair = at.pair.unwrap_or_default();
    pair.split_once('-').unwrap_or((pair, ""))
}

const fn words(expected: Expected) -> &'static str {
    match expected {
        Expected::Together => "together",
        Expected::AgainstEachOther => "against each other",
    }
}

/// A number of the trigger in a sentence. Without decimals it has the digits that give the same double back.
struct Number {
    value: Option<f64>,
    decimals: Option<usize>,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.value, self.decimals) {
            (Some(value), Some(decimals)) => write!(f, "{value:.decimals$}"),
            (Some(value), None) => write!(f, "{value}"),
            (None, _) => f.write_str("?"),
        }
    }
}

const fn number(value: Option<f64>, decimals: usize) -> Number {
    Number { value, decimals: Some(decimals) }
}

const fn plain(value: Option<f64>) -> Number {
    Number { value, decimals: None }
}
