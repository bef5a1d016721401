//! The mail of kind `heatmap_indicator_tracker`: one card a symbol whose indicator turned.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::readings::Signal;
use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};

use super::card::{self, Card, Cards, Fact, Tone};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail. An alert watches three symbols at most, so this is never reached.
const MAX_CARDS: usize = 24;

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, cards) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::HeatmapIndicatorTracker), summary, &cards)?)
}

/// A group of three symbols of that tenant.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    let json = include_str!("../../../mail/heatmap_indicator_tracker/sample.json");
    card::sample(look, AlertKind::HeatmapIndicatorTracker, json)
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, Cards<Card>), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let (Detail::Turn(turn), _) = card::told(first)? else { return Err(card::unreadable(first)) };
    let indicator = turn.indicator.name();
    let cards: Vec<Card> =
        triggers.iter().map(|trigger| turn_card(look, trigger)).collect::<Result<_, _>>()?;
    let on = card::timeframe(first);
    let (what, heading, preheader) = match cards.as_slice() {
        [one] => {
            let signal = turn.signal.name();
            let preheader =
                format!("{} {}, price {}", turn.indicator.name(), signal, number::price(first.price));
            let what = format!("{} {indicator} {signal} ({on})", one.title);
            (what, format!("{}: {indicator} turned {signal}", one.title), preheader)
        }
        many => {
            let count = many.len();
            let what = format!("{count} pairs {indicator} alert ({on})");
            (what, format!("{indicator} turned on {count} pairs"), card::preheader(many, name))
        }
    };
    let summary = Summary {
        what,
        preheader,
        heading,
        subline: card::subline(look, first),
        because: format!("your {indicator} alert ({on}) is on"),
        at: first.close_time,
    };
    Ok((summary, Cards::new(cards, MAX_CARDS, name)))
}

/// `XAU/USD MACD turned buy`
fn name(card: &Card) -> String {
    format!("{} {}", card.title, card.state)
}

fn turn_card(look: &Look, trigger: &TriggerFired) -> Result<Card, ViewError> {
    let (signal, tone) = match trigger.condition {
        Condition::Buy => (Signal::Buy, Tone::Overbought),
        Condition::Sell => (Signal::Sell, Tone::Oversold),
        other => return Err(card::impossible(trigger, other)),
    };
    let (Detail::Turn(turn), sentence) = card::told(trigger)? else { return Err(card::unreadable(trigger)) };
    if turn.signal != signal {
        return Err(card::unreadable(trigger));
    }
    let Numbers { value, line, write, is_price } = numbers(turn.indicator, signal);
    let mut facts = vec![Fact::new(format!("{value} before"), write(trigger.previous))];
    if let (Some(line), Some(threshold)) = (line, trigger.threshold) {
        facts.push(Fact::new(line, write(Some(threshold))));
    }
    if !is_price {
        facts.push(Fact::price(trigger));
    }
    facts.push(Fact::when(look, trigger));
    Ok(Card {
        title: card::symbol(look, trigger)?,
        state: format!("{} turned {}", turn.indicator.name(), signal.name()),
        ground: tone,
        tone,
        main: Fact::new(format!("{value} now"), write(trigger.value)),
        sentence,
        facts,
    })
}

/// What the numbers of a turn are.
struct Numbers {
    /// What crossed.
    value: &'static str,
    /// What it crossed; the cloud is no single number.
    line: Option<&'static str>,
    write: fn(Option<f64>) -> String,
    /// The value is the price at the close.
    is_price: bool,
}

const fn numbers(indicator: CellName, signal: Signal) -> Numbers {
    match indicator {
        CellName::Ema21 => of_close(Some("EMA21")),
        CellName::Ema50 => of_close(Some("EMA50")),
        CellName::Ema200 => of_close(Some("EMA200")),
        CellName::Utbot if matches!(signal, Signal::Buy) => of_close(Some("Short stop")),
        CellName::Utbot => of_close(Some("Long stop")),
        CellName::Ichimoku => of_close(None),
        CellName::Macd => {
            Numbers { value: "Line", line: Some("Signal line"), write: number::price, is_price: false }
        }
        CellName::Rsi => {
            Numbers { value: "RSI", line: Some("Middle"), write: number::reading, is_price: false }
        }
    }
}

const fn of_close(line: Option<&'static str>) -> Numbers {
    Numbers { value: "Close", line, write: number::price, is_price: true }
}
