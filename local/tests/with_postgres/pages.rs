//! What a front end does as its signed-in user, and what it may not do: the ancestor's statements with real claims, in a
//! database of each shape. `rights.rs` tries every role on every table; this is what pages rest on.

use bellwether_database::{Shape, tables};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::kinds::{inhabited, inhabited_by_two};
use crate::rights::{DENIED, Does, does};
use crate::saved_alerts::SAVED;
use crate::support::{ASHA, MAYA, OMAR, claim, open, run, sign_in};
use Does::{Fails, Touches};

/// An alert and a trigger of every kind of Asha's and Omar's, and Maya's where two tenants share the database.
async fn page_in(shape: Shape) -> PgConnection {
    let seeded = match shape {
        Shape::Dedicated => inhabited().await,
        Shape::Shared => inhabited_by_two().await.into_iter().next().unwrap(),
    };
    open(&seeded.admin).await
}

/// As pages save a form: one row a user where the kind has one.
fn saved(shape: Shape, statement: &str) -> String {
    match shape {
        Shape::Dedicated => statement.to_owned(),
        Shape::Shared => statement.replace("on conflict (user_id)", "on conflict (tenant_id, user_id)"),
    }
}

/// What each statement is to do, on the two tables of a kind.
fn statements(alerts: &str, triggers: &str, shape: Shape, save: &str) -> Vec<(String, Does)> {
    let somebody_elses = |user: &str| save.replace("auth.uid()", user);
    let copied = format!(
        "insert into {triggers} select (jsonb_populate_record(null::{triggers}, to_jsonb(one) || jsonb_build_object(
            'id', gen_random_uuid()))).* from {triggers} one"
    );
    let mut tried = vec![
        (format!("select * from {alerts} where user_id = auth.uid()"), Touches(1)),
        (format!("select * from {alerts}"), Touches(1)),
        (saved(shape, save), Touches(1)),
        (format!("update {alerts} set is_active = false where user_id = auth.uid()"), Touches(1)),
        (format!("delete from {alerts} where user_id = auth.uid()"), Touches(1)),
        (format!("delete from {alerts} where user_id = auth.uid(); {}", saved(shape, save)), Touches(2)),
        (format!("select * from {triggers} order by triggered_at desc limit 50"), Touches(1)),
        (format!("update {triggers} set is_acknowledged = true, acknowledged_at = now()"), Touches(1)),
        // Of each of these one thing is not the user's own.
        (saved(shape, &somebody_elses("null::uuid")), DENIED),
        (format!("update {alerts} set user_id = null"), DENIED),
        (copied, DENIED),
        (
            format!(
                "insert into {triggers} (user_id, alert_id, triggered_at) values (auth.uid(), auth.uid(), now())"
            ),
            DENIED,
        ),
        (format!("update {triggers} set detail = '{{}}'"), DENIED),
        (format!("update {triggers} set user_id = auth.uid()"), DENIED),
        (format!("delete from {triggers}"), DENIED),
    ];
    for other in [OMAR, MAYA] {
        tried.extend([
            (saved(shape, &somebody_elses(&format!("'{other}'"))), DENIED),
            (format!("select * from {alerts} where user_id = '{other}'"), Touches(0)),
            (format!("update {alerts} set is_active = false where user_id = '{other}'"), Touches(0)),
            (format!("update {alerts} set user_id = '{other}'"), DENIED),
            (format!("delete from {alerts} where user_id = '{other}'"), Touches(0)),
            (format!("select * from {triggers} where user_id = '{other}'"), Touches(0)),
            (format!("update {triggers} set is_acknowledged = true where user_id = '{other}'"), Touches(0)),
        ]);
    }
    tried
}

async fn tables_of_the_pipeline(page: &mut PgConnection) -> Vec<String> {
    let sql = "select 'bellwether.' || relname from pg_class where relnamespace = 'bellwether'::regnamespace
        and relkind in ('r', 'v')";
    sqlx::query_scalar(sql).fetch_all(page).await.unwrap()
}

async fn try_pages(shape: Shape) {
    let mut page = page_in(shape).await;
    let own = tables_of_the_pipeline(&mut page).await;
    assert!(own.len() > 15, "{own:?}");
    for (kind, (save, _)) in tables::all().zip(SAVED) {
        for (statement, expected) in statements(kind.alerts.name, kind.triggers.name, shape, save) {
            sign_in(&mut page, ASHA).await;
            assert_eq!(does(&mut page, &statement).await, expected.result(), "{shape:?}: {statement}");
            // Nobody has signed in: the same statement, and no right to it at all.
            run(&mut page, "reset role; set role anon").await;
            claim(&mut page, None, Some("fxlabs")).await;
            let first = statement.split(';').next().unwrap();
            assert_eq!(does(&mut page, first).await, DENIED.result(), "{shape:?}, anon: {first}");
        }
    }
    for role in ["authenticated", "anon"] {
        run(&mut page, "reset role").await;
        sqlx::raw_sql(AssertSqlSafe(format!("set role {role}"))).execute(&mut page).await.unwrap();
        claim(&mut page, Some(ASHA), Some("fxlabs")).await;
        for table in &own {
            let read = does(&mut page, &format!("select * from {table}")).await;
            assert_eq!(read, DENIED.result(), "{shape:?}, {role}: {table}");
        }
    }
}

#[tokio::test]
async fn a_front_ends_statements_do_what_they_say_and_no_more_in_a_database_of_one_tenant() {
    try_pages(Shape::Dedicated).await;
}

#[tokio::test]
async fn a_front_ends_statements_do_what_they_say_and_no_more_in_a_shared_database() {
    try_pages(Shape::Shared).await;
}

#[tokio::test]
async fn a_token_without_a_readable_user_is_nobodys() {
    let mut page = page_in(Shape::Dedicated).await;
    run(&mut page, "set role authenticated").await;
    for (claims, expected) in [
        ("", Touches(0)),
        ("{}", Touches(0)),
        ("{\"sub\": null}", Touches(0)),
        ("{\"sub\": \"no uuid\"}", Fails("22P02")),
        // The address in a token is no identity.
        ("{\"email\": \"asha@example.test\"}", Touches(0)),
    ] {
        let set = "select set_config('request.jwt.claims', $1, false)";
        sqlx::query(set).bind(claims).execute(&mut page).await.unwrap();
        assert_eq!(does(&mut page, "select * from rsi_tracker_alerts").await, expected.result(), "{claims}");
    }
}
