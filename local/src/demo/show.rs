//! What the page shows beside the log: rows and outbox as they stand in the databases, mails as they arrive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_database as database;
use bellwether_database::tables::{alerts, triggers};
use bellwether_gateway::LiveState;
use bellwether_gateway::demo::observer::Observer;
use bellwether_gateway::demo::view::{MailCounts, MailLine, RowLine};
use bellwether_gateway::live::ROWS;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, blocking, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{Symbol, TenantId, Timestamp, Topic, TopicKind, codec};
use sqlx::PgPool;
use tokio::task::JoinSet;

use super::{DemoError, Member, Result};
use crate::inbox::{Inbox, Store, Summary};

/// How often the databases are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Everything that keeps the page's state true.
pub(super) struct PageFeed {
    observer: Observer,
    tasks: JoinSet<()>,
    shutdown: Shutdown,
}

impl PageFeed {
    pub(super) async fn start(
        log: &Arc<dyn Log>,
        live: &LiveState,
        members: &[Member],
        inbox: &Inbox,
    ) -> Result<Self> {
        let shutdown = Shutdown::new();
        let failed = |source| DemoError::Ended {
            what: "the page's observer".into(),
            reason: std::io::Error::to_string(&source),
        };
        for member in members {
            let (log, tenant) = (Arc::clone(log), member.tenant.id.clone());
            let before = blocking(move || triggers_before(log.as_ref(), &tenant)).await??;
            live.count(&member.tenant.id, |counts| counts.triggers = before);
        }
        let observed = (Arc::clone(log), live.clone(), shutdown.clone());
        let start = move || Observer::start(&observed.0, &observed.1, &observed.2);
        let observer = blocking(start).await?.map_err(failed)?;
        let mut tasks = JoinSet::new();
        for member in members {
            let pool = pool(member).await?;
            tasks.spawn(watch_database(pool, member.clone(), live.clone(), shutdown.clone()));
        }
        tasks.spawn(watch_inbox(inbox.store.clone(), senders(members), live.clone(), shutdown.clone()));
        Ok(Self { observer, tasks, shutdown })
    }

    pub(super) async fn stop(self) {
        let Self { observer, mut tasks, shutdown } = self;
        shutdown.raise();
        while tasks.join_next().await.is_some() {}
        let _ = tokio::task::spawn_blocking(move || observer.join()).await;
    }
}

/// Triggers of earlier starts: rows and mails are counted from the first one on, so these are too.
fn triggers_before(log: &dyn Log, tenant: &TenantId) -> std::result::Result<u64, LogError> {
    let mut count = 0;
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        count += u64::from(matches!(codec::decode_outcome(&record?.value), Ok(Outcome::Fired(_))));
    }
    Ok(count)
}

async fn pool(member: &Member) -> Result<PgPool> {
    let reason = |error: database::DatabaseError| DemoError::Ended {
        what: "the page".into(),
        reason: error.to_string(),
    };
    database::connect(&member.tenant).await.map_err(reason)
}

async fn watch_database(pool: PgPool, member: Member, live: LiveState, shutdown: Shutdown) {
    let tenant = &member.tenant;
    loop {
        // A database that is away for a while shows as figures that stand still; the sinks say why.
        if let Ok(found) = look(&pool, member.tenant.settings.symbol_suffix.as_str()).await {
            live.rows(&tenant.id, found.rows);
            live.count(&tenant.id, |counts| {
                let MailCounts { sent, held, suppressed, failed } = found.mails;
                counts.rows = found.count;
                counts.mail_groups = sent + held + suppressed + failed;
                counts.mails = found.mails;
            });
        }
        if shutdown.sleep(LOOK).await {
            return;
        }
    }
}

struct Looked {
    rows: Vec<RowLine>,
    count: u64,
    mails: MailCounts,
}

