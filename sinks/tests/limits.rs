//! Limits, quiet hours and digests on a real Postgres and a scripted SMTP server. Time passes by moving the rows' times
//! back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Deref;

use bellwether_runtime::config::SmtpServer;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Outcome, group_id};
use bellwether_sinks::error::SinkError;
use bellwether_sinks::mail;
use mail_parser::MessageParser;
use smtp::Smtp;
use support::*;
use tokio::task::JoinHandle;

/// A tenant with its database and its SMTP server, and eight confirmed users.
struct Shop {
    home: Home,
    smtp: Smtp,
}

impl Deref for Shop {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Shop {
    async fn new(test: &str) -> Self {
        let mut home = Home::new(test, "fxlabs", 8).await;
        let smtp = Smtp::start().await;
        home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        Self { home, smtp }
    }

    /// How many alert mails and digests stand in each state.
    async fn stands(&self, expected: &[(&str, &str, i64)]) {
        let sql = "select case kind when 'digest' then 'digest' else 'alert' end, state, count(*)
                   from bellwether.mail_outbox group by 1, 2 order by 1, 2";
        let what = format!("{expected:?}");
        eventually(&what, async || {
            let found: Vec<(String, String, i64)> =
                sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap();
            let found: Vec<_> =
                found.iter().map(|(kind, state, count)| (kind.as_str(), state.as_str(), *count)).collect();
            found == expected
        })
        .await;
    }

    /// State and reason of the one mail of each user.
    async fn reasons(&self) -> BTreeMap<usize, (String, Option<String>)> {
        let sql = "select user_id, state, reason from bellwether.mail_outbox where kind <> 'digest'";
        let rows: Vec<(uuid::Uuid, String, Option<String>)> =
            sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap();
        let number = |id| (0..8).find(|number| user(*number).0 == id).unwrap();
        rows.into_iter().map(|(id, state, reason)| (number(id), (state, reason))).collect()
    }

    /// An hour and some minutes pass, for everything that the outbox knows.
    async fn an_hour_later(&self) {
        self.execute(
            "update bellwether.mail_outbox set created_at = created_at - interval '61 minutes',
               appended_at = appended_at - interval '61 minutes', sent_at = sent_at - interval '61 minutes',
               hold_until = hold_until - interval '61 minutes', due_at = due_at - interval '61 minutes'",
        )
        .await;
    }

    /// Quiet hours of a user that began an hour ago and end in two, by UTC.
    async fn quiet(&self, who: usize, action: &str) {
        self.execute(&format!(
            "insert into public.notification_preferences
               (tenant_id, user_id, kind, quiet_from, quiet_to, quiet_zone, quiet_action)
             values ('fxlabs', '{}', 'all', (now() at time zone 'UTC')::time - interval '1 hour',
                     (now() at time zone 'UTC')::time + interval '2 hours', 'UTC', '{action}')",
            user(who)
        ))
        .await;
    }

    /// The quiet hours of everybody end.
    async fn morning(&self) {
        self.execute(
            "update public.notification_preferences set quiet_to = (now() at time zone 'UTC')::time - interval '1 minute';
             update bellwether.mail_outbox set hold_until = now() where state = 'held'",
        )
        .await;
    }

    /// Subject and plain text of every mail that arrived, by the number of its user.
    fn arrived(&self) -> Vec<(usize, String, String)> {
        let read = |mail: &smtp::Arrived| {
            let parsed = MessageParser::default().parse(&mail.content).unwrap();
            let number = mail.to[0].split('@').next().unwrap().parse().unwrap();
            (number, parsed.subject().unwrap().to_owned(), parsed.body_text(0).unwrap().into_owned())
        };
        self.smtp.arrived().iter().map(read).collect()
    }

