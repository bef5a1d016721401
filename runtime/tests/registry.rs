//! A log whose ids come from a schema registry, against a real HTTP server that speaks the registry's API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::SchemaRegistry;
use bellwether_runtime::log::conformance::{self, Fixture};
use bellwether_runtime::log::{
    Access, Assignments, Consumer, Log, LogError, NewRecord, Polled, Record, Registered, Start, open,
};
use bellwether_runtime::registry::{Registry, RegistryError, subject};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::codec::{self, SchemaName};
use bellwether_schemas::journal::{Heartbeat, Origin};
use bellwether_schemas::{Entry, Timestamp, Topic, TopicKind};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A loaded machine is slow.
const LIMIT: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(20);

/// What a registry keeps. It counts from here, so that its ids are not ours.
struct Schemas {
    first: u32,
    texts: Vec<String>,
    subjects: BTreeMap<String, BTreeSet<u32>>,
    refuses: bool,
}

type Shared = Arc<Mutex<Schemas>>;

/// The server. Dropping it frees its port and closes its connections.
struct Stub {
    runtime: Option<Runtime>,
    shutdown: Shutdown,
    schemas: Shared,
    address: SocketAddr,
}

impl Stub {
    fn start() -> Self {
        let schemas = Schemas { first: 17, texts: Vec::new(), subjects: BTreeMap::new(), refuses: false };
        Self::with(Arc::new(Mutex::new(schemas)), SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn with(schemas: Shared, address: SocketAddr) -> Self {
        let router = Router::new()
            .route("/subjects/{subject}", post(look_up))
            .route("/subjects/{subject}/versions", post(register))
            .route("/schemas/ids/{id}", get(by_id))
            .with_state(Arc::clone(&schemas));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        runtime.spawn(async move {
            let stopping = async move { stop.raised().await };
            axum::serve(listener, router).with_graceful_shutdown(stopping).await.unwrap();
        });
        Self { runtime: Some(runtime), shutdown, schemas, address }
    }

    /// Gone; what it kept and where it was.
    fn stop(mut self) -> (Shared, SocketAddr) {
        self.shutdown.raise();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(LIMIT);
        }
        (Arc::clone(&self.schemas), self.address)
    }

    fn config(&self, cache: &Path) -> SchemaRegistry {
        config(self.address, cache)
    }

    fn id_of(&self, schema: SchemaName) -> u32 {
        let schemas = self.schemas.lock().unwrap();
        *schemas.subjects[&subject(schema)].first().unwrap()
    }

    fn add(&self, subject: &str, text: &str) -> u32 {
        self.schemas.lock().unwrap().add(subject, text)
    }
}

fn config(address: SocketAddr, cache: &Path) -> SchemaRegistry {
    SchemaRegistry { url: Some(format!("http://{address}").parse().unwrap()), cache: cache.into() }
}

impl Schemas {
    fn id(&self, text: &str) -> Option<u32> {
        self.texts.iter().position(|known| known == text).map(|at| self.first + u32::try_from(at).unwrap())
    }

