//! The rows sink's write path beside a bare `UNNEST` loop: 100,000 triggers of all six kinds into the same tables with the
//! same columns and indexes, each into a database of its own, in turns of a few thousand rows.
//!
//! `cargo bench -p bellwether-sinks --bench rows`. The sink starts from outcomes: it finds out what is new, counts at the
//! alerts, gives numbers and moves its cursor. The loop is given the same columns, payloads and numbers, counted and
//! numbered beforehand, and inserts them with as many rows a transaction: triggers, events, lines, and statuses as one
//! upsert each. It checks nothing, expects no conflict and has no cursor.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bellwether_database as database;
use bellwether_database::cursor::Mark;
use bellwether_database::tables::user_events::Event;
use bellwether_database::tables::{self, KindTables};
use bellwether_local::postgres::Postgres;
use bellwether_local::samples;
use bellwether_local::seed::{self, Seeded, User};
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp, TriggerId, UserId, ids};
use bellwether_sinks::feed::{BATCH_RECORDS, Delivered};
use bellwether_sinks::rows::piece::Piece;
use bellwether_sinks::rows::{Writer, Wrote};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

const ROWS: usize = 100_000;
const USERS: usize = 1_000;
const ROUNDS: usize = 3;
/// Transactions of one turn: short, so that what else the machine does meets both alike.
const TURN: usize = 10;
const LEAST: f64 = 0.85;

#[tokio::main]
async fn main() {
    let postgres = Postgres::temporary().await.unwrap();
    let triggers: Vec<TriggerFired> = (0..ROWS).map(trigger).collect();
    let (pieces, bare) = (pieces(&triggers), bare(&triggers));
    let [sink, bare_loop] = [World::new(&postgres, "sink").await, World::new(&postgres, "loop").await];
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // The first round warms both up.
    for round in 0..=ROUNDS {
        let turns = turns(&sink, &pieces, &bare_loop, &bare).await;
        let [our, their]: [f64; 2] = [0, 1].map(|whose| turns.iter().map(|turn| turn[whose]).sum());
        eprintln!("round {round}: sink {our:.2} s, loop {their:.2} s");
        if round > 0 {
            ratios.extend(turns.iter().map(|[our, their]| their / our));
            ours.push(our);
            theirs.push(their);
        }
    }
    println!(
        "{ROWS} triggers of six kinds, {USERS} users, {BATCH_RECORDS} a transaction; the median of {ROUNDS} rounds, of \
         {} turns",
        ratios.len()
    );
    for (name, seconds) in [("rows sink", median(ours)), ("bare loop", median(theirs))] {
        println!("{name:<10} {seconds:>6.2} s {:>8.0} rows/s", ROWS as f64 / seconds);
    }
    let ratio = median(ratios);
    let met = if ratio >= LEAST { "met" } else { "missed" };
    println!("goal {met}: rows a second beside a bare loop's >= {LEAST}: {ratio:.2}");
    postgres.remove().await.unwrap();
}

/// Seconds of sink and loop in each turn of one round over all rows; they take turns in going first, too.
async fn turns(sink: &World, pieces: &[Piece], bare_loop: &World, bare: &[Bare]) -> Vec<[f64; 2]> {
    sink.empty().await;
    bare_loop.empty().await;
    let mut writer = Writer::default();
    let pool = database::connect(&bare_loop.tenant).await.unwrap();
    let inserts: Vec<String> = tables::all().map(insert).collect();
    let mut turns = Vec::new();
    for (turn, (pieces, bare)) in pieces.chunks(TURN).zip(bare.chunks(TURN)).enumerate() {
        let mut taken = [Duration::ZERO; 2];
        for whose in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
            let began = Instant::now();
            match whose {
                0 => sink.write(&mut writer, pieces).await,
                _ => write_bare(&pool, bare, &inserts).await,
            }
            taken[whose] = began.elapsed();
        }
        turns.push(taken.map(|taken| taken.as_secs_f64()));
    }
    sink.complete().await;
    bare_loop.complete().await;
    turns
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn user(number: usize) -> UserId {
    UserId(ids::derive(&format!("bench user {number}")))
}

