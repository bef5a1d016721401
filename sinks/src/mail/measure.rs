//! Shows how a tenant's outbox stands, and how long its mails took, to whoever asks this process for its metrics.

use std::time::Duration;

use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;

use super::events::OutboxMeasured;
use super::outbox::Outbox;

/// Between two looks: about as often as somebody asks.
const LOOK: Duration = Duration::from_secs(15);

/// Measures the outbox of one tenant.
pub(super) struct Measure {
    pub(super) tenant: TenantId,
    pub(super) outbox: Outbox,
    pub(super) shutdown: Shutdown,
}

impl Measure {
    /// Until shutdown. A database that does not answer is told of by those who work there.
    pub(super) async fn run(self) {
        let mut since = None;
        loop {
            match self.outbox.measure(since).await {
                Ok(measured) => {
                    since = Some(measured.until);
                    OutboxMeasured { tenant: &self.tenant, measured: &measured }.emit();
                }
                Err(error) => {
                    tracing::debug!(tenant.id = %self.tenant, error = %error, "the outbox is not measured")
                }
            }
            if self.shutdown.sleep(LOOK).await {
                return;
            }
        }
    }
}
