//! The mail sink from an embedded log over a real Postgres to a scripted SMTP server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::config::{SmtpServer, WhenAmbiguous};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertState, Condition, Outcome, TriggerFired, group_id};
use bellwether_sinks::error::SinkError;
use bellwether_sinks::mail;
use bellwether_sinks::mail::outbox::{Claimed, Outbox, Settlement};
use bellwether_sinks::mail::terms::Terms;
use smtp::{At, Fault, Keys, Smtp};
use support::proxy::Proxy;
use support::*;
use tokio::task::JoinHandle;

const HOUR: Duration = Duration::from_hours(1);

/// A tenant with its database and its SMTP server. Users 0 to 7 are confirmed, 8 is not, 9 does not exist.
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
    async fn new(test: &str, id: &str) -> Self {
        let mut home = Home::new(test, id, 8).await;
        home.add_unconfirmed(8).await;
        let smtp = Smtp::start().await;
        home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        // What is held back is the matter of `limits.rs`.
        home.tenant.mail.alerts_a_user_an_hour = NonZeroU32::MAX;
        Self { home, smtp }
    }

    /// Its tenant reaches its database over that wire.
    fn over(self, proxy: &Proxy) -> Self {
        Self { home: self.home.over(proxy), smtp: self.smtp }
    }

    /// How many mails stand in each state.
    async fn states(&self) -> BTreeMap<String, i64> {
        let sql = "select state, count(*) from bellwether.mail_outbox group by state";
        sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap().into_iter().collect()
    }

    async fn in_state(&self, state: &str, count: i64) {
        let what = format!("{count} mails in state {state}");
        eventually(&what, async || self.states().await.get(state).copied().unwrap_or(0) == count).await;
    }

    async fn reasons(&self) -> Vec<String> {
        let sql = "select coalesce(reason, state) from bellwether.mail_outbox order by 1";
        sqlx::query_scalar(sql).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// Time passes: what is to be tried again is due.
    async fn later(&self) {
        self.execute("update bellwether.mail_outbox set due_at = now() where state in ('pending', 'ambiguous') and due_at < 'infinity'").await;
    }

    /// Mails of that kind, ready to go: each for the user of its number.
    async fn owe(&self, numbers: std::ops::Range<usize>, kind: &str) {
        let id = &self.tenant.id;
        for number in numbers {
            self.execute(&format!(
                "insert into bellwether.mail_outbox (tenant_id, occurrence, kind, message_id, user_id, recipient, content)
                 values ('{id}', '{kind}.{number}', '{kind}', '<{kind}.{number}@{id}.example>', '{}',
                         '{number}@users.{id}.example',
                         convert_to('Message-ID: <{kind}.{number}@{id}.example>' || e'\\r\\n\\r\\nhello\\r\\n', 'utf8'))",
                user(number)
            ))
            .await;
        }
    }

    async fn outbox(&self) -> Outbox {
        Outbox::new(database::connect(&self.tenant).await.unwrap(), self.tenant.id.clone())
    }
}

/// A sink that runs until it is stopped.
struct Running(JoinHandle<Result<(), SinkError>>);

fn run(world: &World) -> Running {
    Running(tokio::spawn(mail::run(world.context())))
}

impl Running {
    async fn stop(self, world: &World) {
        world.shutdown.raise();
        self.0.await.unwrap().unwrap();
    }
}

/// The `index`-th of `size` triggers of the group with that number.
fn part(tenant: &str, number: usize, who: usize, index: i32, size: i32) -> Outcome {
    let mut trigger = trigger(tenant, number);
    trigger.user_id = user(who);
    trigger.symbol = Some(["EURUSD", "GBPUSD", "USDJPY"][usize::try_from(index).unwrap()].parse().unwrap());
    trigger.detail = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into();
    trigger.cause.index = index;
    trigger.group.id =
        group_id(&trigger.tenant, AlertKind::RsiTracker, alert(who), 1, trigger.close_time, None);
    (trigger.group.index, trigger.group.size) = (index, size);
    Outcome::Fired(trigger)
}

/// Groups of one trigger, for user 0.
fn groups(tenant: &str, numbers: std::ops::Range<usize>) -> Vec<Outcome> {
    numbers.map(|number| part(tenant, number, 0, 0, 1)).collect()
}

fn message_ids(smtp: &Smtp) -> Vec<String> {
    let of = |content: &[u8]| {
        let text = String::from_utf8(content.to_vec()).unwrap();
        let line = text.lines().find(|line| line.to_lowercase().starts_with("message-id:")).unwrap();
        line.split_once(':').unwrap().1.trim().to_string()
    };
    smtp.arrived().iter().map(|mail| of(&mail.content)).collect()
}

