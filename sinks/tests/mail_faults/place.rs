//! A tenant's database with mails that are owed, and workers that deliver them.

use std::sync::Arc;
use std::time::Duration;

use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, Tls};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_sinks::mail;
use bellwether_sinks::mail::delivery::Timing;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::task::JoinHandle;

use crate::smtp::{CA, Smtp};
use crate::support::{eventually, server, tenant, user};

pub(crate) struct Place {
    pub(crate) seeded: Seeded,
    pub(crate) tenant: Tenant,
    pool: PgPool,
}

/// Who delivers, in this process.
pub(crate) struct Worker {
    shutdown: Shutdown,
    task: JoinHandle<bool>,
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.shutdown.raise();
        assert!(self.task.await.unwrap());
    }
}

impl Place {
    pub(crate) async fn new(name: &str) -> Self {
        let seeded = seed::database(server().await, &format!("mail_{name}"), &"fxlabs".parse().unwrap())
            .await
            .unwrap();
        let tenant = tenant("fxlabs", Some(seeded.pipeline.reveal()));
        let pool = PgPoolOptions::new().max_connections(4).connect(seeded.admin.reveal()).await.unwrap();
        Self { seeded, tenant, pool }
    }

    /// The tenant with its mail going there, by a connection as good as that server can.
    pub(crate) fn tenant_of(&self, smtp: &Smtp, tls: Tls) -> Tenant {
        let mut tenant = self.tenant.clone();
        let url = match tls {
            Tls::Implicit => format!("smtps://apikey@localhost:{}", smtp.port),
            Tls::None => format!("smtp://apikey@127.0.0.1:{}?tls=none", smtp.port),
            Tls::Required | Tls::Opportunistic => format!("smtp://apikey@localhost:{}", smtp.port),
        };
        tenant.mail.smtp = Some(url.parse().unwrap());
        tenant.mail.password = Some(Secret::new("password"));
        tenant.mail.ca = Some(CA.into());
        tenant
    }

    pub(crate) fn worker(&self, smtp: &Smtp, tls: Tls, timing: Timing) -> Worker {
        let (tenant, shutdown) = (self.tenant_of(smtp, tls), Shutdown::new());
        let until = shutdown.clone();
        let task = tokio::spawn(async move { mail::deliver(&tenant, timing, Clock::system(), until).await });
        Worker { shutdown, task }
    }

    /// That many mails more, of a kind that goes out once more and of one that is held by turns, each for an address of
    /// its own.
    pub(crate) async fn owe(&self, count: i64) {
        self.execute(&format!(
            "insert into bellwether.mail_outbox (tenant_id, occurrence, kind, message_id, user_id, recipient, content)
             select 'fxlabs', 'm' || n, case n % 2 when 0 then 'rsi_tracker' else 'daily_brief' end,
               '<m' || n || '@fxlabs.example>', '{}', 'm' || n || '@users.fxlabs.example',
               convert_to('Message-ID: <m' || n || '@fxlabs.example>' || e'\\r\\nSubject: ' || n || e'\\r\\n\\r\\n.dot\\r\\n'
                          || repeat('a line of the mail' || e'\\r\\n', 200), 'utf8')
             from (select count(*) as before from bellwether.mail_outbox) there,
               generate_series(there.before + 1, there.before + {count}) as n",
            user(0)
        ))
        .await;
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.pool.execute(AssertSqlSafe(sql.to_string())).await.unwrap();
    }

    pub(crate) async fn count(&self, condition: &str) -> i64 {
        let sql = format!("select count(*) from bellwether.mail_outbox where {condition}");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn rows<R>(&self, sql: &'static str) -> Vec<R>
    where
        R: Send + Unpin + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_as(sql).fetch_all(&self.pool).await.unwrap()
    }

    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(self.seeded.admin.reveal()).await.unwrap()
    }

    /// Time passes: what is to be tried again is due.
    pub(crate) async fn later(&self) {
        self.execute(
            "update bellwether.mail_outbox set due_at = now()
             where state in ('pending', 'ambiguous') and due_at > now() and due_at < 'infinity'",
        )
        .await;
    }

    /// Always so many mails owed, and whatever is to be tried again tried soon.
    pub(crate) async fn keep_busy(self: Arc<Self>, backlog: i64, over: Shutdown) {
        while !over.sleep(Duration::from_millis(100)).await {
            self.later().await;
            if self.count("state = 'pending'").await < backlog {
                self.owe(backlog).await;
            }
        }
    }

    /// Nothing is to be sent any more.
    pub(crate) async fn settled(&self) {
        eventually("every mail to be settled", async || {
            self.later().await;
            self.count("state not in ('sent', 'failed') and due_at < 'infinity'").await == 0
        })
        .await;
    }
}
