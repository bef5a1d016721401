//! Sends what one tenant's outbox owes: claim, send, settle.
//!
//! One worker a tenant and process, with as many connections as the tenant's file allows, each a [`lane`] with one mail
//! under way. Lanes share a [`desk`], which claims for all of them and knows how the server does. Everything else is
//! between workers and the database: who dies or stands still loses its claims within the [`lease`], whoever is there
//! takes them over, and a fence keeps what the old one does afterwards without effect.

mod desk;
mod lane;
pub(crate) mod lease;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use lettre::Address;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::desk::Desk;
use self::lane::Lane;
use self::lease::Lease;
use super::events::{AuthStopped, ClaimRetried, DeliveryEnded};
use super::late_rendering::Renderer;
use super::outbox::Outbox;
use super::server::Server;
use super::session::Deadlines;

/// What its progress is called.
const PART: &str = "delivery";

/// How long delivery waits for what. A role runs with the default.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a server may take.
    pub deadlines: Deadlines,
    /// How long until somebody else's mails, or those due again, are looked for.
    pub poll: Duration,
    /// Before a server that takes nothing is asked again.
    pub pause: Backoff,
    /// After so long without a sign of life a worker's claims are anybody's.
    pub lease: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            poll: Duration::from_secs(1),
            pause: Backoff::new(Duration::from_secs(1), Duration::from_secs(10)),
            lease: Duration::from_secs(10),
        }
    }
}

/// Sends what one tenant's outbox owes.
pub(super) struct Delivery {
    pub(super) tenant: TenantId,
    pub(super) outbox: Outbox,
    pub(super) renderer: Renderer,
    pub(super) server: Server,
    /// The envelope's sender, whom a server tells of what it could not deliver.
    pub(super) from: Address,
    pub(super) timing: Timing,
    /// Mails under way at once.
    pub(super) connections: u8,
    /// Mails a second at most.
    pub(super) rate: Option<u32>,
    /// Rung when mails were added.
    pub(super) added: Arc<Notify>,
    pub(super) incidents: Incidents,
    pub(super) progress: Progress,
    pub(super) shutdown: Shutdown,
    /// Raised when the tenant is gone: also of mails under way no content begins to leave any more.
    pub(super) cancelled: Shutdown,
}

impl Delivery {
    /// Until shutdown, or until the server refused our password three times. The mails under way are finished first.
    pub(super) async fn run(self) {
        let Some(lease) = self.enlist().await else { return };
        let lease = Arc::new(lease);
        let over = Shutdown::new();
        let renewing =
            tokio::spawn(lease.clone().renewed(self.outbox.clone(), self.tenant.clone(), over.clone()));
        let (tenant, connections, renderer) = (self.tenant.clone(), self.connections, self.renderer.clone());
        let desk = Arc::new(Desk::new(self, lease));
        let mut lanes = JoinSet::new();
        for _ in 0..connections {
            lanes.spawn(Lane::new(desk.clone(), renderer.clone()).run());
        }
        while let Some(ended) = lanes.join_next().await {
            if ended.is_err() {
                DeliveryEnded { tenant: &tenant }.emit();
            }
        }
        over.raise();
        if renewing.await.is_err() {
            DeliveryEnded { tenant: &tenant }.emit();
        }
        desk.delivery.progress.left(&tenant, PART);
        if let Some(tries) = desk.password_refused() {
            AuthStopped { tenant: &tenant, tries }.emit();
            let text = format!("{} refuses our user or password", desk.delivery.server.host);
            desk.delivery.incidents.begin(IncidentKind::RefusedLogins, &tenant, text);
        }
    }

    /// None at shutdown.
    async fn enlist(&self) -> Option<Lease> {
        while !self.shutdown.is_raised() {
            match Lease::new(&self.outbox, self.timing.lease).await {
                Ok(lease) => return Some(lease),
                Err(error) => ClaimRetried { tenant: &self.tenant, error: &error }.emit(),
            }
            self.shutdown.sleep(self.timing.poll).await;
        }
        None
    }
}
