//! `heatmap_indicator_tracker_alerts` and `heatmap_indicator_tracker_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Detail, TriggerFired};

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, symbol, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::HeatmapIndicatorTracker,
    alerts: AlertTable {
        name: AlertKind::HeatmapIndicatorTracker.table(),
        captured: &["pairs", "timeframe", "indicator"],
        select: select_alerts!(
            from "public.heatmap_indicator_tracker_alerts",
            parameters "'pairs', a.pairs, 'timeframe', a.timeframe, 'indicator', a.indicator"
        ),
        insert: "insert into public.heatmap_indicator_tracker_alerts
                (id, user_id, pairs, timeframe, indicator)
            select $1, $2, alert.pairs, alert.timeframe, alert.indicator
            from jsonb_to_record($3)
                as alert (pairs jsonb, timeframe text, indicator text)
            on conflict do nothing",
        count_active: "select count(*) from public.heatmap_indicator_tracker_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "heatmap_indicator_tracker_alert_triggers",
        insert: insert_triggers!(
            into "public.heatmap_indicator_tracker_alert_triggers",
            columns "symbol, timeframe, indicator, signal",
            values "symbol, timeframe, indicator, signal",
            arrays "$9::text[], $10::text[], $11::text[], $12::text[]"
        ),
        bind,
        recent: "select 'heatmap_indicator_tracker' as kind, id, alert_id, user_id, triggered_at, created_at, coalesce(symbol, '') as symbol,
                coalesce(timeframe, '') as timeframe, coalesce(signal, '') as condition, null::float8 as value,
                price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.heatmap_indicator_tracker_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.heatmap_indicator_tracker_alert_triggers",
        written: "select created_at from public.heatmap_indicator_tracker_alert_triggers where id = $1",
    },
};

/// `symbol`, `timeframe`, `indicator`, `signal`.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    insert
        .bind(column(triggers, symbol))
        .bind(column(triggers, timeframe))
        .bind(column(triggers, indicator))
        .bind(column(triggers, |t| t.condition.name()))
}

/// Which of the seven turned. None where the detail does not say: the table refuses that.
fn indicator(trigger: &TriggerFired) -> Option<&'static str> {
    match trigger.detail.read(AlertKind::HeatmapIndicatorTracker) {
        Ok(Detail::Turn(turn)) => Some(turn.indicator.name()),
        _ => None,
    }
}
