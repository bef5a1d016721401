//! The mail of kind `rsi_tracker`: one card a symbol.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};
use bellwether_schemas::{Timeframe, Timestamp};
use serde::Serialize;

use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::render::Rendered;
use crate::mail::{local_time, number};

/// Most cards of a mail: more are named, not shown, so that no mail grows past what clients cut off.
const MAX_CARDS: usize = 34;
/// How many symbols a preheader names.
const NAMED: usize = 4;
/// How many of the symbols that have no card are named below the cards.
const LISTED: usize = 100;

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    timeframe: &'static str,
    cards: Vec<Card>,
    more: Option<More>,
}

/// Symbols that have no card.
#[derive(Debug, Clone, Serialize)]
struct More {
    count: usize,
    names: String,
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
pub(in crate::mail) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    let triggers: Vec<TriggerFired> =
        serde_json::from_str(include_str!("../../../mail/rsi_tracker/sample.json")).map_err(|error| {
            ViewError::Sample { kind: MailKind::Alert(AlertKind::RsiTracker), reason: error.to_string() }
        })?;
    Ok(triggers.into_iter().map(|trigger| TriggerFired { tenant: look.tenant.clone(), ..trigger }).collect())
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, View), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let timeframe = first.timeframe.map_or("tick", Timeframe::code);
    let mut cards: Vec<Card> =
        triggers.iter().map(|trigger| card(look, trigger)).collect::<Result<_, _>>()?;
    let summary = summary(look, &cards, timeframe, first.close_time);
    let more = more(&cards);
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
    let unreadable = || wrong("detail", trigger.detail.to_string());
    let Ok(Detail::Rsi(detail)) = trigger.read_detail() else { return Err(unreadable()) };
    Ok(Card {
        symbol: symbol.display(&look.suffix),
        side,
        entered: match side {
            Zone::Overbought => "Entered overbought",
            Zone::Oversold => "Entered oversold",
        },
        value: number::reading(trigger.value),
        previous: number::reading(trigger.previous),
        gauge: gauge(trigger.value),
        period: detail.rsi_period,
        overbought: number::line(detail.overbought),
        oversold: number::line(detail.oversold),
        price: number::price(trigger.price),
        closed: local_time::stamp(look.zone, trigger.close_time),
        sentence: trigger.sentence().map_err(|_| unreadable())?,
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
