//! `public.user_events` and `public.user_line`: the line to the browser. Each user's events have the numbers 1, 2, 3 …
//! without holes, in the order in which they were committed.

use std::collections::{BTreeMap, HashMap};

use bellwether_schemas::triggers::{AlertStatus, Outcome, TriggerFired};
use bellwether_schemas::{Timeframe, Timestamp, TriggerId, UserId};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::alerts::AlertRow;
use super::column;
use super::would_have::{Changed, WouldHave};
use crate::statements::{Statements, touched};

/// The events' name in schema `public`.
pub const NAME: &str = "user_events";
/// The name there of the table of each user's first and next number.
pub const LINE: &str = "user_line";

/// Takes numbers for all users at once and inserts the events under them. Users come sorted, so that whoever takes
/// numbers of several locks their lines in one order; an event names its user by the place among them.
const APPEND: &str = "with taken as (
        insert into public.user_line as line (tenant_id, user_id, next_seq)
        select $1, user_id, 1 + many from unnest($2::uuid[], $3::bigint[]) as t (user_id, many)
        on conflict (tenant_id, user_id) do update set next_seq = line.next_seq + excluded.next_seq - 1
        returning user_id, next_seq
    ), numbers as (
        select array_agg(next_seq order by user_id) as next from taken
    )
    insert into public.user_events (tenant_id, user_id, seq, type, kind, alert_id, trigger_id, payload)
    select $1, ($2::uuid[])[place], next[place] - behind, type, kind, alert_id, trigger_id, payload::jsonb
    from unnest($4::integer[], $5::bigint[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::text[])
        as e (place, behind, type, kind, alert_id, trigger_id, payload)
    cross join numbers";

/// Something that a user's page is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose line it is in.
    pub user_id: UserId,
    /// Name of the alert's kind.
    pub kind: String,
    /// The alert it is about.
    pub alert_id: Uuid,
    /// The row it tells of; none: it tells of the alert's status.
    pub trigger_id: Option<TriggerId>,
    /// What a page shows, a JSON object.
    pub payload: String,
}

/// What a page shows of a trigger.
#[derive(Serialize)]
struct TriggerPayload<'a> {
    triggered_at: Timestamp,
    alert_version: i64,
    symbol: Option<&'a str>,
    pair: Option<&'a str>,
    timeframe: Option<&'static str>,
    condition: &'static str,
    value: Option<f64>,
    previous: Option<f64>,
    threshold: Option<f64>,
    price: Option<f64>,
    text: Option<String>,
}

/// What a page shows of an alert's status.
#[derive(Serialize)]
struct StatusPayload<'a> {
    version: i64,
    state: &'a str,
    reason: Option<&'a str>,
    effective_at: Option<String>,
    /// Only where it is what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_have: Option<WouldHave<'a>>,
}

impl Event {
    /// What is told of an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Fired(trigger) => Self::of_trigger(trigger),
            Outcome::Status(status) => Self::of_status(status),
        }
    }

    fn of_trigger(trigger: &TriggerFired) -> Self {
        let payload = TriggerPayload {
            triggered_at: trigger.close_time,
            alert_version: trigger.alert_version,
            symbol: trigger.symbol.as_ref().map(|symbol| symbol.as_str()),
            pair: trigger.pair.as_deref(),
            timeframe: trigger.timeframe.map(Timeframe::code),
            condition: trigger.condition.name(),
            value: trigger.value,
            previous: trigger.previous,
            threshold: trigger.threshold,
            price: trigger.price,
            text: trigger.sentence().ok(),
        };
        Self {
            user_id: trigger.user_id,
            kind: trigger.kind.name().into(),
            alert_id: trigger.alert_id.0,
            trigger_id: Some(trigger.id),
            payload: json(&payload),
        }
    }

    fn of_status(status: &AlertStatus) -> Self {
        let payload = StatusPayload {
            version: status.version,
            state: status.state.name(),
            reason: status.reason.as_deref(),
            effective_at: status.since.map(|since| since.to_string()),
            would_have: None,
        };
        Self {
            user_id: status.user_id,
            kind: status.kind.name().into(),
            alert_id: status.alert_id.0,
            trigger_id: None,
            payload: json(&payload),
        }
    }

    /// What is told of a row that no engine speaks of.
    pub(super) fn of_row(row: &AlertRow, state: &str, reason: Option<&str>, since: DateTime<Utc>) -> Self {
        let effective_at = Some(since.to_rfc3339_opts(SecondsFormat::Micros, true));
        let payload = StatusPayload { version: row.version, state, reason, effective_at, would_have: None };
        Self {
            user_id: UserId(row.user_id),
            kind: row.kind.clone(),
            alert_id: row.alert_id,
            trigger_id: None,
            payload: json(&payload),
        }
    }

    /// What is told of a status whose alert is known now to have fired so often, had it been there.
    pub(super) fn of_would_have(row: &Changed, would_have: WouldHave<'_>) -> Self {
        let effective_at = row.effective_at.map(|since| since.to_rfc3339_opts(SecondsFormat::Micros, true));
        let payload = StatusPayload {
            version: row.version,
            state: &row.state,
            reason: row.reason.as_deref(),
            effective_at,
            would_have: Some(would_have),
        };
        Self {
            user_id: UserId(row.user_id),
            kind: row.kind.clone(),
            alert_id: row.alert_id,
            trigger_id: None,
            payload: json(&payload),
        }
    }

    const fn r#type(&self) -> &'static str {
        if self.trigger_id.is_some() { "trigger" } else { "status" }
    }
}

