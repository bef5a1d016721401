//! A triggers topic that was deleted and made anew under a database that remembers the old one.

use bellwether_database::checks::Session;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::incident::{Change, IncidentKind, Incidents, News};
use bellwether_schemas::TriggerId;
use bellwether_schemas::ids;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_sinks::doctor;
use bellwether_sinks::error::SinkError;
use bellwether_sinks::feed::Context;
use bellwether_sinks::mail;
use tokio::task::JoinHandle;

use crate::support::*;

/// What another journal gave: its causes begin again where the first one's did.
fn of_another_journal(numbers: std::ops::Range<usize>) -> Vec<Outcome> {
    let anew = |number: usize| {
        let first = trigger("fxlabs", number);
        let mut group = first.group.clone();
        group.id.0 = ids::derive(&format!("another group {number}"));
        TriggerFired { id: TriggerId(ids::derive(&format!("another trigger {number}"))), group, ..first }
    };
    numbers.map(|number| Outcome::Fired(anew(number))).collect()
}

/// Both sinks in one process, and what an operator is told of them.
struct Sinks {
    rows: Sink,
    mail: JoinHandle<Result<(), SinkError>>,
    news: News,
}

impl Sinks {
    fn start(world: &World) -> Self {
        let (incidents, news) = Incidents::new(world.context().clock);
        let context = Context { incidents, ..world.context() };
        Self { rows: Sink::of(context.clone()), mail: tokio::spawn(mail::run(context)), news }
    }

    async fn stop(self, world: &mut World) {
        world.shutdown.raise();
        self.mail.await.unwrap().unwrap();
        self.rows.stop(world).await;
    }

    /// What is new of the tenant whose database is of another topic: `true` where it began.
    fn told(&self) -> Vec<(bool, String)> {
        let ours = |((_, kind), change)| (kind == IncidentKind::OtherTopic).then_some(change);
        let told = self.news.take().into_iter().filter_map(ours).map(|change| match change {
            Change::Began { text, .. } => (true, text),
            Change::Ended { .. } => (false, String::new()),
        });
        told.collect()
    }

    /// What is told first of a tenant that is stopped.
    async fn stopped_for(&self) -> String {
        let mut why = None;
        eventually("the tenant to be stopped", async || {
            why = self.told().into_iter().find_map(|(began, text)| began.then_some(text));
            why.is_some()
        })
        .await;
        why.unwrap()
    }
}

const MAILS: &str = "select count(*) from bellwether.mail_outbox";
const MAIL_CURSOR: &str =
    "select coalesce(max(next_offset), 0) from bellwether.sink_cursor where sink = 'mail'";

impl Home {
    /// Both sinks have passed that many records.
    async fn both_passed(&self, next_offset: u64) {
        self.passed(next_offset).await;
        eventually("mail", async || self.number(MAIL_CURSOR).await == next_offset as i64).await;
    }
}

/// A tenant whose database has the triggers of a topic of 30, and whose sinks have stopped.
async fn filled(test: &str) -> (Home, World) {
    let home = Home::new(test, "fxlabs", 1).await;
    let mut world = World::new(vec![home.tenant.clone()]);
    let sinks = Sinks::start(&world);
    world.append("fxlabs", &fired("fxlabs", 0..30)).await;
    home.both_passed(30).await;
    sinks.stop(&mut world).await;
    (home, world)
}

fn make_anew(world: &World) {
    assert!(world.log.delete(&triggers("fxlabs")).unwrap());
    assert!(world.log.create(&triggers("fxlabs")).unwrap());
}

/// What a doctor finds fault with.
async fn told_by_the_doctor(world: &World, home: &Home) -> Vec<String> {
    let mut session = Session::of_pipeline(&home.tenant).await.unwrap();
    let now = world.context().clock.now();
    let section = doctor::delivery(&mut session, Some(&world.log), &home.tenant, now).await;
    section.findings.into_iter().filter(Finding::is_fault).map(|finding| finding.found).collect()
}

/// However much of the new topic there is, nothing of it is taken for what was dealt with.
async fn is_refused_until_the_cursor_is_gone(test: &str, others: usize, words: &str) {
    let (home, mut world) = filled(test).await;
    let neighbour = Home::new(test, "hextech", 1).await;
    world.create_topics(&neighbour.tenant.id);
    world.tenants.send_replace(vec![home.tenant.clone(), neighbour.tenant.clone()].into());
    make_anew(&world);
    world.append("fxlabs", &of_another_journal(0..others)).await;
    let sinks = Sinks::start(&world);
    let why = sinks.stopped_for().await;
    assert!(why.contains(words), "{why}");
    let found = told_by_the_doctor(&world, &home).await;
    assert!(found.iter().filter(|found| found.contains(words)).count() == 2, "of both sinks: {found:?}");
    world.append("hextech", &fired("hextech", 0..5)).await;
    neighbour.both_passed(5).await;
    assert_eq!((home.rows().await, home.number(MAILS).await), (30, 30));
    home.both_passed(30).await;

    home.execute("delete from bellwether.sink_cursor").await;
    home.both_passed(others as u64).await;
    let all = 30 + others as i64;
    assert_eq!((home.rows().await, home.number(MAILS).await), (all, all));
    assert_eq!(
        home.number("select count(*) from bellwether.mail_outbox where reason like 'held:%'").await,
        0
    );
    assert_eq!(sinks.told().last().map(|(began, _)| *began), Some(false), "it is over");
    sinks.stop(&mut world).await;
}

#[tokio::test]
async fn a_new_topic_that_ends_before_the_old_cursor_stops_its_tenant_alone() {
    is_refused_until_the_cursor_is_gone("shorter", 10, "ends at 10").await;
}

#[tokio::test]
async fn a_new_topic_that_has_grown_past_the_old_cursor_stops_its_tenant_alone() {
    is_refused_until_the_cursor_is_gone("longer", 40, "does not have the record at offset 29").await;
}

#[tokio::test]
async fn a_topic_that_is_filled_again_from_its_journal_is_known_again() {
    let (home, mut world) = filled("refilled").await;
    make_anew(&world);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let sinks = Sinks::start(&world);
    assert!(sinks.stopped_for().await.contains("ends at 10"));
    world.append("fxlabs", &fired("fxlabs", 10..33)).await;
    home.both_passed(33).await;
    assert_eq!((home.rows().await, home.number(MAILS).await), (33, 33), "what was there is not repeated");
    sinks.stop(&mut world).await;
}

#[tokio::test]
async fn a_tenant_without_triggers_is_compared_when_it_is_taken_up() {
    let (_home, mut world) = filled("idle").await;
    make_anew(&world);
    let sinks = Sinks::start(&world);
    assert!(sinks.stopped_for().await.contains("ends at 0"));
    sinks.stop(&mut world).await;
}
