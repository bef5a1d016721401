//! Everything that the roles need: brokers, databases, an inbox, two tenants with alerts and history.

mod happens;
mod waits;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellwether_local::inbox::{Fault, Inbox, Limits};
use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded, User};
use bellwether_producers::sources::synthetic::Market;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_runtime::log::{Access, Log, NewRecord, open, scan};
use bellwether_schemas::ids::match_key;
use bellwether_schemas::time::{DAY, MINUTE};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use serde_json::Value;
use sqlx::Connection;
use sqlx::postgres::PgRow;
use tokio::runtime::Runtime;

use self::happens::{NEWS, NEWS_HEAD};
use crate::crowd::{busy, opening};
use crate::processes::Role;
use crate::support::{Bellwether, Place, Running, until};

/// A five-minute bar a second, six ticks a minute for each of 33 symbols: 2,000 ticks a second over both tenants.
pub(crate) const SPEED: &str = "300";
const TICKS_A_MINUTE: &str = "6";
/// Users beside the sample's six.
const BUSY_USERS: u8 = 8;
/// The tenants, each with a market of its own, so that a mix-up would be seen.
const TENANTS: [(&str, &str); 2] = [("fxlabs", "7"), ("hextech", "8")];
/// What every finding says that is about something that did not come in time.
pub(crate) const IN_VAIN: &str = "in vain";
/// How long anything may take once all is well again.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Shop {
    pub(crate) id: TenantId,
    pub(crate) users: Vec<User>,
    alerts: usize,
    seeded: Seeded,
}

pub(crate) struct World {
    pub(crate) shops: Vec<Shop>,
    pub(crate) brokers: u8,
    pub(crate) kafka: Kafka,
    pub(crate) inbox: Inbox,
    /// The arguments of each tenant's market.
    pub(crate) markets: Vec<Vec<String>>,
    /// When the items of the news come that were announced so far.
    announced: RefCell<Vec<Timestamp>>,
    log: Arc<dyn Log>,
    postgres: RefCell<Option<Postgres>>,
    place: Place,
    runtime: Runtime,
}

impl World {
    pub(crate) fn new(brokers: u8) -> Self {
        let place = Place::new();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let kafka = Kafka::start(&place.path("services"), brokers).unwrap();
        let start = Clock::system().now().plus(-60 * DAY).floor(MINUTE);
        let (postgres, shops, inbox) = runtime.block_on(async {
            let postgres = Postgres::start(&place.path("postgres"), Options::default()).await.unwrap();
            let mut shops = Vec::new();
            for (id, seed) in TENANTS {
                shops.push(shop(&postgres, &place, id, seed, start).await);
            }
            let any = (Ipv4Addr::LOCALHOST, 0).into();
            // Every one of them is judged, and half an hour of load brings ninety thousand.
            let limits = Limits { mails: usize::MAX, ..Limits::default() };
            let dir = Some(place.path("inbox"));
            let inbox = Inbox::start_with(any, dir, Clock::system(), limits).await.unwrap();
            (postgres, shops, inbox)
        });
        for shop in &shops {
            let file = format!("tenants/{}.toml", shop.id);
            place.edit(&file, "127.0.0.1:1025", &inbox.addr.to_string());
            let news = format!("\n[[calendar]]\nname = \"news\"\nfile = \"{NEWS}\"\nevery = \"1s\"\n");
            place.write(&file, (place.read(&file) + &news).as_bytes());
        }
        place.write(&format!("tenants/{NEWS}"), NEWS_HEAD.as_bytes());
        let start = start.to_string();
        let markets = TENANTS.map(|market| market_of(market, "--start", &start)).to_vec();
        let log = open(kafka.url(), Access::Read, Clock::system()).unwrap();
        let (announced, postgres) = (RefCell::default(), RefCell::new(Some(postgres)));
        let world = Self { shops, brokers, kafka, inbox, markets, announced, log, postgres, place, runtime };
        world.prepare(&start);
        world
    }

