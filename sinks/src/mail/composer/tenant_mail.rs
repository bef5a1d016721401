//! What one tenant's mail needs, made as the tenant's file says: its look, its outbox, and who delivers.

use std::num::NonZeroU32;
use std::sync::Arc;

use bellwether_database as database;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::mail::brand::Look;
use crate::mail::delivery::{Delivery, Timing};
use crate::mail::events::{BrandRefused, DeliveryEnded, FillRetried};
use crate::mail::late_rendering::Renderer;
use crate::mail::limits::Caps;
use crate::mail::measure::Measure;
use crate::mail::outbox::Outbox;
use crate::mail::recipients::Directory;
use crate::mail::release::Release;
use crate::mail::render::Templates;
use crate::mail::server::Server;
use crate::mail::terms::Terms;

/// What the tenant's file asks for, as far as mail goes.
pub(super) struct TenantMail {
    tenant: Tenant,
    pub(super) look: Arc<Look>,
    pub(super) outbox: Outbox,
    /// Who may get it.
    pub(super) directory: Directory,
    /// Rung when mails were added to the outbox.
    pub(super) added: Arc<Notify>,
    /// None where the tenant has no server to send through.
    server: Option<Server>,
    /// Raised when the tenant is gone.
    cancelled: Shutdown,
    delivery: Option<(Shutdown, JoinHandle<()>)>,
    /// Who releases what waits, and who measures.
    beside: Vec<(Shutdown, JoinHandle<()>)>,
}

impl TenantMail {
    /// None where something is not right yet; that was said. Nobody delivers yet.
    pub(super) async fn open(tenant: &Tenant, clock: Clock) -> Option<Self> {
        let look =
            Look::new(tenant).map_err(|error| BrandRefused { tenant: &tenant.id, error: &error }.emit());
        let server = Server::of(&tenant.mail);
        let server = server.map_err(|error| BrandRefused { tenant: &tenant.id, error: &error }.emit());
        let (look, server) = (look.ok()?, server.ok()?);
        let pool = database::connect(tenant).await;
        let pool = pool.map_err(|error| FillRetried { tenant: &tenant.id, error: &error }.emit()).ok()?;
        let directory = Directory::open(tenant, pool.clone(), clock).await;
        let directory =
            directory.map_err(|error| FillRetried { tenant: &tenant.id, error: &error }.emit()).ok()?;
        let outbox = Outbox::new(pool, tenant.id.clone()).under(Terms::of(&tenant.mail));
        let added = Arc::new(Notify::new());
        let look = Arc::new(look);
        let (cancelled, delivery, beside) = (Shutdown::new(), None, Vec::new());
        Some(Self {
            tenant: tenant.clone(),
            look,
            outbox,
            directory,
            added,
            server,
            cancelled,
            delivery,
            beside,
        })
    }

    /// Mails can be sent. Without a server they fail, and their rows say so.
    pub(super) const fn is_configured(&self) -> bool {
        self.server.is_some()
    }

    /// Its limits.
    pub(super) const fn caps(&self) -> Caps {
        Caps::of(&self.tenant)
    }

    /// Nothing that mail depends on was changed in the tenant's file.
    pub(super) fn is_as_asked_by(&self, now: &Tenant) -> bool {
        let made = &self.tenant;
        made.brand == now.brand
            && made.mail == now.mail
            && made.database == now.database
            && made.auth == now.auth
            && made.zone == now.zone
            && made.settings.symbol_suffix == now.settings.symbol_suffix
    }

    /// Sends what is owed from here on, where there is a server.
    pub(super) fn start_delivery(
        &mut self,
        templates: Arc<Templates>,
        clock: Clock,
        incidents: Incidents,
        progress: Progress,
    ) {
        let shutdown = Shutdown::new();
        let delivery = self.delivery(templates, clock, Timing::default(), shutdown.clone());
        let delivery = delivery.map(|delivery| Delivery { incidents, progress, ..delivery });
        self.delivery = delivery.map(|delivery| (shutdown, tokio::spawn(delivery.run())));
    }

    /// What would send what is owed; none where there is no server.
    pub(super) fn delivery(
        &self,
        templates: Arc<Templates>,
        clock: Clock,
        timing: Timing,
        shutdown: Shutdown,
    ) -> Option<Delivery> {
        Some(Delivery {
            tenant: self.tenant.id.clone(),
            outbox: self.outbox.clone(),
            renderer: Renderer { templates, look: self.look.clone(), clock, last: None },
            server: self.server.clone()?,
            from: self.look.from.email.clone(),
            timing,
            connections: self.tenant.mail.connections.get(),
            rate: self.tenant.mail.rate.map(NonZeroU32::get),
            added: self.added.clone(),
            incidents: Incidents::default(),
            progress: Progress::default(),
            shutdown,
            cancelled: self.cancelled.clone(),
        })
    }

    /// Releases what waits from here on, and shows how the outbox stands.
    pub(super) fn start_release(&mut self, templates: Arc<Templates>, incidents: Incidents) {
        let shutdown = Shutdown::new();
        let release = Release {
            tenant: self.tenant.id.clone(),
            outbox: self.outbox.clone(),
            caps: self.caps(),
            templates,
            look: self.look.clone(),
            configured: self.is_configured(),
            added: self.added.clone(),
            incidents,
            shutdown: shutdown.clone(),
        };
        let (tenant, outbox) = (self.tenant.id.clone(), self.outbox.clone());
        let measure = Measure { tenant, outbox, shutdown: shutdown.clone() };
        self.beside.push((shutdown.clone(), tokio::spawn(release.run())));
        self.beside.push((shutdown, tokio::spawn(measure.run())));
    }

    /// Tells delivery to end after the mail under way. The next one may begin meanwhile: claims keep them apart.
    pub(super) fn stop_delivery(self) {
        for (shutdown, _) in self.beside.into_iter().chain(self.delivery) {
            shutdown.raise();
        }
    }

    /// The tenant is gone: mails under way whose content has not begun to leave go back to its outbox.
    pub(super) async fn cancel_delivery(self) {
        self.cancelled.raise();
        self.end_delivery().await;
    }

    /// Tells delivery to end and waits until it has.
    pub(super) async fn end_delivery(self) {
        for (shutdown, task) in self.beside.into_iter().chain(self.delivery) {
            shutdown.raise();
            if task.await.is_err() {
                DeliveryEnded { tenant: &self.tenant.id }.emit();
            }
        }
    }
}
