//! One tenant's triggers into its outbox: reads the feed, composes, and moves the cursor in the transaction that
//! fills the outbox. Keeps somebody who delivers, as the tenant's file says now.

use std::sync::Arc;
use std::time::Duration;

use bellwether_database::{self as database, cursor::Cursor};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::SINK;
use super::brand::Look;
use super::decide::{People, Situation, owed};
use super::delivery::Delivery;
use super::events::{BrandRefused, FillRetried, MailsComposed};
use super::group::{Collector, Group};
use super::outbox::Outbox;
use super::render::Templates;
use super::server::Server;
use super::session::Deadlines;
use crate::events::Rewound;
use crate::feed::{Batch, Lane};

/// Most mails one transaction adds.
const MAILS: usize = 50;
/// How often the tenant's file is compared with what is in use.
const CHECK: Duration = Duration::from_secs(2);
/// Between two tries where database or tenant's file is not right.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Turns one tenant's triggers into rows of its outbox.
pub(super) struct Composer {
    lane: Lane,
    templates: Arc<Templates>,
    clock: Clock,
    shutdown: Shutdown,
    office: Option<Office>,
    reading: Option<Reading>,
    wait: Duration,
}

/// What serves the tenant as its file says now.
struct Office {
    tenant: Tenant,
    look: Look,
    outbox: Outbox,
    configured: bool,
    added: Arc<Notify>,
    delivery: Option<(Shutdown, JoinHandle<()>)>,
}

/// How far one database is with the topic.
struct Reading {
    collector: Collector,
    /// Where its cursor was put last.
    written: Cursor,
    /// Triggers below this offset may have been mailed before the database was restored.
    held_below: u64,
    /// Where reading began again for that; a topic that starts later is read from its start.
    rewound: Option<u64>,
}

impl Composer {
    pub(super) const fn new(lane: Lane, templates: Arc<Templates>, clock: Clock, shutdown: Shutdown) -> Self {
        Self { lane, templates, clock, shutdown, office: None, reading: None, wait: RETRY }
    }

    /// Until the lane ends.
    pub(super) async fn run(mut self) {
        loop {
            if !self.ready().await {
                if self.pause().await {
                    break;
                }
                continue;
            }
            match timeout(CHECK, self.lane.next()).await {
                Err(_) => {}
                Ok(None) => break,
                Ok(Some(batch)) => {
                    if !self.take(batch).await {
                        break;
                    }
                }
            }
        }
        if let Some(office) = self.office.take() {
            office.close().await;
        }
    }

    /// The office stands and is the one the tenant's file asks for. What is not right was said.
    async fn ready(&mut self) -> bool {
        let tenant = self.lane.tenant();
        if self.office.as_ref().is_some_and(|office| same(&office.tenant, &tenant)) {
            return true;
        }
        if let Some(office) = self.office.take() {
            office.dismiss();
        }
        let Some(office) = Office::open(&tenant).await else { return false };
        match office.outbox.position().await {
            Ok(position) => {
                // The same database, perhaps at another address: groups that are not whole yet are still ours.
                let known = self.reading.take().filter(|reading| reading.written == position);
                self.reading = Some(known.unwrap_or_else(|| Reading::new(position)));
                self.office = Some(office.staffed());
                self.wait = RETRY;
                true
            }
            Err(error) => {
                FillRetried { tenant: &tenant.id, error: &error }.emit();
                false
            }
        }
    }

    /// False when the process stops before the batch is in the outbox: it will come again.
    async fn take(&mut self, batch: Batch) -> bool {
        let Some(reading) = &mut self.reading else { return true };
        if let Some(from) = reading.behind(&batch) {
            Rewound { sink: SINK, tenant: &batch.tenant, to: from, start: batch.from }.emit();
            self.lane.rewind(from);
            return true;
        }
        let groups = reading.read(batch);
        loop {
            match self.fill(&groups).await {
                Ok(()) => break,
                Err(error) => FillRetried { tenant: self.lane.tenant_id(), error: &error }.emit(),
            }
            if self.pause().await {
                return false;
            }
            // Its file may say by now where the database is or how to enter it.
            while !self.ready().await {
                if self.pause().await {
                    return false;
                }
            }
        }
        self.wait = RETRY;
        true
    }

