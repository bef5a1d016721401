//! Every class of SQLSTATE, raised by a trigger of the tenant's own.

use bellwether_schemas::triggers::{Outcome, TriggerFired};

use sqlx::{AssertSqlSafe, Executor};

use crate::support::*;

/// A code of every class that says something of the row, or may.
const REFUSED: [&str; 37] = [
    "01000", "02000", "03000", "09000", "0A000", "0B000", "0F000", "0L000", "0P000", "0Z000", "20000",
    "21000", "22003", "22P02", "23502", "23505", "23514", "24000", "27000", "28000", "28P01", "2B000",
    "2D000", "2F000", "34000", "38000", "39000", "3B000", "3F000", "42501", "42703", "42P01", "44000",
    "54000", "72000", "F0000", "P0001",
];

/// A code of every class that says something of the server or the moment.
const TRANSIENT: [&str; 18] = [
    "08006", "25006", "26000", "3D000", "40001", "40P01", "53000", "53100", "53200", "53300", "55000",
    "55P03", "57014", "57P01", "57P03", "58000", "58030", "XX000",
];

/// The table of triggers refuses rows by `fault()`, of which `body` is the body.
async fn refuse(home: &Home, body: &str) {
    home.execute(&format!(
        "create schema if not exists faults;
         create sequence if not exists faults.tries;
         select setval('faults.tries', 1, false);
         create or replace function faults.fault() returns trigger language plpgsql security definer as $$
         begin {body} return new; end $$;
         create or replace trigger fault before insert on public.rsi_tracker_alert_triggers
           for each row execute function faults.fault()"
    ))
    .await;
}

/// Of that version of its alert: what the trigger knows a row by.
fn marked(number: usize, version: usize) -> Outcome {
    let alert_version = i64::try_from(version).unwrap();
    Outcome::Fired(TriggerFired { alert_version, ..trigger("fxlabs", number) })
}

#[tokio::test]
async fn a_row_that_any_class_of_error_refuses_is_a_dead_letter_and_those_around_it_are_written() {
    let home = Home::new("refused", "fxlabs", 1).await;
    let codes = REFUSED.map(|code| format!("'{code}'")).join(",");
    let raise =
        "raise exception 'refused' using errcode = (array[%])[new.alert_version / 10]".replace('%', &codes);
    refuse(&home, &format!("if new.alert_version % 10 = 0 then {raise}; end if;")).await;
    let mut world = World::new(vec![home.tenant.clone()]);
    // Every second row is refused: by the first code, by the second …
    let rows: Vec<Outcome> = (0..REFUSED.len() * 2)
        .map(|number| marked(number, if number % 2 == 0 { 1 } else { 10 * (number / 2 + 1) }))
        .collect();
    world.append("fxlabs", &rows).await;
    let sink = Sink::start(&world);
    home.passed(rows.len() as u64).await;
    sink.stop(&mut world).await;
    let letters = world.dead_letters("fxlabs");
    let told: Vec<(i64, &str)> =
        letters.iter().map(|letter| (letter.offset, letter.detail.split(':').next().unwrap())).collect();
    let expected: Vec<(i64, &str)> =
        REFUSED.iter().enumerate().map(|(at, code)| (at as i64 * 2 + 1, *code)).collect();
    assert_eq!(told, expected);
    assert_eq!(home.rows().await, REFUSED.len() as i64);
}

#[tokio::test]
async fn what_any_class_says_of_the_server_or_the_moment_is_tried_again_until_every_row_is_there() {
    let home = Home::new("transient", "fxlabs", 1).await;
    let mut world = World::new(vec![home.tenant.clone()]);
    let sink = Sink::start(&world);
    for (round, code) in TRANSIENT.into_iter().enumerate() {
        let raise = format!("raise exception 'not now' using errcode = '{code}'");
        refuse(&home, &format!("if nextval('faults.tries') <= 2 then {raise}; end if;")).await;
        world.append("fxlabs", &fired("fxlabs", round * 3..round * 3 + 3)).await;
        home.passed(round as u64 * 3 + 3).await;
        assert!(home.number("select last_value from faults.tries").await >= 5, "{code} was not tried again");
    }
    sink.stop(&mut world).await;
    assert_eq!((home.rows().await, world.dead_letters("fxlabs").len()), (TRANSIENT.len() as i64 * 3, 0));
    assert_eq!(
        home.number("select trigger_count from public.alert_status").await,
        TRANSIENT.len() as i64 * 3
    );
}

#[tokio::test]
async fn a_database_without_a_free_connection_or_that_only_reads_gets_every_row_later() {
    let home = Home::new("full", "fxlabs", 1).await;
    let mut world = World::new(vec![home.tenant.clone()]);
    let limit = async |set: &str| {
        let mut admin = home.admin().await;
        admin.execute("set default_transaction_read_only = off").await.unwrap();
        let alter =
            format!("do $$ begin execute format('alter database %I {set}', current_database()); end $$");
        admin.execute(AssertSqlSafe(alter)).await.unwrap();
        let terminate = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and usename = 'bellwether_fxlabs'";
        admin.execute(terminate).await.unwrap();
    };
    let mut sink = Sink::start(&world);
    for (round, (shut, open, word)) in [
        ("connection limit 0", "connection limit -1", "too many connections"),
        (
            "set default_transaction_read_only = on",
            "reset default_transaction_read_only",
            "read-only transaction",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        sink.stop(&mut world).await;
        limit(shut).await;
        sink = Sink::start(&world);
        world.append("fxlabs", &fired("fxlabs", round * 10..round * 10 + 10)).await;
        let error = refusal(&home).await;
        assert!(error.contains(word), "{error}");
        assert_eq!(home.rows().await, round as i64 * 10);
        limit(open).await;
        home.passed(round as u64 * 10 + 10).await;
    }
    sink.stop(&mut world).await;
    assert_eq!((home.rows().await, world.dead_letters("fxlabs").len()), (20, 0));
}

/// What whoever writes as the pipeline is told now.
async fn refusal(home: &Home) -> String {
    let mut connection = match bellwether_database::TenantConnection::open(&home.tenant).await {
        Ok(connection) => connection,
        Err(error) => {
            return format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
        }
    };
    let mut transaction = connection.begin().await.unwrap();
    let insert = "insert into bellwether.sink_cursor (tenant_id, sink) values ('fxlabs', 'probe')";
    sqlx::query(insert).execute(&mut *transaction).await.unwrap_err().to_string()
}
