//! A live source over the embedded log: what it pushes reaches the journal in blocks and with heartbeats, and what it
//! sends again after a reconnect is known.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy takes for production code")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine, RefusalReason};
use bellwether_producers::live::{LiveRun, run_live};
use bellwether_producers::run::{Ended, Summary};
use bellwether_producers::sources::live::{QuoteSender, channel};
use bellwether_producers::sources::{NumberedQuote, Quote};
use bellwether_runtime::incident::{Change, IncidentKind, Incidents, News};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::{MINUTE, SECOND};
use bellwether_schemas::{Entry, Origin, Timestamp};
use support::{Journal, lines, settings, tenant};
use tokio::task::JoinHandle;

const MILLISECOND: i64 = 1_000;
/// For what happens at once.
const LIMIT: Duration = Duration::from_secs(60);

/// A client of a broker, and its run into the journal.
struct Client {
    quotes: QuoteSender,
    run: JoinHandle<Summary>,
}

impl Client {
    fn start(journal: &Journal, session: &str) -> Self {
        let (quotes, received) = channel();
        let run = LiveRun {
            tenant: tenant(),
            source: "broker".into(),
            session: session.into(),
            names: vec!["EURUSDm".into()],
            quotes: received,
        };
        let ctx = journal.ctx.clone();
        Self { quotes, run: tokio::spawn(async move { run_live(&ctx, run).await.unwrap() }) }
    }

    /// Pushes a quote of now, and waits until the producer has taken it.
    async fn push(&self, seq: u64, journal: &Journal) {
        let ts = journal.ctx.clock.now();
        let bid = 110_000 + seq.cast_signed();
        let quote = Quote { ts, symbol: 0, bid, ask: bid + 10, scale: 5, judged: false, spacing: None };
        self.quotes.send(NumberedQuote { seq, quote, line: None }).await.unwrap();
        let taken = async {
            while self.quotes.capacity() < self.quotes.max_capacity() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, taken).await.unwrap();
    }

    async fn end(self) -> Summary {
        drop(self.quotes);
        tokio::time::timeout(LIMIT, self.run).await.unwrap().unwrap()
    }
}

/// What an operator hears next of the tenant's feed.
async fn heard(news: &News) -> Change {
    let next = async {
        loop {
            let taken = news.take().into_iter().find(|((_, kind), _)| *kind == IncidentKind::DeadFeed);
            match taken {
                Some((_, change)) => return change,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(LIMIT, next).await.unwrap()
}

/// Why the engine refuses what of the journal.
fn refused(journal: &Journal) -> Vec<RefusalReason> {
    let origin = Origin {
        tenant: tenant(),
        source: "settings".into(),
        session: "1".into(),
        played: false,
        appended_at: Timestamp(0),
    };
    let settings =
        SettingsChanged { origin, revision: 1, engine_version: ENGINE_VERSION, settings: settings(1) };
    let mut engine = Engine::new(tenant());
    let mut reasons = Vec::new();
    for (offset, entry) in (0..).zip([Entry::Settings(settings)].into_iter().chain(journal.entries())) {
        let mut effects = Vec::new();
        engine.apply(offset, &entry, &mut effects);
        reasons.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Refused(refusal) => Some(refusal.reason),
            _ => None,
        }));
    }
    reasons
}

#[tokio::test]
async fn pushed_quotes_stand_in_the_journal_in_blocks_with_a_heartbeat_each_second_behind_them() {
    let journal = Journal::new();
    let client = Client::start(&journal, "run-1");
    let clock = &journal.ctx.clock;
    for (seq, later) in [(0, 3 * MILLISECOND), (1, 2 * MILLISECOND), (2, SECOND), (3, 0)] {
        client.push(seq, &journal).await;
        clock.advance(later);
    }
    let summary = client.end().await;
    assert_eq!((summary.ticks, summary.heartbeats, summary.ended), (4, 1, Ended::Source));

    let entries = journal.entries();
    let kinds: Vec<(&str, usize)> = entries
        .iter()
        .map(|entry| match entry {
            Entry::Ticks(block) => ("ticks", block.ticks.len()),
            other => (other.name(), 0),
        })
        .collect();
    assert_eq!(kinds, [("ticks", 2), ("ticks", 1), ("heartbeat", 0), ("ticks", 1)], "{:?}", lines(&entries));
    assert!(entries.iter().all(|entry| !entry.origin().played), "its clock is the wall's");
    let Entry::Heartbeat(beat) = &entries[2] else { unreachable!() };
    assert_eq!(beat.ts, clock.now());
    assert_eq!(refused(&journal), []);
}

#[tokio::test]
async fn what_a_reconnect_sends_again_is_a_duplicate_and_a_new_run_of_the_client_is_not() {
    let journal = Journal::new();
    let client = Client::start(&journal, "run-1");
    for seq in [0, 1, 2, 1, 2, 3] {
        journal.ctx.clock.advance(MILLISECOND);
        client.push(seq, &journal).await;
    }
    client.end().await;
    assert_eq!(refused(&journal), [RefusalReason::Duplicate; 2]);

    let again = Client::start(&journal, "run-2");
    journal.ctx.clock.advance(MILLISECOND);
    again.push(0, &journal).await;
    again.end().await;
    assert_eq!(refused(&journal), [RefusalReason::Duplicate; 2], "its numbers begin anew");
}

#[tokio::test]
async fn a_feed_whose_prices_stop_behind_its_heartbeats_is_told_once_and_so_is_that_they_are_back() {
    let mut journal = Journal::new();
    let (incidents, news) = Incidents::new(journal.ctx.clock.clone());
    (journal.ctx.incidents, journal.ctx.settings) = (incidents, Some(Arc::new(settings(1))));
    let client = Client::start(&journal, "run-1");
    let clock = journal.ctx.clock.clone();
    client.push(0, &journal).await;
    clock.advance(10 * MINUTE);
    assert!(matches!(heard(&news).await, Change::Ended { .. }), "ten minutes are none too many");
    clock.advance(MINUTE);
    let Change::Began { text, .. } = heard(&news).await else { panic!("it is told that it began") };
    let said =
        "broker goes on to say what time it is, but for 11 minutes of open markets it has sent no price of ";
    assert!(text.starts_with(said) && text.contains("EURUSDm"), "{text}");
    clock.advance(MINUTE);
    client.push(1, &journal).await;
    clock.advance(SECOND);
    assert!(matches!(heard(&news).await, Change::Ended { .. }));
    client.end().await;
}

#[tokio::test]
async fn a_stop_leaves_nothing_that_was_taken_behind() {
    let journal = Journal::new();
    let client = Client::start(&journal, "run-1");
    client.push(0, &journal).await;
    journal.ctx.shutdown.raise();
    let summary = tokio::time::timeout(LIMIT, client.run).await.unwrap().unwrap();
    assert_eq!((summary.ticks, summary.ended), (1, Ended::Stop));
    assert_eq!(journal.entries().len(), 1);
}
