//! The mail of kind `currency_strength_tracker`: one card a role that changed hands, and below them what every currency
//! scored at that bar.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, LeaderChanged, TriggerFired};
use serde::Serialize;

use super::card::{self, Bar, Card, Cards, Fact, Tone, capital};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::number;
use crate::mail::render::Rendered;

/// Most cards of a mail: there are two roles.
const MAX_CARDS: usize = 24;
/// What scores lie between.
const RANGE: std::ops::RangeInclusive<f64> = -100.0..=100.0;

/// Scores by currency; one without a pair has none.
type Scores = BTreeMap<Cow<'static, str>, Option<f64>>;

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    #[serde(flatten)]
    cards: Cards<RoleCard>,
    /// None where the triggers tell of the leader alone, as older ones do.
    all: Option<AllCurrencies>,
}

/// A role and who has it now.
#[derive(Debug, Clone, Serialize)]
struct RoleCard {
    #[serde(flatten)]
    card: Card,
    #[serde(skip)]
    role: &'static str,
    /// The leader now and before, where nothing is known of the others.
    bars: Vec<Bar>,
}

/// Every currency at the bar, strongest first.
#[derive(Debug, Clone, Serialize)]
struct AllCurrencies {
    title: String,
    bars: Vec<Bar>,
}

/// The mail of one group.
pub(super) fn render(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let (summary, view) = view(setting.look, triggers)?;
    Ok(setting.render(MailKind::Alert(AlertKind::CurrencyStrengthTracker), summary, &view)?)
}

/// Both roles change hands at one bar.
pub(super) fn sample(look: &Look) -> Result<Vec<TriggerFired>, ViewError> {
    let json = include_str!("../../../mail/currency_strength_tracker/sample.json");
    card::sample(look, AlertKind::CurrencyStrengthTracker, json)
}

fn view(look: &Look, triggers: &[TriggerFired]) -> Result<(Summary, View), ViewError> {
    let first = triggers.first().ok_or(ViewError::Empty)?;
    let on = card::timeframe(first);
    let mut cards: Vec<RoleCard> =
        triggers.iter().map(|trigger| role_card(look, trigger)).collect::<Result<_, _>>()?;
    let scores = change(first)?.scores;
    if let ([one], Some(scores)) = (cards.as_mut_slice(), &scores) {
        one.say_who_stayed(scores);
    }
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
    let all = scores.map(|scores| all_currencies(&scores, on));
    Ok((summary, View { cards: Cards::new(cards, MAX_CARDS, RoleCard::name), all }))
}

/// `Strongest now GBP, weakest now JPY`
fn what(cards: &[RoleCard]) -> String {
    let all: Vec<String> = cards.iter().map(|one| format!("{} now {}", one.role, one.card.title)).collect();
    capital(&all.join(", "))
}

impl RoleCard {
    /// `GBP strongest at 100`
    fn name(&self) -> String {
        format!("{} {} at {}", self.card.title, self.role, self.card.main.value)
    }

    /// The other role's currency, which did not change: else it would have a trigger of its own. Of equals nothing is
    /// said.
    fn say_who_stayed(&mut self, scores: &Scores) {
        let (other, extreme) =
            if self.role == "weakest" { ("Strongest", *RANGE.end()) } else { ("Weakest", *RANGE.start()) };
        let mut there = scores.iter().filter(|(_, score)| **score == Some(extreme));
        if let (Some((currency, _)), None) = (there.next(), there.next()) {
            let place = self.card.facts.len().saturating_sub(1);
            self.card.facts.insert(place, Fact::new(format!("{other}, as before"), currency.as_ref()));
        }
    }
}

/// What the trigger tells. Names of currencies stand in the subject, so they are what they say they are.
fn change(trigger: &TriggerFired) -> Result<LeaderChanged, ViewError> {
    let (Detail::Leader(change), _) = card::told(trigger)? else { return Err(card::unreadable(trigger)) };
    let mut named = change.scores.iter().flatten().map(|(currency, _)| currency.as_ref());
    let is_sound = change.role == trigger.condition
        && is_currency(&change.from)
        && is_currency(&change.to)
        && named.all(is_currency);
    if is_sound { Ok(change) } else { Err(card::unreadable(trigger)) }
}

fn role_card(look: &Look, trigger: &TriggerFired) -> Result<RoleCard, ViewError> {
    let (role, tone) = match trigger.condition {
        Condition::Strongest => ("strongest", Tone::Overbought),
        Condition::Weakest => ("weakest", Tone::Oversold),
        other => return Err(card::impossible(trigger, other)),
    };
    let LeaderChanged { from, to, scores, .. } = change(trigger)?;
    let (_, sentence) = card::told(trigger)?;
    let bars = match scores {
        Some(_) => Vec::new(),
        None => [("now", trigger.value), ("before", trigger.previous)]
            .map(|(when, score)| bar(format!("{to} {when}"), score, tone))
            .into(),
    };
    let facts = vec![
        Fact::new(format!("{} now", capital(role)), &*to),
        Fact::new(format!("{} before", capital(role)), &*from),
        Fact::new(format!("{to} before"), number::line_of(trigger.previous)),
        Fact::when(look, trigger),
    ];
    let main = Fact::new("Score now", number::line_of(trigger.value));
    let state = format!("Now the {role}");
    Ok(RoleCard { card: Card { title: to, state, ground: tone, tone, main, sentence, facts }, role, bars })
}

fn all_currencies(scores: &Scores, on: &str) -> AllCurrencies {
    let mut sorted: Vec<(&str, Option<f64>)> =
        scores.iter().map(|(currency, score)| (currency.as_ref(), *score)).collect();
    let place = |score: Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
    sorted.sort_by(|(_, a), (_, b)| place(*b).total_cmp(&place(*a)));
    let bars = sorted.into_iter().map(|(currency, score)| bar(currency.into(), score, side(score)));
    AllCurrencies { title: format!("All currencies on {on}, strongest first"), bars: bars.collect() }
}

fn bar(label: String, score: Option<f64>, tone: Tone) -> Bar {
    // What has no score has no length either.
    let fill = number::filled(score.or(Some(*RANGE.start())), RANGE);
    Bar { label, value: number::line_of(score), fill, tone }
}

fn side(score: Option<f64>) -> Tone {
    match score {
        Some(score) if score > 0.0 => Tone::Overbought,
        Some(score) if score < 0.0 => Tone::Oversold,
        _ => Tone::Plain,
    }
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
