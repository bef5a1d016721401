//! Alert changes out of the tenant's database into its journal.
//!
//! Triggers queue each change in the user's own transaction; here the queue is published, each alert's changes in order,
//! and emptied only by deleting what the log has acknowledged: numbers do not commit in order, so none is ever skipped past.
//! Repeats are harmless, an equal version is ignored. From time to time tables and journal are compared, which heals
//! what no queue can: a restored backup, a lost queue, rows from before us. Of a row that cannot be read, or is switched
//! off, no engine speaks: its user is told here.

mod events;
mod hint;
mod queue;
mod reconcile;
mod row;
mod telling;

use std::error::Error;
use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_runtime::log::LogError;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::{Entry, Origin};
use sqlx::postgres::PgPool;
use tokio::time::Instant;

use crate::error::ProducerError;
use crate::journal_view::{self, JournalView};
use crate::publish::{Identity, PART, Publisher};
use crate::run::ProducerContext;

use events::Outage;
use hint::Hint;

/// The name alert changes have in the journal.
pub const SOURCE: &str = "alerts";
/// Between two looks at the queue; a notification only makes it sooner.
const POLL: Duration = Duration::from_millis(500);
/// Between two comparisons of tables and journal.
const RECONCILE: Duration = Duration::from_secs(300);
/// First and longest pause while the database is out of reach.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Publishes the tenant's alert changes until a stop is asked for. Whenever the database or the log was lost, it is tried
/// anew, however long that lasts.
///
/// # Errors
/// The log is out of reach at the start, or when a stop is asked for; or it is not what a producer can go on from.
pub async fn run(context: &ProducerContext, tenant: &Tenant) -> Result<(), ProducerError> {
    let mut changes = Changes::new(context, tenant).await?;
    let mut outage = Outage::new(&tenant.id);
    let mut pause = BACKOFF.0;
    while !context.shutdown.is_raised() {
        let served = match database::connect(tenant).await {
            Ok(pool) => changes.serve(&pool, &mut outage).await,
            Err(error) => Err(Interrupted::Database(error.into())),
        };
        match served {
            Ok(()) => break,
            Err(Interrupted::Producer(error)) => return Err(error),
            Err(Interrupted::Log(error)) => {
                context.progress.parked(&tenant.id, PART);
                changes = changes.anew(error).await?;
            }
            Err(Interrupted::Database(error)) => {
                // A first outage after a time of service begins with short pauses again.
                context.progress.parked(&tenant.id, PART);
                pause = if outage.begin(&*error) { BACKOFF.0 } else { (pause * 2).min(BACKOFF.1) };
                context.shutdown.sleep(pause).await;
            }
        }
    }
    Ok(())
}

/// Why serving ended before a stop was asked for.
enum Interrupted {
    /// Nothing can be published any more.
    Producer(ProducerError),
    /// The log is out of reach: try again. Its own client says so, once.
    Log(ProducerError),
    /// The database: try again.
    Database(Box<dyn Error + Send + Sync>),
}

impl From<ProducerError> for Interrupted {
    fn from(error: ProducerError) -> Self {
        match error {
            away @ ProducerError::Log(LogError::Unavailable { .. }) => Self::Log(away),
            error => Self::Producer(error),
        }
    }
}

impl From<sqlx::Error> for Interrupted {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// One tenant's changes on their way.
struct Changes<'a> {
    context: &'a ProducerContext,
    tenant: &'a Tenant,
    publisher: Publisher,
    view: JournalView,
}

impl<'a> Changes<'a> {
    async fn new(context: &'a ProducerContext, tenant: &'a Tenant) -> Result<Self, ProducerError> {
        let view = journal_view::read(&context.log, &tenant.id).await?;
        // Alert changes have no sequence of their own: one session is as good as another.
        let publisher = Publisher::new(context, &tenant.id, Identity::live(SOURCE, SOURCE));
        Ok(Self { context, tenant, publisher, view })
    }

    /// Knows the journal again once the log is back. What the queue has is published then, maybe once more.
    ///
    /// # Errors
    /// A stop is asked for before: nobody is to take what waits for published. Or as [`Self::new`].
    async fn anew(self, mut away: ProducerError) -> Result<Self, ProducerError> {
        let Self { context, tenant, .. } = self;
        let mut pause = BACKOFF.0;
        while !context.shutdown.sleep(pause).await {
            match Self::new(context, tenant).await {
                Err(error @ ProducerError::Log(LogError::Unavailable { .. })) => away = error,
                other => return other,
            }
            pause = (pause * 2).min(BACKOFF.1);
        }
        Err(away)
    }

    /// Until a stop is asked for, or database or log is lost. Work on them is never cancelled half way.
    async fn serve(&mut self, pool: &PgPool, outage: &mut Outage<'_>) -> Result<(), Interrupted> {
        let hint = match self.tenant.database.mode {
            DatabaseMode::Direct | DatabaseMode::Session => Hint::listen(pool).await?,
            // Such a pooler would hand the notifications to whoever comes next.
            DatabaseMode::Transaction => Hint::none(),
        };
        let mut due = Instant::now();
        while !self.context.shutdown.is_raised() {
            let behind = self.publish_queue(pool).await?;
            if behind || due <= Instant::now() {
                self.reconcile(pool).await?;
                due = Instant::now() + RECONCILE;
            }
            outage.end();
            self.context.progress.moved(&self.tenant.id, PART);
            tokio::select! {
                () = hint.given() => {}
                _ = self.context.shutdown.sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// Appends the changes and waits until the log has them all.
    async fn publish(&mut self, changes: Vec<AlertChanged>) -> Result<(), ProducerError> {
        for change in &changes {
            self.publisher.publish(&Entry::Alert(change.clone())).await?;
        }
        self.publisher.drain().await?;
        changes.into_iter().for_each(|change| self.view.see(change));
        Ok(())
    }

    fn origin(&self) -> Origin {
        self.publisher.origin()
    }
}