    fn add(&mut self, subject: &str, text: &str) -> u32 {
        let id = self.id(text).unwrap_or_else(|| {
            self.texts.push(text.into());
            self.id(text).unwrap()
        });
        self.subjects.entry(subject.into()).or_default().insert(id);
        id
    }
}

type Answer = (StatusCode, Json<Value>);

fn answer(status: StatusCode, body: Value) -> Answer {
    (status, Json(body))
}

async fn look_up(
    State(schemas): State<Shared>,
    UrlPath(subject): UrlPath<String>,
    Json(body): Json<Value>,
) -> Answer {
    let schemas = schemas.lock().unwrap();
    let id = schemas.id(body["schema"].as_str().unwrap());
    match id.filter(|id| schemas.subjects.get(&subject).is_some_and(|ids| ids.contains(id))) {
        Some(id) => answer(StatusCode::OK, json!({ "subject": subject, "id": id, "version": 1 })),
        None => answer(StatusCode::NOT_FOUND, json!({ "error_code": 40401, "message": "Subject not found" })),
    }
}

async fn register(
    State(schemas): State<Shared>,
    UrlPath(subject): UrlPath<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut schemas = schemas.lock().unwrap();
    if schemas.refuses {
        return answer(
            StatusCode::CONFLICT,
            json!({ "error_code": 409, "message": "Schema is incompatible" }),
        );
    }
    let id = schemas.add(&subject, body["schema"].as_str().unwrap());
    answer(StatusCode::OK, json!({ "id": id }))
}

async fn by_id(State(schemas): State<Shared>, UrlPath(id): UrlPath<u32>) -> Answer {
    let schemas = schemas.lock().unwrap();
    let at = id.checked_sub(schemas.first).and_then(|at| usize::try_from(at).ok());
    match at.and_then(|at| schemas.texts.get(at)) {
        Some(text) => answer(StatusCode::OK, json!({ "schema": text })),
        None => answer(StatusCode::NOT_FOUND, json!({ "error_code": 40403, "message": "Schema not found" })),
    }
}

/// A directory with a log and a cache of ids, and two topics in the log.
struct World {
    dir: tempfile::TempDir,
    below: Arc<dyn Log>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().join("log").display());
        let below = open(&url, Access::Write, Clock::system()).unwrap();
        for tenant in ["fxlabs", "hextech"] {
            below.create(&journal(tenant)).unwrap();
        }
        Self { dir, below }
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("ids/schema-ids.json")
    }

    fn over(&self, config: &SchemaRegistry) -> Result<Registered, RegistryError> {
        let registry = Registry::open(config, Access::Write)?.unwrap();
        Ok(Registered::new(Arc::clone(&self.below), registry))
    }

    fn below(&self, tenant: &str) -> Vec<Record> {
        self.below.reader(&journal(tenant), 0).unwrap().read(100, WAIT).unwrap()
    }

    /// Written by somebody else, under that id.
    fn add_below(&self, tenant: &str, id: u32, ts: i64) {
        let mut value = beat(tenant, ts);
        codec::set_schema_id(&mut value, id);
        append(self.below.as_ref(), tenant, value);
    }
}

fn journal(tenant: &str) -> Topic {
    Topic::new(&tenant.parse().unwrap(), TopicKind::Journal)
}

fn beat(tenant: &str, ts: i64) -> Vec<u8> {
    let origin = Origin {
        tenant: tenant.parse().unwrap(),
        source: "file".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    };
    codec::encode_entry(&Entry::Heartbeat(Heartbeat { origin, ts: Timestamp(ts) })).unwrap()
}

fn append(log: &dyn Log, tenant: &str, value: Vec<u8>) {
    log.append(&journal(tenant), vec![NewRecord { key: Vec::new(), value }]).wait().unwrap();
}

fn times(records: &[Record]) -> Vec<i64> {
    let time = |record: &Record| match codec::decode_entry(&record.value).unwrap() {
        Entry::Heartbeat(beat) => beat.ts.0,
        other => panic!("{other:?} is no heartbeat"),
    };
    records.iter().map(time).collect()
}

fn read(log: &dyn Log, tenant: &str) -> Result<Vec<Record>, LogError> {
    let mut reader = log.reader(&journal(tenant), 0)?;
    let mut records = Vec::new();
    loop {
        match reader.read(100, WAIT)? {
            more if more.is_empty() => return Ok(records),
            more => records.extend(more),
        }
    }
}

struct Nothing;

impl Assignments for Nothing {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::At(0)
    }

    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

fn join(log: &dyn Log) -> Box<dyn Consumer> {
    log.consumer("rows", &[journal("fxlabs"), journal("hextech")], Box::new(Nothing)).unwrap()
}

/// Polls until the tenants have so many records each, and no more come for a moment.
fn poll(consumer: &mut dyn Consumer, seen: &mut BTreeMap<String, Vec<i64>>, fxlabs: usize, hextech: usize) {
    let count = |seen: &BTreeMap<String, Vec<i64>>, tenant: &str| seen.get(tenant).map_or(0, Vec::len);
    let (mut quiet, mut waited) = (0, Duration::ZERO);
    while quiet < 10 {
        match consumer.poll(WAIT).unwrap() {
            Polled::Records(topic, records) => {
                seen.entry(topic.tenant.to_string()).or_default().extend(times(&records));
            }
            Polled::Failed(topic, error) => panic!("{topic}: {error}"),
            Polled::Nothing if count(seen, "fxlabs") >= fxlabs && count(seen, "hextech") >= hextech => {
                quiet += 1
            }
            Polled::Nothing => {
                waited += WAIT;
                assert!(waited < LIMIT, "only {seen:?}");
            }
        }
    }
    assert_eq!((count(seen, "fxlabs"), count(seen, "hextech")), (fxlabs, hextech), "{seen:?}");
}

