//! The mail of kind `heatmap_tracker`: one card a symbol, with the cells that made its score.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};
use serde::Serialize;

use super::card::{self, Card, Cards, Fact, Tone};
use super::grid::{self, Grid};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail. An alert watches three symbols at most, so this is never reached.
const MAX_CARDS: usize = 4;

/// One symbol that entered the user's zone.
#[derive(Debug, Clone, Serialize)]
struct ZoneCard {
    #[serde(flatten)]
    card: Card,
    #[serde(skip)]
    side: &'static str,
    /// How far the bar of both sides is filled with buyers, percent.
    buy: u8,
    grid: Grid,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, cards) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::HeatmapTracker), summary, &cards)?)
}

/// A group of three symbols of that tenant.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    card::sample(look, AlertKind::HeatmapTracker, include_str!("../../../mail/heatmap_tracker/sample.json"))
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, Cards<ZoneCard>), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let (Detail::Heatmap(detail), _) = card::told(first)? else { return Err(card::unreadable(first)) };
    let style = detail.trading_style.title();
    let cards: Vec<ZoneCard> =
        triggers.iter().map(|trigger| zone_card(look, trigger)).collect::<Result<_, _>>()?;
    let summary = summary(look, &cards, style, first);
    Ok((summary, Cards::new(cards, MAX_CARDS, ZoneCard::name)))
}

fn summary(look: &Look, cards: &[ZoneCard], style: &str, first: &TriggerFired) -> Summary {
    let (what, heading, preheader) = match cards {
        [one] => (
            format!("{} ({style})", one.name()),
            format!("{} entered your {} zone", one.card.title, one.side.to_lowercase()),
            format!("{} {}, {style}, price {}", one.side, one.card.main.value, number::price(first.price)),
        ),
        many => {
            let count = many.len();
            let heading = format!("{count} pairs entered your zones");
            (format!("{count} pairs heatmap alert ({style})"), heading, card::preheader(many, ZoneCard::name))
        }
    };
    Summary {
        what,
        preheader,
        heading,
        subline: card::subline(look, first),
        because: format!("your heatmap alert ({style}) is on"),
        at: first.close_time,
    }
}

impl ZoneCard {
    /// `BTC/USD BUY 78.5 %`
    fn name(&self) -> String {
        let Card { title, main, .. } = &self.card;
        format!("{title} {} {}", self.side.to_uppercase(), main.value)
    }
}

fn zone_card(look: &Look, trigger: &TriggerFired) -> Result<ZoneCard, ViewError> {
    let (side, tone) = match trigger.condition {
        Condition::Buy => ("Buy", Tone::Overbought),
        Condition::Sell => ("Sell", Tone::Oversold),
        other => return Err(card::impossible(trigger, other)),
    };
    let (Detail::Heatmap(detail), sentence) = card::told(trigger)? else {
        return Err(card::unreadable(trigger));
    };
    let (buy, sell) = (Some(detail.buy_percent), Some(detail.sell_percent));
    let facts = vec![
        Fact::new("Buy %", number::percent(buy)),
        Fact::new("Sell %", number::percent(sell)),
        Fact::new("Score", number::tenths(Some(detail.final_score))),
        Fact::new("Style", detail.trading_style.title()),
        Fact::new(
            format!("Your {} line", side.to_lowercase()),
            format!("{} %", number::line_of(trigger.threshold)),
        ),
        Fact::new(format!("{side} % before"), number::percent(trigger.previous)),
        Fact::price(trigger),
        Fact::when(look, trigger),
    ];
    Ok(ZoneCard {
        card: Card {
            title: card::symbol(look, trigger)?,
            state: format!("Entered your {} zone", side.to_lowercase()),
            ground: Tone::Plain,
            tone,
            main: Fact::new(format!("{side} % now"), number::percent(trigger.value)),
            sentence,
            facts,
        },
        side,
        buy: number::filled(buy, 0.0..=100.0),
        grid: grid::of(&detail),
    })
}
