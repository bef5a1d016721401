//! Every kind's two tables: what migrating a database in use does, what rows hold.

use bellwether_database::tables::{self, KindTables, alert_status};
use bellwether_database::{self as database, Statements, begin, connect};
use bellwether_local::samples;
use bellwether_local::seed::Seeded;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::{AlertId, UserId, ids};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::support::{
    ANCESTOR, ASHA, MAYA, OMAR, claim, database, id, open, run, shared_database, sign_in, tenant,
};

pub(crate) async fn rows(connection: &mut PgConnection, of: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {of}")))
        .fetch_one(connection)
        .await
        .unwrap()
}

/// What the ancestor's file says of one table.
fn ancestor_of(table: &str) -> String {
    ANCESTOR.split_inclusive(";\n").filter(|statement| statement.contains(table)).collect()
}

#[tokio::test]
async fn tables_that_come_to_a_database_in_use_are_its_tenants_at_once() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(
        &mut admin,
        "insert into auth.users (id) values ('00000000-0000-4000-8000-000000000003'), ('00000000-0000-4000-8000-000000000004'),
           ('00000000-0000-4000-8000-000000000005');
         drop table heatmap_tracker_alerts, heatmap_tracker_alert_triggers, price_alerts, price_alert_triggers;
         delete from bellwether.schema_migration where version > '20260301000500'",
    )
    .await;
    admin.execute(AssertSqlSafe(ancestor_of("heatmap_tracker_alerts"))).await.unwrap();
    database::migrate(&seeded.admin).await.unwrap();

    assert!(database::check(&seeded.admin).await.unwrap().is_empty(), "without another `tenants init`");
    for (of, expected) in [
        ("heatmap_tracker_alerts where tenant_id = 'fxlabs'", 2),
        ("alert_status where tenant_id = 'fxlabs' and state = 'refused' and kind = 'heatmap_tracker'", 3),
    ] {
        assert_eq!(rows(&mut admin, of).await, expected, "{of}");
    }
    sign_in(&mut admin, ASHA).await;
    run(
        &mut admin,
        "insert into price_alerts (user_id, symbol, above) values ('00000000-0000-4000-8000-000000000001', 'EURUSD', 1.5)",
    )
    .await;
    let foreign = "insert into price_alerts (tenant_id, user_id, symbol, above)
        values ('hextech', '00000000-0000-4000-8000-000000000001', 'EURUSD', 1.5)";
    assert_eq!(refused(&mut admin, foreign).await.as_deref(), Some("23514"));
    // Whom no policy binds, and where no queue of changes refuses the row in its table's stead.
    run(&mut admin, "reset role").await;
    let foreign = "insert into price_alert_triggers (tenant_id, alert_id, user_id, triggered_at, symbol, side, level)
        values ('hextech', gen_random_uuid(), '00000000-0000-4000-8000-000000000001', now(), 'EURUSD', 'above', 1.5)";
    assert_eq!(refused(&mut admin, foreign).await.as_deref(), Some("23514"));
}

