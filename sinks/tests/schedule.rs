//! Schedules on a real Postgres: whoever keeps them, dies or comes second, each day and item is owed once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::{SmtpServer, Tenant};
use bellwether_runtime::log::NewRecord;
use bellwether_schemas::calendar::{CalendarItem, Impact};
use bellwether_schemas::codec::{encode_preview, encode_reading};
use bellwether_schemas::previews::{Interval, Moved, Preview, RandomBars, UserFollowed};
use bellwether_schemas::readings::{Reading, ReadingRecord};
use bellwether_schemas::time::{DAY, HOUR, MINUTE, SECOND};
use bellwether_schemas::{Timestamp, Topic, TopicKind};
use bellwether_sinks::{mail, schedule};
use chrono::{DateTime, Days, NaiveDate, Utc};
use smtp::Smtp;
use support::*;

/// How many of its users may get mail.
const READERS: i64 = 6;

/// A tenant with its database: eight users, of whom one is not confirmed and one wants none of these mails.
struct Shop {
    home: Home,
}

impl Deref for Shop {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Shop {
    async fn new(test: &str) -> Self {
        let mut home = Home::new(test, "fxlabs", 7).await;
        home.add_unconfirmed(7).await;
        home.tenant.zone = chrono_tz::UTC;
        let shop = Self { home };
        let off = format!(
            "insert into public.notification_preferences (tenant_id, user_id, kind, email)
             select 'fxlabs', '{}', kind, false from unnest(array['daily_brief', 'news_reminder', 'news_correction']) kind",
            user(6)
        );
        shop.execute(&off).await;
        shop
    }

    /// Today's brief was due that long ago; the day before was dealt with.
    async fn brief_due_ago(&mut self, ago: i64) {
        let due = now().plus(-ago).utc();
        self.home.tenant.daily_brief = Some(due.time());
        let before = due.date_naive().pred_opt().unwrap();
        let row = format!(
            "insert into bellwether.schedule_run (tenant_id, schedule, key, due_at, state, zone, zone_data)
             values ('fxlabs', 'daily_brief', '{before}', now() - interval '1 day', 'missed', 'UTC', 'test')"
        );
        self.execute(&row).await;
    }

    /// Runs that are due and rows of the outbox, at one moment.
    async fn owed(&self) -> (i64, i64) {
        let sql = "select (select count(*) from bellwether.schedule_run where state = 'due'),
                          (select count(*) from bellwether.mail_outbox)";
        sqlx::query_as(sql).fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// From here on the clock of the tenant's database shows what [`Self::clock_shows`] says: a function of that name
    /// comes before the server's own.
    async fn clock_is_ours(&self) {
        self.execute(
            "create schema moved;
             create table moved.clock as select now() as at;
             create function moved.clock_timestamp() returns timestamptz language sql volatile
               as 'select at from moved.clock';
             grant usage on schema moved to public;
             grant select on moved.clock to public",
        )
        .await;
        let path = "do $$ begin
            execute format('alter role bellwether_fxlabs in database %I set search_path = moved, pg_catalog, public',
                           current_database());
        end $$";
        self.execute(path).await;
    }

    async fn clock_shows(&self, at: Timestamp) {
        self.execute(&format!("update moved.clock set at = '{at}'")).await;
    }

    /// Runs recorded in that state whose day is not before that one.
    async fn runs(&self, state: &str, from: NaiveDate) -> i64 {
        let sql = "select count(*) from bellwether.schedule_run where zone_data <> 'test'";
        self.number(&format!("{sql} and state = '{state}' and key >= '{from}'")).await
    }

    async fn eventually_owes(&self, runs: i64, rows: i64) {
        let what = format!("{runs} runs and {rows} rows");
        eventually(&what, async || self.owed().await == (runs, rows)).await;
    }
}

fn now() -> Timestamp {
    bellwether_runtime::clock::Clock::system().now()
}

/// Keeps the schedule until it is stopped.
struct Keeper {
    world: World,
    task: tokio::task::JoinHandle<Result<(), bellwether_sinks::SinkError>>,
}

impl Keeper {
    fn start(tenant: &Tenant) -> Self {
        let world = World::new(vec![tenant.clone()]);
        let task = tokio::spawn(schedule::run(world.context()));
        Self { world, task }
    }