/// A struct of numbers and text has a JSON form always.
pub(super) fn json(payload: &impl Serialize) -> String {
    serde_json::to_string(payload).unwrap_or_default()
}

/// Which numbers events take.
#[derive(Debug, PartialEq, Eq)]
struct Numbers {
    /// Whose events they are, sorted.
    users: Vec<Uuid>,
    /// How many each of them has.
    many: Vec<i64>,
    /// Of each event, its user's place among them, from 1.
    place: Vec<i32>,
    /// Of each event, how far its number lies behind its user's next one, once all of them have theirs.
    behind: Vec<i64>,
}

fn numbers(events: &[Event]) -> Numbers {
    let mut many: BTreeMap<UserId, i64> = BTreeMap::new();
    let mut behind: Vec<i64> = Vec::with_capacity(events.len());
    for event in events.iter().rev() {
        let later = many.entry(event.user_id).or_default();
        *later += 1;
        behind.push(*later);
    }
    behind.reverse();
    let places: HashMap<UserId, i32> = many.keys().copied().zip(1..).collect();
    Numbers {
        place: events.iter().map(|event| places[&event.user_id]).collect(),
        users: many.keys().map(|user| user.0).collect(),
        many: many.into_values().collect(),
        behind,
    }
}

/// Puts events at the end of their users' lines, each user's in the order given.
///
/// # Errors
/// The database said no: a user may be gone. Then nothing may be committed, and the numbers are free again.
pub async fn append(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    events: &[Event],
) -> sqlx::Result<()> {
    let Numbers { users, many, place, behind } = numbers(events);
    let events: Vec<&Event> = events.iter().collect();
    let query = statements.query(APPEND).bind(users).bind(many).bind(place).bind(behind);
    let query = query
        .bind(column(&events, |event| event.r#type()))
        .bind(column(&events, |event| event.kind.clone()))
        .bind(column(&events, |event| event.alert_id))
        .bind(column(&events, |event| event.trigger_id.map(|id| id.0)))
        .bind(column(&events, |event| event.payload.clone()));
    touched(query.execute(connection).await?.rows_affected(), events.len())
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;

    use super::*;

    #[test]
    fn each_users_events_count_back_from_the_users_next_number() {
        let event = |user: u128| Event {
            user_id: UserId(Uuid::from_u128(user)),
            kind: AlertKind::RsiTracker.name().into(),
            alert_id: Uuid::nil(),
            trigger_id: None,
            payload: "{}".into(),
        };
        let [first, second] = [1, 2].map(Uuid::from_u128);
        let expected = Numbers {
            users: vec![first, second],
            many: vec![2, 3],
            place: vec![2, 1, 2, 2, 1],
            behind: vec![3, 2, 2, 1, 1],
        };
        assert_eq!(numbers(&[event(2), event(1), event(2), event(2), event(1)]), expected);
    }
}