fn distinct(mut ids: Vec<String>) -> usize {
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

#[tokio::test]
async fn each_group_is_one_mail_of_its_own_tenant() {
    let (fx, hex) = (Shop::new("each", "fxlabs").await, Shop::new("each", "hextech").await);
    let world = World::new(vec![fx.tenant.clone(), hex.tenant.clone()]);
    let sink = run(&world);
    for shop in [&fx, &hex] {
        let id = shop.tenant.id.as_str();
        world.append(id, &[status(id, 0, AlertState::Active)]).await;
        let three = (0..3).map(|index| part(id, 1, 1, index, 3));
        world.append(id, &three.chain(groups(id, 2..30)).collect::<Vec<_>>()).await;
    }
    for (shop, other) in [(&fx, "hextech"), (&hex, "fxlabs")] {
        shop.in_state("sent", 29).await;
        assert_eq!((shop.smtp.arrived().len(), distinct(message_ids(&shop.smtp))), (29, 29));
        let arrived = shop.smtp.arrived();
        let texts: Vec<String> =
            arrived.iter().map(|mail| String::from_utf8(mail.content.clone()).unwrap()).collect();
        assert!(texts.iter().all(|text| !text.contains(other)));
        assert_eq!(texts.iter().filter(|text| text.contains("3 pairs RSI alert")).count(), 1);
        let own = format!("@users.{}.example", shop.tenant.id);
        assert!(arrived.iter().all(|mail| mail.to.len() == 1 && mail.to[0].ends_with(&own)));
    }
    sink.stop(&world).await;
    assert_eq!(world.committed("mail", "fxlabs"), 32);
}

#[tokio::test]
async fn stopping_and_starting_again_mails_nothing_twice() {
    let shop = Shop::new("again", "fxlabs").await;
    let mut world = World::new(vec![shop.tenant.clone()]);
    for round in 0..5 {
        let sink = run(&world);
        world.append("fxlabs", &groups("fxlabs", round * 20..round * 20 + 20)).await;
        if round % 2 == 0 {
            shop.in_state("sent", (round as i64 + 1) * 20).await;
        }
        sink.stop(&world).await;
        world.next_process();
    }
    let sink = run(&world);
    shop.in_state("sent", 100).await;
    assert_eq!((shop.smtp.arrived().len(), distinct(message_ids(&shop.smtp))), (100, 100));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_group_that_lost_a_trigger_is_mailed_as_it_is_and_those_around_it_once() {
    let shop = Shop::new("partial", "fxlabs").await;
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    // A part whose other part never comes, and a whole group behind it.
    world.append("fxlabs", &[part("fxlabs", 1, 1, 0, 2), part("fxlabs", 1, 2, 1, 1)]).await;
    shop.in_state("sent", 1).await;
    sink.stop(&world).await;
    world.next_process();
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 2..3)).await;
    shop.in_state("sent", 3).await;
    assert_eq!((shop.smtp.arrived().len(), distinct(message_ids(&shop.smtp))), (3, 3));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_group_of_every_kind_of_alert_becomes_one_mail_of_its_own_tenant() {
    for (id, other) in [("fxlabs", "hextech"), ("hextech", "fxlabs")] {
        let shop = Shop::new("kinds", id).await;
        let world = World::new(vec![shop.tenant.clone()]);
        let sink = run(&world);
        for (number, kind) in AlertKind::ALL.into_iter().enumerate() {
            world.append(id, &sample(id, kind, number)).await;
        }
        shop.in_state("sent", 6).await;
        let arrived = shop.smtp.arrived();
        let texts: Vec<String> =
            arrived.iter().map(|mail| String::from_utf8(mail.content.clone()).unwrap()).collect();
        for kind in AlertKind::ALL {
            let feedback = format!("Feedback-ID: {kind}:alert:{id}");
            assert_eq!(texts.iter().filter(|text| text.contains(&feedback)).count(), 1, "{kind}");
        }
        assert!(texts.iter().all(|text| !text.contains(other)));
        assert_eq!(distinct(message_ids(&shop.smtp)), 6);
        sink.stop(&world).await;
        assert!(world.dead_letters(id).is_empty());
    }
}

/// The triggers of that kind's sample as one group of user 0's.
fn sample(tenant: &str, kind: AlertKind, number: usize) -> Vec<Outcome> {
    let file = format!("{}/mail/{kind}/sample.json", env!("CARGO_MANIFEST_DIR"));
    let triggers: Vec<TriggerFired> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let own = |(index, mut of): (usize, TriggerFired)| {
        (of.tenant, of.user_id) = (tenant.parse().unwrap(), user(0));
        (of.cause.offset, of.cause.index) = (number as i64, i32::try_from(index).unwrap());
        of.group.id = group_id(&of.tenant, kind, of.alert_id, 1, of.close_time, None);
        Outcome::Fired(of)
    };
    triggers.into_iter().enumerate().map(own).collect()
}

#[tokio::test]
async fn an_alert_whose_detail_cannot_be_read_is_a_failed_row_and_no_dead_letter() {
    let shop = Shop::new("unread", "fxlabs").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    let Outcome::Fired(mut trigger) = part("fxlabs", 0, 0, 0, 1) else { unreachable!() };
    (trigger.kind, trigger.condition) = (AlertKind::PriceAlert, Condition::Above);
    world.append("fxlabs", &[Outcome::Fired(trigger)]).await;
    shop.in_state("failed", 1).await;
    let reasons = shop.reasons().await;
    assert!(reasons[0].starts_with("cannot be composed: trigger "), "{reasons:?}");
    assert!(reasons[0].contains(": detail is "), "{reasons:?}");
    sink.stop(&world).await;
    assert!(world.dead_letters("fxlabs").is_empty());
}

#[tokio::test]
async fn who_is_not_to_get_mail_gets_none_and_the_outbox_says_why() {
    let shop = Shop::new("why", "fxlabs").await;
    shop.execute(&format!(
        "insert into public.notification_preferences (tenant_id, user_id, kind, email) values ('fxlabs', '{}', 'rsi_tracker', false);
         insert into bellwether.mail_suppression (tenant_id, address, reason) values ('fxlabs', '2@users.fxlabs.example', '550 gone')",
        user(1)
    ))
    .await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    let all: Vec<Outcome> =
        [0, 1, 2, 8, 9].into_iter().enumerate().map(|(n, who)| part("fxlabs", n, who, 0, 1)).collect();
    world.append("fxlabs", &all).await;
    shop.in_state("sent", 1).await;
    shop.in_state("suppressed", 4).await;
    let none = "the user has no confirmed address";
    assert_eq!(
        shop.reasons().await,
        ["sent", "switched off by the user", "the address is suppressed: 550 gone", none, none]
    );
    assert_eq!(shop.smtp.arrived().len(), 1);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_refused_for_now_is_offered_again_with_the_same_bytes() {
    let shop = Shop::new("greylist", "fxlabs").await;
    shop.smtp.once(At::Rcpt, Fault::Say("450 4.7.1 greylisted".into()));
    shop.smtp.once(At::Dot, Fault::Say("451 4.3.0 later".into()));
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..1)).await;
    eventually("the first refusal", async || shop.reasons().await == ["450 4.7.1 greylisted"]).await;
    let due = "select due_at - now() between interval '5 seconds' and interval '12 seconds' from bellwether.mail_outbox";
    assert!(sqlx::query_scalar::<_, bool>(due).fetch_one(&mut shop.admin().await).await.unwrap());
    shop.later().await;
    eventually("the second refusal", async || shop.reasons().await == ["451 4.3.0 later"]).await;
    shop.later().await;
    shop.in_state("sent", 1).await;
    let arrived = shop.smtp.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].content, arrived[1].content);
    let row = "select attempts, reply from bellwether.mail_outbox";
    let row: (i32, String) = sqlx::query_as(row).fetch_one(&mut shop.admin().await).await.unwrap();
    assert_eq!(row, (3, "250 kept as 1".into()));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_refused_address_is_suppressed_and_a_mail_refused_for_a_day_fails() {
    let shop = Shop::new("refused", "fxlabs").await;
    shop.smtp.once(At::Rcpt, Fault::Say("550 5.1.1 no such user".into()));
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..1)).await;
    shop.in_state("failed", 1).await;
    world.append("fxlabs", &groups("fxlabs", 1..2)).await;
    shop.in_state("suppressed", 1).await;
    assert!(shop.reasons().await[1].contains("550 5.1.1 no such user"));
    shop.smtp.always(At::Mail, Fault::Say("451 never".into()));
    world.append("fxlabs", &[part("fxlabs", 2, 1, 0, 1)]).await;
    shop.in_state("pending", 1).await;
    shop.execute(
        "update bellwether.mail_outbox set created_at = now() - interval '24 hours' where state = 'pending'",
    )
    .await;
    shop.later().await;
    shop.in_state("failed", 2).await;
    assert!(shop.reasons().await.iter().any(|reason| reason == "gave up after 24 hours: 451 never"));
    assert!(shop.smtp.arrived().is_empty());
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_that_may_have_arrived_goes_out_once_more_and_never_a_third_time() {
    let shop = Shop::new("ambiguous", "fxlabs").await;
    shop.smtp.once(At::Dot, Fault::Drop);
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..1)).await;
    shop.in_state("ambiguous", 1).await;
    shop.later().await;
    shop.in_state("sent", 1).await;
    let arrived = shop.smtp.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].content, arrived[1].content);
    shop.smtp.always(At::Dot, Fault::Drop);
    world.append("fxlabs", &groups("fxlabs", 1..2)).await;
    shop.in_state("ambiguous", 1).await;
    shop.later().await;
    let held =
        "select count(*) from bellwether.mail_outbox where state = 'ambiguous' and due_at = 'infinity'";
    eventually("it is held", async || {
        sqlx::query_scalar::<_, i64>(held).fetch_one(&mut shop.admin().await).await.unwrap() == 1
    })
    .await;
    shop.later().await;
    world.append("fxlabs", &groups("fxlabs", 2..3)).await;
    eventually("the next one was tried", async || shop.smtp.arrived().len() == 5).await;
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_of_a_kind_that_is_held_and_one_of_a_kind_nobody_knows_go_out_once_at_most() {
    let shop = Shop::new("held", "fxlabs").await;
    shop.smtp.once(At::Dot, Fault::Drop);
    shop.smtp.once(At::Dot, Fault::Drop);
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    for kind in ["daily_brief", "kind_of_a_newer_version"] {
        shop.execute(&format!(
            "insert into bellwether.mail_outbox (tenant_id, occurrence, kind, message_id, user_id, recipient, content)
             values ('fxlabs', '{kind}.1', '{kind}', '<{kind}.1@fxlabs.example>', '{}', '0@users.fxlabs.example',
                     convert_to('Message-ID: <{kind}.1@fxlabs.example>' || e'\\r\\n\\r\\nhello\\r\\n', 'utf8'))",
            user(0)
        ))
        .await;
    }
    shop.in_state("ambiguous", 2).await;
    let held = "select count(*) from bellwether.mail_outbox where due_at = 'infinity'";
    let held: i64 = sqlx::query_scalar(held).fetch_one(&mut shop.admin().await).await.unwrap();
    assert_eq!(held, 2);
    // Time passes, and delivery goes on with others.
    shop.later().await;
    world.append("fxlabs", &groups("fxlabs", 0..1)).await;
    shop.in_state("sent", 1).await;
    assert_eq!((shop.smtp.arrived().len(), distinct(message_ids(&shop.smtp))), (3, 3));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_claim_whose_worker_is_gone_is_taken_over_and_the_old_worker_changes_nothing() {
    let shop = Shop::new("fence", "fxlabs").await;
    let mut silent = shop.tenant.clone();
    // Nobody delivers while we do.
    silent.mail.smtp = Some(SmtpServer::on_this_machine(9));
    let world = World::new(vec![silent]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..2)).await;
    eventually("two mails", async || shop.states().await.values().sum::<i64>() == 2).await;
    sink.stop(&world).await;
    shop.later().await;
    let outbox = shop.outbox().await;
    let worker = outbox.enlist(HOUR).await.unwrap();
    let claim = async || -> Vec<Claimed> {
        let mut claimed = outbox.claim(worker, 10).await.unwrap();
        claimed.sort_by(|a, b| a.occurrence.cmp(&b.occurrence));
        claimed
    };
    let old = claim().await;
    assert_eq!((old.len(), claim().await.len()), (2, 0));
    assert!(outbox.data_started(&old[0]).await.unwrap());
    shop.execute("update bellwether.mail_outbox set lease_until = now() - interval '1 second'").await;
    assert!(!outbox.data_started(&old[1]).await.unwrap(), "its lease is over");
    let new = claim().await;
    assert_eq!(new.iter().map(|mail| mail.fence).collect::<Vec<_>>(), [old[0].fence + 1, old[1].fence + 1]);
    let events = "select occurrence from bellwether.mail_event where event = 'ambiguous'";
    let events: Vec<String> = sqlx::query_scalar(events).fetch_all(&mut shop.admin().await).await.unwrap();
    assert_eq!(events, [old[0].occurrence.clone()], "the one whose content had begun to leave");
    for mail in &old {
        assert!(!outbox.data_started(mail).await.unwrap());
        assert!(!outbox.settle(mail, &Settlement::Sent("250 old".into())).await.unwrap());
    }
    for mail in &new {
        assert!(outbox.data_started(mail).await.unwrap());
        assert!(outbox.settle(mail, &Settlement::Sent("250 new".into())).await.unwrap());
        assert!(!outbox.settle(mail, &Settlement::Sent("250 again".into())).await.unwrap());
    }
    shop.in_state("sent", 2).await;
}

