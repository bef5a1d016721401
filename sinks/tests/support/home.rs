//! A tenant's own database on a real Postgres, with users in it.

use bellwether_local::postgres::Postgres;
use bellwether_local::seed::{self, Seeded, User};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use bellwether_sinks::error::SinkError;
use bellwether_sinks::feed::Context;
use bellwether_sinks::rows;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::proxy::Proxy;
use super::{World, eventually, tenant, user};

static SERVER: OnceCell<Postgres> = OnceCell::const_new();

/// One server for all tests of a binary; it ends with the process.
pub(crate) async fn server() -> &'static Postgres {
    SERVER.get_or_init(async || Postgres::temporary().await.unwrap()).await
}

/// Where a tenant is at home: its database, and its file that names it.
pub(crate) struct Home {
    pub(crate) seeded: Seeded,
    pub(crate) tenant: Tenant,
}

impl Home {
    /// On the server that all tests share, with so many users whose addresses are confirmed: 0, 1, 2 …
    pub(crate) async fn new(test: &str, id: &str, users: usize) -> Self {
        Self::on(server().await, test, id, users).await
    }

    pub(crate) async fn on(server: &Postgres, test: &str, id: &str, users: usize) -> Self {
        let seeded = seed::database(server, &format!("{test}_{id}"), &id.parse().unwrap()).await.unwrap();
        let tenant = tenant(id, Some(seeded.pipeline.reveal()));
        let home = Self { seeded, tenant };
        let confirmed: Vec<User> = (0..users).map(|number| home.someone(number, true)).collect();
        seed::add_users(&home.seeded.admin, &confirmed).await.unwrap();
        home
    }

    /// One more user, who has not shown that the address is theirs.
    pub(crate) async fn add_unconfirmed(&self, number: usize) {
        seed::add_users(&self.seeded.admin, &[self.someone(number, false)]).await.unwrap();
    }

    fn someone(&self, number: usize, confirmed: bool) -> User {
        let email = format!("{number}@users.{}.example", self.tenant.id);
        User { id: user(number), email, confirmed }
    }

    /// Its tenant reaches it over that wire.
    pub(crate) fn over(mut self, proxy: &Proxy) -> Self {
        self.tenant.database.url = Some(at_port(&self.seeded.pipeline, proxy.port));
        self
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(self.seeded.admin.reveal()).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        self.admin().await.execute(AssertSqlSafe(sql.to_string())).await.unwrap().rows_affected()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_string())).fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// How many triggers of the first kind are rows.
    pub(crate) async fn rows(&self) -> i64 {
        self.number("select count(*) from public.rsi_tracker_alert_triggers").await
    }

    /// The cursor of the rows sink has passed that many records.
    pub(crate) async fn passed(&self, next_offset: u64) {
        let cursor = "select coalesce(max(next_offset), 0) from bellwether.sink_cursor where sink = 'rows'";
        eventually("the cursor", async || self.number(cursor).await == next_offset as i64).await;
    }
}

/// A rows sink that runs until it is stopped.
pub(crate) struct Sink(JoinHandle<Result<(), SinkError>>);

impl Sink {
    pub(crate) fn start(world: &World) -> Self {
        Self::of(world.context())
    }

    pub(crate) fn of(context: Context) -> Self {
        Self(tokio::spawn(rows::run(context)))
    }

    pub(crate) async fn stop(self, world: &mut World) {
        world.shutdown.raise();
        self.0.await.unwrap().unwrap();
        world.next_process();
    }
}

/// The same database behind another port of this machine.
pub(crate) fn at_port(url: &Secret, port: u16) -> Secret {
    let (before, after) = url.reveal().split_once("@127.0.0.1:").unwrap();
    let database = after.split_once('/').unwrap().1;
    Secret::new(format!("{before}@127.0.0.1:{port}/{database}"))
}
