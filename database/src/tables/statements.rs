//! What the statements of every kind have in common, written once. The text is put together when it is compiled: no
//! statement is formatted while the program runs.

/// Every alert of a table, as `alerts::AlertRow`: `$1` is the tenant, `$2` the kind. One that the capture triggers
/// have not seen yet has no counter.
macro_rules! select_alerts {
    (from $table:literal, parameters $parameters:literal) => {
        concat!(
            "select a.id as alert_id, $2::text as kind, a.user_id, coalesce(v.version, 0) as version,
                a.is_active as active, false as deleted, jsonb_build_object(",
            $parameters,
            ") as parameters
            from ",
            $table,
            " a
            left join bellwether.alert_version v on v.tenant_id = a.tenant_id and v.alert_id = a.id
            where a.tenant_id = $1"
        )
    };
}

/// Inserts triggers that are not there and counts them at their alerts, in one round trip: `$1` is the tenant, `$2`
/// the kind, `$3` to `$9` the columns that every kind has, from `$10` on its own. `triggered_at` is when the bar closed,
/// or the tick came. Answers how many rows are new, at how many alerts, how many alerts counted them, and, where not all
/// are new, the ids of those that are.
macro_rules! insert_triggers {
    (into $table:literal, columns $columns:literal, values $values:literal, arrays $arrays:literal) => {
        concat!(
            "with written as (
                insert into ",
            $table,
            " (tenant_id, id, alert_id, user_id, alert_version, triggered_at, price, detail, ",
            $columns,
            ")
                select $1, id, alert_id, user_id, alert_version, triggered_at, price::numeric, detail::jsonb, ",
            $values,
            "
                from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::float8[],
                            $9::text[], ",
            $arrays,
            ") as t (id, alert_id, user_id, alert_version, triggered_at, price, detail, ",
            $columns,
            ")
                on conflict (tenant_id, id) do nothing
                returning id, alert_id, user_id, alert_version, triggered_at
            ), counted as (
                insert into public.alert_status as s
                    (tenant_id, alert_id, kind, user_id, version, state, effective_at, last_triggered_at,
                     trigger_count)
                select $1, alert_id, $2, (array_agg(user_id order by triggered_at desc))[1], max(alert_version),
                    'active', min(triggered_at), max(triggered_at), count(*)
                from written group by alert_id
                on conflict (tenant_id, alert_id) do update set
                    last_triggered_at = greatest(s.last_triggered_at, excluded.last_triggered_at),
                    trigger_count = s.trigger_count + excluded.trigger_count
                returning 1
            )
            select (select count(*) from written), (select count(distinct alert_id) from written),
                (select count(*) from counted),
                case when (select count(*) from written) < cardinality($3) then array(select id from written) end"
        )
    };
}

pub(super) use {insert_triggers, select_alerts};
