//! Work on a database that is dropped half way.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use bellwether_database as database;
use bellwether_schemas::Timestamp;
use bellwether_sinks::feed::Delivered;
use bellwether_sinks::rows::Writer;
use bellwether_sinks::rows::piece::Piece;
use tokio::time::timeout;

use crate::support::*;

/// Transactions that somebody left open in that database.
const LEFT: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and usename like 'bellwether%' and xact_start is not null";

fn piece(numbers: std::ops::Range<usize>) -> Piece {
    let (from, next_offset) = (numbers.start as u64, numbers.end as u64);
    let outcomes = fired("fxlabs", numbers.clone());
    let records: Vec<Delivered> = numbers
        .zip(outcomes)
        .map(|(number, outcome)| Delivered {
            offset: number as u64,
            appended_at: Timestamp(0),
            outcome,
            trace: None,
        })
        .collect();
    let through = records.last().map(|record| record.outcome.cause());
    Piece { records, from, next_offset, through, mark: None, is_probe: false }
}

#[tokio::test]
async fn a_write_that_is_dropped_at_any_moment_leaves_whole_transactions_and_the_next_one_is_exact() {
    let home = Home::new("dropped", "fxlabs", 1).await;
    let mut writer = Writer::default();
    let mut before = 0;
    for round in 0..60_u32 {
        let rows = before..before + 5;
        let piece = piece(rows.clone());
        let writing = writer.write(&home.tenant, &piece);
        if round == 0 {
            let polled = std::pin::pin!(writing).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        } else if timeout(Duration::from_micros(u64::from(round) * 150), writing).await.is_ok() {
            assert_eq!(home.rows().await, rows.end as i64, "what was acknowledged is there");
        }
        // Whether it was committed is not known: it is written again.
        writer.write(&home.tenant, &piece).await.unwrap();
        assert_eq!(home.rows().await, rows.end as i64);
        before = rows.end;
    }
    eventually("no transaction to be left open", async || home.number(LEFT).await == 0).await;
    assert_eq!(home.number("select trigger_count from public.alert_status").await, before as i64);
}

#[tokio::test]
async fn a_transaction_of_a_pool_that_is_dropped_while_it_begins_is_nobodys() {
    let home = Home::new("begun", "fxlabs", 1).await;
    let pool = database::connect(&home.tenant).await.unwrap();
    let id = &home.tenant.id;
    for round in 0..40_u32 {
        let beginning = database::begin(&pool, id);
        if round == 0 {
            let polled = std::pin::pin!(beginning).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        } else {
            drop(timeout(Duration::from_micros(u64::from(round) * 50), beginning).await);
        }
        let sink = format!("probe-{round}");
        let mut transaction = database::begin(&pool, id).await.unwrap();
        let insert = "insert into bellwether.sink_cursor (tenant_id, sink) values ('fxlabs', $1)";
        sqlx::query(insert).bind(&sink).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let written = format!("select count(*) from bellwether.sink_cursor where sink = '{sink}'");
        assert_eq!(home.number(&written).await, 1, "what was acknowledged is there, to everybody");
    }
    eventually("no transaction to be left open", async || home.number(LEFT).await == 0).await;
}
