//! What a front end may write of a user's wishes, and what it is told where that is not right.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgDatabaseError};

use crate::kinds::inhabited;
use crate::support::{ASHA, open, run, sign_in};

/// Name of the constraint and words, where the statement is refused.
async fn refused(page: &mut PgConnection, columns: &str, values: &str) -> (String, String) {
    let insert =
        format!("insert into notification_preferences (user_id, {columns}) values ('{ASHA}', {values})");
    run(page, "begin").await;
    let done = sqlx::query(AssertSqlSafe(insert)).execute(&mut *page).await;
    run(page, "rollback").await;
    let Err(error) = done else { return Default::default() };
    let error = error.into_database_error().unwrap();
    let error: &PgDatabaseError = error.downcast_ref();
    assert_eq!(error.code(), "23514", "{error}");
    (error.constraint().unwrap().into(), error.message().into())
}

#[tokio::test]
async fn a_wish_that_nobody_could_follow_is_refused_and_the_front_end_is_told_what_is_wrong() {
    let seeded = inhabited().await;
    let mut page = open(&seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    let zone = "kind, quiet_from, quiet_to, quiet_zone";
    for (columns, values) in [
        (zone, "'all', '22:00', '07:00', 'Asia/Kolkata'"),
        (zone, "'rsi_tracker', '22:00', '07:00', null"),
        ("kind, quiet_action", "'all', 'digest'"),
        ("kind, muted_symbols", "'all', array['EURUSDm', 'eur/usd', 'BRK.B']"),
        ("kind, muted_symbols", "'all', '{}'"),
        ("kind, news_currencies", "'all', array['USD', 'eur']"),
    ] {
        assert_eq!(refused(&mut page, columns, values).await, Default::default(), "{values}");
    }
    let (name, words) = refused(&mut page, zone, "'all', '22:00', '07:00', 'Mars/Base'").await;
    assert_eq!(name, "quiet_zone_is_a_zone");
    assert_eq!(words, "quiet_zone \"Mars/Base\" is not a zone of the IANA database, such as Asia/Kolkata");
    for (columns, values, constraint) in [
        ("kind, quiet_action", "'all', 'later'", "quiet_action_is_hold_drop_or_digest"),
        (
            "kind, muted_symbols",
            "'all', array['a b']",
            "muted_symbols_are_names_and_stand_in_the_row_of_kind_all",
        ),
        (
            "kind, muted_symbols",
            "'all', array[null]",
            "muted_symbols_are_names_and_stand_in_the_row_of_kind_all",
        ),
        (
            "kind, muted_symbols",
            "'rsi_tracker', array['EURUSD']",
            "muted_symbols_are_names_and_stand_in_the_row_of_kind_all",
        ),
        (
            "kind, news_currencies",
            "'all', array['EURO']",
            "news_currencies_are_codes_and_stand_in_the_row_of_kind_all",
        ),
        (
            "kind, news_currencies",
            "'news_reminder', array['EUR']",
            "news_currencies_are_codes_and_stand_in_the_row_of_kind_all",
        ),
    ] {
        assert_eq!(refused(&mut page, columns, values).await.0, constraint, "{values}");
    }
    sqlx::query(AssertSqlSafe(format!(
        "insert into notification_preferences (user_id, kind) values ('{ASHA}', 'all')"
    )))
    .execute(&mut page)
    .await
    .unwrap();
    let moved = "update notification_preferences set quiet_zone = 'Nowhere'";
    assert!(sqlx::query(moved).execute(&mut page).await.is_err(), "an update is checked too");
}
