//! `rsi_tracker_alerts` and `rsi_tracker_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, symbol, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::RsiTracker,
    alerts: AlertTable {
        name: AlertKind::RsiTracker.table(),
        captured: &["timeframe", "rsi_period", "rsi_overbought", "rsi_oversold"],
        select: select_alerts!(
            from "public.rsi_tracker_alerts",
            parameters "'timeframe', a.timeframe, 'rsi_period', a.rsi_period, 'rsi_overbought', a.rsi_overbought,
                'rsi_oversold', a.rsi_oversold"
        ),
        insert: "insert into public.rsi_tracker_alerts
                (id, user_id, timeframe, rsi_period, rsi_overbought, rsi_oversold)
            select $1, $2, alert.timeframe, alert.rsi_period, alert.rsi_overbought, alert.rsi_oversold
            from jsonb_to_record($3)
                as alert (timeframe text, rsi_period integer, rsi_overbought integer, rsi_oversold integer)
            on conflict do nothing",
        count_active: "select count(*) from public.rsi_tracker_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "rsi_tracker_alert_triggers",
        insert: insert_triggers!(
            into "public.rsi_tracker_alert_triggers",
            columns "symbol, timeframe, trigger_condition, rsi_value",
            values "symbol, timeframe, trigger_condition, rsi_value::numeric(5,2)",
            arrays "$9::text[], $10::text[], $11::text[], $12::float8[]"
        ),
        bind,
        recent:
            "select 'rsi_tracker' as kind, id, alert_id, user_id, triggered_at, created_at, symbol, timeframe,
                trigger_condition as condition, rsi_value::float8 as value, price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.rsi_tracker_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.rsi_tracker_alert_triggers",
        written: "select created_at from public.rsi_tracker_alert_triggers where id = $1",
    },
};

/// `symbol`, `timeframe`, `trigger_condition`, `rsi_value`.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    insert
        .bind(column(triggers, symbol))
        .bind(column(triggers, timeframe))
        .bind(column(triggers, |t| t.condition.name()))
        .bind(column(triggers, |t| t.value))
}
