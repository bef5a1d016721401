//! A worker over an embedded log.

mod mute;

use std::cell::Cell;
use std::path::Path;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::incident::Change;
use bellwether_runtime::log::{Access, open, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::words::Words;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::{AlertId, Entry, Origin, Timeframe, Timestamp, UserId, codec};
use tokio::sync::watch;
use uuid::Uuid;

use super::*;
use crate::core::Recovered;
use mute::Mute;

struct Run {
    log: Arc<dyn Log>,
    tenant: Tenant,
    _dir: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tenants/fxlabs.toml");
        let tenant = load_tenant(&file, &|_| None).unwrap();
        Topic::all(&tenant.id).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        Self { log, tenant, _dir: dir }
    }

    fn origin(&self) -> Origin {
        Origin {
            tenant: self.tenant.id.clone(),
            source: "test".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        }
    }

    /// Settings that ask for that version of the rules.
    fn append(&self, revision: i64, engine_version: i32) {
        let settings = self.tenant.settings.clone();
        let change = SettingsChanged { origin: self.origin(), revision, engine_version, settings };
        self.append_entry(&Entry::Settings(change));
    }

    /// An alert, of whose state the triggers topic is told.
    fn append_alert(&self) {
        self.append_entry(&Entry::Alert(AlertChanged {
            origin: self.origin(),
            alert_id: AlertId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            version: 1,
            active: true,
            deleted: false,
            parameters: AlertParameters::RsiTracker(RsiTracker {
                timeframe: Timeframe::M5,
                rsi_period: 14,
                rsi_overbought: 70,
                rsi_oversold: 30,
            }),
        }));
    }

    fn skip(&self, offset: i64) {
        let (decision, who, why) = (Decision::Skip { offset }, String::new(), String::new());
        let decided = OperatorDecision { origin: self.origin(), decision, who, why };
        self.append_entry(&Entry::Decision(decided));
    }

    fn append_entry(&self, entry: &Entry) {
        let id = &self.tenant.id;
        let value = codec::encode_entry(entry).unwrap();
        let record = NewRecord { key: id.as_str().as_bytes().to_vec(), value };
        self.log.append(&journal(id), vec![record]).wait().unwrap();
    }

    /// What a worker says until then.
    fn until(&self, told: impl Fn(&[Change]) -> bool) -> Vec<Change> {
        let (_keep, tenants) = watch::channel(Arc::new(vec![self.tenant.clone()]));
        let shutdown = Shutdown::new();
        let (incidents, news) = Incidents::new(Clock::system());
        let base = Context::new(self.log.clone(), tenants, Clock::system(), shutdown.clone());
        let context = Context { incidents, ..base };
        let progress = context.progress.clone();
        let worker = std::thread::spawn(move || run(context));
        let (mut all, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(30));
        while !told(&all) {
            assert!(Instant::now() < deadline && !worker.is_finished(), "waited in vain: {all:?}");
            let taken = news.take().into_iter();
            all.extend(taken.map(|((_, kind), change)| {
                assert_eq!(kind, IncidentKind::Halted);
                change
            }));
            std::thread::yield_now();
        }
        if began(&all) && !matches!(all.last(), Some(Change::Ended { .. })) {
            let silent = progress.silent(Duration::ZERO);
            assert!(!silent.iter().any(|who| who == "process of fxlabs"), "known to wait: {silent:?}");
        }
        shutdown.raise();
        worker.join().unwrap().unwrap();
        all.extend(news.take().into_iter().map(|(_, change)| change));
        all
    }
}

fn began(told: &[Change]) -> bool {
    told.iter().any(|change| matches!(change, Change::Began { text, .. } if text.contains("upgrade me")))
}

fn append() -> Append {
    Append { id: 7, begun: Instant::now(), since: None, spans: Vec::new() }
}

#[test]
fn an_append_that_its_topic_does_not_take_stops_its_tenant_alone() {
    let tenant: TenantId = "fxlabs".parse().unwrap();
    let answered = |error| {
        let ack = Ack::ready(Err(error));
        let mut state = State::default();
        state.appends.push(tenant.clone(), ack, append());
        state.answered(Timestamp(0))
    };
    let gone = answered(LogError::UnknownTopic { topic: "fxlabs.triggers.v1".into() }).unwrap();
    let [Input::Lost(whose, reason)] = &gone[..] else { panic!("{gone:?}") };
    assert!(*whose == tenant && reason.contains("fxlabs.triggers.v1 does not exist"), "{reason}");
    let divided = answered(LogError::Partitions { topic: "fxlabs.triggers.v1".into(), count: 2 }).unwrap();
    assert!(matches!(divided[..], [Input::Lost(..)]), "{divided:?}");
    let refused = LogError::Refused { topic: "fxlabs.triggers.v1".into(), reason: "no right".into() };
    let refused = answered(refused).unwrap();
    assert!(matches!(refused[..], [Input::Lost(..)]), "{refused:?}");
    let away = answered(LogError::Unavailable { reason: "no leader".into() }).unwrap();
    assert!(matches!(away[..], [Input::Lost(..)]), "{away:?}");
    assert!(answered(LogError::Poisoned { reason: "fsync failed".into() }).is_err());
}

#[test]
fn an_append_that_is_not_answered_keeps_no_other_tenants_waiting() {
    let [silent, other]: [TenantId; 2] = ["fxlabs", "hextech"].map(|id| id.parse().unwrap());
    let (never, _answer) = Ack::pending();
    let mut state = State::default();
    state.appends.push(silent.clone(), never, append());
    state.appends.push(silent, Ack::ready(Ok(0)), append());
    state.appends.push(other.clone(), Ack::ready(Ok(0)), append());
    let answered = state.answered(Timestamp(0)).unwrap();
    assert!(matches!(&answered[..], [Input::Acknowledged(whose, 7)] if *whose == other), "{answered:?}");
}

