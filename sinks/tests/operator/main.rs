//! What the operator is told, and does by hand. It is told over a real SMTP server, of tenants with a real Postgres, once
//! when something begins and once when it is over, whichever process notices.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../support/smtp.rs"]
mod smtp;
#[path = "../support/mod.rs"]
mod support;

mod by_hand;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Operator, SmtpServer};
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::roles::Context;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{MINUTE, SECOND};
use bellwether_schemas::triggers::{Outcome, TriggerFired, group_id};
use bellwether_sinks::operator::{Pace, Teller, Telling};
use bellwether_sinks::{mail, rows, schedule};
use smtp::{At, Fault, Smtp};
use support::proxy::Proxy;
use support::*;
use tokio::sync::watch;

/// A tenant with its database, and an operator with a server of its own.
struct Desk {
    home: Home,
    smtp: Smtp,
}

/// A process that says what it notices.
struct Process {
    incidents: Incidents,
    telling: Telling,
}

impl Deref for Desk {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Desk {
    async fn new(test: &str) -> Self {
        let home = Home::new(test, "fxlabs", 3).await;
        Self { home, smtp: Smtp::start().await }
    }

    /// Its tenant reaches its database over that wire.
    fn over(self, proxy: &Proxy) -> Self {
        Self { home: self.home.over(proxy), smtp: self.smtp }
    }

    fn process(&self) -> Process {
        let operator = Operator {
            smtp: Some(SmtpServer::on_this_machine(self.smtp.port)),
            from: Some("Bellwether <bellwether@ops.example>".parse().unwrap()),
            to: Some("oncall@ops.example".parse().unwrap()),
            ..Operator::default()
        };
        let tenants = watch::channel(Arc::new(vec![self.tenant.clone()])).1;
        let (incidents, news) = Incidents::new(Clock::system());
        let teller = Teller::new(&operator, news, tenants, Clock::system()).unwrap();
        let millis = Duration::from_millis;
        let pace = Pace { gather: millis(50), retry: Backoff::new(millis(20), millis(100)) };
        Process { incidents, telling: teller.at(pace).start() }
    }

    /// A role's context of whose tenants that process is told.
    fn context(&self, world: &World, process: &Process, clock: Clock) -> Context {
        Context { clock, incidents: process.incidents.clone(), ..world.context() }
    }

    /// What the operator has in hand, once there are so many mails.
    async fn told(&self, mails: usize) -> Vec<String> {
        eventually(&format!("{mails} mails to the operator"), async || self.smtp.arrived().len() >= mails)
            .await;
        self.mails()
    }

    fn mails(&self) -> Vec<String> {
        let arrived = self.smtp.arrived();
        assert!(arrived.iter().all(|mail| mail.to == ["oncall@ops.example"]));
        arrived.into_iter().map(|mail| String::from_utf8(mail.content).unwrap()).collect()
    }
}

impl Process {
    fn begin(&self, desk: &Desk) {
        self.incidents.begin(IncidentKind::RefusedLogins, &desk.tenant.id, "after 3 tries");
    }

    fn end(&self, desk: &Desk) {
        self.incidents.end(IncidentKind::RefusedLogins, &desk.tenant.id);
    }