    fn digests(&self) -> Vec<(usize, String, String)> {
        self.arrived().into_iter().filter(|(_, subject, _)| subject.contains("while you were away")).collect()
    }
}

/// A sink that runs until it is stopped.
struct Running(JoinHandle<Result<(), SinkError>>);

fn run(world: &World) -> Running {
    Running(tokio::spawn(mail::run(world.context())))
}

impl Running {
    async fn stop(self, world: &mut World) {
        world.shutdown.raise();
        self.0.await.unwrap().unwrap();
        world.next_process();
    }
}

/// The group with that number, of that user, with a trigger for each symbol.
fn group(number: usize, who: usize, symbols: &[&str]) -> Vec<Outcome> {
    let one = |(index, symbol): (usize, &&str)| {
        let mut trigger = trigger("fxlabs", number);
        trigger.user_id = user(who);
        trigger.symbol = Some(symbol.parse().unwrap());
        trigger.detail = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into();
        trigger.cause.index = i32::try_from(index).unwrap();
        let kind = AlertKind::RsiTracker;
        trigger.group.id = group_id(&trigger.tenant, kind, alert(who), 1, trigger.close_time, None);
        trigger.group.index = trigger.cause.index;
        trigger.group.size = i32::try_from(symbols.len()).unwrap();
        Outcome::Fired(trigger)
    };
    symbols.iter().enumerate().map(one).collect()
}

fn burst(numbers: std::ops::Range<usize>, who: usize) -> Vec<Outcome> {
    numbers.flat_map(|number| group(number, who, &["EURUSD"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_five_mails_and_a_digest_of_the_rest_whoever_is_cut_off() {
    let shop = Shop::new("burst").await;
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &burst(0..12, 0)).await;
    shop.stands(&[("alert", "held", 7), ("alert", "sent", 5)]).await;
    sink.stop(&mut world).await;
    let sink = run(&world);
    world.append("fxlabs", &burst(12..13, 0)).await;
    shop.stands(&[("alert", "held", 8), ("alert", "sent", 5)]).await;
    assert!(shop.digests().is_empty());

    shop.an_hour_later().await;
    for _ in 0..200 {
        shop.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and usename = 'bellwether_fxlabs'",
        )
        .await;
    }
    shop.stands(&[("alert", "digested", 8), ("alert", "sent", 5), ("digest", "sent", 1)]).await;
    let digests = shop.digests();
    assert_eq!((digests.len(), shop.arrived().len()), (1, 6));
    let (_, subject, text) = &digests[0];
    assert!(subject.contains("8 alerts while you were away"), "{subject}");
    assert_eq!(text.matches("EUR/USD RSI overbought (5M)").count(), 8, "{text}");
    assert!(text.contains("there were more than you get within an hour"), "{text}");
    let told = "select count(*) from bellwether.mail_outbox mail join bellwether.mail_outbox digest
                on mail.digest_occurrence = digest.occurrence";
    let told: i64 = sqlx::query_scalar(told).fetch_one(&mut shop.admin().await).await.unwrap();
    assert_eq!(told, 8);

    // The hour has room again.
    world.append("fxlabs", &burst(13..14, 0)).await;
    shop.stands(&[("alert", "digested", 8), ("alert", "sent", 6), ("digest", "sent", 1)]).await;
    sink.stop(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_drop_or_collect_and_at_their_end_five_go_out() {
    let shop = Shop::new("quiet").await;
    for (who, action) in [(1, "hold"), (2, "drop"), (3, "digest")] {
        shop.quiet(who, action).await;
    }
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    let all = [burst(0..7, 1), burst(7..8, 2), burst(8..11, 3), burst(11..12, 0)].concat();
    world.append("fxlabs", &all).await;
    shop.stands(&[("alert", "held", 10), ("alert", "sent", 1), ("alert", "suppressed", 1)]).await;
    let reasons = shop.reasons().await;
    let reason = |who: usize| (reasons[&who].0.as_str(), reasons[&who].1.as_deref());
    assert_eq!(reason(0), ("sent", None));
    assert_eq!(reason(1), ("held", Some("held: the user's quiet hours")));
    assert_eq!(reason(2), ("suppressed", Some("dropped: the user's quiet hours")));
    assert_eq!(reason(3), ("held", Some("held for a digest: the user's quiet hours")));
    let until = "select bool_and(hold_until between now() + interval '118 minutes' and now() + interval '121 minutes')
                 from bellwether.mail_outbox where state = 'held'";
    assert!(sqlx::query_scalar::<_, bool>(until).fetch_one(&mut shop.admin().await).await.unwrap());

    shop.morning().await;
    let standing = [
        ("alert", "digested", 3),
        ("alert", "held", 2),
        ("alert", "sent", 6),
        ("alert", "suppressed", 1),
        ("digest", "sent", 1),
    ];
    shop.stands(&standing).await;
    let digests = shop.digests();
    assert_eq!(digests[0].0, 3);
    assert!(digests[0].2.contains("it was your quiet time"), "{}", digests[0].2);
    shop.an_hour_later().await;
    let standing =
        [("alert", "digested", 5), ("alert", "sent", 6), ("alert", "suppressed", 1), ("digest", "sent", 2)];
    shop.stands(&standing).await;
    assert_eq!(shop.digests()[1].0, 1);
    sink.stop(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_wish_is_asked_of_their_own_row_and_of_the_row_of_all() {
    let shop = Shop::new("wishes").await;
    let row = |who: usize, columns: &str, values: &str| {
        format!(
            "insert into public.notification_preferences (tenant_id, user_id, {columns})
             values ('fxlabs', '{}', {values});",
            user(who)
        )
    };
    // A zone that another zone data knew: the tenant's holds.
    let kolkata = "(now() at time zone 'Asia/Kolkata')::time";
    let unread =
        format!("'all', {kolkata} - interval '1 hour', {kolkata} + interval '1 hour', 'Mars/Base', 'drop'");
    let rows = [
        row(1, "kind, muted_symbols", "'all', array['eur/usd', 'XAUUSD']"),
        row(2, "kind, muted_symbols", "'all', array['EURUSD']"),
        row(3, "kind, email", "'all', false"),
        row(4, "kind, digest", "'rsi_tracker', true"),
        "alter table public.notification_preferences disable trigger bellwether_quiet_zone;".into(),
        row(5, "kind, quiet_from, quiet_to, quiet_zone, quiet_action", &unread),
        row(6, "kind, email", "'price_alert', false"),
    ];
    shop.execute(&rows.concat()).await;
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    let two = ["EURUSD", "GBPUSD"];
    let all = [
        group(0, 1, &two),
        group(1, 2, &["EURUSD"]),
        group(2, 3, &two),
        group(3, 4, &two),
        group(4, 5, &two),
        group(5, 6, &two),
    ];
    world.append("fxlabs", &all.concat()).await;
    shop.stands(&[("alert", "held", 1), ("alert", "sent", 2), ("alert", "suppressed", 3)]).await;
    let reasons = shop.reasons().await;
    let reason = |who: usize| reasons[&who].1.as_deref().unwrap_or("none");
    assert_eq!((reason(2), reason(3)), ("muted by the user: its symbols", "switched off by the user"));
    assert_eq!(reason(5), "dropped: the user's quiet hours");
    assert_eq!(reason(4), "held for a digest: the user wants these mails in one");
    let subject = |who| shop.arrived().into_iter().find(|(number, ..)| *number == who).unwrap().1;
    assert!(subject(1).contains("GBP/USD RSI overbought"), "{}", subject(1));
    assert!(subject(6).contains("2 pairs"), "{}", subject(6));
    // Who switches digests off meanwhile gets none.
    shop.execute(&row(4, "kind, email", "'digest', false")).await;
    shop.an_hour_later().await;
    shop.stands(&[("alert", "sent", 2), ("alert", "suppressed", 4)]).await;
    sink.stop(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_tenants_cap_the_rest_waits_whoever_it_is_for() {
    let mut shop = Shop::new("flood").await;
    shop.home.tenant.mail.alerts_an_hour = NonZeroU32::new(3).unwrap();
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    for number in 0..5 {
        world.append("fxlabs", &group(number, number, &["EURUSD"])).await;
    }
    shop.stands(&[("alert", "held", 2), ("alert", "sent", 3)]).await;
    let why = "select distinct hold_reason from bellwether.mail_outbox where state = 'held'";
    let why: Vec<String> = sqlx::query_scalar(why).fetch_all(&mut shop.admin().await).await.unwrap();
    assert_eq!(why, ["flood"]);
    shop.an_hour_later().await;
    shop.stands(&[("alert", "digested", 2), ("alert", "sent", 3), ("digest", "sent", 2)]).await;
    sink.stop(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_not_sent_yet_counts_until_an_hour_after_it_was() {
    let shop = Shop::new("unsent").await;
    shop.smtp.always(smtp::At::Mail, smtp::Fault::Say("451 later".into()));
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &burst(0..5, 0)).await;
    shop.stands(&[("alert", "pending", 5)]).await;
    shop.an_hour_later().await;
    world.append("fxlabs", &burst(5..6, 0)).await;
    shop.stands(&[("alert", "held", 1), ("alert", "pending", 5)]).await;
    shop.smtp.heal();
    shop.execute("update bellwether.mail_outbox set due_at = now() where state = 'pending'").await;
    shop.stands(&[("alert", "held", 1), ("alert", "sent", 5)]).await;
    sink.stop(&mut world).await;
}
