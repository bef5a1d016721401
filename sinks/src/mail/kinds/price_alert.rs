//! The mail of kind `price_alert`: one card a level that the price reached.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, LevelReached, TriggerFired};
use serde::Serialize;

use super::card::{self, Card, Cards, Fact, Tone};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail. An alert watches one symbol, so this is never reached.
const MAX_CARDS: usize = 24;

/// One level.
#[derive(Debug, Clone, Serialize)]
struct LevelCard {
    #[serde(flatten)]
    card: Card,
    /// `EUR/USD above 1.1`
    #[serde(skip)]
    name: String,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, cards) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::PriceAlert), summary, &cards)?)
}

/// One level: a price alert has no group of more.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    card::sample(look, AlertKind::PriceAlert, include_str!("../../../mail/price_alert/sample.json"))
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, Cards<LevelCard>), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let cards: Vec<LevelCard> =
        triggers.iter().map(|trigger| level_card(look, trigger)).collect::<Result<_, _>>()?;
    let name = |one: &LevelCard| one.name.clone();
    let (what, preheader) = match cards.as_slice() {
        [one] => {
            let (price, before) = (number::price(first.price), number::price(first.previous));
            (one.name.clone(), format!("Price {price} (before {before})"))
        }
        many => (format!("{} price levels reached", many.len()), card::preheader(many, name)),
    };
    let summary = Summary {
        heading: what.clone(),
        what,
        preheader,
        subline: card::subline(look, first),
        because: format!("you set a price alert on {}", card::symbol(look, first)?),
        at: first.close_time,
    };
    Ok((summary, Cards::new(cards, MAX_CARDS, name)))
}

fn level_card(look: &Look, trigger: &TriggerFired) -> Result<LevelCard, ViewError> {
    let tone = match trigger.condition {
        Condition::Above => Tone::Overbought,
        Condition::Below => Tone::Oversold,
        other => return Err(card::impossible(trigger, other)),
    };
    let (Detail::Price(LevelReached { side, level, .. }), sentence) = card::told(trigger)? else {
        return Err(card::unreadable(trigger));
    };
    if side != trigger.condition {
        return Err(card::unreadable(trigger));
    }
    let (title, level) = (card::symbol(look, trigger)?, number::price(Some(level)));
    let name = format!("{title} {side} {level}");
    let card = Card {
        title,
        state: format!("Reached your level {level}"),
        ground: tone,
        tone,
        main: Fact::new("Price", number::price(trigger.price)),
        sentence,
        facts: vec![
            Fact::new(format!("Your level ({side})"), level),
            Fact::new("Price before", number::price(trigger.previous)),
            Fact::when(look, trigger),
        ],
    };
    Ok(LevelCard { card, name })
}
