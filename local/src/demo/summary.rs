//! What a run came to: the journal folded once more, beside what stands in the databases.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_runtime::log::Log;
use bellwether_worker::tally::{Tally, tally};
use serde::Serialize;

use super::{Member, Result, show};

/// By tenant, since the directory's first start.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    r#type: &'static str,
    /// Figures by the tenant's id.
    pub tenants: BTreeMap<String, TenantSummary>,
}

/// What one tenant's pipeline did while the demo ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantSummary {
    /// Ticks that the engine accepted.
    pub ticks: u64,
    /// Bars closed, history's included.
    pub bars: u64,
    /// Triggers that a fold of the journal gives.
    pub triggers: u64,
    /// Rows in the tenant's database.
    pub rows: u64,
    /// Mails owed: an alert at a bar close.
    pub mail_groups: u64,
    /// What became of them.
    pub mails: Mails,
}

/// Mails by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mails {
    /// Taken by the server.
    pub sent: u64,
    /// Waiting: for a retry, a lease, or an operator.
    pub held: u64,
    /// Not wanted, or no confirmed address.
    pub suppressed: u64,
    /// Mails that were given up; the outbox says why.
    pub failed: u64,
}

impl Summary {
    /// Every trigger is a row and every group a mail, for every tenant.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tenants.values().all(TenantSummary::holds)
    }
}

impl TenantSummary {
    fn holds(&self) -> bool {
        let Mails { sent, held, suppressed, failed } = self.mails;
        self.rows == self.triggers && sent + held + suppressed + failed == self.mail_groups
    }
}

pub(super) async fn read(log: Arc<dyn Log>, members: &[Member]) -> Result<Summary> {
    let mut tenants = BTreeMap::new();
    for member in members {
        let (log, id) = (Arc::clone(&log), member.tenant.id.clone());
        let counted = tokio::task::spawn_blocking(move || tally(log.as_ref(), &id)).await;
        let Tally { ticks, bars, triggers, groups, .. } =
            counted.map_err(|_| bellwether_worker::WorkerError::Panicked)??;
        let (rows, mails) = show::stored(member).await?;
        let mails =
            Mails { sent: mails.sent, held: mails.held, suppressed: mails.suppressed, failed: mails.failed };
        let summary = TenantSummary { ticks, bars, triggers, rows, mail_groups: groups, mails };
        tenants.insert(member.tenant.id.to_string(), summary);
    }
    Ok(Summary { r#type: "summary", tenants })
}
