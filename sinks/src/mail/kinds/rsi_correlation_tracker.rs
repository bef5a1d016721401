//! The mail of kind `rsi_correlation_tracker`: one card a pair that moves otherwise than expected.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{
    Condition, Detail, Expected, RealMismatch, RsiMismatch, Strength, TriggerFired,
};
use serde::Serialize;

use super::card::{self, Bar, Card, Cards, Fact, Tone};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail: all pairs that a tenant has unless it lists its own. More are named, not shown.
const MAX_CARDS: usize = 21;

/// One pair.
#[derive(Debug, Clone, Serialize)]
struct PairCard {
    #[serde(flatten)]
    card: Card,
    bars: Vec<Bar>,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, cards) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::RsiCorrelationTracker), summary, &cards)?)
}

/// A group of three pairs, of both modes so that both are seen.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    let json = include_str!("../../../mail/rsi_correlation_tracker/sample.json");
    card::sample(look, AlertKind::RsiCorrelationTracker, json)
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, Cards<PairCard>), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let on = card::timeframe(first);
    let cards: Vec<PairCard> =
        triggers.iter().map(|trigger| pair_card(look, trigger)).collect::<Result<_, _>>()?;
    let (what, heading) = match cards.as_slice() {
        [one] => {
            let title = &one.card.title;
            (format!("{title} correlation ({on})"), format!("{title} moves otherwise than usual"))
        }
        many => {
            let count = many.len();
            let what = format!("{count} pairs correlation alert ({on})");
            (what, format!("{count} pairs move otherwise than usual"))
        }
    };
    let summary = Summary {
        what,
        preheader: card::preheader(&cards, PairCard::name),
        heading,
        subline: card::subline(look, first),
        because: format!("your correlation alert ({on}) is on"),
        at: first.close_time,
    };
    Ok((summary, Cards::new(cards, MAX_CARDS, PairCard::name)))
}

impl PairCard {
    /// `EUR/USD–GBP/USD 71.20 / 28.40`
    fn name(&self) -> String {
        format!("{} {}", self.card.title, self.card.main.value)
    }
}

fn pair_card(look: &Look, trigger: &TriggerFired) -> Result<PairCard, ViewError> {
    let legs = card::legs(look, trigger)?;
    let (detail, sentence) = card::told(trigger)?;
    let (state, main, mut facts, bars) = match (trigger.condition, detail) {
        (Condition::RsiMismatch, Detail::RsiMismatch(detail)) => of_rsi(&legs, &detail),
        (Condition::RealMismatch, Detail::RealMismatch(detail)) => of_coefficient(trigger, &detail),
        (Condition::RsiMismatch | Condition::RealMismatch, _) => return Err(card::unreadable(trigger)),
        (other, _) => return Err(card::impossible(trigger, other)),
    };
    facts.push(Fact::when(look, trigger));
    let title = legs.join("–");
    let card = Card { title, state, ground: Tone::Plain, tone: Tone::Plain, main, sentence, facts };
    Ok(PairCard { card, bars })
}

/// State, main number, facts and bars of a card.
type Parts = (String, Fact, Vec<Fact>, Vec<Bar>);

fn of_rsi(legs: &[String; 2], detail: &RsiMismatch) -> Parts {
    let RsiMismatch { expected, rsi_period, overbought, oversold, rsi } = *detail;
    let value = rsi.map(|rsi| number::reading(Some(rsi)));
    let bar = |leg: usize| Bar {
        label: format!("{} RSI", legs[leg]),
        value: value[leg].clone(),
        fill: number::filled(Some(rsi[leg]), 0.0..=100.0),
        tone: if rsi[leg] >= overbought {
            Tone::Overbought
        } else if rsi[leg] <= oversold {
            Tone::Oversold
        } else {
            Tone::Plain
        },
    };
    let facts = vec![
        Fact::new("Usually move", words(expected)),
        Fact::new("Your lines", format!("{} / {}", number::line(overbought), number::line(oversold))),
    ];
    let main = Fact::new(format!("RSI({rsi_period}) now"), value.join(" / "));
    ("RSI mismatch".into(), main, facts, vec![bar(0), bar(1)])
}

fn of_coefficient(trigger: &TriggerFired, detail: &RealMismatch) -> Parts {
    let RealMismatch { expected, correlation_window, strength } = *detail;
    let facts = vec![
        Fact::new("Usually move", words(expected)),
        Fact::new("Strength", word(strength)),
        Fact::new("Correlation before", number::coefficient(trigger.previous)),
        Fact::new("Limit", number::line_of(trigger.threshold)),
        Fact::new("Window", format!("{correlation_window} bars")),
    ];
    let main = Fact::new("Correlation now", number::coefficient(trigger.value));
    (format!("Correlation mismatch, {}", word(strength)), main, facts, Vec::new())
}

const fn words(expected: Expected) -> &'static str {
    match expected {
        Expected::Together => "together",
        Expected::AgainstEachOther => "against each other",
    }
}

const fn word(strength: Strength) -> &'static str {
    match strength {
        Strength::Strong => "strong",
        Strength::Moderate => "moderate",
        Strength::Weak => "weak",
    }
}
