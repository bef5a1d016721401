//! Rows sinks as processes of their own, one after the other, each killed while it writes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bellwether_local::seed::Seeded;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::{Access, NewRecord, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::codec::encode_outcome;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{Topic, TopicKind};
use bellwether_sinks::feed::Context;
use bellwether_sinks::rows;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::watch;

/// Where a sink finds its log, and its database.
const DIR: &str = "LINE_SINK_DIR";
const URL: &str = "LINE_SINK_URL";

const CURSOR: &str =
    "select coalesce(max(next_offset), 0)::bigint from bellwether.sink_cursor where sink = 'rows'";
const CONNECTED: &str = "select (count(*) > 0)::int::bigint from pg_stat_activity
    where usename = 'bellwether_fxlabs' and application_name = 'bellwether'";

pub(crate) struct Sinks {
    dir: PathBuf,
    url: String,
    pool: PgPool,
}

fn log_url(dir: &Path) -> String {
    format!("embedded:{}", dir.join("log").display())
}

fn tenant(dir: &Path, url: &str) -> Tenant {
    let file = dir.join("fxlabs.toml");
    let text = "revision = 1\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"F\"\n[database]\nannounce = \"broadcast\"\n\
        [mail]\nfrom = \"F <a@f.example>\"\n";
    std::fs::write(&file, text).unwrap();
    load_tenant(&file, &|name| (name == "FXLABS_DATABASE_URL").then(|| url.to_owned())).unwrap()
}

impl Sinks {
    /// The log holds all outcomes; nobody reads it yet.
    pub(crate) async fn of(dir: &Path, seeded: &Seeded, outcomes: &[Outcome]) -> Self {
        let tenant = "fxlabs".parse().unwrap();
        let log = open(&log_url(dir), Access::Write, Clock::system()).unwrap();
        for topic in Topic::all(&tenant) {
            log.create(&topic).unwrap();
        }
        let record = |outcome: &Outcome| {
            let (key, value) = (outcome.key().into_bytes(), encode_outcome(outcome).unwrap());
            NewRecord { key, value }
        };
        for some in outcomes.chunks(500) {
            let records = some.iter().map(record).collect();
            log.append(&Topic::new(&tenant, TopicKind::Triggers), records).answer().await.unwrap();
        }
        let pool = PgPool::connect(seeded.admin.reveal()).await.unwrap();
        Self { dir: dir.into(), url: seeded.pipeline.reveal().into(), pool }
    }

    /// One sink after the other until all is written; how many were killed before.
    pub(crate) async fn run_and_kill(&self, records: u64, kills: u64) -> u64 {
        for kill in 0..kills {
            let mut sink = self.start();
            self.until("the sink connects", CONNECTED).await;
            // Then anywhere in what it does, the first of it included.
            let longest = 40 + records / 100;
            tokio::time::sleep(Duration::from_millis(kill * 37 % 100 * longest / 100)).await;
            sink.kill().unwrap();
            sink.wait().unwrap();
            if self.number(CURSOR).await == records {
                return kill + 1;
            }
            self.until("the server lets go of it", &CONNECTED.replace("> 0", "= 0")).await;
        }
        let mut last = self.start();
        self.until("all is written", &format!("select (({CURSOR}) >= {records})::int::bigint")).await;
        last.kill().unwrap();
        last.wait().unwrap();
        kills
    }

    fn start(&self) -> Child {
        let mut sink = Command::new(std::env::current_exe().unwrap());
        sink.args(["--exact", "sink::a_sink_until_it_is_killed", "--ignored", "--nocapture"]);
        sink.env(DIR, &self.dir).env(URL, &self.url).stdout(Stdio::null()).spawn().unwrap()
    }

    async fn number(&self, sql: &str) -> u64 {
        let number: i64 =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.pool).await.unwrap();
        number.unsigned_abs()
    }

    async fn until(&self, what: &str, sql: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(300);
        while self.number(sql).await == 0 {
            assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above as a process of its own"]
async fn a_sink_until_it_is_killed() {
    let (Ok(dir), Ok(url)) = (std::env::var(DIR), std::env::var(URL)) else { return };
    let dir = PathBuf::from(dir);
    let log = open(&log_url(&dir), Access::Write, Clock::system()).unwrap();
    let (_tenants, tenants) = watch::channel(Arc::new(vec![tenant(&dir, &url)]));
    let context = Context::new(log, tenants, Clock::system(), Shutdown::new());
    rows::run(context).await.unwrap();
}