    /// Topics, every alert, history: before anything else may be in the journals.
    fn prepare(&self, start: &str) {
        progress("topics, alerts, history");
        self.call(&["topics", "apply"]);
        let alerts = self.start(&["produce".into(), "alerts".into()]);
        let published = |shop: &Shop| {
            let journal = self.cat(&shop.id, "journal");
            journal.iter().filter(|line| line["type"] == "alert_changed").count() == shop.alerts
        };
        assert!(
            until(PATIENCE, || self.shops.iter().all(published)),
            "alerts do not come: {}",
            alerts.stderr()
        );
        assert_eq!(alerts.stop(PATIENCE).code, Some(0));
        for market in TENANTS {
            let market = market_of(market, "--end", start);
            let market = market.iter().map(String::as_str);
            self.call(&["produce", "history"].into_iter().chain(market).collect::<Vec<_>>());
        }
    }

    fn call(&self, arguments: &[&str]) {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).into()).collect();
        self.start(&arguments).wait(PATIENCE).ended(0);
    }

    pub(crate) fn start(&self, arguments: &[String]) -> Running {
        // The numbers of members are this run's own.
        self.command(arguments).env("TMPDIR", self.place.path("")).start()
    }

    /// The same as another version's program.
    pub(crate) fn start_as(&self, program: &OsStr, arguments: &[String]) -> Running {
        self.surrounded(self.place.program(program, &words(arguments)))
            .env("TMPDIR", self.place.path(""))
            .start()
    }

    /// The same behind a limit of the shell's.
    pub(crate) fn start_limited(&self, arguments: &[String], limit: &str) -> Running {
        let script = format!("{limit}; exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_bellwether");
        let called = ["-c", &script, program].into_iter().chain(words(arguments)).collect::<Vec<_>>();
        self.surrounded(self.place.program("sh".as_ref(), &called)).env("TMPDIR", self.place.path("")).start()
    }

    fn command(&self, arguments: &[String]) -> Bellwether {
        self.surrounded(self.place.bellwether(&words(arguments)))
    }

    /// With what every role wants of its environment.
    fn surrounded(&self, command: Bellwether) -> Bellwether {
        let mut command = command.env("BELLWETHER_LOG", self.kafka.url());
        for shop in &self.shops {
            let key = format!("{}_DATABASE_URL", shop.id.as_str().to_uppercase());
            command = command.env(&key, shop.seeded.pipeline.reveal());
        }
        command
            .env("BELLWETHER_TELEMETRY_FORMAT", "json")
            .env("BELLWETHER_TELEMETRY_LEVEL", "info,bellwether_sinks=debug,bellwether_worker=debug")
    }

    /// The same as a process of another host of that name: it sees none of this one's lock files.
    pub(crate) fn start_elsewhere(&self, arguments: &[String]) -> Running {
        let elsewhere = self.place.path("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        self.command(arguments).env("TMPDIR", elsewhere).start()
    }

    pub(crate) fn cat(&self, tenant: &TenantId, topic: &str) -> Vec<Value> {
        let arguments = [
            "journal",
            "cat",
            "--log",
            self.kafka.url(),
            "--tenant",
            tenant.as_str(),
            "--topic",
            topic,
            "--json",
        ];
        self.place.run(&arguments).ended(0).json()
    }

    /// What `replay --verify` says of what was recorded.
    pub(crate) fn verify(&self, tenant: &TenantId) -> Value {
        let arguments =
            ["replay", "--log", self.kafka.url(), "--tenant", tenant.as_str(), "--verify", "--json"];
        let ran = self.place.run(&arguments);
        ran.json().into_iter().next().unwrap_or_else(|| Value::String(ran.to_string()))
    }

    pub(crate) fn without_smtp(&self, meanwhile: impl FnOnce()) {
        self.inbox.faults.set(Fault::RefuseConnections);
        meanwhile();
        self.inbox.faults.clear();
    }

    /// Writes something else under every key that stands in a topic of snapshots; how many there are.
    pub(crate) fn spoil_snapshots(&self, spoiled: fn(&[u8]) -> Vec<u8>) -> usize {
        let log = open(self.kafka.url(), Access::Write, Clock::system()).unwrap();
        let spoil = |shop: &Shop| {
            let topic = Topic::new(&shop.id, TopicKind::Snapshots);
            let mut standing = BTreeMap::new();
            for record in scan(log.as_ref(), &topic, 0..u64::MAX).unwrap().map(Result::unwrap) {
                standing.insert(record.key, record.value);
            }
            standing.retain(|_, value| !value.is_empty());
            let count = standing.len();
            for (key, value) in standing {
                log.append(&topic, vec![NewRecord { key, value: spoiled(&value) }]).wait().unwrap();
            }
            count
        };
        self.shops.iter().map(spoil).sum()
    }

    pub(crate) fn query<T>(&self, shop: &Shop, sql: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        self.runtime.block_on(async {
            let mut admin = sqlx::PgConnection::connect(shop.seeded.admin.reveal()).await.unwrap();
            let rows = sqlx::query_as(sql).fetch_all(&mut admin).await.unwrap();
            admin.close().await.unwrap();
            rows
        })
    }

    fn execute(&self, shop: &Shop, sql: &'static str) {
        self.runtime.block_on(async {
            let mut admin = sqlx::PgConnection::connect(shop.seeded.admin.reveal()).await.unwrap();
            sqlx::query(sql).execute(&mut admin).await.unwrap();
            admin.close().await.unwrap();
        });
    }

    /// The broker that coordinates that role's group.
    pub(crate) fn coordinator(&self, role: Role) -> u8 {
        let mut node = None;
        assert!(until(PATIENCE, || {
            node = self.kafka.coordinator(role.reads().0).ok();
            node.is_some()
        }));
        node.unwrap()
    }

    /// Records of journals that are folded, over all tenants.
    pub(crate) fn folded(&self) -> u64 {
        let (group, kind) = Role::Process.reads();
        self.shops.iter().filter_map(|shop| self.position(group, shop, kind)).sum()
    }

    fn count(&self, shop: &Shop, sql: &'static str) -> i64 {
        self.query::<(i64,)>(shop, sql)[0].0
    }

    pub(crate) fn logs(&self) -> PathBuf {
        let dir = self.place.path("logs");
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Lets what the processes said outlive this run.
    pub(crate) fn keep(&self) -> String {
        let kept = std::env::temp_dir().join(format!("bellwether-chaos-{}", std::process::id()));
        std::fs::rename(self.logs(), &kept).unwrap();
        kept.display().to_string()
    }
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn market_of((tenant, seed): (&str, &str), at: &str, start: &str) -> Vec<String> {
    let arguments = ["--tenant", tenant, "--seed", seed, "--ticks-a-minute", TICKS_A_MINUTE, at, start];
    arguments.map(str::to_owned).to_vec()
}

async fn shop(postgres: &Postgres, place: &Place, id: &str, seed: &str, start: Timestamp) -> Shop {
    let file = load_tenant(&place.path(&format!("tenants/{id}.toml")), &|_| None).unwrap();
    let id = file.id.clone();
    let seeded = seed::database(postgres, &format!("chaos_{id}"), &id).await.unwrap();
    let (mut users, mut alerts) = seed::sample(&id);
    for number in 0..BUSY_USERS {
        let (user, watched) = busy(&id, number);
        users.push(user);
        alerts.extend(watched);
    }
    let market = Market::new(seed.parse().unwrap(), &file.settings, TICKS_A_MINUTE.parse().unwrap()).unwrap();
    let prices = opening(&market, start, &file.settings.symbol_suffix);
    alerts.extend(seed::price_alerts(&id, |symbol| prices.get(&match_key(symbol)).copied()));
    seed::add_users(&seeded.admin, &users).await.unwrap();
    seed::add_alerts(&seeded.admin, &alerts).await.unwrap();
    Shop { id, users, alerts: alerts.len(), seeded }
}

/// For whoever watches.
pub(crate) fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("{line}");
    }
}

#[expect(clippy::disallowed_methods, reason = "what happens to processes happens by the wall's clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