#[tokio::test]
async fn the_claims_of_a_worker_that_gives_no_sign_of_life_are_anothers_and_it_sends_nothing_more() {
    let shop = Shop::new("worker", "fxlabs").await;
    shop.owe(0..3, "rsi_tracker").await;
    let outbox = shop.outbox().await;
    let (silent, other) = (outbox.enlist(HOUR).await.unwrap(), outbox.enlist(HOUR).await.unwrap());
    let old = outbox.claim(silent, 2).await.unwrap();
    assert_eq!(old.len(), 2);
    assert!(outbox.data_started(&old[0]).await.unwrap());
    assert_eq!(outbox.claim(other, 10).await.unwrap().len(), 1, "the two are its own while it lives");
    shop.execute(
        "update bellwether.mail_worker set lease_until = now() - interval '1 second' where worker in
        (select worker from bellwether.mail_outbox where state = 'data_started')",
    )
    .await;
    assert!(!outbox.data_started(&old[1]).await.unwrap(), "its lease is over");
    outbox.renew(silent, HOUR).await.unwrap();
    assert_eq!(outbox.claim(other, 10).await.unwrap(), [], "it gave a sign of life before anybody came");
    outbox.leave(silent).await.unwrap();
    let new = outbox.claim(other, 10).await.unwrap();
    assert_eq!(new.len(), 2);
    let events = "select occurrence from bellwether.mail_event where event = 'ambiguous'";
    let events: Vec<String> = sqlx::query_scalar(events).fetch_all(&mut shop.admin().await).await.unwrap();
    assert_eq!(events, [old[0].occurrence.clone()]);
    outbox.renew(silent, HOUR).await.unwrap();
    for mail in &old {
        assert!(!outbox.data_started(mail).await.unwrap());
        assert!(!outbox.settle(mail, &Settlement::Sent("250 old".into())).await.unwrap());
    }
}