    /// Only the last transaction moves the cursor: what the ones before added is known by its occurrence.
    async fn fill(&mut self, groups: &[Group]) -> Result<(), sqlx::Error> {
        let (Some(office), Some(reading)) = (&self.office, &mut self.reading) else { return Ok(()) };
        let position = reading.collector.position();
        let held_below = reading.held_below;
        let decide = |part: &[Group], people: &People| {
            let situation = Situation {
                templates: &self.templates,
                look: &office.look,
                people,
                now: self.clock.now(),
                configured: office.configured,
                held_below,
            };
            part.iter().filter_map(|group| owed(group, situation)).collect()
        };
        let mut mails = 0;
        let (before, last) = groups.split_at(groups.len().saturating_sub(1) / MAILS * MAILS);
        for part in before.chunks(MAILS) {
            mails += office.outbox.fill(part, |people| decide(part, people), None).await?;
        }
        mails += office.outbox.fill(last, |people| decide(last, people), Some(position)).await?;
        reading.written = position;
        self.lane.done(position.next_offset);
        office.added.notify_one();
        let partial = groups.iter().filter(|group| !group.whole).count() as u64;
        MailsComposed { tenant: self.lane.tenant_id(), mails, partial }.emit();
        Ok(())
    }

    /// True when it is time to stop.
    async fn pause(&mut self) -> bool {
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_RETRY);
        self.shutdown.sleep(wait).await || self.lane.is_closed()
    }
}

impl Reading {
    const fn new(position: Cursor) -> Self {
        Self { collector: Collector::new(position), written: position, held_below: 0, rewound: None }
    }

    /// Where to read again when the topic's reading began after where the database stands.
    fn behind(&mut self, batch: &Batch) -> Option<u64> {
        let next = self.collector.next_offset();
        if batch.from <= next || self.rewound == Some(next) {
            return None;
        }
        self.rewound = Some(next);
        self.held_below = self.held_below.max(batch.from);
        Some(next)
    }

    fn read(&mut self, batch: Batch) -> Vec<Group> {
        let mut groups = Vec::new();
        for record in batch.records {
            self.collector.take(record, &mut groups);
        }
        self.collector.passed(batch.next_offset);
        groups
    }
}

impl Office {
    /// None where something is not right yet; that was said.
    async fn open(tenant: &Tenant) -> Option<Self> {
        let look =
            Look::new(tenant).map_err(|error| BrandRefused { tenant: &tenant.id, error: &error }.emit());
        let server = Server::of(&tenant.mail);
        let server = server.map_err(|error| BrandRefused { tenant: &tenant.id, error: &error }.emit());
        let (look, server) = (look.ok()?, server.ok()?);
        let pool = database::connect(tenant).await;
        let pool = pool.map_err(|error| FillRetried { tenant: &tenant.id, error: &error }.emit()).ok()?;
        let (outbox, added) = (Outbox::new(pool, tenant.id.clone()), Arc::new(Notify::new()));
        Some(Self {
            look,
            outbox,
            configured: server.is_some(),
            added,
            delivery: None,
            tenant: tenant.clone(),
        })
    }

    /// With somebody who sends what is owed.
    fn staffed(mut self) -> Self {
        let Ok(Some(server)) = Server::of(&self.tenant.mail) else { return self };
        let shutdown = Shutdown::new();
        let delivery = Delivery {
            tenant: self.tenant.id.clone(),
            outbox: self.outbox.clone(),
            server,
            from: self.look.from.email.clone(),
            deadlines: Deadlines::default(),
            added: self.added.clone(),
            shutdown: shutdown.clone(),
        };
        self.delivery = Some((shutdown, tokio::spawn(delivery.run())));
        self
    }

    /// Tells delivery to end after the mail under way; the next one may begin meanwhile, claims keep them apart.
    fn dismiss(self) {
        if let Some((shutdown, _)) = self.delivery {
            shutdown.raise();
        }
    }

    async fn close(self) {
        let Some((shutdown, task)) = self.delivery else { return };
        shutdown.raise();
        if task.await.is_err() {
            tracing::error!(tenant.id = %self.tenant.id, "the tenant's delivery ended by itself");
        }
    }
}

/// Nothing that mail depends on was changed.
fn same(a: &Tenant, b: &Tenant) -> bool {
    a.brand == b.brand
        && a.mail == b.mail
        && a.database == b.database
        && a.zone == b.zone
        && a.settings.symbol_suffix == b.settings.symbol_suffix
}