    async fn stop(self) {
        self.world.shutdown.raise();
        self.task.await.unwrap().unwrap();
    }

    /// The calendar learns of an item.
    async fn learn(&self, item: &CalendarItem) {
        let tenant = "fxlabs".parse().unwrap();
        let record = ReadingRecord::new(&tenant, &Reading::Calendar(item.clone())).unwrap();
        let (key, value) = (record.key.clone().into_bytes(), encode_reading(&record).unwrap());
        let topic = Topic::new(&tenant, TopicKind::Readings);
        self.world.log.append(&topic, vec![NewRecord { key, value }]).answer().await.unwrap();
    }
}

fn payrolls(time: Timestamp) -> CalendarItem {
    CalendarItem {
        id: "desk:7".into(),
        time,
        currency: "USD".into(),
        title: "Non-Farm Payrolls".into(),
        impact: Impact::High,
        previous: Some("175K".into()),
        forecast: None,
        actual: None,
        source: "desk".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_keep_a_schedule_and_each_user_gets_one_brief_composed_when_it_is_claimed() {
    let mut shop = Shop::new("many").await;
    let smtp = Smtp::start().await;
    shop.home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
    shop.brief_due_ago(MINUTE).await;
    // Each on a log of its own, so that none knows of the others.
    let keepers: Vec<Keeper> = (0..3).map(|_| Keeper::start(&shop.tenant)).collect();
    shop.eventually_owes(1, READERS + 1).await;
    let bodies = "select count(*) from bellwether.mail_outbox where content is not null";
    assert_eq!(shop.number(bodies).await, 0, "nothing is composed in the run's transaction");
    let mut storing = World::new(vec![shop.tenant.clone()]);
    let sink = Sink::start(&storing);
    tell_of_own_alerts(&storing).await;
    let told = "select count(*) from bellwether.user_followed";
    eventually("what two users are told", async || shop.number(told).await == 2).await;
    sink.stop(&mut storing).await;

    let delivery = tokio::spawn(mail::run(keepers[0].world.context()));
    let sent =
        "select count(*) from bellwether.mail_outbox where state = 'sent' and content_sha256 is not null";
    eventually("every brief to be sent", async || shop.number(sent).await == READERS).await;
    for keeper in keepers {
        keeper.stop().await;
    }
    delivery.await.unwrap().unwrap();
    assert_eq!(shop.owed().await, (1, READERS + 1));
    assert_eq!(shop.number(bodies).await, 0, "what is sent keeps its hash alone");
    let off = "select count(*) from bellwether.mail_outbox where reason = 'switched off by the user'";
    assert_eq!(shop.number(off).await, 1);
    let mails = smtp.arrived();
    let subjects: BTreeSet<String> = mails.iter().map(|mail| header(&mail.content, "subject")).collect();
    assert_eq!((mails.len(), subjects.len()), (usize::try_from(READERS).unwrap(), 1), "{subjects:?}");
    let recipients: BTreeSet<&String> = mails.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!(recipients.len(), mails.len(), "one mail a user");
    let measured = "14 triggers; median move after 5 bars +0.12 %, random bars of the same hours +0.01 %: not enough to tell apart.";
    for mail in &mails {
        let said = [body(&mail.content, false), body(&mail.content, true)];
        for said in said {
            let is_of = |number: usize| mail.to[0].starts_with(&format!("{number}@"));
            assert_eq!(said.contains(measured), is_of(0), "{:?}: {said}", mail.to);
            assert_eq!(
                said.contains("3 triggers; no price to measure by."),
                is_of(1),
                "{:?}: {said}",
                mail.to
            );
            assert_eq!(said.contains("Your alerts"), is_of(0) || is_of(1), "{:?}: {said}", mail.to);
        }
    }
}

/// Records of what followed the triggers of two users, as the role that makes them leaves them, and of another tenant's.
async fn tell_of_own_alerts(world: &World) {
    let to = now().floor(DAY);
    let random = RandomBars { median_percent: 0.0102, difference: Interval { low: -0.041, high: 0.2 } };
    let moved = Moved { bars: 5, count: 14, days: 9, median_percent: 0.12, random: Some(random) };
    let of = |tenant: &str, number: usize, triggers: i64, moved: Option<Moved>| {
        let (tenant, from) = (tenant.parse().unwrap(), to.plus(-30 * DAY));
        let followed = UserFollowed { tenant, user_id: user(number), from, to, triggers, moved };
        let preview = Preview::User(followed);
        NewRecord { key: preview.key().into_bytes(), value: encode_preview(&preview).unwrap() }
    };
    let records = vec![
        of("fxlabs", 0, 14, Some(moved.clone())),
        of("fxlabs", 1, 3, None),
        of("hextech", 2, 14, Some(moved)),
    ];
    let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Previews);
    world.log.append(&topic, records).answer().await.unwrap();
}

/// A mail's text or HTML, with plain blanks.
fn body(content: &[u8], is_html: bool) -> String {
    let mail = mail_parser::MessageParser::default().parse(content).unwrap();
    let body = if is_html { mail.body_html(0) } else { mail.body_text(0) };
    body.unwrap().replace('\u{a0}', " ")
}

fn header(content: &[u8], name: &str) -> String {
    let text = String::from_utf8(content.to_vec()).unwrap();
    let line = text.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
    line.unwrap_or_default().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_too_long_ago_is_recorded_and_not_sent() {
    let mut shop = Shop::new("missed").await;
    shop.brief_due_ago(7 * HOUR).await;
    let keeper = Keeper::start(&shop.tenant);
    let missed =
        "select count(*) from bellwether.schedule_run where state = 'missed' and zone_data <> 'test'";
    eventually("the day to be recorded", async || shop.number(missed).await == 1).await;
    keeper.stop().await;
    assert_eq!(shop.owed().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_reminded_of_once_and_corrected_once() {
    let mut shop = Shop::new("news").await;
    shop.home.tenant.daily_brief = None;
    let keeper = Keeper::start(&shop.tenant);
    let time = now().plus(3 * MINUTE);
    keeper.learn(&payrolls(time)).await;
    shop.eventually_owes(1, READERS + 1).await;
    keeper.learn(&payrolls(time.plus(HOUR))).await;
    shop.eventually_owes(2, 2 * (READERS + 1)).await;
    keeper.learn(&payrolls(time.plus(2 * HOUR))).await;
    keeper.learn(&CalendarItem { id: "desk:8".into(), ..payrolls(time.plus(MINUTE)) }).await;
    shop.eventually_owes(3, 3 * (READERS + 1)).await;
    keeper.stop().await;
    let kinds =
        "select string_agg(schedule || ' ' || key, ', ' order by schedule, key) from bellwether.schedule_run";
    let kinds: String = sqlx::query_scalar(kinds).fetch_one(&mut shop.admin().await).await.unwrap();
    assert_eq!(kinds, "news_correction desk:7, news_reminder desk:7, news_reminder desk:8");
}

/// `ROUNDS=334` makes a thousand cuts of it.
#[tokio::test(flavor = "multi_thread")]
async fn news_go_to_whoever_wants_that_currency_and_not_into_quiet_hours_that_outlast_them() {
    let mut shop = Shop::new("wished_news").await;
    shop.home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(9));
    shop.brief_due_ago(MINUTE).await;
    // User 2's quiet hours end before the item comes, those of user 3 after it.
    let wishes = format!(
        "insert into public.notification_preferences
           (tenant_id, user_id, kind, news_currencies, quiet_from, quiet_to, quiet_zone)
         select 'fxlabs', id::uuid, 'all', news, time + (till - till) - interval '1 hour', time + till, 'UTC'
         from (select (now() at time zone 'UTC')::time) as clock (time),
              (values ('{}', array['EUR', 'GBP'], null::interval), ('{}', array['usd'], null),
                      ('{}', null, interval '1 minute'), ('{}', null, interval '1 hour')) as wish (id, news, till);",
        user(0),
        user(1),
        user(2),
        user(3)
    );
    shop.execute(&wishes).await;
    let keeper = Keeper::start(&shop.tenant);
    keeper.learn(&payrolls(now().plus(3 * MINUTE))).await;
    shop.eventually_owes(2, 2 * (READERS + 1)).await;
    keeper.stop().await;
    let of = "select kind || ' ' || state || coalesce(': ' || reason, '') from bellwether.mail_outbox
              where user_id = any($1) order by array_position($1, user_id), kind";
    let four: Vec<uuid::Uuid> = (0..4).map(|number| user(number).0).collect();
    let found: Vec<String> =
        sqlx::query_scalar(of).bind(four).fetch_all(&mut shop.admin().await).await.unwrap();
    let brief = "daily_brief pending";
    assert_eq!(
        found,
        [
            brief,
            "news_reminder suppressed: the user wants no news of USD",
            brief,
            "news_reminder pending",
            brief,
            "news_reminder held: held: the user's quiet hours",
            brief,
            "news_reminder suppressed: dropped: the user's quiet hours end after it is of use",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_at_any_moment_a_run_and_its_mails_are_there_together_or_not_at_all() {
    let rounds: u64 = std::env::var("ROUNDS").map_or(40, |text| text.parse().unwrap());
    let mut shop = Shop::new("cut").await;
    shop.brief_due_ago(MINUTE).await;
    let keepers: Vec<Keeper> = (0..3).map(|_| Keeper::start(&shop.tenant)).collect();
    shop.eventually_owes(1, READERS + 1).await;
    for round in 0..rounds {
        shop.execute("delete from bellwether.mail_outbox").await;
        shop.execute("delete from bellwether.schedule_run where state = 'due'").await;
        for keeper in &keepers {
            keeper.world.tenants.send_replace(Arc::new(vec![shop.tenant.clone()]));
        }
        for cut in 0..3 {
            tokio::time::sleep(Duration::from_micros(700 * (round * 3 + cut) % 9_000)).await;
            shop.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and usename = 'bellwether_fxlabs'",
            )
            .await;
            let owed = shop.owed().await;
            assert!([(0, 0), (1, READERS + 1)].contains(&owed), "{owed:?}");
        }
        shop.eventually_owes(1, READERS + 1).await;
    }
    for keeper in keepers {
        keeper.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_begins_owes_nothing_for_the_day_that_is_under_way() {
    let mut shop = Shop::new("begins").await;
    shop.home.tenant.daily_brief = Some(now().plus(-MINUTE).utc().time());
    let keeper = Keeper::start(&shop.tenant);
    let before = "select count(*) from bellwether.schedule_run where state = 'before'";
    eventually("the beginning to be recorded", async || shop.number(before).await == 1).await;
    let due: DateTime<Utc> = sqlx::query_scalar("select due_at from bellwether.schedule_run")
        .fetch_one(&mut shop.admin().await)
        .await
        .unwrap();
    assert!(Timestamp::from(due) <= now());
    keeper.stop().await;
    assert_eq!(shop.owed().await, (0, 0));
}

/// Days on which local clocks do odd things: zone, time, day, and when the brief is due. Beside the rows of `docs/SCHEDULE.md`
/// two plain days.
const ODD_DAYS: [(&str, &str, &str, &str); 9] = [
    ("Asia/Kolkata", "09:00:00", "2026-03-04", "2026-03-04T03:30:00Z"),
    ("Asia/Dubai", "09:00:00", "2026-03-04", "2026-03-04T05:00:00Z"),
    ("America/New_York", "02:30:00", "2026-03-08", "2026-03-08T07:00:00Z"),
    ("America/Santiago", "00:00:00", "2026-09-06", "2026-09-06T04:00:00Z"),
    ("Africa/Cairo", "00:00:00", "2026-04-24", "2026-04-23T22:00:00Z"),
    ("America/New_York", "01:30:00", "2026-11-01", "2026-11-01T05:30:00Z"),
    ("Africa/Casablanca", "02:30:00", "2026-02-15", "2026-02-15T01:30:00Z"),
    ("Australia/Lord_Howe", "01:45:00", "2026-04-05", "2026-04-04T14:45:00Z"),
    ("Pacific/Apia", "09:00:00", "2011-12-31", "2011-12-30T19:00:00Z"),
];

#[tokio::test(flavor = "multi_thread")]
async fn by_the_databases_clock_an_odd_day_has_one_brief_at_its_instant() {
    let mut shop = Shop::new("clock").await;
    shop.clock_is_ours().await;
    for (zone, time, day, due) in ODD_DAYS {
        shop.home.tenant.zone = zone.parse().unwrap();
        shop.home.tenant.daily_brief = Some(time.parse().unwrap());
        let (day, due): (NaiveDate, Timestamp) = (day.parse().unwrap(), due.parse().unwrap());
        let (before, after) = (day - Days::new(3), day + Days::new(1));
        shop.execute("truncate bellwether.schedule_run, bellwether.mail_outbox").await;
        let began = format!(
            "insert into bellwether.schedule_run (tenant_id, schedule, key, due_at, state, zone, zone_data)
             values ('fxlabs', 'daily_brief', '{before}', '{}', 'missed', 'UTC', 'test')",
            due.plus(-72 * HOUR)
        );
        shop.execute(&began).await;
        shop.clock_shows(due.plus(-SECOND)).await;
        let keepers: Vec<Keeper> = (0..2).map(|_| Keeper::start(&shop.tenant)).collect();
        let look = || {
            for keeper in &keepers {
                keeper.world.tenants.send_replace(Arc::new(vec![shop.tenant.clone()]));
            }
        };
        eventually("a look before it is due", async || shop.runs("missed", before).await > 0).await;
        assert_eq!(shop.runs("due", before).await, 0, "{zone} {day}");
        // At its instant, and when local clocks show the time once more.
        for at in [due, due.plus(30 * MINUTE), due.plus(HOUR)] {
            shop.clock_shows(at).await;
            look();
            shop.eventually_owes(1, READERS + 1).await;
        }
        let due_at: DateTime<Utc> =
            sqlx::query_scalar("select due_at from bellwether.schedule_run where state = 'due'")
                .fetch_one(&mut shop.admin().await)
                .await
                .unwrap();
        assert_eq!((due_at, shop.runs("due", day).await), (due.utc(), 1), "{zone} {day}");
        shop.clock_shows(due.plus(26 * HOUR)).await;
        look();
        shop.eventually_owes(2, 2 * (READERS + 1)).await;
        assert_eq!(shop.runs("due", after).await, 1, "{zone} {after}");
        for keeper in keepers {
            keeper.stop().await;
        }
    }
}

/// `RECIPIENTS=10000` says how long that takes, and what memory it needs; without it, whether it works with a few hundred.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_for_many_users_is_one_short_transaction_and_every_body_is_composed_after_it() {
    let recipients: i64 = std::env::var("RECIPIENTS").map_or(300, |text| text.parse().unwrap());
    let mut shop = Shop::new("large").await;
    let smtp = Smtp::start().await;
    shop.home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
    let more = format!(
        "insert into auth.users (id, email, email_confirmed_at)
         select gen_random_uuid(), 'more' || n || '@users.fxlabs.example', now()
         from generate_series(1, {}) n",
        recipients - READERS
    );
    shop.execute(&more).await;
    shop.brief_due_ago(MINUTE).await;
    let (begun, before) = (now(), resident());
    let keeper = Keeper::start(&shop.tenant);
    shop.eventually_owes(1, recipients + 1).await;
    let owed = now().since(begun);
    let delivery = tokio::spawn(mail::run(keeper.world.context()));
    let sent = "select count(*) from bellwether.mail_outbox where state = 'sent'";
    let mut most = resident();
    while shop.number(sent).await < recipients {
        smtp.forget();
        most = most.max(resident());
        assert!(now().since(begun) < HOUR, "it takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "{recipients} recipients: owed after {} ms, all sent after {} ms, {} MiB more than before",
        owed / 1_000,
        now().since(begun) / 1_000,
        most.saturating_sub(before) / 1_024
    );
    keeper.stop().await;
    delivery.await.unwrap().unwrap();
}

/// What this process holds in memory, KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