#[tokio::test]
async fn who_learns_late_that_the_server_has_it_spares_the_second_mail() {
    let shop = Shop::new("late_yes", "fxlabs").await;
    shop.owe(0..1, "daily_brief").await;
    let outbox = shop.outbox().await;
    let (slow, other) = (outbox.enlist(HOUR).await.unwrap(), outbox.enlist(HOUR).await.unwrap());
    let mail = outbox.claim(slow, 1).await.unwrap().remove(0);
    assert!(outbox.data_started(&mail).await.unwrap());
    outbox.leave(slow).await.unwrap();
    assert_eq!(outbox.claim(other, 1).await.unwrap(), [], "it is held");
    shop.in_state("ambiguous", 1).await;
    assert!(outbox.settle(&mail, &Settlement::Sent("250 kept".into())).await.unwrap());
    shop.in_state("sent", 1).await;
}

#[tokio::test]
async fn what_a_user_switched_off_or_cannot_get_any_more_since_it_was_composed_does_not_go_out() {
    let shop = Shop::new("meanwhile", "fxlabs").await;
    shop.owe(0..3, "rsi_tracker").await;
    shop.owe(3..4, "test").await;
    shop.execute(&format!(
        "insert into public.notification_preferences (tenant_id, user_id, kind, email)
           values ('fxlabs', '{0}', 'rsi_tracker', false), ('fxlabs', '{1}', 'price_alert', false),
                  ('fxlabs', '{2}', 'rsi_tracker', false);
         insert into bellwether.mail_suppression (tenant_id, address, reason)
           values ('fxlabs', '2@users.fxlabs.example', '550 gone')",
        user(0),
        user(1),
        user(3)
    ))
    .await;
    let outbox = shop.outbox().await;
    let worker = outbox.enlist(HOUR).await.unwrap();
    let claimed = outbox.claim(worker, 10).await.unwrap();
    let mut kinds: Vec<&str> = claimed.iter().map(|mail| mail.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["rsi_tracker", "test"]);
    assert_eq!(
        shop.reasons().await,
        ["claimed", "claimed", "switched off by the user", "the address is suppressed: 550 gone"]
    );
}

