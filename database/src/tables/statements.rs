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

/// Inserts triggers that are not there: `$1` is the tenant, `$2` to `$8` the columns that every kind has, from `$9` on
/// its own. `triggered_at` is when the bar closed, or the tick came. Answers, where not all are new,
/// the ids of those that are.
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
                from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::float8[],
                            $8::text[], ",
            $arrays,
            ") as t (id, alert_id, user_id, alert_version, triggered_at, price, detail, ",
            $columns,
            ")
                on conflict (tenant_id, id) do nothing
                returning id
            )
            select case when (select count(*) from written) < cardinality($2) then array(select id from written) end"
        )
    };
}

pub(super) use {insert_triggers, select_alerts};
