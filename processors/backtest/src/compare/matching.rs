//! Which trigger of a run is which of the recorded ones.
//!
//! The key is the alert, what it is about (its symbol or pair), its bar length and what happened there, whatever version of
//! the alert it was: two triggers of one key are the same where their instants are. Those that are left and lie no more than
//! [`DRIFT`] bars apart are one trigger that came at another bar. What is left then is missing or extra.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bellwether_schemas::ids::GroupId;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{Cause, Condition, DetailText, Group, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timeframe, Timestamp, TriggerId};
use bellwether_worker::replay::{fields_that_differ, value_of_outcome};
use serde::Serialize;
use uuid::Uuid;

use super::{At, Counts};

/// Bars, or minutes of an alert on ticks, that one trigger may be moved by: a bar that is not what it was shifts a crossing by one
/// or two; further away it is another crossing.
pub(super) const DRIFT: i64 = 3;

/// How a trigger differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was recorded, and the run does not give it.
    Missing,
    /// The run gives it, and it was not recorded.
    Extra,
    /// It came at another bar or instant.
    Drifted,
    /// It came at the same instant, with another value, line or price.
    Altered,
}

/// One trigger that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// How.
    pub what: What,
    /// Whose.
    pub alert: AlertId,
    /// Its symbol or pair, or empty.
    pub subject: String,
    /// The bar length, if any.
    pub timeframe: Option<Timeframe>,
    /// What happened.
    pub condition: Condition,
    /// As it was recorded.
    pub recorded: Option<Told>,
    /// As the run gives it.
    pub run: Option<Told>,
    /// Of one that drifted: how much later the run has it, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later_by: Option<i64>,
    /// Of one that is altered: which fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl Difference {
    /// When it was recorded, or came in the run.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.recorded.as_ref().or(self.run.as_ref()).map(|told| told.at)
    }
}

/// What is told of one side's trigger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Its id there.
    pub id: TriggerId,
    /// The journal offset of the record that it came of.
    pub offset: u64,
    /// The end of its bar, or the tick's time.
    pub at: Timestamp,
    /// The value, in the kind's unit.
    pub value: Option<f64>,
    /// The line, in the same unit.
    pub threshold: Option<f64>,
    /// The price there.
    pub price: Option<f64>,
    /// As one sentence.
    pub says: String,
}

/// The result of [`pairs`].
pub(super) struct Pairs {
    pub(super) counts: BTreeMap<AlertId, Counts>,
    /// Of the run, and perhaps still to be recorded.
    pub(super) pending: u64,
    /// By time, alert and subject.
    pub(super) differences: Vec<Difference>,
}

type Key = (AlertId, String, Option<Timeframe>, &'static str);
type Sides = [Vec<At>; 2];

/// Pairs what was recorded with what a run gives; `is_pending` says of which journal offsets more may be recorded yet.
pub(super) fn pairs(
    recorded: impl IntoIterator<Item = At>,
    fired: impl IntoIterator<Item = At>,
    is_pending: &dyn Fn(u64) -> bool,
) -> Pairs {
    let mut keys: BTreeMap<Key, Sides> = BTreeMap::new();
    recorded.into_iter().for_each(|at| keys.entry(key(&at.1)).or_default()[0].push(at));
    fired.into_iter().for_each(|at| keys.entry(key(&at.1)).or_default()[1].push(at));
    let mut found = Pairs { counts: BTreeMap::new(), pending: 0, differences: Vec::new() };
    for ((alert, ..), mut sides) in keys {
        sides.iter_mut().for_each(|side| side.sort_by_key(|(offset, trigger)| (trigger.close_time, *offset)));
        let counts = found.counts.entry(alert).or_default();
        let rest = same_instant(sides, counts, &mut found.differences);
        let extra = nearby(rest, counts, &mut found.differences);
        let (pending, extra): (Vec<At>, Vec<At>) = extra.into_iter().partition(|at| is_pending(at.0));
        found.pending += pending.len() as u64;
        for fired in &extra {
            tell(What::Extra, None, Some(fired), Vec::new(), counts, &mut found.differences);
        }
    }
    found.differences.sort_by(|one, other| {
        let place = |of: &Difference| (of.at(), of.alert);
        place(one).cmp(&place(other)).then_with(|| one.subject.cmp(&other.subject))
    });
    found
}

fn key(trigger: &TriggerFired) -> Key {
    (trigger.alert_id, subject(trigger), trigger.timeframe, trigger.condition.name())
}

fn subject(trigger: &TriggerFired) -> String {
    let symbol = trigger.symbol.as_ref().map(ToString::to_string);
    symbol.or_else(|| trigger.pair.clone()).unwrap_or_default()
}

/// Takes out what both have at one instant; what is left of each, by time.
fn same_instant(sides: Sides, counts: &mut Counts, differences: &mut Vec<Difference>) -> Sides {
    let mut rest = Sides::default();
    let [mut recorded, mut fired] = sides.map(|side| side.into_iter().peekable());
    loop {
        let order = match (recorded.peek(), fired.peek()) {
            (None, None) => return rest,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(recorded), Some(fired)) => recorded.1.close_time.cmp(&fired.1.close_time),
        };
        match order {
            Ordering::Less => rest[0].extend(recorded.next()),
            Ordering::Greater => rest[1].extend(fired.next()),
            Ordering::Equal => {
                counts.matching += 1;
                if let (Some(recorded), Some(fired)) = (recorded.next(), fired.next()) {
                    let fields = altered(&recorded.1, &fired.1);
                    if !fields.is_empty() {
                        tell(What::Altered, Some(&recorded), Some(&fired), fields, counts, differences);
                    }
                }
            }
        }
    }
}

