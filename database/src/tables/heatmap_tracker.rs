//! `heatmap_tracker_alerts` and `heatmap_tracker_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Detail, TriggerFired, ZoneEntered};

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, symbol, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::HeatmapTracker,
    alerts: AlertTable {
        name: AlertKind::HeatmapTracker.table(),
        captured: &["pairs", "trading_style", "buy_threshold", "sell_threshold"],
        select: select_alerts!(
            from "public.heatmap_tracker_alerts",
            parameters "'pairs', a.pairs, 'trading_style', a.trading_style, 'buy_threshold', a.buy_threshold,
                'sell_threshold', a.sell_threshold"
        ),
        insert: "insert into public.heatmap_tracker_alerts
                (id, user_id, pairs, trading_style, buy_threshold, sell_threshold)
            select $1, $2, alert.pairs, alert.trading_style, alert.buy_threshold, alert.sell_threshold
            from jsonb_to_record($3)
                as alert (pairs jsonb, trading_style text, buy_threshold integer, sell_threshold integer)
            on conflict do nothing",
        count_active: "select count(*) from public.heatmap_tracker_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "heatmap_tracker_alert_triggers",
        insert: insert_triggers!(
            into "public.heatmap_tracker_alert_triggers",
            columns "symbol, timeframe, trading_style, trigger_type, buy_percent, sell_percent, final_score",
            values "symbol, timeframe, trading_style, trigger_type, buy_percent::numeric(5,2), sell_percent::numeric(5,2),
                    final_score::numeric(6,2)",
            arrays "$9::text[], $10::text[], $11::text[], $12::text[], $13::float8[], $14::float8[], $15::float8[]"
        ),
        bind,
        recent: "select 'heatmap_tracker' as kind, id, alert_id, user_id, triggered_at, created_at, coalesce(symbol, '') as symbol,
                coalesce(timeframe, '') as timeframe, coalesce(trigger_type, '') as condition,
                (case trigger_type when 'sell' then sell_percent else buy_percent end)::float8 as value,
                price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.heatmap_tracker_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.heatmap_tracker_alert_triggers",
        written: "select created_at from public.heatmap_tracker_alert_triggers where id = $1",
    },
};

/// `symbol`, `timeframe`, `trading_style`, `trigger_type`, `buy_percent`, `sell_percent`, `final_score`. What a detail
/// does not say is none, which the table refuses.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    let zones: Vec<Option<ZoneEntered>> = column(triggers, zone);
    let number = |of: fn(&ZoneEntered) -> f64| -> Vec<Option<f64>> {
        zones.iter().map(|zone| zone.as_ref().map(of)).collect()
    };
    let style = |zone: &Option<ZoneEntered>| zone.as_ref().map(|zone| zone.trading_style.name());
    insert
        .bind(column(triggers, symbol))
        .bind(column(triggers, timeframe))
        .bind(zones.iter().map(style).collect::<Vec<_>>())
        .bind(column(triggers, |t| t.condition.name()))
        .bind(number(|zone| zone.buy_percent))
        .bind(number(|zone| zone.sell_percent))
        .bind(number(|zone| zone.final_score))
}

fn zone(trigger: &TriggerFired) -> Option<ZoneEntered> {
    match trigger.detail.read(AlertKind::HeatmapTracker) {
        Ok(Detail::Heatmap(zone)) => Some(zone),
        _ => None,
    }
}