async fn look(pool: &PgPool, suffix: &str) -> sqlx::Result<Looked> {
    let recent = triggers::recent(pool, u32::try_from(ROWS).unwrap_or(50)).await?;
    let line = |row: triggers::TriggerRow| RowLine {
        id: row.id.to_string(),
        at: Timestamp::from(row.triggered_at).into(),
        symbol: row
            .symbol
            .parse::<Symbol>()
            .map_or_else(|_| row.symbol.clone(), |symbol| symbol.display(suffix)),
        timeframe: row.timeframe,
        condition: row.condition,
        value: row.value,
        price: row.price,
    };
    Ok(Looked {
        rows: recent.into_iter().map(line).collect(),
        count: triggers::count(pool).await?,
        mails: mail_counts(pool).await?,
    })
}

/// The outbox by what became of its mails.
pub(super) async fn mail_counts(pool: &PgPool) -> sqlx::Result<MailCounts> {
    let states: Vec<(String, i64)> =
        sqlx::query_as("select state, count(*) from bellwether.mail_outbox group by state")
            .fetch_all(pool)
            .await?;
    let mut counts = MailCounts::default();
    for (state, count) in states {
        let count = u64::try_from(count).unwrap_or(0);
        match state.as_str() {
            "sent" => counts.sent += count,
            "failed" => counts.failed += count,
            "suppressed" => counts.suppressed += count,
            _ => counts.held += count,
        }
    }
    Ok(counts)
}

/// Mails that are still to be tried now.
pub(super) async fn mails_due(member: &Member) -> Result<i64> {
    let pool = admin(member).await?;
    let due = sqlx::query_scalar(
        "select count(*) from bellwether.mail_outbox
         where state in ('pending', 'claimed', 'data_started') and attempts = 0 or state in ('claimed', 'data_started')",
    );
    due.fetch_one(&pool).await.map_err(|source| failed(member, source))
}

/// Ends the leases that a killed demo left: this process holds the log's lock, so nobody else can be at work on them.
pub(super) async fn release_claims(member: &Member) -> Result<()> {
    let pool = admin(member).await?;
    let release = sqlx::query(
        "update bellwether.mail_outbox set lease_until = now() - interval '1 second'
         where state in ('claimed', 'data_started')",
    );
    release.execute(&pool).await.map(drop).map_err(|source| failed(member, source))
}

/// Alerts that are switched on.
pub(super) async fn count_alerts(member: &Member) -> Result<usize> {
    let pool = admin(member).await?;
    let count = alerts::count_active(&pool).await.map_err(|source| failed(member, source))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The tenant's rows and mails as they stand.
pub(super) async fn stored(member: &Member) -> Result<(u64, MailCounts)> {
    let pool = admin(member).await?;
    let read = async { Ok((triggers::count(&pool).await?, mail_counts(&pool).await?)) };
    read.await.map_err(|source| failed(member, source))
}

async fn admin(member: &Member) -> Result<PgPool> {
    PgPool::connect(member.seeded.admin.reveal()).await.map_err(|source| failed(member, source))
}

fn failed(member: &Member, source: sqlx::Error) -> DemoError {
    DemoError::Database { tenant: member.tenant.id.to_string(), source }
}

/// Whose mail it is, by the sender SMTP was told.
fn senders(members: &[Member]) -> HashMap<String, TenantId> {
    let sender = |tenant: &Tenant| tenant.mail.from.address().to_string();
    members.iter().map(|member| (sender(&member.tenant), member.tenant.id.clone())).collect()
}

async fn watch_inbox(store: Store, senders: HashMap<String, TenantId>, live: LiveState, shutdown: Shutdown) {
    let mut news = store.subscribe();
    for mail in store.list().into_iter().rev() {
        show_mail(&senders, &live, &mail);
    }
    loop {
        let mail = tokio::select! {
            mail = news.recv() => mail,
            () = shutdown.raised() => return,
        };
        match mail {
            Ok(mail) => show_mail(&senders, &live, &mail),
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn show_mail(senders: &HashMap<String, TenantId>, live: &LiveState, mail: &Summary) {
    if let Some(tenant) = senders.get(&mail.envelope.from) {
        let line = MailLine {
            id: mail.id,
            subject: mail.subject.clone(),
            to: mail.envelope.to.join(", "),
            at: mail.received_at.into(),
        };
        live.mail(tenant, line);
    }
}
