//! What became of it, in each tenant's database and mailboxes.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::tables;
use mail_parser::MessageParser;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::canaries;
use crate::pipelines::{Shop, Shops};
use crate::support::*;

/// Each table of triggers has the rows that are meant for the tenant: as many, by the sum of the beginnings of their ids
/// the same ones, and all of them say that they are its own; and no others than those of the database's tenants.
pub(crate) async fn rows(shops: &Shops, shop: &Shop, each: usize) {
    let (home, id) = (&shop.home, &shop.home.tenant.id);
    let mut expected: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for number in 0..each {
        let trigger = shop.trigger(number);
        let (count, sum) = expected.entry(tables::of(trigger.kind).triggers.name).or_default();
        *count += 1;
        *sum += i64::from(u32::from_be_bytes(trigger.id.0.as_bytes()[..4].try_into().unwrap()));
    }
    let mut admin = home.admin().await;
    for (table, expected) in expected {
        let sql = format!(
            "select count(*) filter (where ours),
                    coalesce(sum(('x' || left(id::text, 8))::bit(32)::bigint) filter (where ours), 0)::bigint,
                    count(*) filter (where ours and text is distinct from 'seen by {id}'),
                    count(*)
             from (select id, tenant_id = '{id}' as ours, detail ->> 'text' as text from public.{table}) r"
        );
        let (count, sum, foreign, all): (i64, i64, i64, i64) =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut admin).await.unwrap();
        assert_eq!((count, sum), expected, "{table} of {id}: rows that are missing, twice or not its own");
        assert_eq!(foreign, 0, "{table} of {id}: rows that another tenant saw");
        assert_eq!(all, count * shops.in_one() as i64, "{table} of {id}: rows that are nobody's");
    }
    let told = format!("select count(*) from public.user_events where tenant_id = '{id}'");
    assert_eq!(home.number(&told).await, each as i64, "events of {id}");
}

/// No row of any table of any database shows two tenants, or one that it is not said to be of.
pub(crate) async fn everything(shops: &Shops) {
    let databases = shops.all.chunks(shops.in_one());
    for shops in databases {
        let ids: Vec<&str> = shops.iter().map(|shop| shop.home.tenant.id.as_str()).collect();
        in_database(&shops[0].home, &ids).await;
    }
}

async fn in_database(home: &Home, ids: &[&str]) {
    let mut admin = home.admin().await;
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "select format('%I.%I', table_schema, table_name), exists (
             select from information_schema.columns c
             where c.table_schema = t.table_schema and c.table_name = t.table_name and c.column_name = 'tenant_id')
         from information_schema.tables t
         where table_schema in ('public', 'bellwether', 'auth') and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut seen = 0;
    for (table, is_tenants) in tables {
        seen += shows(&mut admin, &table, is_tenants, ids).await;
    }
    assert!(seen > 0, "nobody's canary is anywhere");
}

/// How many rows of the table show a tenant of the database; none shows another than its own.
async fn shows(admin: &mut PgConnection, table: &str, is_tenants: bool, ids: &[&str]) -> i64 {
    let foreign = match is_tenants {
        true => "not (tenant_id = any($1)) or strpos(replace(r::text, tenant_id, ''), 'canary') > 0",
        false => {
            "(select count(distinct m) > 1 or not coalesce(array_agg(m[1]) <@ $1, true)
              from regexp_matches(r::text, '(canary[0-9]+z)', 'g') m)"
        }
    };
    let sql = format!(
        "select count(*) filter (where {foreign}), count(*) filter (where strpos(r::text, 'canary') > 0) from {table} r"
    );
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let (foreign, own): (i64, i64) =
        sqlx::query_as(AssertSqlSafe(sql)).bind(&ids).fetch_one(admin).await.unwrap();
    assert_eq!(foreign, 0, "rows of {table} of {ids:?} show another tenant");
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
