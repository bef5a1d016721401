//! What the mails of alerts have in common: a card a trigger, and names for those that have no card. The templates
//! are `card_*.html`, `bars.html`, `more.mjml` and `card.txt` in `sinks/mail/`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, Detail, TriggerFired};
use bellwether_schemas::{Symbol, Timeframe};
use serde::Serialize;

use crate::mail::brand::Look;
use crate::mail::error::ViewError;
use crate::mail::kind::MailKind;
use crate::mail::{local_time, number};

/// How many triggers a preheader names.
const NAMED: usize = 4;
/// How many of those that have no card are named below the cards.
const LISTED: usize = 100;

/// One trigger, as a card shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Card {
    /// What it is about: a symbol, a pair, a currency.
    pub(super) title: String,
    /// What became of it.
    pub(super) state: String,
    pub(super) ground: Tone,
    pub(super) tone: Tone,
    pub(super) main: Fact,
    /// The trigger's own.
    pub(super) sentence: String,
    pub(super) facts: Vec<Fact>,
}

/// A number, or a word, and what it is.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Fact {
    label: String,
    pub(super) value: String,
    /// Its value needs the room of two.
    wide: bool,
}

/// Colours by what they mean; two have the names of RSI's cards, whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tone {
    /// Up: buy, above, strong.
    Overbought,
    /// Down: sell, below, weak.
    Oversold,
    /// Neither.
    Plain,
}

/// A number with a bar as long as it is large.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) fill: u8,
    pub(super) tone: Tone,
}

/// The cards of a mail.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cards<C> {
    cards: Vec<C>,
    more: Option<More>,
}

/// Triggers that have no card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct More {
    count: usize,
    names: String,
}

impl Fact {
    pub(super) fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), wide: false }
    }

    /// When it happened: a bar's close, or the tick's time.
    pub(super) fn when(look: &Look, trigger: &TriggerFired) -> Self {
        let label = trigger.timeframe.map_or("At".into(), |timeframe| format!("Bar closed ({timeframe})"));
        Self { wide: true, ..Self::new(label, local_time::stamp(look.zone, trigger.close_time)) }
    }

    pub(super) fn price(trigger: &TriggerFired) -> Self {
        let label = if trigger.timeframe.is_some() { "Price at the close" } else { "Price" };
        Self::new(label, number::price(trigger.price))
    }
}

impl<C> Cards<C> {
    /// The first `most` of them; the others are called by `name`.
    pub(super) fn new(mut cards: Vec<C>, most: usize, name: impl Fn(&C) -> String) -> Self {
        let more = more(&cards, most, name);
        cards.truncate(most);
        Self { cards, more }
    }
}

/// Names for those above `most`, so that no mail grows past what clients cut off.
pub(super) fn more<C>(cards: &[C], most: usize, name: impl Fn(&C) -> String) -> Option<More> {
    let rest = cards.get(most..).filter(|rest| !rest.is_empty())?;
    let names: Vec<String> = rest.iter().take(LISTED).map(name).collect();
    let ending = if rest.len() > LISTED { ", …" } else { "" };
    Some(More { count: rest.len(), names: names.join(", ") + ending })
}

/// The main numbers of a group, for the line that a list of mails shows below the subject.
pub(super) fn preheader<C>(cards: &[C], name: impl Fn(&C) -> String) -> String {
    let named: Vec<String> = cards.iter().take(NAMED).map(name).collect();
    let rest = cards.len().saturating_sub(NAMED);
    if rest == 0 { named.join(", ") } else { format!("{} and {rest} more", named.join(", ")) }
}

/// The smaller line below a mail's heading: when it happened.
pub(super) fn subline(look: &Look, trigger: &TriggerFired) -> String {
    let stamp = local_time::stamp(look.zone, trigger.close_time);
    trigger
        .timeframe
        .map_or_else(|| format!("At {stamp}"), |timeframe| format!("{timeframe} bar closed {stamp}"))
}

/// Length of the trigger's bars, for a subject.
pub(super) fn timeframe(trigger: &TriggerFired) -> &'static str {
    trigger.timeframe.map_or("tick", Timeframe::code)
}

/// The symbol as people read it.
pub(super) fn symbol(look: &Look, trigger: &TriggerFired) -> Result<String, ViewError> {
    let symbol = trigger.symbol.as_ref().ok_or_else(|| wrong(trigger, "symbol", "missing"))?;
    Ok(symbol.display(&look.suffix))
}

/// Both symbols of the pair as people read them. What a pair's key says is text: only what can be a symbol is shown.
pub(super) fn legs(look: &Look, trigger: &TriggerFired) -> Result<[String; 2], ViewError> {
    let key = trigger.pair.as_deref().ok_or_else(|| wrong(trigger, "pair", "missing"))?;
    let leg = |text: &str| {
        let symbol: Result<Symbol, _> = text.parse();
        symbol.map(|symbol| symbol.display(&look.suffix)).map_err(|_| wrong(trigger, "pair", key))
    };
    let (first, second) = key.split_once('-').ok_or_else(|| wrong(trigger, "pair", key))?;
    Ok([leg(first)?, leg(second)?])
}

/// The detail of a trigger, and its sentence as a sentence begins. The trigger's own may follow the name of its symbol,
/// and so begins as a word does.
pub(super) fn told(trigger: &TriggerFired) -> Result<(Detail, String), ViewError> {
    let told = trigger.read_detail().and_then(|detail| Ok((detail, capital(&trigger.sentence()?))));
    told.map_err(|_| unreadable(trigger))
}

/// The text with its first letter as a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The detail is not what its kind writes, or says something else than the trigger.
pub(super) fn unreadable(trigger: &TriggerFired) -> ViewError {
    wrong(trigger, "detail", trigger.detail.as_str())
}

/// What happened is nothing that happens to alerts of this kind.
pub(super) fn impossible(trigger: &TriggerFired, condition: Condition) -> ViewError {
    wrong(trigger, "condition", condition.name())
}

pub(super) fn wrong(trigger: &TriggerFired, field: &'static str, found: &str) -> ViewError {
    ViewError::Field { trigger: trigger.id.to_string(), field, found: found.into() }
}

/// The triggers of a kind's `sample.json`, as that tenant's.
pub(super) fn sample(look: &Look, kind: AlertKind, json: &str) -> Result<Vec<TriggerFired>, ViewError> {
    let triggers: Vec<TriggerFired> = serde_json::from_str(json)
        .map_err(|error| ViewError::Sample { kind: MailKind::Alert(kind), reason: error.to_string() })?;
    Ok(triggers.into_iter().map(|trigger| TriggerFired { tenant: look.tenant.clone(), ..trigger }).collect())
}
