//! A database and a mail server that go away while markets play: nothing lost, nothing twice, nobody else delayed.
//!
//! `BELLWETHER_OUTAGE` (8) says for how many seconds, `BELLWETHER_TELEMETRY_LEVEL` (error) what is logged meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_local::inbox::Inbox;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_producers::play::Speed;
use bellwether_producers::{
    ProducerContext, SyntheticRun, alert_changes, journal_view, run_synthetic, settings,
};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{SmtpServer, Telemetry, Tenant, load_tenant};
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::metric_names::{MAILS, ROWS_RETRIES};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::telemetry;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{Timestamp, Topic, TopicKind, codec};
use bellwether_sinks::{feed, mail, rows};
use sqlx::Connection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::Place;

/// How fast markets play: a five-minute bar twice a second.
const SPEED: f64 = 600.0;
/// After an outage a mail is tried again when its time has come: 10 s doubled with each try.
const PATIENCE: Duration = Duration::from_secs(90);

/// A tenant, its alerts, where its mail goes and what it may lose for a while.
struct Shop {
    tenant: Tenant,
    seeded: Seeded,
    inbox: Option<Inbox>,
}

impl Shop {
    async fn new(place: &Place, id: &str, server: &Postgres) -> Self {
        let file = place.path(&format!("tenants/{id}.toml"));
        let mut tenant = load_tenant(&file, &|_| None).unwrap();
        let seeded = seed::database(server, &format!("outage_{id}"), &tenant.id).await.unwrap();
        let (users, mut alerts) = seed::sample(&tenant.id);
        // One kind shows an outage as well as six.
        alerts.retain(|alert| alert.parameters.kind() == AlertKind::RsiTracker);
        seed::add_users(&seeded.admin, &users).await.unwrap();
        seed::add_alerts(&seeded.admin, &alerts).await.unwrap();
        let mails = place.path(&format!("mails/{id}"));
        let inbox = Inbox::start(([127, 0, 0, 1], 0).into(), Some(mails), Clock::system()).await.unwrap();
        tenant.database.url = Some(seeded.pipeline.clone());
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(inbox.addr.port()));
        Self { tenant, seeded, inbox: Some(inbox) }
    }

    fn id(&self) -> &str {
        self.tenant.id.as_str()
    }

    /// Mail and its port go; mails that were taken stay on disk.
    async fn smtp_gone(&mut self, place: &Place, time: Duration) {
        let inbox = self.inbox.take().unwrap();
        let (addr, mails) = (inbox.addr, place.path(&format!("mails/{}", self.id())));
        inbox.stop().await;
        tokio::time::sleep(time).await;
        self.inbox = Some(Inbox::start(addr, Some(mails), Clock::system()).await.unwrap());
    }

    async fn query<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut admin = sqlx::postgres::PgConnection::connect(self.seeded.admin.reveal()).await.unwrap();
        sqlx::query_as(sql).fetch_all(&mut admin).await.unwrap()
    }

    async fn rows(&self) -> Vec<(Uuid, i64)> {
        self.query(
            "select id, (extract(epoch from created_at) * 1000000)::bigint from public.rsi_tracker_alert_triggers",
        )
        .await
    }

    async fn unsent(&self) -> i64 {
        let unsent = "select count(*) from bellwether.mail_outbox where state not in ('sent', 'suppressed')";
        self.query::<(i64,)>(unsent).await[0].0
    }
}

/// Every role over one log, as the demo runs them. A test that fails stops them too: the runtime waits for the worker.
struct Pipeline {
    log: Arc<dyn Log>,
    producers: Shutdown,
    others: Shutdown,
    markets: Vec<JoinHandle<()>>,
    roles: Vec<JoinHandle<()>>,
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.producers.raise();
        self.others.raise();
    }
}

