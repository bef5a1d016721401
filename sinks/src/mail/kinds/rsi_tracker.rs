//! The mail of kind `rsi_tracker`: one card a symbol.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};
use bellwether_schemas::{Timeframe, Timestamp};
use serde::Serialize;

use super::card::{self, More};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::render::Rendered;
use crate::mail::{local_time, number};

/// Most cards of a mail: more are named, not shown, so that no mail grows past what clients cut off.
const MAX_CARDS: usize = 34;

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    timeframe: &'static str,
    cards: Vec<Card>,
    more: Option<More>,
}

/// One symbol that entered the user's zone.
#[derive(Debug, Clone, Serialize)]
struct Card {
    symbol: String,
    side: Zone,
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
    /// The trigger's own, without the symbol.
    sentence: String,
}

/// Which line was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Zone {
    Overbought,
    Oversold,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, view) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::RsiTracker), summary, &view)?)
}

/// A group of three symbols of that tenant.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    card::sample(look, AlertKind::RsiTracker, include_str!("../../../mail/rsi_tracker/sample.json"))
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, View), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let timeframe = first.timeframe.map_or("tick", Timeframe::code);
    let mut cards: Vec<Card> =
        triggers.iter().map(|trigger| card(look, trigger)).collect::<Result<_, _>>()?;
    let summary = summary(look, &cards, timeframe, first.close_time);
    let more = card::more(&cards, MAX_CARDS, |card| format!("{} {}", card.symbol, card.value));
    cards.truncate(MAX_CARDS);
    Ok((summary, View { timeframe, cards, more }))
}

fn summary(look: &Look, cards: &[Card], timeframe: &str, at: Timestamp) -> Summary {
    let (what, heading) = match cards {
        [card] => {
            let (symbol, side) = (&card.symbol, card.side.name());
            (format!("{symbol} RSI {side} ({timeframe})"), format!("{symbol} entered {side}"))
        }
        many => {
            let count = many.len();
            let what = format!("{count} pairs RSI alert ({timeframe})");
            (what, format!("{count} pairs reached your RSI lines"))
        }
    };
    Summary {
        what,
        preheader: preheader(cards),
        heading,
        subline: format!("{timeframe} bar closed {}", local_time::stamp(look.zone, at)),
        because: format!("your RSI alert ({timeframe}) is on"),
        at,
    }
}

impl Zone {
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
        Condition::Overbought => Zone::Overbought,
        Condition::Oversold => Zone::Oversold,
        other => return Err(wrong("condition", other.to_string())),
    };
    let (Detail::Rsi(detail), sentence) = card::told(trigger)? else { return Err(card::unreadable(trigger)) };
    Ok(Card {
        symbol: symbol.display(&look.suffix),
        side,
        entered: match side {
            Zone::Overbought => "Entered overbought",
            Zone::Oversold => "Entered oversold",
        },
        value: number::reading(trigger.value),
        previous: number::reading(trigger.previous),
        gauge: number::filled(trigger.value, 0.0..=100.0),
        period: detail.rsi_period,
        overbought: number::line(detail.overbought),
        oversold: number::line(detail.oversold),
        price: number::price(trigger.price),
        closed: local_time::stamp(look.zone, trigger.close_time),
        sentence,
    })
}

/// The main numbers, for the line that a list of mails shows below the subject.
fn preheader(cards: &[Card]) -> String {
    if let [card] = cards {
        return format!("RSI {} (before {}), price {}", card.value, card.previous, card.price);
    }
    card::preheader(cards, |card| format!("{} RSI {}", card.symbol, card.value))
}
