//! `price_alerts` and `price_alert_triggers`.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::alerts::AlertTable;
use super::statements::{insert_triggers, select_alerts};
use super::triggers::TriggerTable;
use super::{KindTables, column, symbol, timeframe};
use crate::statements::Query;

pub(super) const TABLES: KindTables = KindTables {
    kind: AlertKind::PriceAlert,
    alerts: AlertTable {
        name: AlertKind::PriceAlert.table(),
        captured: &["symbol", "above", "below", "on_close", "fires", "expires_at"],
        select: select_alerts!(
            from "public.price_alerts",
            parameters "'symbol', a.symbol, 'above', a.above, 'below', a.below, 'on_close', a.on_close,
                'fires', a.fires, 'expires_at', a.expires_at"
        ),
        insert: "insert into public.price_alerts
                (id, user_id, symbol, above, below, on_close, fires, expires_at)
            select $1, $2, alert.symbol, alert.above, alert.below, alert.on_close, alert.fires, alert.expires_at
            from jsonb_to_record($3)
                as alert (symbol text, above numeric, below numeric, on_close text, fires text, expires_at timestamptz)
            on conflict (id) do nothing",
        count_active: "select count(*) from public.price_alerts where is_active",
    },
    triggers: TriggerTable {
        name: "price_alert_triggers",
        insert: insert_triggers!(
            into "public.price_alert_triggers",
            columns "symbol, timeframe, side, level, previous",
            values "symbol, timeframe, side, level::numeric, previous::numeric",
            arrays "$9::text[], $10::text[], $11::text[], $12::float8[], $13::float8[]"
        ),
        bind,
        recent: "select 'price_alert' as kind, id, alert_id, user_id, triggered_at, created_at, symbol, coalesce(timeframe, '') as timeframe,
                side as condition, level::float8 as value, price::float8 as price,
                coalesce(detail ->> 'text', '') as text
            from public.price_alert_triggers order by triggered_at desc, id limit $1",
        count: "select count(*) from public.price_alert_triggers",
        written: "select created_at from public.price_alert_triggers where id = $1",
    },
};

/// `symbol`, `timeframe`, `side`, `level`, `previous`.
fn bind<'q>(insert: Query<'q>, triggers: &[&TriggerFired]) -> Query<'q> {
    insert
        .bind(column(triggers, symbol))
        .bind(column(triggers, timeframe))
        .bind(column(triggers, |t| t.condition.name()))
        .bind(column(triggers, |t| t.threshold))
        .bind(column(triggers, |t| t.previous))
}
