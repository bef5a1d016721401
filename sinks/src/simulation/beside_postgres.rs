//! The simulated database beside a real Postgres: the sinks' own statements in random order on both leave the same rows.

mod compare;

use std::time::Duration;

use bellwether_database as database;
use bellwether_local::postgres::shared_for_tests;
use bellwether_local::seed::{self, Seeded, User};
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, MINUTE, SECOND};
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use chrono::{NaiveDate, NaiveTime};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::database::{Database, Filled, RunRow, Wrote};
use super::market::{self, Twin, USERS, user};
use super::outbox::address;
use super::parties::content;
use crate::feed::{Batch, Delivered};
use crate::mail::composer::core::Part;
use crate::mail::group::Group;
use crate::mail::outbox::{Claimed, Outbox, Settlement};
use crate::rows::Writer;
use crate::rows::piece::Piece;
use crate::schedule::decision::{Run, RunState};
use crate::schedule::plainly::settle;
use crate::schedule::slots::DailyTime;
use crate::simulated::Random;
use crate::{mail, rows};

/// Sequences of statements, and statements of each.
const CASES: u64 = 24;
const STATEMENTS: u64 = 60;
/// How far time goes on at once, milliseconds: short of, and past, each of the outbox's leases.
const STEPS: [i64; 4] = [3_517, 12_523, 61_531, 901_541];
/// Of a worker of the outbox.
const LEASE: Duration = Duration::from_secs(10);

/// A tenant's database twice.
struct Both {
    random: Random,
    tenant: Tenant,
    admin: PgConnection,
    real: Outbox,
    writer: Writer,
    model: Database,
    /// The model's time: it goes as Postgres's does, and is ahead of it by what was passed.
    now: Timestamp,
    /// How far it is ahead, microseconds.
    ahead: i64,
    outcomes: Vec<Delivered>,
    workers: Vec<Uuid>,
    claimed: Vec<Claimed>,
}