fn trigger(number: usize) -> TriggerFired {
    let kind = AlertKind::ALL[number % AlertKind::ALL.len()];
    let whose = ids::derive(&format!("bench whose {number}")).as_u128() as usize % USERS;
    let alert = AlertId(ids::derive(&format!("bench {kind} {whose}")));
    let sample =
        samples::trigger(&"fxlabs".parse().unwrap(), kind, alert, user(whose), (number % 60_000) as u16);
    let cause = Cause { offset: number as i64, index: 0 };
    TriggerFired { id: TriggerId(ids::derive(&format!("bench trigger {number}"))), cause, ..sample }
}

fn tenant(seeded: &Seeded) -> Tenant {
    let dir = std::env::temp_dir().join(format!("bellwether-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("fxlabs.toml");
    let text = "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"F\"\n[database]\n[mail]\nfrom = \"F <a@f.example>\"\n";
    std::fs::write(&file, text).unwrap();
    let url = seeded.pipeline.reveal().to_owned();
    let tenant = load_tenant(&file, &|name| (name == "FXLABS_DATABASE_URL").then(|| url.clone())).unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    tenant
}

struct World {
    tenant: Tenant,
    seeded: Seeded,
}

/// What the loop is given for one transaction.
struct Bare {
    triggers: Vec<TriggerFired>,
    events: Vec<(i64, Event)>,
    /// Of each alert: kind, user, how many.
    counts: BTreeMap<Uuid, (AlertKind, Uuid, i64)>,
    /// Of each user, the next number.
    next: BTreeMap<Uuid, i64>,
}

fn pieces(triggers: &[TriggerFired]) -> Vec<Piece> {
    let delivered = |number: usize| Delivered {
        offset: number as u64,
        appended_at: Timestamp(0),
        outcome: Outcome::Fired(triggers[number].clone()),
        trace: None,
    };
    let piece = |from: usize| {
        let end = (from + BATCH_RECORDS).min(ROWS);
        let records: Vec<Delivered> = (from..end).map(delivered).collect();
        let through = records.last().map(|record| record.outcome.cause());
        let mark = Some(Mark { offset: end as u64 - 1, content: [7; 32] });
        Piece { records, from: from as u64, next_offset: end as u64, through, mark, is_probe: false }
    };
    (0..ROWS).step_by(BATCH_RECORDS).map(piece).collect()
}

fn bare(triggers: &[TriggerFired]) -> Vec<Bare> {
    let mut next: BTreeMap<Uuid, i64> = BTreeMap::new();
    let mut bare = |triggers: &[TriggerFired]| {
        let (mut events, mut counts, mut of_batch) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for trigger in triggers {
            let seq = next.entry(trigger.user_id.0).or_insert(1);
            events.push((*seq, Event::of(&Outcome::Fired(trigger.clone()))));
            *seq += 1;
            of_batch.insert(trigger.user_id.0, *seq);
            let count = counts.entry(trigger.alert_id.0).or_insert((trigger.kind, trigger.user_id.0, 0));
            count.2 += 1;
        }
        Bare { triggers: triggers.to_vec(), events, counts, next: of_batch }
    };
    triggers.chunks(BATCH_RECORDS).map(&mut bare).collect()
}

async fn write_bare(pool: &PgPool, batches: &[Bare], inserts: &[String]) {
    for bare in batches {
        let mut transaction = pool.begin().await.unwrap();
        bare.write(&mut transaction, inserts).await;
        transaction.commit().await.unwrap();
    }
}

impl World {
    async fn new(postgres: &Postgres, name: &str) -> Self {
        let seeded = seed::database(postgres, name, &"fxlabs".parse().unwrap()).await.unwrap();
        let user =
            |number| User { id: user(number), email: format!("{number}@bench.example"), confirmed: true };
        seed::add_users(&seeded.admin, &(0..USERS).map(user).collect::<Vec<_>>()).await.unwrap();
        Self { tenant: tenant(&seeded), seeded }
    }

    async fn write(&self, writer: &mut Writer, pieces: &[Piece]) {
        for piece in pieces {
            let wrote = writer.write(&self.tenant, piece).await.unwrap();
            assert!(matches!(wrote, Wrote::Piece(receipt) if receipt.present + receipt.repeats == 0));
        }
    }

    /// Empty tables, as they were before the first row.
    async fn empty(&self) {
        let mut admin = PgConnection::connect(self.seeded.admin.reveal()).await.unwrap();
        let triggers: Vec<&str> = tables::all().map(|kind| kind.triggers.name).collect();
        let truncate = format!(
            "truncate {}, alert_status, user_events, user_line, bellwether.sink_cursor",
            triggers.join(", ")
        );
        admin.execute(AssertSqlSafe(truncate)).await.unwrap();
        admin.execute("checkpoint").await.unwrap();
    }

    async fn complete(&self) {
        let mut admin = PgConnection::connect(self.seeded.admin.reveal()).await.unwrap();
        let counts =
            "select (select count(*) from user_events), (select sum(next_seq - 1)::bigint from user_line),
            (select sum(trigger_count)::bigint from alert_status)";
        let counts: (i64, i64, i64) = sqlx::query_as(counts).fetch_one(&mut admin).await.unwrap();
        let pool = PgPool::connect(self.seeded.admin.reveal()).await.unwrap();
        let rows = tables::triggers::count(&pool).await.unwrap() as i64;
        assert_eq!((counts, rows), ((rows, rows, rows), ROWS as i64));
    }
}

/// The kind's own columns with what the samples have in them; `n` is a numeric column, `t` one of text.
const fn own(kind: AlertKind) -> &'static [(&'static str, char, &'static str)] {
    match kind {
        AlertKind::RsiTracker => &[
            ("symbol", 't', "EURUSDm"),
            ("timeframe", 't', "5M"),
            ("trigger_condition", 't', "overbought"),
            ("rsi_value", 'n', "71.26"),
        ],
        AlertKind::RsiCorrelationTracker => &[
            ("pair_key", 't', "EURUSD-GBPUSD"),
            ("timeframe", 't', "5M"),
            ("mode", 't', "real_correlation"),
            ("trigger_type", 't', "real_mismatch"),
            ("value", 'n', "0.213"),
        ],
        AlertKind::HeatmapTracker => &[
            ("symbol", 't', "EURUSDm"),
            ("timeframe", 't', "5M"),
            ("trading_style", 't', "scalper"),
            ("trigger_type", 't', "sell"),
            ("buy_percent", 'n', "27.87"),
            ("sell_percent", 'n', "72.13"),
            ("final_score", 'n', "-44.25"),
        ],
        AlertKind::HeatmapIndicatorTracker => &[
            ("symbol", 't', "EURUSDm"),
            ("timeframe", 't', "5M"),
            ("indicator", 't', "UTBOT"),
            ("signal", 't', "buy"),
        ],
        AlertKind::CurrencyStrengthTracker => &[
            ("timeframe", 't', "5M"),
            ("role", 't', "weakest"),
            ("currency", 't', "USD"),
            ("previous_currency", 't', "JPY"),
            ("score", 'n', "-100"),
        ],
        AlertKind::PriceAlert => &[
            ("symbol", 't', "EURUSDm"),
            ("timeframe", 't', "5M"),
            ("side", 't', "below"),
            ("level", 'n', "1.3155"),
            ("previous", 'n', "1.3161"),
        ],
    }
}

fn insert(kind: &'static KindTables) -> String {
    let common = "id, alert_id, user_id, alert_version, triggered_at, price, detail";
    let own = own(kind.kind);
    let names: Vec<&str> = own.iter().map(|(name, ..)| *name).collect();
    let values: Vec<String> = own
        .iter()
        .map(|(name, of, _)| if *of == 'n' { format!("{name}::numeric") } else { (*name).to_owned() })
        .collect();
    let arrays: Vec<String> = (8..)
        .zip(own)
        .map(|(place, (_, of, _))| format!("${place}::{}[]", if *of == 'n' { "float8" } else { "text" }))
        .collect();
    let (names, values, arrays) = (names.join(", "), values.join(", "), arrays.join(", "));
    format!(
        "insert into public.{} ({common}, {names})
         select id, alert_id, user_id, alert_version, triggered_at, price::numeric, detail::jsonb, {values}
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::float8[], $7::text[],
                     {arrays}) as t ({common}, {names})",
        kind.triggers.name
    )
}

