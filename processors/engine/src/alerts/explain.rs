//! The words of a trigger: a JSON object with the user's own parameters and a sentence, so that it explains itself
//! after its alert is gone. Names in it are of closed sets or checked symbols: nothing needs escaping.

use std::fmt::Write as _;

use bellwether_schemas::Timeframe;
use bellwether_schemas::readings::Signal;

use super::heatmap_tracker::{Entry, Side as ZoneSide};
use super::price::{Hit as PriceHit, Side as PriceSide};
use super::rsi_correlation::{Mismatch, label, limit};
use super::rsi_tracker::{Hit as RsiHit, Side as RsiSide};
use super::watch::RsiWatch;
use crate::heatmap::{CellName, Style, StyleScore, Turn};
use crate::pairs::{Pair, RsiSeen};
use crate::series::SymbolState;

pub(crate) fn rsi(watch: &RsiWatch, hit: &RsiHit) -> String {
    let RsiWatch { timeframe, period, overbought, oversold } = watch;
    let RsiHit { side, line, previous, value, .. } = hit;
    let relation = match side {
        RsiSide::Overbought => "at or above",
        RsiSide::Oversold => "at or below",
    };
    format!(
        r#"{{"rsi_period":{period},"overbought":{overbought},"oversold":{oversold},"text":"RSI {period} on {timeframe} went from {previous:.1} to {value:.1}, {relation} your {line}"}}"#
    )
}

pub(crate) fn rsi_mismatch(
    pair: &Pair,
    timeframe: Timeframe,
    period: usize,
    lines: Mismatch,
    now: &RsiSeen,
) -> String {
    let Mismatch { overbought, oversold } = lines;
    let RsiSeen { a, b, .. } = now;
    let (first, second) = legs(pair);
    let expected = expected(pair.positive);
    format!(
        r#"{{"mode":"rsi_threshold","expected":"{expected}","rsi_period":{period},"overbought":{overbought},"oversold":{oversold},"rsi":[{a},{b}],"text":"{first} and {second} usually move {expected}, but on {timeframe} RSI {period} stands at {a:.1} and {b:.1}, against your {overbought} and {oversold}"}}"#
    )
}

pub(crate) fn real_mismatch(
    pair: &Pair,
    timeframe: Timeframe,
    window: usize,
    value: f64,
    previous: f64,
) -> String {
    let (first, second) = legs(pair);
    let (expected, limit, strength) = (expected(pair.positive), limit(pair.positive), label(value));
    format!(
        r#"{{"mode":"real_correlation","expected":"{expected}","correlation_window":{window},"strength":"{strength}","text":"{first} and {second} usually move {expected}, but their correlation over {window} bars of {timeframe} went from {previous:.2} to {value:.2}, past {limit:.2}"}}"#
    )
}

fn legs(pair: &Pair) -> (&str, &str) {
    pair.key.split_once('-').unwrap_or((&pair.key, ""))
}

const fn expected(positive: bool) -> &'static str {
    if positive { "together" } else { "against each other" }
}

pub(crate) fn heatmap(
    style: Style,
    entry: &Entry,
    (value, previous): (f64, f64),
    score: &StyleScore,
    state: &SymbolState,
) -> String {
    let side = match entry.side {
        ZoneSide::Buy => "Buy",
        ZoneSide::Sell => "Sell",
    };
    let (name, shown, line) = (style.name(), style.title(), entry.line);
    let mut text = format!(
        r#"{{"trading_style":"{name}","final_score":{},"buy_percent":{},"sell_percent":{},"coverage":{},"cells":{{"#,
        score.final_(),
        score.buy_percent(),
        score.sell_percent(),
        score.coverage()
    );
    cells(&mut text, style, state);
    let _ = write!(
        text,
        r#"}},"text":"{shown} {side}% went from {previous:.1} to {value:.1}, at or above your {line}"}}"#
    );
    text
}

/// Every timeframe of the style that has a score, with its cells.
fn cells(text: &mut String, style: Style, state: &SymbolState) {
    let mut first = true;
    for (timeframe, _) in style.weights() {
        let indicators = &state.series[timeframe.index()].indicators;
        if indicators.score().is_none() {
            continue;
        }
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        let _ = write!(text, r#"{comma}"{timeframe}":{{"#);
        let mut between = "";
        for name in CellName::ALL {
            let Some(cell) = indicators.cell(name) else { continue };
            let _ = write!(
                text,
                r#"{between}"{}":{{"signal":"{}","new":{},"score":{},"reason":"{}"}}"#,
                name.name(),
                cell.signal.name(),
                cell.is_new,
                cell.score(),
                cell.reason
            );
            between = ",";
        }
        text.push('}');
    }
}

pub(crate) fn turn(cell: CellName, timeframe: Timeframe, turn: &Turn) -> String {
    let name = cell.name();
    let signal = turn.signal.name();
    let what = match (cell, turn.signal) {
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
    format!(
        r#"{{"indicator":"{name}","signal":"{signal}","text":"{name} on {timeframe} turned {signal}: {what}"}}"#
    )
}

pub(crate) fn leader(role: &str, from: &str, to: &str, timeframe: Timeframe, score: Option<f64>) -> String {
    let stands = score.map(|score| format!(", at {score:.0}")).unwrap_or_default();
    format!(
        r#"{{"role":"{role}","from":"{from}","to":"{to}","text":"the {role} currency on {timeframe} is now {to}{stands}; it was {from}"}}"#
    )
}

pub(crate) fn price(hit: &PriceHit, previous: f64, price: f64, timeframe: Option<Timeframe>) -> String {
    let relation = match hit.side {
        PriceSide::Above => "at or above",
        PriceSide::Below => "at or below",
    };
    let (side, level) = (hit.side.name(), hit.level);
    let (at, of) = match timeframe {
        Some(timeframe) => (format!(r#""{timeframe}""#), format!("the {timeframe} close")),
        None => ("null".into(), "the price".into()),
    };
    format!(
        r#"{{"side":"{side}","level":{level},"on_close":{at},"text":"{of} went from {previous} to {price}, {relation} your {level}"}}"#
    )
}
