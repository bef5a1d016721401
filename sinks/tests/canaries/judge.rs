//! What became of it, in each tenant's database and mailboxes.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::tables;
use mail_parser::MessageParser;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::canaries;
use crate::pipelines::{Shop, colliding};
use crate::support::*;

/// Each table of triggers has the rows that are meant for it: as many, by the sum of the beginnings of their ids the same
/// ones, and all of them the tenant's.
pub(crate) async fn rows(home: &Home, each: usize) {
    let id = &home.tenant.id;
    let mut expected: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for number in 0..each {
        let trigger = colliding(id, number);
        let (count, sum) = expected.entry(tables::of(trigger.kind).triggers.name).or_default();
        *count += 1;
        *sum += i64::from(u32::from_be_bytes(trigger.id.0.as_bytes()[..4].try_into().unwrap()));
    }
    let mut admin = home.admin().await;
    for (table, expected) in expected {
        let sql = format!(
            "select count(*), coalesce(sum(('x' || left(id::text, 8))::bit(32)::bigint), 0)::bigint,
                    count(*) filter (where tenant_id <> '{id}' or detail ->> 'text' is distinct from 'seen by {id}')
             from public.{table}"
        );
        let (count, sum, foreign): (i64, i64, i64) =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut admin).await.unwrap();
        assert_eq!((count, sum), expected, "{table} of {id}: rows that are missing, twice or not its own");
        assert_eq!(foreign, 0, "{table} of {id}: rows of another tenant");
    }
    let told = "select count(*) from public.user_events";
    assert_eq!(home.number(told).await, each as i64, "events of {id}");
}

/// No row of any table shows another tenant.
pub(crate) async fn everything(home: &Home) {
    let id = &home.tenant.id;
    let mut admin = home.admin().await;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables
         where table_schema in ('public', 'bellwether', 'auth') and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut seen = 0;
    for (table,) in tables {
        seen += shows(&mut admin, &table, id.as_str()).await;
    }
    assert!(seen > 0, "nobody's canary is anywhere");
}

/// How many rows of the table show its tenant; none shows another.
async fn shows(admin: &mut PgConnection, table: &str, id: &str) -> i64 {
    let sql = format!(
        "select count(*) filter (where strpos(replace(r::text, '{id}', ''), 'canary') > 0),
                count(*) filter (where strpos(r::text, '{id}') > 0) from {table} r"
    );
    let (foreign, own): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(admin).await.unwrap();
    assert_eq!(foreign, 0, "rows of {table} of {id} show another tenant");
    own
}

/// Each mail is its tenant's own from the sender to the last line, for its own users, and there once.
pub(crate) fn mails(shop: &Shop, each: usize) {
    let id = shop.home.tenant.id.as_str();
    let arrived = shop.smtp.arrived();
    let mut identities = BTreeSet::new();
    for mail in &arrived {
        assert!(mail.to.len() == 1 && mail.to[0].ends_with(&format!("@users.{id}.example")), "{:?}", mail.to);
        let parsed = MessageParser::default().parse(&mail.content).unwrap();
        let headers = String::from_utf8_lossy(&mail.content).replace("=\r\n", "");
        let text = parsed.body_text(0).unwrap().into_owned() + &parsed.body_html(0).unwrap();
        for part in [&headers, &text] {
            assert_eq!(canaries(part), BTreeSet::from([id]), "a mail of {id}");
        }
        identities.insert(parsed.message_id().unwrap().to_owned());
    }
    assert_eq!((arrived.len(), identities.len()), (each, each), "mails of {id}");
}