#[tokio::test]
async fn a_provider_that_knows_a_mail_by_its_header_gets_it_until_it_says_yes_and_keeps_it_once() {
    let mut shop = Shop::new("idempotent", "fxlabs").await;
    let keys = Keys::of("X-Key");
    shop.smtp.remember(&keys);
    shop.home.tenant.mail.idempotency_header = Some("X-Key".parse().unwrap());
    for _ in 0..4 {
        shop.smtp.once(At::Dot, Fault::Drop);
    }
    shop.owe(0..1, "daily_brief").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    eventually("it is sent", async || {
        shop.later().await;
        shop.states().await.get("sent") == Some(&1)
    })
    .await;
    let arrived = shop.smtp.arrived();
    assert_eq!((arrived.len(), shop.smtp.kept()), (5, 1));
    assert!(arrived.iter().all(|mail| mail.content == arrived[0].content));
    assert!(arrived[0].content.starts_with(b"X-Key: daily_brief.0\r\nMessage-ID: <daily_brief.0@"));
    // Once the provider may have forgotten it, the kind decides: a brief stays where it is.
    shop.smtp.always(At::Dot, Fault::Drop);
    shop.owe(1..2, "daily_brief").await;
    shop.in_state("ambiguous", 1).await;
    shop.execute("update bellwether.mail_outbox set idempotent_until = now() where state = 'ambiguous'")
        .await;
    shop.later().await;
    let held = "select reason from bellwether.mail_outbox where state = 'ambiguous' and due_at = 'infinity'";
    eventually("it is held", async || {
        let reason: Option<String> =
            sqlx::query_scalar(held).fetch_optional(&mut shop.admin().await).await.unwrap();
        reason.is_some_and(|reason| reason.ends_with("held: the provider may have forgotten it"))
    })
    .await;
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_that_an_operator_has_sent_again_is_another_to_the_provider() {
    let mut shop = Shop::new("again_by_hand", "fxlabs").await;
    shop.home.tenant.mail.idempotency_header = Some("X-Key".parse().unwrap());
    shop.owe(0..1, "daily_brief").await;
    let terms = Terms::of(&shop.tenant.mail);
    let outbox = shop.outbox().await.under(terms);
    let worker = outbox.enlist(HOUR).await.unwrap();
    let mail = outbox.claim(worker, 1).await.unwrap().remove(0);
    assert_eq!(mail.idempotency.as_deref(), Some("X-Key: daily_brief.0"));
    assert!(outbox.data_started(&mail).await.unwrap());
    // What its provider was told first stays, whatever the file says by now.
    let later = Settlement::Retry(Duration::ZERO, "451 later".into());
    assert!(outbox.settle(&mail, &later).await.unwrap());
    shop.home.tenant.mail.idempotency_header = Some("X-Other".parse().unwrap());
    let changed = shop.outbox().await.under(Terms::of(&shop.tenant.mail));
    let mail = changed.claim(worker, 1).await.unwrap().remove(0);
    assert_eq!(mail.idempotency.as_deref(), Some("X-Key: daily_brief.0"));
    outbox.settle(&mail, &Settlement::Failed("554 no".into())).await.unwrap();
    shop.execute("update bellwether.mail_outbox set state = 'pending', retries = 1, idempotent_until = null")
        .await;
    let again = outbox.claim(worker, 1).await.unwrap().remove(0);
    assert_eq!(again.idempotency.as_deref(), Some("X-Key: daily_brief.0:1"));
}

#[tokio::test]
async fn a_tenants_word_about_mails_that_may_have_arrived_counts() {
    let mut shop = Shop::new("policy", "fxlabs").await;
    shop.home.tenant.mail.ambiguous.alerts = Some(WhenAmbiguous::Hold);
    shop.home.tenant.mail.ambiguous.daily_brief = Some(WhenAmbiguous::SendOnceMore);
    shop.smtp.always(At::Dot, Fault::Drop);
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    shop.owe(0..1, "rsi_tracker").await;
    shop.owe(1..2, "daily_brief").await;
    let held = "select count(*) from bellwether.mail_outbox where due_at = 'infinity'";
    eventually("both are held", async || {
        shop.later().await;
        sqlx::query_scalar::<_, i64>(held).fetch_one(&mut shop.admin().await).await.unwrap() == 2
    })
    .await;
    let count = |kind: &str| message_ids(&shop.smtp).iter().filter(|id| id.contains(kind)).count();
    assert_eq!((count("rsi_tracker"), count("daily_brief")), (1, 2));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_that_its_server_thinks_about_delays_no_other_of_the_tenant_nor_of_any_other() {
    let (fx, hex) = (Shop::new("slow", "fxlabs").await, Shop::new("slow", "hextech").await);
    let world = World::new(vec![fx.tenant.clone(), hex.tenant.clone()]);
    fx.smtp.once(At::Dot, Fault::Hold);
    fx.owe(0..30, "rsi_tracker").await;
    let sink = run(&world);
    fx.in_state("sent", 29).await;
    fx.in_state("data_started", 1).await;
    // Now nothing of the first tenant goes on, for as long as its server likes.
    fx.smtp.always(At::Mail, Fault::Hold);
    fx.owe(30..40, "rsi_tracker").await;
    eventually("both connections wait", async || fx.smtp.holding() == 2).await;
    hex.owe(0..30, "rsi_tracker").await;
    hex.in_state("sent", 30).await;
    fx.smtp.heal();
    eventually("the first tenant goes on", async || {
        fx.smtp.release();
        fx.states().await.get("sent") == Some(&40)
    })
    .await;
    assert_eq!((fx.smtp.arrived().len(), distinct(message_ids(&fx.smtp))), (40, 40));
    sink.stop(&world).await;
}

#[tokio::test]
async fn mails_leave_no_faster_than_the_tenants_file_allows_over_all_its_connections() {
    let mut shop = Shop::new("rate", "fxlabs").await;
    shop.home.tenant.mail.rate = NonZeroU32::new(10);
    shop.owe(0..21, "rsi_tracker").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    shop.in_state("sent", 21).await;
    let taken = "select max(sent_at) - min(sent_at) > interval '1.5 seconds' from bellwether.mail_outbox";
    assert!(sqlx::query_scalar::<_, bool>(taken).fetch_one(&mut shop.admin().await).await.unwrap());
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_mail_too_large_for_the_server_fails_and_says_so() {
    let shop = Shop::new("size", "fxlabs").await;
    shop.smtp.offer("SIZE 20");
    shop.owe(0..1, "rsi_tracker").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    shop.in_state("failed", 1).await;
    assert!(shop.reasons().await[0].starts_with("the server takes mails of 20 bytes at most"));
    sink.stop(&world).await;
}

#[tokio::test]
async fn many_workers_claim_each_mail_once() {
    let shop = Shop::new("claims", "fxlabs").await;
    let mut silent = shop.tenant.clone();
    silent.mail.smtp = Some(SmtpServer::on_this_machine(9));
    let world = World::new(vec![silent]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..200)).await;
    eventually("200 mails", async || shop.states().await.values().sum::<i64>() == 200).await;
    sink.stop(&world).await;
    shop.execute("update bellwether.mail_outbox set state = 'pending'").await;
    shop.later().await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        let outbox = shop.outbox().await;
        let worker = outbox.enlist(HOUR).await.unwrap();
        workers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = outbox.claim(worker, 7).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|mail| mail.occurrence));
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!((all.len(), distinct(all)), (200, 200));
}