    /// Tells what it was told and stops.
    async fn finish(self) {
        self.telling.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_once_when_it_begins_and_once_when_it_is_over_whichever_process_notices() {
    let desk = Desk::new("once").await;
    let first = desk.process();
    first.begin(&desk);
    first.begin(&desk);
    let mails = desk.told(1).await;
    assert!(mails[0].contains("Subject: bellwether: fxlabs: its mail server refuses"), "{}", mails[0]);
    let second = desk.process();
    second.begin(&desk);
    second.finish().await;
    assert_eq!(desk.mails().len(), 1, "another process noticed it too");

    let third = desk.process();
    third.end(&desk);
    let mails = desk.told(2).await;
    assert!(mails[1].contains("fxlabs: over: its mail server refuses"), "{}", mails[1]);
    third.finish().await;
    first.end(&desk);
    first.finish().await;
    assert_eq!(desk.mails().len(), 2, "it was over before");

    let fourth = desk.process();
    fourth.begin(&desk);
    desk.told(3).await;
    fourth.finish().await;
    assert_eq!(desk.mails().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_began_to_tell_before_it_died_is_told_by_the_next() {
    let desk = Desk::new("died").await;
    let left = "insert into bellwether.incident (tenant_id, kind, text, began_at, lease_until)
                values ('fxlabs', 'refused_logins', 'left behind', now(), now() - interval '1 second')";
    desk.execute(left).await;
    let next = desk.process();
    next.begin(&desk);
    next.finish().await;
    let mails = desk.mails();
    assert!(mails.len() == 1 && mails[0].contains("left behind"), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_cannot_be_reached_is_told_later_and_all_at_once() {
    let desk = Desk::new("later").await;
    for answer in ["450 4.7.1 not now", "450 4.7.1 not yet", "550 5.1.1 never"] {
        desk.smtp.once(At::Rcpt, Fault::Say(answer.into()));
    }
    let process = desk.process();
    process.begin(&desk);
    process.incidents.begin(IncidentKind::HourlyCap, &desk.tenant.id, "");
    let mails = desk.told(1).await;
    assert!(mails[0].contains("Subject: bellwether: 2 incidents"), "{}", mails[0]);
    process.finish().await;
    assert_eq!(desk.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_database_goes_away_is_told_to_be_parked_and_told_to_be_back() {
    let proxy = Proxy::to(server().await.port()).await;
    let desk = Desk::new("parked").await.over(&proxy);
    let world = World::new(vec![desk.tenant.clone()]);
    let process = desk.process();
    let clock = Clock::manual(Timestamp(1_800_000_000 * SECOND));
    let context = desk.context(&world, &process, clock.clone());
    let progress = context.progress.clone();
    let sink = tokio::spawn(rows::run(context));
    world.append("fxlabs", &[Outcome::Fired(trigger("fxlabs", 1))]).await;
    eventually("the first row", async || world.committed("rows", "fxlabs") == 1).await;
    proxy.lead_to(None);
    world.append("fxlabs", &[Outcome::Fired(trigger("fxlabs", 2))]).await;
    let parked = async || {
        clock.advance(MINUTE);
        desk.mails().len() == 1
    };
    eventually("the operator to hear of it", parked).await;
    let mails = desk.mails();
    assert!(mails[0].contains("fxlabs: its database takes no rows"), "{}", mails[0]);
    assert!(mails[0].contains("\"A tenant is parked\""), "{}", mails[0]);
    let silent = progress.silent(Duration::ZERO);
    assert!(!silent.iter().any(|who| who == "rows of fxlabs"), "known to be parked: {silent:?}");

    proxy.lead_to(Some(server().await.port()));
    eventually("the second row", async || world.committed("rows", "fxlabs") == 2).await;
    let mails = desk.told(2).await;
    assert!(mails[1].contains("fxlabs: over: its database takes no rows"), "{}", mails[1]);
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
    process.finish().await;
    assert_eq!(desk.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brief_that_nobody_sent_in_time_is_told_and_the_next_ends_it() {
    let mut desk = Desk::new("missed").await;
    let due = Clock::system().now().plus(-7 * 60 * MINUTE).utc();
    (desk.home.tenant.zone, desk.home.tenant.daily_brief) = (chrono_tz::UTC, Some(due.time()));
    let before = due.date_naive().pred_opt().unwrap();
    let row = format!(
        "insert into bellwether.schedule_run (tenant_id, schedule, key, due_at, state, zone, zone_data)
         values ('fxlabs', 'daily_brief', '{before}', now() - interval '1 day', 'missed', 'UTC', 'test')"
    );
    desk.execute(&row).await;
    let world = World::new(vec![desk.tenant.clone()]);
    let process = desk.process();
    let keeper = tokio::spawn(schedule::run(desk.context(&world, &process, Clock::system())));
    let mails = desk.told(1).await;
    assert!(mails[0].contains("fxlabs: what its clock owed was not sent in time"), "{}", mails[0]);

    // Another day's brief is due by now.
    desk.execute("update bellwether.schedule_run set key = key::date - 1").await;
    let mut next = desk.tenant.clone();
    next.daily_brief = Some(Clock::system().now().plus(-MINUTE).utc().time());
    world.tenants.send_replace(Arc::new(vec![next]));
    let mails = desk.told(2).await;
    assert!(mails[1].contains("fxlabs: over: what its clock owed"), "{}", mails[1]);
    world.shutdown.raise();
    keeper.await.unwrap().unwrap();
    process.finish().await;
    assert_eq!(desk.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_our_login_is_told_and_over_once_it_takes_it() {
    let mut desk = Desk::new("logins").await;
    let theirs = Smtp::start().await;
    theirs.offer("AUTH PLAIN LOGIN");
    theirs.always(At::Auth, Fault::Say("535 5.7.8 me@fxlabs.example is refused".into()));
    desk.home.tenant.mail.smtp =
        Some(format!("smtp://me@127.0.0.1:{}?tls=none", theirs.port).parse().unwrap());
    desk.home.tenant.mail.password = Some(Secret::new("wr0ng"));
    let world = World::new(vec![desk.tenant.clone()]);
    let process = desk.process();
    let sink = tokio::spawn(mail::run(desk.context(&world, &process, Clock::system())));
    world.append("fxlabs", &[Outcome::Fired(single("fxlabs", 1))]).await;
    let due = "update bellwether.mail_outbox set due_at = now() where state = 'pending'";
    eventually("the operator to hear of it", async || {
        desk.execute(due).await;
        desk.mails().len() == 1
    })
    .await;
    let mails = desk.mails();
    assert!(mails[0].contains("fxlabs: its mail server refuses user or password"), "{}", mails[0]);
    assert!(!mails[0].contains("me@fxlabs.example") && !mails[0].contains("wr0ng"), "{}", mails[0]);

    theirs.heal();
    let mut mended = desk.tenant.clone();
    mended.mail.password = Some(Secret::new("right"));
    world.tenants.send_replace(Arc::new(vec![mended]));
    eventually("the mail to be taken", async || {
        desk.execute(due).await;
        theirs.arrived().len() == 1
    })
    .await;
    let mails = desk.told(2).await;
    assert!(mails[1].contains("fxlabs: over: its mail server refuses"), "{}", mails[1]);
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
    process.finish().await;
    assert_eq!(desk.mails().len(), 2);
}

/// A trigger that is its whole group.
fn single(tenant: &str, number: usize) -> TriggerFired {
    let mut trigger = trigger(tenant, number);
    trigger.detail = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into();
    (trigger.group.index, trigger.group.size) = (0, 1);
    trigger
}

#[tokio::test]
async fn without_an_operator_there_is_nobody_to_tell() {
    let tenants = watch::channel(Arc::new(Vec::new())).1;
    let (_incidents, news) = Incidents::new(Clock::system());
    assert!(Teller::new(&Operator::default(), news, tenants, Clock::system()).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_alerts_is_told_and_over_once_nothing_waits_because_of_it() {
    let mut desk = Desk::new("flood").await;
    let theirs = Smtp::start().await;
    desk.home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(theirs.port));
    desk.home.tenant.mail.alerts_an_hour = std::num::NonZeroU32::MIN;
    let world = World::new(vec![desk.tenant.clone()]);
    let process = desk.process();
    let sink = tokio::spawn(mail::run(desk.context(&world, &process, Clock::system())));
    let groups: Vec<Outcome> = (1..6).map(|number| Outcome::Fired(alone("fxlabs", number))).collect();
    world.append("fxlabs", &groups).await;
    let mails = desk.told(1).await;
    assert!(mails[0].contains("fxlabs: it has more alert mails in an hour than it may"), "{}", mails[0]);

    desk.execute("delete from bellwether.mail_outbox where state = 'held'").await;
    let mails = desk.told(2).await;
    assert!(mails[1].contains("fxlabs: over: it has more alert mails"), "{}", mails[1]);
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
    process.finish().await;
    assert_eq!(desk.mails().len(), 2);
}

/// The same as a group of its own.
fn alone(tenant: &str, number: usize) -> TriggerFired {
    let mut trigger = single(tenant, number);
    trigger.group.id = group_id(&trigger.tenant, trigger.kind, trigger.alert_id, 1, trigger.close_time, None);
    trigger
}
