//! `rsi_correlation_tracker_alerts` and `rsi_correlation_tracker_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, TriggerFired};

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::RsiCorrelationTracker,
    alerts: AlertTable {
        name: AlertKind::RsiCorrelationTracker.table(),
        captured: &["timeframe", "mode", "rsi_period", "rsi_overbought", "rsi_oversold", "correlation_window"],
        select: select_alerts!(
            from "public.rsi_correlation_tracker_alerts",
            parameters "'timeframe', a.timeframe, 'mode', a.mode, 'rsi_period', a.rsi_period,
                'rsi_overbought', a.rsi_overbought, 'rsi_oversold', a.rsi_oversold,
                'correlation_window', a.correlation_window"
        ),
        insert: "insert into public.rsi_correlation_tracker_alerts
                (id, user_id, timeframe, mode, rsi_period, rsi_overbought, rsi_oversold, correlation_window)
            select $1, $2, alert.timeframe, alert.mode, alert.rsi_period, alert.rsi_overbought,
                alert.rsi_oversold, alert.correlation_window
            from jsonb_to_record($3)
                as alert (timeframe text, mode text, rsi_period integer, rsi_overbought integer, rsi_oversold integer,
                          correlation_window integer)
            on conflict do nothing",
        count_active: "select count(*) from public.rsi_correlation_tracker_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "rsi_correlation_tracker_alert_triggers",
        insert: insert_triggers!(
            into "public.rsi_correlation_tracker_alert_triggers",
            columns "pair_key, timeframe, mode, trigger_type, value",
            values "pair_key, timeframe, mode, trigger_type, value::numeric(6,3)",
            arrays "$9::text[], $10::text[], $11::text[], $12::text[], $13::float8[]"
        ),
        bind,
        recent: "select 'rsi_correlation_tracker' as kind, id, alert_id, user_id, triggered_at, created_at, coalesce(pair_key, '') as symbol,
                coalesce(timeframe, '') as timeframe, coalesce(trigger_type, '') as condition, value::float8 as value,
                price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.rsi_correlation_tracker_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.rsi_correlation_tracker_alert_triggers",
        written: "select created_at from public.rsi_correlation_tracker_alert_triggers where id = $1",
    },
};

/// `pair_key`, `timeframe`, `mode`, `trigger_type`, `value`.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    insert
        .bind(column(triggers, |t| t.pair.clone()))
        .bind(column(triggers, timeframe))
        .bind(column(triggers, |t| mode(t.condition)))
        .bind(column(triggers, |t| t.condition.name()))
        .bind(column(triggers, |t| t.value))
}

/// The alert's mode, which is known by what it found. None for what no pair can do: the table refuses that.
const fn mode(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::RsiMismatch => Some("rsi_threshold"),
        Condition::RealMismatch => Some("real_correlation"),
        Condition::Overbought
        | Condition::Oversold
        | Condition::Buy
        | Condition::Sell
        | Condition::Above
        | Condition::Below
        | Condition::Strongest
        | Condition::Weakest => None,
    }
}