#[tokio::test]
async fn without_a_server_mails_fail_and_are_never_called_sent() {
    let mut shop = Shop::new("unconfigured", "fxlabs").await;
    shop.home.tenant.mail.smtp = None;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..3)).await;
    shop.in_state("failed", 3).await;
    assert!(shop.reasons().await[0].starts_with("not configured"));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_server_that_was_gone_gets_every_mail_once_and_others_did_not_wait() {
    let (fx, hex) = (Shop::new("gone", "fxlabs").await, Shop::new("gone", "hextech").await);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut tenant = fx.tenant.clone();
    tenant.mail.smtp = Some(SmtpServer::on_this_machine(port));
    let world = World::new(vec![tenant, hex.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..40)).await;
    world.append("hextech", &groups("hextech", 0..10)).await;
    hex.in_state("sent", 10).await;
    eventually("a refused connection", async || {
        fx.reasons().await.iter().any(|reason| reason.to_lowercase().contains("refused"))
    })
    .await;
    let smtp = Smtp::listen(port).await;
    eventually("every mail", async || {
        fx.later().await;
        fx.states().await.get("sent") == Some(&40)
    })
    .await;
    assert_eq!((smtp.arrived().len(), distinct(message_ids(&smtp))), (40, 40));
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_password_refused_three_times_stops_that_tenant_alone_until_its_file_changes() {
    let (mut fx, hex) = (Shop::new("password", "fxlabs").await, Shop::new("password", "hextech").await);
    fx.smtp.offer("AUTH PLAIN");
    fx.smtp.always(At::Auth, Fault::Say("535 5.7.8 wrong".into()));
    fx.home.tenant.mail.smtp =
        Some(format!("smtp://apikey@127.0.0.1:{}?tls=none", fx.smtp.port).parse().unwrap());
    fx.home.tenant.mail.password = Some(Secret::new("old"));
    let world = World::new(vec![fx.tenant.clone(), hex.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..5)).await;
    let tries = || fx.smtp.commands().iter().filter(|command| command.starts_with("AUTH")).count();
    eventually("three tries", async || {
        fx.later().await;
        tries() == 3
    })
    .await;
    world.append("hextech", &groups("hextech", 0..5)).await;
    hex.in_state("sent", 5).await;
    let watched = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < watched {
        fx.later().await;
        assert_eq!(tries(), 3);
    }
    fx.smtp.heal();
    fx.home.tenant.mail.password = Some(Secret::new("new"));
    world.tenants.send_replace(std::sync::Arc::new(vec![fx.tenant.clone(), hex.tenant.clone()]));
    eventually("all sent", async || {
        fx.later().await;
        fx.states().await.get("sent") == Some(&5)
    })
    .await;
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_database_that_goes_and_swallows_answers_costs_no_mail_and_doubles_none() {
    let port = server()
        .await
        .url("postgres")
        .reveal()
        .rsplit_once(':')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let proxy = Proxy::to(port).await;
    let shop = Shop::new("wire", "fxlabs").await.over(&proxy);
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..20)).await;
    shop.in_state("sent", 20).await;
    proxy.lead_to(None);
    world.append("fxlabs", &groups("fxlabs", 20..40)).await;
    proxy.swallow_commits(3);
    proxy.lead_to(Some(port));
    eventually("three answers lost", async || proxy.left_to_swallow() == 0).await;
    // What was claimed when an answer was lost waits for its lease.
    eventually("every mail", async || {
        shop.execute("update bellwether.mail_outbox set lease_until = now() - interval '1 second' where state = 'claimed' and attempts < 3 and lease_until < now() + interval '59 seconds'").await;
        shop.states().await.get("sent") == Some(&40)
    })
    .await;
    assert_eq!((shop.smtp.arrived().len(), distinct(message_ids(&shop.smtp))), (40, 40));
    sink.stop(&world).await;
}