/// What a price alert must be, and what a row of pairs may hold; a statement of [`ASHA`]'s and what it is refused for.
#[tokio::test]
async fn what_no_reader_could_read_is_no_row() {
    let (_, seeded) = database("fxlabs").await;
    let mut page = open(&seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    let price = |columns: &str, values: &str| {
        format!("insert into price_alerts (user_id, symbol, {columns}) values ('{ASHA}', 'EURUSD', {values})")
    };
    let heatmap = |pairs: &str| {
        format!("insert into heatmap_tracker_alerts (user_id, pairs) values ('{ASHA}', '{pairs}')")
    };
    let long = "x".repeat(300);
    for statement in [
        price("above, below", "null, null"),
        price("above", "0"),
        price("above", "'NaN'"),
        price("below", "'Infinity'"),
        price("below", "1e400"),
        price("above, on_close", "1, '1M'"),
        price("above, fires", "1, 'never'"),
        format!("insert into price_alerts (user_id, symbol, above) values ('{ASHA}', '{long}', 1)"),
        heatmap("[]"),
        heatmap("{}"),
        heatmap("[\"A\", \"B\", \"C\", \"D\"]"),
        heatmap("[1e400]"),
        heatmap(&format!("[\"{long}\"]")),
    ] {
        assert_eq!(refused(&mut page, &statement).await.as_deref(), Some("23514"), "{statement}");
    }
    for statement in [
        price("above, expires_at", "1.5, 'infinity'"),
        price("above, below, on_close", "1.5, 1.25, '1W'"),
        heatmap("[\"BTC/USD\", \"eurusd\", \"XAU USD\"]"),
    ] {
        assert_eq!(refused(&mut page, &statement).await, None, "{statement}");
    }
}

/// SQLSTATE with which a statement fails, if it does.
async fn refused(connection: &mut PgConnection, statement: &str) -> Option<String> {
    let error = connection.execute(AssertSqlSafe(statement.to_owned())).await.err()?;
    Some(error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// Asha and Omar have an alert, a trigger and a status of every kind.
pub(crate) async fn inhabited() -> Seeded {
    let (_, seeded) = database("fxlabs").await;
    inhabit(&seeded, "fxlabs", &[ASHA, OMAR]).await;
    seeded
}

/// The same in a database that another tenant's Maya shares, and as her tenant sees it.
pub(crate) async fn inhabited_by_two() -> [Seeded; 2] {
    let both = shared_database(["fxlabs", "hextech"]).await;
    inhabit(&both[0], "fxlabs", &[ASHA, OMAR]).await;
    inhabit(&both[1], "hextech", &[MAYA]).await;
    both
}

async fn inhabit(seeded: &Seeded, of: &str, users: &[Uuid]) {
    let mut admin = open(&seeded.admin).await;
    let (tenant_id, mode) = (id(of), tenant(of, &seeded.pipeline, "direct"));
    let pool = connect(&mode).await.unwrap();
    for &user in users {
        claim(&mut admin, Some(user), Some(of)).await;
        for kind in tables::all() {
            let alert = AlertId(alert_of(kind, user));
            kind.add_alert(&mut admin, alert, UserId(user), &samples::parameters(kind.kind)).await.unwrap();
            let trigger = samples::trigger(&tenant_id, kind.kind, alert, UserId(user), 0);
            let mut transaction = begin(&pool, &tenant_id).await.unwrap();
            let statements = Statements::of(&mode);
            let written = kind.write_triggers(&mut transaction, statements, &[&trigger]).await.unwrap();
            assert_eq!(written, [&trigger]);
            alert_status::count(&mut transaction, statements, &written).await.unwrap();
            transaction.commit().await.unwrap();
        }
    }
}

fn alert_of(kind: &KindTables, user: Uuid) -> Uuid {
    ids::derive(&format!("{}|{user}", kind.kind))
}

#[tokio::test]
async fn a_trigger_written_twice_is_one_row_of_its_kind_and_counts_once() {
    let seeded = inhabited().await;
    let (tenant_id, mode) = (id("fxlabs"), tenant("fxlabs", &seeded.pipeline, "direct"));
    let pool = connect(&mode).await.unwrap();
    let mut admin = open(&seeded.admin).await;
    for kind in tables::all() {
        let (alert, user) = (AlertId(alert_of(kind, ASHA)), UserId(ASHA));
        let of = |number| samples::trigger(&tenant_id, kind.kind, alert, user, number);
        let (old, new) = (of(0), of(1));
        let mut transaction = begin(&pool, &tenant_id).await.unwrap();
        let statements = Statements::of(&mode);
        let written = kind.write_triggers(&mut transaction, statements, &[&old, &new, &new]).await.unwrap();
        alert_status::count(&mut transaction, statements, &written).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(written, [&new], "{}", kind.kind);
        let of_asha = format!("{} where user_id = '{ASHA}'", kind.triggers.name);
        assert_eq!(rows(&mut admin, &of_asha).await, 2);
        let counted = format!("alert_status where alert_id = '{}' and trigger_count = 2", alert.0);
        assert_eq!(rows(&mut admin, &counted).await, 1, "{}", kind.kind);
    }
}

#[tokio::test]
async fn triggers_of_an_alert_are_counted_at_it_with_the_first_and_the_last_of_them() {
    let (_, seeded) = database("fxlabs").await;
    let (tenant_id, mode) = (id("fxlabs"), tenant("fxlabs", &seeded.pipeline, "direct"));
    let pool = connect(&mode).await.unwrap();
    let of = |number| {
        samples::trigger(&tenant_id, AlertKind::PriceAlert, AlertId(ids::derive("p")), UserId(ASHA), number)
    };
    let (first, last) = (of(0), of(5));
    let mut transaction = begin(&pool, &tenant_id).await.unwrap();
    alert_status::count(&mut transaction, Statements::of(&mode), &[&of(3), &last, &first]).await.unwrap();
    transaction.commit().await.unwrap();
    let mut admin = open(&seeded.admin).await;
    let counted = format!(
        "alert_status where kind = 'price_alert' and trigger_count = 3 and state = 'active'
         and effective_at = '{}' and last_triggered_at = '{}'",
        first.close_time, last.close_time
    );
    assert_eq!(rows(&mut admin, &counted).await, 1);
}

/// Which columns of a kind's rows are read back, and what they hold.
const COLUMNS: &[(&str, &str)] = &[
    ("rsi_tracker_alert_triggers", "EURUSDm|5M|overbought|71.26|1.31415"),
    ("rsi_correlation_tracker_alert_triggers", "EURUSD-GBPUSD|5M|real_correlation|real_mismatch|0.213|"),
    ("heatmap_tracker_alert_triggers", "EURUSDm|5M|scalper|sell|27.87|72.13|-44.25|1.31415"),
    ("heatmap_indicator_tracker_alert_triggers", "EURUSDm|5M|UTBOT|buy|1.31415"),
    ("currency_strength_tracker_alert_triggers", "5M|weakest|USD|JPY|-100.00|"),
    ("price_alert_triggers", "EURUSDm|5M|below|1.3155|1.3161|1.31415"),
];

#[tokio::test]
async fn a_row_of_each_kind_has_what_its_trigger_said() {
    let seeded = inhabited().await;
    let mut admin = open(&seeded.admin).await;
    for (table, expected) in COLUMNS {
        // All columns from the first that is the kind's own, in the table's order, up to the price.
        let own = format!(
            "select string_agg(coalesce(to_jsonb(t) ->> a.attname, ''), '|' order by a.attnum)
             from {table} t join pg_attribute a on a.attrelid = '{table}'::regclass and a.attnum > 7
               and a.attname not in ('detail', 'is_acknowledged', 'acknowledged_at')
             where t.user_id = '{ASHA}' and t.alert_version = 1 and t.triggered_at = '2012-02-01T00:05:00Z'
               and t.detail ->> 'text' = 'a sample' and not t.is_acknowledged"
        );
        let found: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(own)).fetch_one(&mut admin).await.unwrap();
        assert_eq!(found.as_deref(), Some(*expected), "{table}");
    }
    assert!(tables::all().map(|kind| kind.triggers.name).eq(COLUMNS.iter().map(|(table, _)| *table)));
}

#[tokio::test]
async fn a_trigger_whose_detail_does_not_say_what_its_columns_hold_is_no_row() {
    let (_, seeded) = database("fxlabs").await;
    let (tenant_id, mode) = (id("fxlabs"), tenant("fxlabs", &seeded.pipeline, "direct"));
    let pool = connect(&mode).await.unwrap();
    for kind in
        [AlertKind::HeatmapTracker, AlertKind::HeatmapIndicatorTracker, AlertKind::CurrencyStrengthTracker]
    {
        let mut trigger = samples::trigger(&tenant_id, kind, AlertId(ASHA), UserId(ASHA), 0);
        trigger.detail = "{}".into();
        let mut transaction = begin(&pool, &tenant_id).await.unwrap();
        let written =
            tables::of(kind).write_triggers(&mut transaction, Statements::of(&mode), &[&trigger]).await;
        assert_eq!(written.unwrap_err().as_database_error().unwrap().code().unwrap(), "23502", "{kind}");
    }
}

#[tokio::test]
async fn alerts_and_triggers_of_all_kinds_are_counted_and_shown_together() {
    let seeded = inhabited().await;
    let pool = sqlx::PgPool::connect(seeded.admin.reveal()).await.unwrap();
    assert_eq!(tables::alerts::count_active(&pool).await.unwrap(), 12);
    assert_eq!(tables::triggers::count(&pool).await.unwrap(), 12);
    let recent = tables::triggers::recent(&pool, 50).await.unwrap();
    let mut shown: Vec<_> = recent
        .iter()
        .filter(|row| row.user_id == ASHA)
        .map(|row| {
            format!("{} {} {} {:?} {:?}", row.symbol, row.timeframe, row.condition, row.value, row.price)
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "EURUSD-GBPUSD 5M real_mismatch Some(0.213) None",
            "EURUSDm 5M below Some(1.3155) Some(1.31415)",
            "EURUSDm 5M buy None Some(1.31415)",
            "EURUSDm 5M overbought Some(71.26) Some(1.31415)",
            "EURUSDm 5M sell Some(72.13) Some(1.31415)",
            "USD 5M weakest Some(-100.0) None",
        ]
    );
}
