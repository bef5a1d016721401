//! A database as the ancestor leaves it: where each of its awkward rows ends (`docs/ANCESTOR.md` says the same in words),
//! and that its pages work on as they did.

use bellwether_database as database;
use bellwether_local::postgres::shared_for_tests;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::secret::Secret;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::kinds::rows;
use crate::support::{ANCESTOR, ASHA, OMAR, bare, id, open, run, sign_in};

/// Each awkward row of the ancestor, and how many rows say what became of it.
const ENDS: &[(&str, &str, i64)] = &[
    ("both users' RSI alerts stay", "rsi_tracker_alerts", 2),
    ("parameters of a pair that were null are the defaults",
     "rsi_correlation_tracker_alerts where mode = 'real_correlation' and rsi_period = 14 and rsi_overbought = 70
      and rsi_oversold = 30 and correlation_window = 120", 1),
    ("those that were given stay",
     "rsi_correlation_tracker_alerts where rsi_period = 21 and rsi_overbought = 75 and correlation_window = 50", 1),
    ("of a user's two heatmap alerts the newest stays, and it alone",
     "heatmap_tracker_alerts where pairs = '[\"BTCUSDm\"]'", 1),
    ("70 and 70 stay, and so do other spellings of symbols",
     "heatmap_tracker_alerts where pairs = '[\"GBP/USD\", \"usdjpy\"]' and buy_threshold = 70 and sell_threshold = 70", 1),
    ("no other heatmap alert stays", "heatmap_tracker_alerts", 2),
    ("the older one is put aside",
     "bellwether.quarantine where reason = 'the user has a newer alert' and content ->> 'sell_threshold' = '70'", 1),
    ("what is nobody's is put aside",
     "bellwether.quarantine where source_table = 'heatmap_tracker_alerts' and reason = 'no user'", 1),
    ("four pairs are told, not cut",
     "alert_status where user_id = '00000000-0000-4000-8000-000000000002' and state = 'refused'
      and kind = 'heatmap_tracker' and reason = 'pairs has 4 symbols, it must have 1 to 3'", 1),
    ("a style that is no more is told, not guessed",
     "alert_status where user_id = '00000000-0000-4000-8000-000000000003' and state = 'refused'
      and reason = 'trading_style is dayTrader, it must be one of scalper, swingTrader'", 1),
    ("no pairs are told",
     "alert_status where user_id = '00000000-0000-4000-8000-000000000004' and state = 'refused'
      and reason = 'pairs has 0 symbols, it must have 1 to 3'", 1),
    ("each of the three is put aside whole",
     "bellwether.quarantine q join alert_status s on s.alert_id = (q.content ->> 'id')::uuid and s.reason = q.reason", 3),
    ("1M stays", "heatmap_indicator_tracker_alerts where timeframe = '1M' and indicator = 'IchimokuClone'", 1),
    ("spellings stay", "heatmap_indicator_tracker_alerts where pairs = '[\"eurusd\"]' and indicator = 'utbot'", 1),
    ("all three indicator alerts stay", "heatmap_indicator_tracker_alerts where tenant_id = 'fxlabs'", 3),
    ("strength alerts stay", "currency_strength_tracker_alerts where timeframe = '1H' and tenant_id = 'fxlabs'", 1),
    ("no policy looks at an address", "pg_policies where schemaname = 'public' and qual like '%email%'", 0),
    ("another person's address stays where it is", "rsi_tracker_alerts where user_email = 'someone.else@example.test'", 1),
    ("old triggers stay, of alerts that left too, with the time they were written at",
     "(select created_at, tenant_id, user_id from rsi_correlation_tracker_alert_triggers
       union all select created_at, tenant_id, user_id from heatmap_tracker_alert_triggers
       union all select created_at, tenant_id, user_id from heatmap_indicator_tracker_alert_triggers
       union all select created_at, tenant_id, user_id from currency_strength_tracker_alert_triggers) old
      where created_at = '2025-09-26T11:00:07Z' and tenant_id = 'fxlabs' and user_id is not null", 12),
    ("and the first kind's", "rsi_tracker_alert_triggers where triggered_at = '2025-09-26T11:00:00Z' and tenant_id = 'fxlabs'
      and rsi_value = 71.25 and not is_acknowledged", 2),
    ("a trigger of nobody's alert is put aside",
     "bellwether.quarantine where source_table = 'heatmap_tracker_alert_triggers' and reason = 'no user'", 1),
    ("nobody's RSI alerts are put aside, not given to whose address they have",
     "bellwether.quarantine where source_table = 'rsi_tracker_alerts' and reason = 'no user'", 2),
    ("nothing else is put aside", "bellwether.quarantine", 8),
    ("nobody else is told anything", "alert_status", 3),
    ("other tables stay as they were",
     "watchlist w join pg_class c on c.relname = 'watchlist' and not c.relrowsecurity and w.symbol = 'EURUSDm'", 1),
    ("nothing is nobody's any more", "bellwether.quarantine where tenant_id = ''", 0),
];

/// The ancestor's database, migrated and given to its tenant.
async fn migrated() -> Secret {
    let url = bare().await;
    run(&mut open(&url).await, ANCESTOR).await;
    database::migrate(&url).await.unwrap();
    database::init(&url, &id("fxlabs"), &shared_for_tests().await.password_of("bellwether_fxlabs"))
        .await
        .unwrap();
    url
}

async fn ended_as_they_should(admin: &mut PgConnection) {
    for (what, of, expected) in ENDS {
        assert_eq!(rows(admin, of).await, *expected, "{what}");
    }
}

#[tokio::test]
async fn every_awkward_row_of_the_ancestor_ends_where_its_rule_says_and_stays_there() {
    let url = migrated().await;
    let mut admin = open(&url).await;
    ended_as_they_should(&mut admin).await;
    for migration in database::MIGRATIONS {
        run(&mut admin, migration.sql).await;
    }
    ended_as_they_should(&mut admin).await;
    let faults: Vec<_> = database::check(&url).await.unwrap().into_iter().filter(Finding::is_fault).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// Columns of each tracker's form, and what a user may choose.
const FORMS: [(&str, &str, &str); 5] = [
    ("rsi_tracker", "timeframe, rsi_period, rsi_overbought, rsi_oversold", "'15M', 14, 80, 20"),
    (
        "rsi_correlation_tracker",
        "timeframe, mode, rsi_period, rsi_overbought, rsi_oversold, correlation_window",
        "'4H', 'real_correlation', 14, 70, 30, 90",
    ),
    (
        "heatmap_tracker",
        "pairs, trading_style, buy_threshold, sell_threshold",
        "'[\"XAUUSDm\"]', 'swingTrader', 70, 70",
    ),
    ("heatmap_indicator_tracker", "pairs, timeframe, indicator", "'[\"EURUSDm\"]', '1M', 'ema200'"),
    ("currency_strength_tracker", "timeframe", "'1D'"),
];

/// What a page says of its tracker, as PostgREST puts it, with the user's id for `$user`; and how many rows that
/// touches. The form is saved by an upsert on `user_id`, whether its row is new or not.
fn statements((kind, columns, values): (&str, &str, &str)) -> [(String, u64); 6] {
    let set: Vec<String> =
        columns.split(", ").map(|column| format!("{column} = excluded.{column}")).collect();
    let save = format!(
        "insert into public.{kind}_alerts (user_id, user_email, {columns}, is_active)
         values ('$user', 'page@example.test', {values}, true)
         on conflict (user_id) do update set user_id = excluded.user_id, user_email = excluded.user_email, {},
           is_active = excluded.is_active
         returning *",
        set.join(", ")
    );
    [
        (save.clone(), 1),
        (save, 1),
        (format!("select * from public.{kind}_alerts where user_id = '$user' limit 1"), 1),
        (
            format!("update public.{kind}_alerts set is_active = false where user_id = '$user' returning id"),
            1,
        ),
        (format!("delete from public.{kind}_alerts where user_id = '$user'"), 1),
        (format!("select id from public.{kind}_alerts"), 0),
    ]
}

async fn touched(page: &mut PgConnection, statement: &str) -> u64 {
    let done = page.execute(AssertSqlSafe(statement.to_owned())).await;
    done.unwrap_or_else(|error| panic!("{error}: {statement}")).rows_affected()
}

#[tokio::test]
async fn what_the_ancestors_pages_say_does_what_it_did() {
    let url = migrated().await;
    for user in [ASHA, OMAR] {
        for form in FORMS {
            let mut page = open(&url).await;
            sign_in(&mut page, user).await;
            for (statement, expected) in statements(form) {
                let statement = statement.replace("$user", &user.to_string());
                assert_eq!(touched(&mut page, &statement).await, expected, "{statement}");
            }
        }
    }
}

#[tokio::test]
async fn an_old_trigger_is_read_with_its_alert_and_acknowledged_by_its_user_alone() {
    let url = migrated().await;
    for (user, kind, alerts) in
        [(ASHA, "rsi_tracker", 1), (OMAR, "rsi_tracker", 1), (ASHA, "heatmap_tracker", 1)]
    {
        let mut page = open(&url).await;
        sign_in(&mut page, user).await;
        let shown = format!(
            "select t.* from {kind}_alert_triggers t join {kind}_alerts a on a.id = t.alert_id
             order by t.triggered_at desc limit 20"
        );
        assert_eq!(touched(&mut page, &shown).await, alerts, "{shown}");
        let all = format!("update {kind}_alert_triggers set is_acknowledged = true, acknowledged_at = now()");
        // Both heatmap alerts of Asha's had fired; one of them left.
        let history = if kind == "heatmap_tracker" { 2 } else { 1 };
        assert_eq!(touched(&mut page, &all).await, history, "{all}");
    }
}

/// A token with another's address in it: the ancestor's policies took the address for the user.
#[tokio::test]
async fn an_address_in_a_token_opens_nobodys_rows() {
    let url = migrated().await;
    let mut page = open(&url).await;
    run(
        &mut page,
        r#"set role authenticated;
           select set_config('request.jwt.claims',
             '{"sub":"00000000-0000-4000-8000-000000000003","email":"someone.else@example.test","role":"authenticated"}', false)"#,
    )
    .await;
    assert_eq!(rows(&mut page, "rsi_tracker_alerts").await, 0);
    let steal =
        "update rsi_tracker_alerts set timeframe = '1W' where user_email = 'someone.else@example.test'";
    assert_eq!(touched(&mut page, steal).await, 0);
    let mut admin = open(&url).await;
    assert_eq!(rows(&mut admin, "rsi_tracker_alerts where timeframe = '5M'").await, 1);
}
