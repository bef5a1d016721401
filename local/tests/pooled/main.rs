//! Every role that speaks to a database, behind a real pgbouncer in transaction mode, which hands a server's connection
//! to another client after each transaction.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pgbouncer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bellwether_database::{self as database, GatewayDatabase, SwitchedOff};
use bellwether_local::postgres::{Postgres, shared_for_tests};
use bellwether_local::samples;
use bellwether_local::seed::{self, Alert, Seeded, User};
use bellwether_producers::{ProducerContext, alert_changes, journal_view};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Telemetry, Tenant, load_tenant};
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::telemetry;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::encode_outcome;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, TenantId, Topic, TopicKind, UserId, ids};
use bellwether_sinks::feed::Context;
use bellwether_sinks::{mail, rows, schedule};
use pgbouncer::Pgbouncer;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Tenants whose rows are written at once.
const TENANTS: usize = 50;
/// Of whom so many have every role.
const WHOLE: usize = 3;
/// Rounds, and triggers of each tenant in each.
const ROUNDS: u16 = 8;
const TRIGGERS: u16 = 6;
const PATIENCE: Duration = Duration::from_secs(90);

fn user() -> UserId {
    UserId(ids::derive("a user of every tenant"))
}

fn alert() -> AlertId {
    AlertId(ids::derive("an alert of every tenant"))
}

/// A database of its own for each tenant, copies of one, each with a user and an alert.
async fn databases(server: &'static Postgres) -> Vec<(TenantId, Seeded)> {
    seed::create(server, "pooled").await.unwrap();
    seed::bootstrap(&server.url("pooled")).await.unwrap();
    database::migrate(&server.url("pooled")).await.unwrap();
    let mut admin = PgConnection::connect(server.url("postgres").reveal()).await.unwrap();
    let mut seeding = JoinSet::new();
    for number in 0..TENANTS {
        let name = format!("pooled_{number}");
        admin.execute(AssertSqlSafe(format!("create database {name} template pooled"))).await.unwrap();
        seeding.spawn(async move {
            let id: TenantId = format!("t{number}").parse().unwrap();
            let seeded = seed::database(server, &name, &id).await.unwrap();
            let email = format!("user@{id}.example");
            seed::add_users(&seeded.admin, &[User { id: user(), email, confirmed: true }]).await.unwrap();
            let parameters = samples::parameters(AlertKind::RsiTracker);
            let alerts = [Alert { id: alert(), user_id: user(), parameters }];
            seed::add_alerts(&seeded.admin, &alerts).await.unwrap();
            (id, seeded)
        });
    }
    seeding.join_all().await
}