#[test]
fn records_carry_the_registrys_ids_in_the_log_and_ours_everywhere_else() {
    let (world, stub) = (World::new(), Stub::start());
    append(world.below.as_ref(), "fxlabs", beat("fxlabs", 1));
    let log = world.over(&stub.config(&world.cache())).unwrap();
    append(&log, "fxlabs", beat("fxlabs", 2));
    let ids: Vec<u32> =
        world.below("fxlabs").iter().map(|record| codec::schema_id(&record.value).unwrap()).collect();
    assert_eq!(ids, [SchemaName::Heartbeat.id(), stub.id_of(SchemaName::Heartbeat)]);
    assert_eq!(subject(SchemaName::Heartbeat), "bellwether.Heartbeat");
    let values: Vec<Vec<u8>> = read(&log, "fxlabs").unwrap().into_iter().map(|record| record.value).collect();
    assert_eq!(values, [beat("fxlabs", 1), beat("fxlabs", 2)]);
    append(&log, "fxlabs", b"no header".to_vec());
    assert_eq!(read(&log, "fxlabs").unwrap()[2].value, b"no header");
}

#[test]
fn a_log_over_a_registry_keeps_the_promises_of_the_seam() {
    let stub = Stub::start();
    conformance::run(&mut || {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().join("log").display());
        let below = open(&url, Access::Write, Clock::system()).unwrap();
        let registry = Registry::open(&stub.config(&dir.path().join("ids.json")), Access::Write).unwrap();
        Fixture {
            log: Arc::new(Registered::new(below, registry.unwrap())),
            tenant: "fxlabs".parse().unwrap(),
            other: "hextech".parse().unwrap(),
            group: "rows".into(),
            keep: Box::new(dir),
        }
    });
}

#[test]
fn a_registry_that_is_away_or_slow_stops_nobody_who_has_met_it() {
    let (world, stub) = (World::new(), Stub::start());
    let config = stub.config(&world.cache());
    append(&world.over(&config).unwrap(), "fxlabs", beat("fxlabs", 1));
    let heartbeat = stub.id_of(SchemaName::Heartbeat);
    let (_, address) = stub.stop();
    append(&world.over(&config).unwrap(), "fxlabs", beat("fxlabs", 2));
    // It takes connections and never answers.
    let _silent = std::net::TcpListener::bind(address).unwrap();
    let log = world.over(&config).unwrap();
    append(&log, "fxlabs", beat("fxlabs", 3));
    assert_eq!(times(&read(&log, "fxlabs").unwrap()), [1, 2, 3]);
    let below = world.below("fxlabs");
    assert!(below.iter().all(|record| codec::schema_id(&record.value) == Some(heartbeat)));
}

#[test]
fn a_registry_that_never_answered_and_a_refusal_are_told() {
    let (world, stub) = (World::new(), Stub::start());
    stub.schemas.lock().unwrap().refuses = true;
    let refused = world.over(&stub.config(&world.cache())).err().unwrap().to_string();
    assert!(
        refused.contains("refuses bellwether.TickBlock: 409 Conflict: Schema is incompatible"),
        "{refused}"
    );
    let (_, address) = stub.stop();
    let away = world.over(&config(address, &world.cache())).err().unwrap();
    assert!(matches!(&away, RegistryError::Away { url, .. } if url.contains(&address.to_string())), "{away}");
}

#[test]
fn an_id_that_nobody_knows_yet_holds_its_topic_back_and_no_other() {
    let (world, stub) = (World::new(), Stub::start());
    let log = world.over(&stub.config(&world.cache())).unwrap();
    let later = 17 + u32::try_from(SchemaName::ALL.len()).unwrap();
    append(&log, "fxlabs", beat("fxlabs", 1));
    world.add_below("fxlabs", later, 2);
    append(&log, "fxlabs", beat("fxlabs", 3));
    append(&log, "hextech", beat("hextech", 1));
    let (mut consumer, mut seen) = (join(&log), BTreeMap::new());
    poll(consumer.as_mut(), &mut seen, 1, 1);
    append(&log, "fxlabs", beat("fxlabs", 4));
    append(&log, "hextech", beat("hextech", 2));
    poll(consumer.as_mut(), &mut seen, 1, 2);
    // Away when it is registered, and back with it.
    let (schemas, address) = stub.stop();
    let text = SchemaName::Heartbeat.text().replace("\"doc\": \"", "\"doc\": \"Newer: ");
    assert_eq!(schemas.lock().unwrap().add("bellwether.Heartbeat", &text), later);
    let _stub = Stub::with(schemas, address);
    poll(consumer.as_mut(), &mut seen, 4, 2);
    assert_eq!(seen["fxlabs"], [1, 2, 3, 4]);
    assert_eq!(times(&read(&log, "fxlabs").unwrap()), [1, 2, 3, 4]);
}

