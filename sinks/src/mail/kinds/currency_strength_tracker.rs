//! The mail of kind `currency_strength_tracker`: one card a role that changed hands.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, LeaderChanged, TriggerFired};
use serde::Serialize;

use super::card::{self, Bar, Card, Cards, Fact, Tone};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail: there are two roles.
const MAX_CARDS: usize = 24;

/// A role and who has it now.
#[derive(Debug, Clone, Serialize)]
struct RoleCard {
    #[serde(flatten)]
    card: Card,
    #[serde(skip)]
    role: &'static str,
    bars: Vec<Bar>,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, cards) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::CurrencyStrengthTracker), summary, &cards)?)
}

/// Both roles change hands at one bar.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    let json = include_str!("../../../mail/currency_strength_tracker/sample.json");
    card::sample(look, AlertKind::CurrencyStrengthTracker, json)
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, Cards<RoleCard>), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let on = card::timeframe(first);
    let cards: Vec<RoleCard> =
        triggers.iter().map(|trigger| role_card(look, trigger)).collect::<Result<_, _>>()?;
    let heading = match cards.as_slice() {
        [one] => format!("{} is now the {} currency", one.card.title, one.role),
        _ => "The strongest and the weakest currency changed".into(),
    };
    let summary = Summary {
        what: format!("{} ({on})", what(&cards)),
        preheader: card::preheader(&cards, RoleCard::name),
        heading,
        subline: card::subline(look, first),
        because: format!("your currency strength alert ({on}) is on"),
        at: first.close_time,
    };
    Ok((summary, Cards::new(cards, MAX_CARDS, RoleCard::name)))
}

/// `Strongest now GBP, weakest now JPY`
fn what(cards: &[RoleCard]) -> String {
    let all: Vec<String> = cards.iter().map(|one| format!("{} now {}", one.role, one.card.title)).collect();
    let text = all.join(", ");
    let (initial, rest) = text.split_at(text.len().min(1));
    initial.to_uppercase() + rest
}

impl RoleCard {
    /// `GBP strongest at 100`
    fn name(&self) -> String {
        format!("{} {} at {}", self.card.title, self.role, self.card.main.value)
    }
}

fn role_card(look: &Look, trigger: &TriggerFired) -> Result<RoleCard, ViewError> {
    let (role, tone) = match trigger.condition {
        Condition::Strongest => ("strongest", Tone::Overbought),
        Condition::Weakest => ("weakest", Tone::Oversold),
        other => return Err(card::impossible(trigger, other)),
    };
    let (Detail::Leader(LeaderChanged { role: told, from, to }), sentence) = card::told(trigger)? else {
        return Err(card::unreadable(trigger));
    };
    // They stand in the subject, so they are what they say they are.
    if told != trigger.condition || !is_currency(&from) || !is_currency(&to) {
        return Err(card::unreadable(trigger));
    }
    let bar = |when, score| Bar {
        label: format!("{to} {when}"),
        value: number::line_of(score),
        fill: number::filled(score, -100.0..=100.0),
        tone,
    };
    let bars = vec![bar("now", trigger.value), bar("before", trigger.previous)];
    Ok(RoleCard {
        card: Card {
            title: to.clone(),
            state: format!("Now the {role}"),
            ground: tone,
            tone,
            main: Fact::new("Score now", number::line_of(trigger.value)),
            sentence,
            facts: vec![
                Fact::new(format!("{} now", capital(role)), &*to),
                Fact::new(format!("{} before", capital(role)), &*from),
                Fact::when(look, trigger),
            ],
        },
        role,
        bars,
    })
}

fn capital(role: &str) -> &'static str {
    if role == "weakest" { "Weakest" } else { "Strongest" }
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