/// The tenant as its file would say, behind the pooler.
fn tenant(id: &TenantId, seeded: &Seeded, pooler: &Pgbouncer) -> Tenant {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{id}.toml"));
    let text = format!(
        "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"{id}\"\n[database]\nmode = \"transaction\"\n\
         [mail]\nfrom = \"{id} <a@{id}.example>\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut tenant = load_tenant(&file, &|_| None).unwrap();
    tenant.database.url = Some(pooler.before(&seeded.pipeline));
    tenant.database.gateway_url = Some(pooler.before(&seeded.gateway));
    tenant.daily_brief = Some((Clock::system().now().utc() - chrono::TimeDelta::minutes(1)).time());
    tenant
}

/// Holds transactions all the time, and looks at what stands on each connection that it is given.
struct Holder {
    stop: Shutdown,
    task: JoinHandle<(BTreeSet<i32>, BTreeSet<String>)>,
}

impl Holder {
    fn start(tenant: &Tenant) -> Self {
        let stop = Shutdown::new();
        let url = tenant.database.url.clone().unwrap();
        let raised = stop.clone();
        let task = tokio::spawn(async move {
            let options: PgConnectOptions = url.reveal().parse().unwrap();
            let options = options.statement_cache_capacity(0).extra_float_digits(None);
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            let (mut servers, mut settings) = (BTreeSet::new(), BTreeSet::new());
            while !raised.is_raised() {
                let mut transaction = connection.begin().await.unwrap();
                let (server, tenant, statement, lock): (i32, String, String, String) = sqlx::query_as(
                    "select pg_backend_pid(), coalesce(current_setting('app.tenant_id', true), ''),
                            current_setting('statement_timeout'), current_setting('lock_timeout')",
                )
                .persistent(false)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
                servers.insert(server);
                settings.insert(format!("{tenant} {statement} {lock}"));
                tokio::time::sleep(Duration::from_millis(20)).await;
                transaction.commit().await.unwrap();
            }
            (servers, settings)
        });
        Self { stop, task }
    }
}

/// Every role that speaks to a database, over one log.
struct Pipeline {
    log: Arc<dyn Log>,
    shutdown: Shutdown,
    roles: Vec<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Pipeline {
    fn start(tenants: &[Tenant]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log =
            open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
        for topic in tenants.iter().flat_map(|tenant| Topic::all(&tenant.id)) {
            log.create(&topic).unwrap();
        }
        let shutdown = Shutdown::new();
        let context = |tenants: &[Tenant]| {
            let served = watch::channel(Arc::new(tenants.to_vec())).1;
            Context::new(log.clone(), served, Clock::system(), shutdown.clone())
        };
        let (all, whole) = (context(tenants), context(&tenants[..WHOLE]));
        let (mailed, kept) = (whole.clone(), whole);
        let mut roles = vec![
            tokio::spawn(async move { rows::run(all).await.unwrap() }),
            tokio::spawn(async move { mail::run(mailed).await.unwrap() }),
            tokio::spawn(async move { schedule::run(kept).await.unwrap() }),
        ];
        for tenant in &tenants[..WHOLE] {
            let tenant = tenant.clone();
            let context = ProducerContext::new(log.clone(), Clock::system(), shutdown.clone());
            roles.push(tokio::spawn(async move { alert_changes::run(&context, &tenant).await.unwrap() }));
        }
        Self { log, shutdown, roles, _dir: dir }
    }

    async fn append(&self, tenant: &TenantId, round: u16) {
        let record = |number: u16| {
            let kind = AlertKind::ALL[usize::from(number) % AlertKind::ALL.len()];
            let outcome = Outcome::Fired(samples::trigger(tenant, kind, alert(), user(), number));
            NewRecord { key: outcome.key().into_bytes(), value: encode_outcome(&outcome).unwrap() }
        };
        let records = (round * TRIGGERS..(round + 1) * TRIGGERS).map(record).collect();
        self.log.append(&Topic::new(tenant, TopicKind::Triggers), records).answer().await.unwrap();
    }

    async fn stop(self) {
        self.shutdown.raise();
        for role in self.roles {
            role.await.unwrap();
        }
    }
}

async fn number(seeded: &Seeded, sql: &'static str) -> i64 {
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap()
}

async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// What the server said of statements that somebody else's connection has, or has not.
async fn complaints(seeded: &Seeded) -> Vec<String> {
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut admin).await.unwrap();
    let log = std::fs::read_to_string(std::path::Path::new(&data).with_file_name("log")).unwrap();
    log.lines().filter(|line| line.contains("prepared statement")).map(Into::into).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tenants_behind_a_pooler_of_transactions_get_what_is_theirs_and_leave_nothing_behind() {
    telemetry::init(&Telemetry { level: "warn".into(), ..Telemetry::default() }, false).unwrap();
    let server = shared_for_tests().await;
    let databases = databases(server).await;
    let urls: Vec<_> = databases.iter().flat_map(|(_, seeded)| [&seeded.pipeline, &seeded.gateway]).collect();
    let pooler = Pgbouncer::start(server.port(), &urls).await;
    let tenants: Vec<Tenant> = databases.iter().map(|(id, seeded)| tenant(id, seeded, &pooler)).collect();
    let holders: Vec<Holder> = tenants.iter().map(Holder::start).collect();
    let pipeline = Pipeline::start(&tenants);
    for round in 0..ROUNDS {
        for tenant in &tenants {
            pipeline.append(&tenant.id, round).await;
        }
    }
    let all = i64::from(ROUNDS * TRIGGERS);
    for (id, seeded) in &databases {
        let cursor = "select coalesce(max(next_offset), 0) from bellwether.sink_cursor where sink = 'rows'";
        eventually(&format!("the rows of {id}"), async || number(seeded, cursor).await == all).await;
        let told = "select count(*) from public.user_events where trigger_id is not null";
        assert_eq!(number(seeded, told).await, all, "{id}");
    }
    for ((id, seeded), tenant) in databases.iter().zip(&tenants).take(WHOLE) {
        let owed = "select count(distinct kind) from bellwether.mail_outbox where kind <> 'daily_brief'";
        eventually(&format!("mails of every kind of {id}"), async || number(seeded, owed).await >= 6).await;
        let runs = "select count(*) from bellwether.schedule_run";
        eventually(&format!("the schedule of {id}"), async || number(seeded, runs).await > 0).await;
        eventually(&format!("the alert of {id} in its journal"), async || {
            journal_view::read(&pipeline.log, id).await.unwrap().alerts.len() == 1
        })
        .await;
        let gateway = GatewayDatabase::open(tenant).await.unwrap();
        assert_eq!(gateway.switch_off(user(), "rsi_tracker").await.unwrap(), SwitchedOff::Done);
    }
    pipeline.stop().await;
    let mut alternated = 0;
    for (holder, (id, _)) in holders.into_iter().zip(&databases) {
        holder.stop.raise();
        let (servers, settings) = holder.task.await.unwrap();
        assert_eq!(settings.into_iter().collect::<Vec<_>>(), [" 0 0"], "left behind by a borrower of {id}");
        alternated += usize::from(servers.len() > 1);
    }
    assert!(alternated > TENANTS / 2, "only {alternated} pools handed out more than one connection");
    assert_eq!(complaints(&databases[0].1).await, [""; 0], "{}", pooler.log());
}