impl Pipeline {
    async fn start(place: &Place, shops: &[&Shop]) -> Self {
        let url = format!("embedded:{}", place.path("data/log").display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        let mut pipeline = Self {
            log,
            producers: Shutdown::new(),
            others: Shutdown::new(),
            markets: Vec::new(),
            roles: Vec::new(),
        };
        for topic in shops.iter().flat_map(|shop| Topic::all(&shop.tenant.id)) {
            pipeline.log.create(&topic).unwrap();
        }
        pipeline.start_roles(shops.iter().map(|shop| shop.tenant.clone()).collect());
        for shop in shops {
            pipeline.start_producers(shop).await;
        }
        pipeline
    }

    fn start_roles(&mut self, tenants: Vec<Tenant>) {
        let tenants = watch::channel(Arc::new(tenants)).1;
        let context =
            feed::Context::new(Arc::clone(&self.log), tenants.clone(), Clock::system(), self.others.clone());
        let worker = bellwether_worker::Context::new(
            Arc::clone(&self.log),
            tenants,
            Clock::system(),
            self.others.clone(),
        );
        let rows = context.clone();
        self.roles = vec![
            tokio::spawn(async move { rows::run(rows).await.unwrap() }),
            tokio::spawn(async move { mail::run(context).await.unwrap() }),
            tokio::task::spawn_blocking(move || bellwether_worker::run(worker).unwrap()),
        ];
    }

    async fn start_producers(&mut self, shop: &Shop) {
        let context = ProducerContext::new(Arc::clone(&self.log), Clock::system(), self.producers.clone());
        settings::publish(&context, &shop.tenant).await.unwrap();
        let (changes, tenant) = (context.clone(), shop.tenant.clone());
        self.markets.push(tokio::spawn(async move {
            alert_changes::run(&changes, &tenant).await.unwrap();
        }));
        eventually("six alerts in the journal", async || {
            journal_view::read(&self.log, &shop.tenant.id).await.unwrap().alerts.len() == 6
        })
        .await;
        let run = SyntheticRun {
            tenant: shop.tenant.id.clone(),
            settings: shop.tenant.settings.clone(),
            seed: 7,
            ticks_a_minute: 6,
            speed: Speed::new(SPEED).unwrap(),
            start: Clock::system().now().plus(-48 * HOUR),
            until: None,
            run_for: None,
        };
        self.markets.push(tokio::spawn(async move { drop(run_synthetic(&context, run).await.unwrap()) }));
    }

    /// Stops the markets; the other roles go on until everything is delivered.
    async fn drain(mut self, shops: &[&Shop]) -> Arc<dyn Log> {
        self.producers.raise();
        for market in std::mem::take(&mut self.markets) {
            market.await.unwrap();
        }
        for shop in shops {
            let done = |group: &str, kind| {
                let topic = Topic::new(&shop.tenant.id, kind);
                self.log.committed(group, &topic).unwrap() == Some(self.log.bounds(&topic).unwrap().next)
            };
            eventually("the journal is folded", async || done(bellwether_worker::GROUP, TopicKind::Journal))
                .await;
            eventually("the triggers are delivered", async || {
                [rows::SINK, mail::SINK].iter().all(|sink| done(&feed::group(sink), TopicKind::Triggers))
            })
            .await;
            eventually("every mail is sent", async || shop.unsent().await == 0).await;
        }
        self.others.raise();
        for role in std::mem::take(&mut self.roles) {
            role.await.unwrap();
        }
        Arc::clone(&self.log)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_a_database_or_a_mail_server_loses_nothing_and_delays_nobody_else() {
    let outage =
        Duration::from_secs(std::env::var("BELLWETHER_OUTAGE").map_or(8, |text| text.parse().unwrap()));
    let level = std::env::var("BELLWETHER_TELEMETRY_LEVEL").unwrap_or_else(|_| "error".into());
    let told = telemetry::init(&Telemetry { level, ..Telemetry::default() }, false).unwrap();
    let (place, home) = (Place::new(), tempfile::tempdir().unwrap());
    place.copy_tenant("fxlabs", "third");
    let lost = Options { port: Some(free_port()), ..Options::default() };
    let server = Postgres::start(home.path(), lost).await.unwrap();
    let steady = Postgres::temporary().await.unwrap();
    let no_database = Shop::new(&place, "fxlabs", &server).await;
    let mut no_smtp = Shop::new(&place, "hextech", &steady).await;
    let neither = Shop::new(&place, "third", &steady).await;
    let pipeline = Pipeline::start(&place, &[&no_database, &no_smtp, &neither]).await;
    for shop in [&no_database, &no_smtp, &neither] {
        eventually("first rows", async || shop.rows().await.len() >= 5).await;
    }

    let (server, ()) =
        tokio::join!(gone(server, home.path(), lost, outage), no_smtp.smtp_gone(&place, outage));
    let shops = [&no_database, &no_smtp, &neither];
    let log = pipeline.drain(&shops).await;
    let delays = [judge(&*log, shops[0]).await, judge(&*log, shops[1]).await, judge(&*log, shops[2]).await];
    let [(rows, mails), (_, late_mails), _] = delays;
    assert!(rows.max(mails) > outage * 3 / 4, "the database was not missed: {rows:?}");
    assert!(late_mails > outage * 3 / 4, "the mail server was not missed: {late_mails:?}");
    for undisturbed in [delays[1].0, delays[2].0, delays[2].1] {
        assert!(undisturbed < outage * 3 / 4, "another tenant's outage delayed it: {undisturbed:?}");
    }
    let counted = |metric: &str, tenant: &str, outcome: &str| {
        let tenant = format!("tenant=\"{tenant}\"");
        let page = told.render();
        page.lines().any(|line| line.starts_with(metric) && line.contains(&tenant) && line.contains(outcome))
    };
    let retried = ["fxlabs", "hextech", "third"]
        .map(|id| (counted(ROWS_RETRIES, id, ""), counted(MAILS, id, "outcome=\"retry\"")));
    assert_eq!(
        retried,
        [(true, false), (false, true), (false, false)],
        "rows and mails tried again, by tenant"
    );
    server.remove().await.unwrap();
    steady.stop().await.unwrap();
}

async fn gone(server: Postgres, home: &Path, options: Options, time: Duration) -> Postgres {
    server.stop().await.unwrap();
    tokio::time::sleep(time).await;
    Postgres::start(home, options).await.unwrap()
}

/// Every trigger is a row, every group of a reachable user one mail, and nothing is more; the longest a row and a mail
/// took from their trigger's append.
async fn judge(log: &dyn Log, shop: &Shop) -> (Duration, Duration) {
    let fired = triggers(log, shop);
    let rows = shop.rows().await;
    let ids = |ids: &mut dyn Iterator<Item = Uuid>| ids.collect::<BTreeSet<Uuid>>();
    assert_eq!(
        ids(&mut rows.iter().map(|row| row.0)),
        ids(&mut fired.iter().map(|(_, trigger)| trigger.id.0))
    );
    let tally = bellwether_worker::tally::tally(log, &shop.tenant.id).unwrap();
    assert_eq!(
        (rows.len(), fired.len()),
        (tally.triggers as usize, rows.len()),
        "{}: no trigger twice",
        shop.id()
    );

    let sent: Vec<(i64,)> =
        shop.query("select count(*) from bellwether.mail_outbox where state = 'sent'").await;
    let owed: Vec<(i64,)> = shop.query("select count(*) from bellwether.mail_outbox").await;
    assert_eq!(owed[0].0 as u64, tally.groups, "{}: a mail a group", shop.id());
    let store = &shop.inbox.as_ref().unwrap().store;
    let arrived: Vec<String> = store
        .list()
        .iter()
        .map(|mail| store.get(mail.id).unwrap().header("Message-ID").unwrap().to_string())
        .collect();
    let distinct: BTreeSet<&String> = arrived.iter().collect();
    assert_eq!(
        (arrived.len(), distinct.len()),
        (sent[0].0 as usize, sent[0].0 as usize),
        "{}: mails",
        shop.id()
    );
    assert!(log.bounds(&Topic::new(&shop.tenant.id, TopicKind::DeadLetters)).unwrap().next == 0);

    let appended = |id: &Uuid| fired.iter().find(|(_, trigger)| trigger.id.0 == *id).map(|(at, _)| at.0);
    let row_delay = rows.iter().map(|(id, created)| created - appended(id).unwrap()).max().unwrap();
    let mail_delay: Vec<(i64,)> = shop
        .query("select (extract(epoch from max(sent_at - appended_at)) * 1000000)::bigint from bellwether.mail_outbox where state = 'sent'")
        .await;
    let delays =
        [row_delay, mail_delay[0].0].map(|micros| Duration::from_micros(micros.max(0).unsigned_abs()));
    println!(
        "{}: {} triggers, {} rows, {} groups, {} mails sent, {} suppressed; longest delay of a row {:.1?}, of a mail {:.1?}",
        shop.id(),
        fired.len(),
        rows.len(),
        tally.groups,
        sent[0].0,
        owed[0].0 - sent[0].0,
        delays[0],
        delays[1]
    );
    delays.into()
}

fn triggers(log: &dyn Log, shop: &Shop) -> Vec<(Timestamp, TriggerFired)> {
    let topic = Topic::new(&shop.tenant.id, TopicKind::Triggers);
    let next = log.bounds(&topic).unwrap().next;
    let mut reader = log.reader(&topic, 0).unwrap();
    let mut fired = Vec::new();
    while reader.next_offset() < next {
        for record in reader.read(1024, Duration::ZERO).unwrap() {
            if let Outcome::Fired(trigger) = codec::decode_outcome(&record.value).unwrap() {
                fired.push((record.appended_at, trigger));
            }
        }
    }
    fired
}

async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
