//! What the page shows beside the log: rows and outbox as they stand in the databases, mails as they arrive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_database as database;
use bellwether_gateway::LiveState;
use bellwether_gateway::demo::observer::Observer;
use bellwether_gateway::demo::view::{MailCounts, MailLine};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, blocking, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};
use sqlx::PgPool;
use tokio::task::JoinSet;

use super::{DemoError, Member, Result, stored};
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
    let tenant = &member.tenant.id;
    loop {
        // A database that is away for a while shows as figures that stand still; the sinks say why.
        if let Ok(found) = stored::look(&pool, &member).await {
            live.rows(tenant, found.rows);
            live.statuses(tenant, found.statuses);
            live.count(tenant, |counts| {
                let MailCounts { sent, held, suppressed, failed } = found.stored.mails;
                counts.rows = found.stored.rows_by_kind.values().sum();
                counts.mail_groups = sent + held + suppressed + failed;
                counts.mails = found.stored.mails;
            });
        }
        if shutdown.sleep(LOOK).await {
            return;
        }
    }
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
            kind: mail.feedback_id.split(':').next().unwrap_or_default().into(),
            subject: mail.subject.clone(),
            to: mail.envelope.to.join(", "),
            at: mail.received_at.into(),
        };
        live.mail(tenant, line);
    }
}
