//! `currency_strength_tracker_alerts` and `currency_strength_tracker_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Detail, LeaderChanged, TriggerFired};

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::CurrencyStrengthTracker,
    alerts: AlertTable {
        name: AlertKind::CurrencyStrengthTracker.table(),
        captured: &["timeframe"],
        select: select_alerts!(
            from "public.currency_strength_tracker_alerts",
            parameters "'timeframe', a.timeframe"
        ),
        insert: "insert into public.currency_strength_tracker_alerts
                (id, user_id, timeframe)
            select $1, $2, alert.timeframe
            from jsonb_to_record($3)
                as alert (timeframe text)
            on conflict do nothing",
        count_active: "select count(*) from public.currency_strength_tracker_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "currency_strength_tracker_alert_triggers",
        insert: insert_triggers!(
            into "public.currency_strength_tracker_alert_triggers",
            columns "timeframe, role, currency, previous_currency, score",
            values "timeframe, role, currency, previous_currency, score::numeric(6,2)",
            arrays "$9::text[], $10::text[], $11::text[], $12::text[], $13::float8[]"
        ),
        bind,
        recent: "select 'currency_strength_tracker' as kind, id, alert_id, user_id, triggered_at, created_at, coalesce(currency, '') as symbol,
                coalesce(timeframe, '') as timeframe, coalesce(role, '') as condition, score::float8 as value,
                price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.currency_strength_tracker_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.currency_strength_tracker_alert_triggers",
        written: "select created_at from public.currency_strength_tracker_alert_triggers where id = $1",
    },
};

/// `timeframe`, `role`, `currency`, `previous_currency`, `score`. What a detail does not say is none, which the table
/// refuses.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    let changes: Vec<Option<LeaderChanged>> = column(triggers, change);
    let currency = |of: fn(&LeaderChanged) -> &String| -> Vec<Option<String>> {
        changes.iter().map(|change| change.as_ref().map(of).cloned()).collect()
    };
    insert
        .bind(column(triggers, timeframe))
        .bind(column(triggers, |t| t.condition.name()))
        .bind(currency(|change| &change.to))
        .bind(currency(|change| &change.from))
        .bind(column(triggers, |t| t.value))
}

fn change(trigger: &TriggerFired) -> Option<LeaderChanged> {
    match trigger.detail.read(AlertKind::CurrencyStrengthTracker) {
        Ok(Detail::Leader(change)) => Some(change),
        _ => None,
    }
}