/// Each that was recorded with the nearest of the run within reach, in their order; what is left of the run.
fn nearby([recorded, fired]: Sides, counts: &mut Counts, differences: &mut Vec<Difference>) -> Vec<At> {
    let mut fired: Vec<Option<At>> = fired.into_iter().map(Some).collect();
    let mut begin = 0;
    for recorded in &recorded {
        let at = recorded.1.close_time;
        let reach = DRIFT * recorded.1.timeframe.map_or(MINUTE, Timeframe::nominal);
        let apart = |fired: &Option<At>| fired.as_ref().map(|(_, trigger)| trigger.close_time.since(at));
        begin += fired[begin..].iter().take_while(|fired| apart(fired).is_none_or(|by| by < -reach)).count();
        let near = fired.iter().enumerate().skip(begin);
        let near = near.take_while(|(_, fired)| apart(fired).is_none_or(|by| by <= reach));
        let near = near.filter_map(|(place, fired)| Some((apart(fired)?.abs(), place)));
        match near.min().and_then(|(_, place)| fired[place].take()) {
            Some(fired) => tell(What::Drifted, Some(recorded), Some(&fired), Vec::new(), counts, differences),
            None => tell(What::Missing, Some(recorded), None, Vec::new(), counts, differences),
        }
    }
    fired.into_iter().flatten().collect()
}

fn tell(
    what: What,
    recorded: Option<&At>,
    run: Option<&At>,
    fields: Vec<String>,
    counts: &mut Counts,
    differences: &mut Vec<Difference>,
) {
    counts.count(what);
    let Some((_, about)) = recorded.or(run) else { return };
    let later_by = match (what, recorded, run) {
        (What::Drifted, Some(recorded), Some(run)) => {
            Some(run.1.close_time.since(recorded.1.close_time) / 1_000_000)
        }
        _ => None,
    };
    differences.push(Difference {
        what,
        alert: about.alert_id,
        subject: subject(about),
        timeframe: about.timeframe,
        condition: about.condition,
        recorded: recorded.map(told),
        run: run.map(told),
        later_by,
        fields,
    });
}

fn told((offset, trigger): &At) -> Told {
    Told {
        id: trigger.id,
        offset: *offset,
        at: trigger.close_time,
        value: trigger.value,
        threshold: trigger.threshold,
        price: trigger.price,
        says: trigger.sentence().unwrap_or_default(),
    }
}

/// The fields that differ, but for those that say who computed it, when, and of which version of the alert. Of its detail what it
/// tells people counts: the line of its alert's other side, which stands there too, is none of it.
fn altered(recorded: &TriggerFired, fired: &TriggerFired) -> Vec<String> {
    let [recorded, fired] = [recorded, fired].map(|trigger| {
        let nobody = Uuid::nil();
        Outcome::Fired(TriggerFired {
            id: TriggerId(nobody),
            user_id: fired.user_id,
            alert_version: 0,
            engine_version: 0,
            cause: Cause { offset: 0, index: 0 },
            group: Group { id: GroupId(nobody), index: 0, size: 0 },
            detail: DetailText::from(trigger.sentence().unwrap_or_default()),
            ..trigger.clone()
        })
    });
    if recorded == fired {
        return Vec::new();
    }
    fields_that_differ(&value_of_outcome(&recorded), &value_of_outcome(&fired))
}

#[cfg(test)]
mod tests;