fn tenant_with(seeded: &Seeded, daily: &str) -> Tenant {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fxlabs.toml");
    let text = format!(
        "revision = 1\nzone = \"Asia/Kolkata\"\n{daily}[brand]\nname = \"fxlabs\"\n[database]\n[mail]\nfrom = \"f <a@fxlabs.example>\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let url = seeded.pipeline.reveal().to_owned();
    load_tenant(&file, &|name| (name == "FXLABS_DATABASE_URL").then(|| url.clone())).unwrap()
}

async fn seeded(name: &str) -> Seeded {
    let id = market::tenant(0);
    let seeded = seed::database(shared_for_tests().await, name, &id).await.unwrap();
    let somebody = |number| User { id: user(number), email: address(&id, user(number)), confirmed: true };
    let users: Vec<User> = (1..=USERS).map(somebody).collect();
    seed::add_users(&seeded.admin, &users).await.unwrap();
    seeded
}

/// What both tenants' triggers topic would hold.
fn outcomes(random: &mut Random) -> Vec<Delivered> {
    let journal = market::journal(0, random).into_iter().flatten().enumerate();
    let record =
        |(offset, new): (usize, bellwether_runtime::log::NewRecord)| bellwether_runtime::log::Record {
            offset: offset as u64,
            appended_at: Timestamp(0),
            key: new.key,
            headers: Vec::new(),
            value: new.value,
        };
    let journal: Vec<_> = journal.map(record).collect();
    let outcomes = Twin::of(&market::tenant(0), &journal).outcomes.into_iter().enumerate();
    outcomes
        .map(|(offset, outcome)| Delivered {
            offset: offset as u64,
            appended_at: Timestamp(1_772_600_000 * SECOND).plus(offset as i64),
            outcome,
            trace: None,
        })
        .collect()
}

impl Both {
    async fn new(seed: u64, seeded: &Seeded, pool: &PgPool) -> Self {
        let mut random = Random::new(seed);
        let tenant = tenant_with(seeded, "");
        let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
        let emptied = "truncate bellwether.sink_cursor, bellwether.mail_outbox, bellwether.mail_event,
            bellwether.mail_worker, bellwether.mail_suppression, bellwether.schedule_run, public.alert_status,
            public.rsi_tracker_alert_triggers, public.user_events, public.user_line";
        admin.execute(emptied).await.unwrap();
        Self {
            outcomes: outcomes(&mut random),
            random,
            real: Outbox::new(pool.clone(), tenant.id.clone()),
            writer: Writer::default(),
            model: Database::new(tenant.id.clone()),
            tenant,
            admin,
            now: Timestamp(0),
            ahead: 0,
            workers: Vec::new(),
            claimed: Vec::new(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end.max(1) as u64)).unwrap()
    }

    async fn statement(&mut self) {
        self.look_at_the_clock().await;
        match self.below(14) {
            0..=2 => self.write().await,
            3 => self.tidy().await,
            4..=5 => self.fill().await,
            6 => self.enlist().await,
            7..=8 => self.claim().await,
            9 => self.note().await,
            10..=11 => self.settle().await,
            12 => self.renew_or_leave().await,
            _ => self.pass().await,
        }
    }

    /// However long a statement takes beside other work: leases end by Postgres's clock.
    async fn look_at_the_clock(&mut self) {
        let sql = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
        let clock: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.unwrap();
        self.now = Timestamp(clock).plus(self.ahead);
    }

    /// A piece that may lie behind the cursor, before it or across it.
    async fn write(&mut self) {
        let from = self.below(self.outcomes.len());
        let cursor = usize::try_from(self.model.cursor(rows::SINK).next_offset).unwrap();
        let from = if self.below(3) == 0 { from } else { cursor.min(self.outcomes.len()) };
        let end = (from + self.below(8)).min(self.outcomes.len());
        let piece = Piece::from(Batch {
            tenant: self.tenant.id.clone(),
            records: self.outcomes[from..end].to_vec(),
            from: from as u64,
            next_offset: end as u64,
            mark: None,
            epoch: 0,
        });
        let real = match self.writer.write(&self.tenant, &piece).await.unwrap() {
            rows::Wrote::Piece(_) => Wrote::Piece,
            rows::Wrote::Behind(stands) => Wrote::Behind(stands),
        };
        assert_eq!(self.model.write(&piece, self.now), real);
    }

    async fn tidy(&mut self) {
        let sql = "delete from public.rsi_tracker_alert_triggers where id =
            (select id from public.rsi_tracker_alert_triggers order by id limit 1) returning id";
        let gone: Option<Uuid> = sqlx::query_scalar(sql).fetch_optional(&mut self.admin).await.unwrap();
        assert_eq!(self.model.tidy().map(|id| id.0), gone);
    }

    /// Some groups over a cursor that may be another's.
    async fn fill(&mut self) {
        let fired = self.outcomes.iter().filter_map(|record| match &record.outcome {
            Outcome::Fired(trigger) if trigger.group.index == 0 => Some((record, trigger)),
            Outcome::Fired(_) | Outcome::Status(_) => None,
        });
        let fired: Vec<(Delivered, TriggerFired)> =
            fired.map(|(record, trigger)| (record.clone(), trigger.clone())).collect();
        let (first, many) = (self.below(fired.len()), 1 + self.below(3));
        let groups: Vec<Group> = fired[first..(first + many).min(fired.len())]
            .iter()
            .map(|(record, trigger)| Group {
                triggers: vec![trigger.clone()],
                offset: record.offset,
                appended_at: record.appended_at,
                whole: true,
                trace: None,
            })
            .collect();
        let mut stands = self.model.cursor(mail::SINK);
        let mut ends = stands;
        ends.next_offset += 2;
        ends.cause.offset += 1;
        if self.below(5) == 0 {
            stands.next_offset += 1;
        }
        let (last, held_below) = (self.below(2) == 0, self.below(6) as u64);
        let part = Part { groups: &groups, stands, ends, mark: None, last, held_below };
        let real = self.real.fill_plainly(part, &self.tenant, content).await.unwrap();
        let filled = match self.model.fill(part, self.now, content) {
            Filled::Added(added) => Ok(added as u64),
            Filled::Elsewhere(cursor) => Err(cursor),
        };
        assert_eq!(filled, real);
    }

    async fn enlist(&mut self) {
        let worker = self.real.enlist(LEASE).await.unwrap();
        self.model.outbox.renew(worker, LEASE, self.now);
        self.workers.push(worker);
    }

    async fn claim(&mut self) {
        if self.workers.is_empty() {
            return self.enlist().await;
        }
        let (place, most) = (self.below(self.workers.len()), 1 + self.below(4));
        let worker = self.workers[place];
        let real = self.real.claim(worker, most as i64).await.unwrap();
        let claimed = self.model.outbox.claim(worker, most, self.now);
        assert_eq!(claimed, real);
        self.claimed.extend(real);
    }

    async fn note(&mut self) {
        let Some(mail) = self.some_claimed() else { return };
        let real = self.real.data_started(&mail).await.unwrap();
        assert_eq!(self.model.outbox.data_started(&mail, self.now), real);
    }

    /// By whoever has a claim, or had it once.
    async fn settle(&mut self) {
        let Some(mail) = self.some_claimed() else { return };
        let (wait, why) = (Duration::from_secs(self.random.below(40)), String::from("a reason"));
        let settlement = match self.below(9) {
            0 | 1 => Settlement::Sent(why),
            2 => Settlement::Retry(wait, why),
            3 => Settlement::Release(wait),
            4 => Settlement::Failed(why),
            5 => Settlement::Refused(why),
            6 => Settlement::Suppressed(why),
            _ => Settlement::Ambiguous(wait, why),
        };
        let real = self.real.settle(&mail, &settlement).await.unwrap();
        assert_eq!(self.model.outbox.settle(&mail, &settlement, self.now), real, "{settlement:?}");
    }

    fn some_claimed(&mut self) -> Option<Claimed> {
        let place = self.below(self.claimed.len());
        self.claimed.get(place).cloned()
    }

    async fn renew_or_leave(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let place = self.below(self.workers.len());
        let worker = self.workers[place];
        if self.below(3) > 0 {
            self.real.renew(worker, LEASE).await.unwrap();
            self.model.outbox.renew(worker, LEASE, self.now);
        } else {
            self.real.leave(worker).await.unwrap();
            self.model.outbox.leave(worker);
        }
    }

    /// Postgres's clock stays where it is: everything that it wrote becomes that much older.
    async fn pass(&mut self) {
        let millis = STEPS[self.below(STEPS.len())];
        self.ahead += millis * 1_000;
        let ago = format!("interval '{millis} milliseconds'");
        let sql = format!(
            "update bellwether.mail_outbox set due_at = due_at - {ago}, lease_until = lease_until - {ago},
                 created_at = created_at - {ago};
             update bellwether.mail_worker set lease_until = lease_until - {ago}"
        );
        self.admin.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

#[tokio::test]
async fn the_simulated_database_does_what_postgres_does() {
    let seeded = seeded("simulated").await;
    let pool = database::connect(&tenant_with(&seeded, "")).await.unwrap();
    for seed in 0..CASES {
        let mut both = Both::new(seed, &seeded, &pool).await;
        for _ in 0..STATEMENTS {
            both.statement().await;
            both.compare().await;
        }
    }
}

/// A schedule that ran some days ago, and is due at some time of day.
#[tokio::test]
async fn a_simulated_schedule_is_settled_as_on_postgres() {
    let seeded = seeded("simulated_schedule").await;
    let mut random = Random::new(1);
    for case in 0..16 {
        let minutes = u32::try_from(random.below(1_440)).unwrap();
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minutes * 60, 0).unwrap();
        let tenant = tenant_with(&seeded, &format!("daily_brief = \"{}\"\n", time.format("%H:%M")));
        let daily = DailyTime { zone: tenant.zone, time };
        let mut model = Database::new(tenant.id.clone());
        let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
        admin.execute("truncate bellwether.schedule_run, bellwether.mail_outbox").await.unwrap();
        let outbox = Outbox::new(database::connect(&tenant).await.unwrap(), tenant.id.clone());
        let (now, _) = settle(&tenant, outbox.clone()).await;
        if case % 4 > 0 {
            // It ran last that many days ago.
            let last = daily.last(now.plus(-case % 4 * DAY)).unwrap();
            let sql = format!("update bellwether.schedule_run set key = '{}'", last.date);
            admin.execute(AssertSqlSafe(sql)).await.unwrap();
            let run = Run { slot: last, state: RunState::Before };
            model.runs.insert(last.date, RunRow { run, at: now });
        }
        let users: Vec<_> = (1..=USERS).map(user).collect();
        for _ in 0..2 {
            let (now, next) = settle(&tenant, outbox.clone()).await;
            assert_eq!(model.settle(daily, &users, now), next);
        }
        let sql = "select key::date, state, mails from bellwether.schedule_run order by key";
        let real: Vec<(NaiveDate, String, i64)> = sqlx::query_as(sql).fetch_all(&mut admin).await.unwrap();
        let owed = |run: &Run| if matches!(run.state, RunState::Due { .. }) { USERS as i64 } else { 0 };
        let runs =
            model.runs.iter().map(|(date, row)| (*date, row.run.state.name().to_owned(), owed(&row.run)));
        assert_eq!(runs.collect::<Vec<_>>(), real, "due at {time}, now {now}, within {}", MINUTE);
        let mails: i64 = sqlx::query_scalar("select count(*) from bellwether.mail_outbox")
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(model.outbox.mails.len() as i64, mails);
    }
}