#[test]
fn what_is_held_back_is_forgotten_by_a_seek_and_stays_while_its_topic_is_paused() {
    let (world, stub) = (World::new(), Stub::start());
    let log = world.over(&stub.config(&world.cache())).unwrap();
    world.add_below("fxlabs", 4242, 1);
    append(&log, "fxlabs", beat("fxlabs", 2));
    append(&log, "hextech", beat("hextech", 1));
    let (mut consumer, mut seen) = (join(&log), BTreeMap::new());
    poll(consumer.as_mut(), &mut seen, 0, 1);
    consumer.seek(&journal("fxlabs"), 1).unwrap();
    poll(consumer.as_mut(), &mut seen, 1, 1);
    consumer.seek(&journal("fxlabs"), 0).unwrap();
    poll(consumer.as_mut(), &mut seen, 1, 1);
    consumer.pause(&journal("fxlabs"));
    stub.schemas.lock().unwrap().first = 4242 - u32::try_from(SchemaName::ALL.len()).unwrap();
    assert_eq!(stub.add("bellwether.Heartbeat", &SchemaName::Heartbeat.text().replace("doc", "note")), 4242);
    assert_eq!(times(&read(&log, "fxlabs").unwrap()), [1, 2]);
    poll(consumer.as_mut(), &mut seen, 1, 1);
    consumer.resume(&journal("fxlabs"));
    poll(consumer.as_mut(), &mut seen, 3, 1);
    assert_eq!(seen["fxlabs"], [2, 1, 2]);
}

#[test]
fn a_reader_waits_for_an_unknown_id_and_then_says_so_without_passing_it_over() {
    let (world, stub) = (World::new(), Stub::start());
    let log = world.over(&stub.config(&world.cache())).unwrap();
    append(&log, "fxlabs", beat("fxlabs", 1));
    world.add_below("fxlabs", 4242, 2);
    let mut reader = log.reader(&journal("fxlabs"), 0).unwrap();
    assert_eq!(times(&reader.read(100, WAIT).unwrap()), [1]);
    assert_eq!(reader.next_offset(), 1);
    let error = reader.read(100, WAIT).unwrap_err();
    assert!(matches!(error, LogError::UnknownSchema { offset: 1, id: 4242, .. }), "{error}");
    assert_eq!(reader.next_offset(), 1);
}

#[test]
fn a_schema_that_is_none_of_ours_is_handed_on_as_it_is() {
    let (world, stub) = (World::new(), Stub::start());
    let log = world.over(&stub.config(&world.cache())).unwrap();
    let foreign = stub.add("orders", r#"{"type":"record","name":"Order","fields":[]}"#);
    world.add_below("fxlabs", foreign, 1);
    let records = read(&log, "fxlabs").unwrap();
    assert!(
        matches!(codec::decode_entry(&records[0].value), Err(codec::DecodeError::UnknownSchema(id)) if id == foreign)
    );
}

#[test]
fn an_id_that_meant_something_else_before_is_refused() {
    let (world, stub) = (World::new(), Stub::start());
    let config = stub.config(&world.cache());
    drop(world.over(&config).unwrap());
    // Set up anew, and somebody else's schema came first.
    {
        let mut schemas = stub.schemas.lock().unwrap();
        schemas.texts.clear();
        schemas.subjects.clear();
        schemas.add("orders", "another");
    }
    let taken = world.over(&config).err().unwrap().to_string();
    assert!(
        taken.contains("gave tick_block.v1 the id 18, which") && taken.contains("has for bar_block.v1"),
        "{taken}"
    );
    stub.schemas.lock().unwrap().first = SchemaName::TickBlockV1.id();
    let taken = world.over(&config).err().unwrap().to_string();
    assert!(taken.contains("schemas/avro/ids.json has for bar_block.v1"), "{taken}");
}
