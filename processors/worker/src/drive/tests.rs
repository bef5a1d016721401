//! A worker over an embedded log.

use std::cell::Cell;
use std::path::Path;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_runtime::incident::Change;
use bellwether_runtime::log::{Access, open, scan};
use bellwether_runtime::words::Words;
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::{Entry, Origin, Timestamp, codec};

use super::*;

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
        all
    }
}

fn began(told: &[Change]) -> bool {
    told.iter().any(|change| matches!(change, Change::Began { text, .. } if text.contains("upgrade me")))
}

#[test]
fn an_append_to_a_topic_that_was_deleted_stops_its_tenant_alone() {
    let tenant: TenantId = "fxlabs".parse().unwrap();
    let answered = |error| {
        let ack = Ack::ready(Err(error));
        let append = Append { tenant: tenant.clone(), id: 7, ack, begun: Instant::now() };
        State { appends: [append].into(), ..State::default() }.next_answered()
    };
    let gone = answered(LogError::UnknownTopic { topic: "fxlabs.triggers.v1".into() }).unwrap();
    let Some(Input::Lost(whose, reason)) = gone else { panic!("{gone:?}") };
    assert!(whose == tenant && reason.contains("fxlabs.triggers.v1 does not exist"), "{reason}");
    let divided = answered(LogError::Partitions { topic: "fxlabs.triggers.v1".into(), count: 2 }).unwrap();
    assert!(matches!(divided, Some(Input::Lost(..))), "{divided:?}");
    assert!(answered(LogError::Poisoned { reason: "fsync failed".into() }).is_err());
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
