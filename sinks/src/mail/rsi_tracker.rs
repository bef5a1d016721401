//! The mail of kind `rsi_tracker`: one card a symbol.

use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};
use serde::Serialize;

use super::brand::Look;
use super::view::{MAX_CARDS, More, Told, ViewError, timeframe};
use super::{local_time, number};

/// How many symbols a preheader or the rest of a long list names.
const NAMED: usize = 4;
const LISTED: usize = 100;

/// One symbol that entered the user's zone.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    symbol: String,
    side: Side,
    entered: &'static str,
    value: String,
    previous: String,
    /// How far the bar below the number is filled, percent.
    gauge: u8,
    period: usize,
    overbought: String,
    oversold: String,
    price: String,
    closed: String,
}

/// Which line was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Overbought,
    Oversold,
}

/// Says what a group of this kind says.
pub(crate) fn tell(look: &Look, triggers: &[TriggerFired]) -> Result<Told, ViewError> {
    let all: Vec<Card> = triggers.iter().map(|trigger| card(look, trigger)).collect::<Result<_, _>>()?;
    let first = triggers.first().zip(all.first()).ok_or(ViewError::Empty)?;
    let (timeframe, card) = (timeframe(first.0), first.1);
    let (what, heading) = match all.len() {
        1 => (
            format!("{} RSI {} ({timeframe})", card.symbol, card.side.name()),
            format!("{} entered {}", card.symbol, card.side.name()),
        ),
        many => {
            (format!("{many} pairs RSI alert ({timeframe})"), format!("{many} pairs reached your RSI lines"))
        }
    };
    let because = format!("your RSI alert ({timeframe}) is on");
    let (preheader, more) = (preheader(&all), more(&all));
    Ok(Told { what, preheader, heading, because, more, cards: all.into_iter().take(MAX_CARDS).collect() })
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Overbought => "overbought",
            Self::Oversold => "oversold",
        }
    }
}

fn card(look: &Look, trigger: &TriggerFired) -> Result<Card, ViewError> {
    let wrong = |field, found: String| ViewError::Field { trigger: trigger.id.to_string(), field, found };
    let symbol = trigger.symbol.as_ref().ok_or_else(|| wrong("symbol", "missing".into()))?;
    let side = match trigger.condition {
        Condition::Overbought => Side::Overbought,
        Condition::Oversold => Side::Oversold,
        other => return Err(wrong("condition", other.to_string())),
    };
    let Ok(Detail::Rsi(detail)) = trigger.read_detail() else {
        return Err(wrong("detail", trigger.detail.to_string()));
    };
    Ok(Card {
        symbol: symbol.display(&look.suffix),
        side,
        entered: match side {
            Side::Overbought => "Entered overbought",
            Side::Oversold => "Entered oversold",
        },
        value: number::reading(trigger.value),
        previous: number::reading(trigger.previous),
        gauge: gauge(trigger.value),
        period: detail.rsi_period,
        overbought: number::line(detail.overbought),
        oversold: number::line(detail.oversold),
        price: number::price(trigger.price),
        closed: local_time::stamp(look.zone, trigger.close_time),
    })
}

/// Whole percent, never so little or so much that one part of the bar vanishes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=99 before")]
fn gauge(value: Option<f64>) -> u8 {
    value.filter(|value| value.is_finite()).unwrap_or(50.0).round().clamp(1.0, 99.0) as u8
}

/// The main numbers, for the line that a list of mails shows below the subject.
fn preheader(cards: &[Card]) -> String {
    if let [card] = cards {
        return format!("RSI {} (before {}), price {}", card.value, card.previous, card.price);
    }
    let named: Vec<String> =
        cards.iter().take(NAMED).map(|card| format!("{} RSI {}", card.symbol, card.value)).collect();
    let rest = cards.len().saturating_sub(NAMED);
    if rest == 0 { named.join(", ") } else { format!("{} and {rest} more", named.join(", ")) }
}

fn more(cards: &[Card]) -> Option<More> {
    let rest = cards.get(MAX_CARDS..).filter(|rest| !rest.is_empty())?;
    let names: Vec<String> =
        rest.iter().take(LISTED).map(|card| format!("{} {}", card.symbol, card.value)).collect();
    let ending = if rest.len() > LISTED { ", …" } else { "" };
    Some(More { count: rest.len(), names: names.join(", ") + ending })
}
