//! Rows that a database refused, written once it takes them: an embedded log and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bellwether_schemas::Timestamp;
use bellwether_schemas::codec::decode_outcome;
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_sinks::feed::Delivered;
use bellwether_sinks::rows::{Receipt, Redrive};
use support::*;

fn delivered(letter: &DeadLetter) -> Delivered {
    let outcome = decode_outcome(&letter.original).unwrap();
    Delivered { offset: letter.offset.cast_unsigned(), appended_at: Timestamp(0), outcome, trace: None }
}

async fn redrive(database: &Home, letters: &[DeadLetter]) -> Vec<Receipt> {
    let mut open = Redrive::open(&database.tenant).await.unwrap();
    let mut receipts = Vec::new();
    for letter in letters {
        receipts.push(open.write(delivered(letter)).await.unwrap());
    }
    receipts
}

fn rows(receipts: &[Receipt]) -> u64 {
    receipts.iter().flat_map(|receipt| &receipt.rows).map(|(_, rows)| rows).sum()
}

#[tokio::test]
async fn refused_rows_are_there_once_after_the_table_is_mended_and_their_users_are_told_once() {
    let database = Home::new("redrive", "fxlabs", 10).await;
    let mut world = World::new(vec![database.tenant.clone()]);
    let table = "alter table public.rsi_tracker_alert_triggers";
    database.execute(&format!("{table} add constraint odd check (rsi_value < 90)")).await;
    let mut outcomes = fired("fxlabs", 0..20);
    for number in [3, 7, 19] {
        let high = TriggerFired { value: Some(95.0), ..trigger("fxlabs", number) };
        outcomes[number] = Outcome::Fired(high);
    }
    world.append("fxlabs", &outcomes).await;
    let sink = Sink::start(&world);
    database.passed(20).await;
    sink.stop(&mut world).await;
    let letters = world.dead_letters("fxlabs");
    assert_eq!((database.rows().await, letters.len()), (17, 3));

    let mut open = Redrive::open(&database.tenant).await.unwrap();
    let again = open.write(delivered(&letters[0])).await.unwrap_err();
    assert_eq!(again.code, "23514", "the table is as it was");
    drop(open);

    database.execute(&format!("{table} drop constraint odd")).await;
    let cursor = "select next_offset from bellwether.sink_cursor where sink = 'rows'";
    let before = database.number(cursor).await;
    let receipts = redrive(&database, &letters).await;
    assert_eq!((rows(&receipts), receipts.iter().map(|receipt| receipt.events).sum::<u64>()), (3, 3));
    assert_eq!(database.rows().await, 20);
    let told = "select count(*) from public.user_events where type = 'trigger'";
    let holes = "select count(*) from (select user_id from public.user_events group by user_id
        having min(seq) <> 1 or max(seq) <> count(*)) as broken";
    assert_eq!((database.number(told).await, database.number(holes).await), (20, 0));

    let receipts = redrive(&database, &letters).await;
    assert_eq!((rows(&receipts), receipts.iter().map(|receipt| receipt.present).sum::<u64>()), (0, 3));
    assert_eq!((database.rows().await, database.number(told).await), (20, 20));
    let count = "select sum(trigger_count)::bigint from public.alert_status";
    assert_eq!((database.number(count).await, database.number(cursor).await), (20, before));

    let mut open = Redrive::open(&database.tenant).await.unwrap();
    let outcome = Outcome::Fired(trigger("hextech", 40));
    let foreign = open.write(Delivered { outcome, ..delivered(&letters[0]) }).await.unwrap_err();
    assert_eq!((foreign.code.as_str(), database.rows().await), ("misrouted", 20), "it is another tenant's");
}