impl Bare {
    async fn write(&self, connection: &mut PgConnection, inserts: &[String]) {
        for (kind, insert) in tables::all().zip(inserts) {
            self.write_kind(connection, kind.kind, insert).await;
        }
        self.write_statuses(connection).await;
        self.write_line(connection).await;
    }

    async fn write_kind(&self, connection: &mut PgConnection, kind: AlertKind, insert: &str) {
        let rows: Vec<&TriggerFired> = self.triggers.iter().filter(|trigger| trigger.kind == kind).collect();
        let mut query = sqlx::query(AssertSqlSafe(insert.to_owned()))
            .bind(rows.iter().map(|t| t.id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.alert_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.user_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.alert_version).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.close_time.utc()).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.price).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.detail.as_str()).collect::<Vec<_>>());
        for (_, of, value) in own(kind) {
            query = match of {
                'n' => query.bind(vec![value.parse::<f64>().unwrap(); rows.len()]),
                _ => query.bind(vec![*value; rows.len()]),
            };
        }
        query.execute(connection).await.unwrap();
    }

    async fn write_statuses(&self, connection: &mut PgConnection) {
        let counts = "insert into public.alert_status as s
                (alert_id, kind, user_id, version, state, effective_at, last_triggered_at, trigger_count)
            select alert_id, kind, user_id, 1, 'active', now(), now(), many
            from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[]) as t (alert_id, kind, user_id, many)
            on conflict (tenant_id, alert_id) do update
                set last_triggered_at = excluded.last_triggered_at, trigger_count = s.trigger_count + excluded.trigger_count";
        let values = || self.counts.values();
        sqlx::query(counts)
            .bind(self.counts.keys().copied().collect::<Vec<_>>())
            .bind(values().map(|(kind, ..)| kind.name()).collect::<Vec<_>>())
            .bind(values().map(|(_, user, _)| *user).collect::<Vec<_>>())
            .bind(values().map(|(.., many)| *many).collect::<Vec<_>>())
            .execute(connection)
            .await
            .unwrap();
    }

    async fn write_line(&self, connection: &mut PgConnection) {
        let next = "insert into public.user_line (user_id, next_seq)
            select * from unnest($1::uuid[], $2::bigint[])
            on conflict (tenant_id, user_id) do update set next_seq = excluded.next_seq";
        sqlx::query(next)
            .bind(self.next.keys().copied().collect::<Vec<_>>())
            .bind(self.next.values().copied().collect::<Vec<_>>())
            .execute(&mut *connection)
            .await
            .unwrap();
        let events =
            "insert into public.user_events (user_id, seq, type, kind, alert_id, trigger_id, payload)
            select user_id, seq, 'trigger', kind, alert_id, trigger_id, payload::jsonb
            from unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::uuid[], $6::text[])
                as t (user_id, seq, kind, alert_id, trigger_id, payload)";
        sqlx::query(events)
            .bind(self.events.iter().map(|(_, event)| event.user_id.0).collect::<Vec<_>>())
            .bind(self.events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>())
            .bind(self.events.iter().map(|(_, event)| event.kind.as_str()).collect::<Vec<_>>())
            .bind(self.events.iter().map(|(_, event)| event.alert_id).collect::<Vec<_>>())
            .bind(self.events.iter().map(|(_, event)| event.trigger_id.map(|id| id.0)).collect::<Vec<_>>())
            .bind(self.events.iter().map(|(_, event)| event.payload.as_str()).collect::<Vec<_>>())
            .execute(connection)
            .await
            .unwrap();
    }
}