#[tokio::test]
async fn after_a_restored_database_what_was_due_before_is_held_for_the_operator() {
    let shop = Shop::new("restored", "fxlabs").await;
    let mut world = World::new(vec![shop.tenant.clone()]);
    let sink = run(&world);
    world.append("fxlabs", &groups("fxlabs", 0..10)).await;
    shop.in_state("sent", 10).await;
    sink.stop(&world).await;
    world.next_process();
    shop.execute(
        "update bellwether.sink_cursor set cause_offset = 4, cause_index = 0, next_offset = 5;
         delete from bellwether.mail_outbox where occurrence in
           (select occurrence from bellwether.mail_outbox order by created_at, due_at limit 10)",
    )
    .await;
    let sink = run(&world);
    // Seen without a trigger to come first.
    shop.in_state("suppressed", 5).await;
    world.append("fxlabs", &groups("fxlabs", 10..12)).await;
    shop.in_state("sent", 2).await;
    assert!(shop.reasons().await[0].starts_with("held: the database was restored"));
    assert_eq!(shop.smtp.arrived().len(), 12);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_tenant_that_is_removed_has_its_mails_under_way_cancelled_before_their_content_and_goes_on_when_it_is_back()
 {
    let (gone, stays) = (Shop::new("removed", "fxlabs").await, Shop::new("removed", "hextech").await);
    let both = std::sync::Arc::new(vec![gone.tenant.clone(), stays.tenant.clone()]);
    let world = World::new(both.to_vec());
    gone.smtp.always(At::Rcpt, Fault::Hold);
    gone.owe(0..2, "rsi_tracker").await;
    let sink = run(&world);
    eventually("both are at their recipients", async || gone.smtp.holding() == 2).await;
    world.tenants.send_replace(std::sync::Arc::new(vec![stays.tenant.clone()]));
    // The other's mails pass the thread that tells tasks of their end.
    world.append("hextech", &groups("hextech", 0..3)).await;
    stays.in_state("sent", 3).await;
    gone.smtp.heal();
    eventually("both are back in the outbox", async || {
        gone.smtp.release();
        gone.states().await.get("pending") == Some(&2)
    })
    .await;
    let data = |smtp: &Smtp| smtp.commands().iter().filter(|command| command.starts_with("DATA")).count();
    assert_eq!((data(&gone.smtp), gone.smtp.arrived().len()), (0, 0));
    world.tenants.send_replace(both);
    gone.in_state("sent", 2).await;
    assert_eq!(data(&gone.smtp), 2);
    sink.stop(&world).await;
}

#[tokio::test]
async fn an_outbox_says_what_it_owes_since_when_and_how_long_mails_took() {
    let shop = Shop::new("measured", "fxlabs").await;
    shop.execute(
        "insert into bellwether.mail_outbox
           (tenant_id, occurrence, kind, user_id, message_id, state, created_at, appended_at, released_at, sent_at,
            hold_until, hold_reason)
         select 'fxlabs', name, 'rsi_tracker', gen_random_uuid(), '<' || name || '@x>', state, now() - since,
                now() - since - interval '1 s', now() - released, now() - sent,
                case when state = 'held' then now() end, case when state = 'held' then 'limit' end
         from (values ('a', 'pending', interval '90 s', null::interval, null::interval),
                      ('b', 'claimed', interval '30 s', null, null),
                      ('c', 'ambiguous', interval '9 h', null, null),
                      ('d', 'held', interval '8 h', null, null),
                      ('e', 'sent', interval '60 s', null, interval '51 s'),
                      ('f', 'sent', interval '2 h', interval '40 s', interval '37 s'),
                      ('g', 'sent', interval '3 h', null, interval '2 h')) as mails (name, state, since, released, sent)",
    )
    .await;
    let outbox = shop.outbox().await;
    let begun = outbox.measure(None).await.unwrap();
    assert!(begun.took.is_empty(), "nothing of before is measured");
    let measured = outbox.measure(Some(begun.until - chrono::TimeDelta::hours(1))).await.unwrap();
    let states: BTreeMap<&str, i64> =
        measured.states.iter().map(|(state, mails)| (state.as_str(), *mails)).collect();
    assert_eq!(states, [("ambiguous", 1), ("claimed", 1), ("held", 1), ("pending", 1)].into());
    assert!((90.0..120.0).contains(&measured.oldest), "of those that are owed: {}", measured.oldest);
    let took: Vec<i64> = measured.took.iter().map(|seconds| seconds.round() as i64).collect();
    assert_eq!(
        took,
        [10, 3],
        "from the append, or from the end of a wait; what left before was measured before"
    );
    assert!(outbox.measure(Some(measured.until)).await.unwrap().took.is_empty(), "each once");
}