#[test]
fn nobody_relies_on_a_worker_before_its_tenant_is_recovered() {
    let run = Run::new();
    run.append(1, ENGINE_VERSION);
    let (_keep, tenants) = watch::channel(Arc::new(vec![run.tenant.clone()]));
    let context = Context::new(run.log.clone(), tenants, Clock::system(), Shutdown::new());
    let unready = || context.progress.unready(Duration::from_secs(60));
    let mut assigned = Worker::new(&context);
    assigned.assigned(&journal(&run.tenant.id));
    assert_eq!(unready(), ["process of fxlabs recovers"]);
    assigned.lock().tell(&context.progress, &run.tenant.id);
    assert_eq!(unready(), ["process of fxlabs recovers"], "it goes on, and is not there yet");
    let (worker, shutdown) = (context.clone(), context.shutdown.clone());
    let worker = std::thread::spawn(move || super::run(worker));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !unready().is_empty() {
        assert!(Instant::now() < deadline && !worker.is_finished(), "waited in vain: {:?}", unready());
        std::thread::yield_now();
    }
    shutdown.raise();
    worker.join().unwrap().unwrap();
}

#[test]
fn what_is_acknowledged_after_its_tenant_was_halted_ends_no_alarm() {
    let run = Run::new();
    run.append(1, ENGINE_VERSION);
    run.append_alert();
    run.append(2, ENGINE_VERSION + 1);
    let committed = || run.log.committed(GROUP, &journal(&run.tenant.id)).unwrap();
    let told = run.until(|told| began(told) && committed() == Some(2));
    assert!(matches!(told.last(), Some(Change::Began { .. })), "{told:?}");
    let triggers = run.log.bounds(&Topic::new(&run.tenant.id, TopicKind::Triggers)).unwrap();
    assert!(triggers.next > 0, "something was on its way");
}

#[test]
fn the_last_words_of_tenants_that_go_at_once_are_waited_for_together() {
    let run = Run::new();
    let (_keep, tenants) = watch::channel(Arc::new(vec![run.tenant.clone()]));
    let log: Arc<dyn Log> = Arc::new(Mute(run.log.clone()));
    let mut worker = Worker::new(&Context::new(log, tenants, Clock::system(), Shutdown::new()));
    let topics: Vec<Topic> =
        ["aa", "bb", "cc", "dd", "ee", "ff"].map(|id| journal(&id.parse().unwrap())).into();
    for (recovery, topic) in (1..).zip(&topics) {
        worker.assigned(topic);
        let recovered = Input::Recovered(topic.tenant.clone(), recovery, Ok(Recovered::default()));
        worker.lock().core.step(recovered, &mut Vec::new());
    }
    let begun = Instant::now();
    topics.iter().for_each(|topic| assert_eq!(worker.revoked(topic), None));
    let took = begun.elapsed();
    assert!(LAST_WORDS <= took && took < LAST_WORDS * 3, "{took:?}");
}

#[test]
fn what_was_asked_for_before_a_tenant_goes_is_not_done_after_its_last_word() {
    let run = Run::new();
    let (_keep, tenants) = watch::channel(Arc::new(vec![run.tenant.clone()]));
    let mut worker = Worker::new(&Context::new(run.log.clone(), tenants, Clock::system(), Shutdown::new()));
    let [going, staying] = ["aa", "bb"].map(|id| journal(&id.parse().unwrap()));
    worker.assigned(&going);
    worker.assigned(&staying);
    assert_eq!(worker.revoked(&going), None);
    let state = worker.lock();
    assert!(
        matches!(&state.asked[..], [Output::Recover(whose, ..)] if *whose == staying.tenant),
        "{:?}",
        state.asked
    );
}

#[test]
fn a_tenant_that_is_halted_is_said_to_be_and_said_to_go_on_once_it_is_folded_past_that_record() {
    let run = Run::new();
    run.append(1, ENGINE_VERSION);
    let told = run.until(|told| !told.is_empty());
    assert!(matches!(told[..], [Change::Ended { .. }]), "it goes on: {told:?}");
    run.append(2, ENGINE_VERSION + 1);
    let told = run.until(began);
    assert_eq!(told.len(), 1, "what is read again says nothing of the record: {told:?}");
}

#[test]
fn a_tenant_that_stands_at_a_record_goes_on_by_itself_once_it_is_decided_to_skip_it() {
    let run = Run::new();
    run.append(1, ENGINE_VERSION);
    run.append(2, ENGINE_VERSION + 1);
    let is_decided = Cell::new(false);
    let told = run.until(|told| {
        if began(told) && !is_decided.replace(true) {
            run.skip(1);
        }
        began(told) && matches!(told.last(), Some(Change::Ended { .. }))
    });
    assert!(is_decided.get(), "{told:?}");
    assert_eq!(run.log.committed(GROUP, &journal(&run.tenant.id)).unwrap(), Some(3));
}

#[test]
fn a_worker_says_that_it_has_a_tenant_and_when_it_stops_that_it_gave_it_up() {
    let run = Run::new();
    run.append(1, ENGINE_VERSION);
    run.until(|told| !told.is_empty());
    let snapshots = Topic::new(&run.tenant.id, TopicKind::Snapshots);
    let mut words = Words::default();
    let mut count = 0;
    for record in scan(run.log.as_ref(), &snapshots, 0..u64::MAX).unwrap() {
        count += usize::from(words.see(&run.tenant.id, &record.unwrap()));
    }
    assert!(count >= 2 && !words.has_died(), "{words:?}");
    assert_eq!(words.crashes(0), 0);
}
