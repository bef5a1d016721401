//! What a run came to: the journal folded once more, beside what stands in the databases.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_gateway::demo::view::MailCounts;
use bellwether_runtime::log::Log;
use bellwether_schemas::alerts::AlertKind;
use bellwether_worker::tally::{Tally, tally};
use serde::Serialize;

use super::stored::{self, Stored};
use super::{Member, Result};

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
    /// The same by kind of alert.
    pub kinds: BTreeMap<AlertKind, KindSummary>,
}

/// What one kind of alert came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KindSummary {
    /// Triggers that a fold of the journal gives.
    pub triggers: u64,
    /// Rows in the kind's table.
    pub rows: u64,
    /// Mails owed, whatever became of them.
    pub mail_groups: u64,
    /// Those taken by the server.
    pub sent: u64,
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
    /// Every trigger is a row of its kind's table and every group a mail, for every tenant.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tenants.values().all(TenantSummary::holds)
    }
}

impl TenantSummary {
    fn holds(&self) -> bool {
        let Mails { sent, held, suppressed, failed } = self.mails;
        let each_kind = self.kinds.values().all(|kind| kind.rows == kind.triggers);
        each_kind && self.rows == self.triggers && sent + held + suppressed + failed == self.mail_groups
    }
}

pub(super) async fn read(log: Arc<dyn Log>, members: &[Member]) -> Result<Summary> {
    let mut tenants = BTreeMap::new();
    for member in members {
        let (log, id) = (Arc::clone(&log), member.tenant.id.clone());
        let counted = tokio::task::spawn_blocking(move || tally(log.as_ref(), &id)).await;
        let tally = counted.map_err(|_| bellwether_worker::WorkerError::Panicked)??;
        let summary = of_tenant(&tally, &stored::read(member).await?);
        tenants.insert(member.tenant.id.to_string(), summary);
    }
    Ok(Summary { r#type: "summary", tenants })
}

fn of_tenant(tally: &Tally, stored: &Stored) -> TenantSummary {
    let MailCounts { sent, held, suppressed, failed } = stored.mails;
    let kind = |kind: AlertKind| {
        let (mail_groups, sent) = stored.mails_by_kind.get(kind.name()).copied().unwrap_or_default();
        KindSummary {
            triggers: tally.triggers_by_kind.get(&kind).copied().unwrap_or(0),
            rows: stored.rows_by_kind.get(&kind).copied().unwrap_or(0),
            mail_groups,
            sent,
        }
    };
    TenantSummary {
        ticks: tally.ticks,
        bars: tally.bars,
        triggers: tally.triggers,
        rows: stored.rows_by_kind.values().sum(),
        mail_groups: tally.groups,
        mails: Mails { sent, held, suppressed, failed },
        kinds: AlertKind::ALL.into_iter().map(|it| (it, kind(it))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_one_kind_stands_for_no_trigger_of_another() {
        let tally = Tally {
            triggers: 2,
            triggers_by_kind: [(AlertKind::RsiTracker, 1), (AlertKind::PriceAlert, 1)].into(),
            groups: 2,
            ..Tally::default()
        };
        let stored = |rows: [(AlertKind, u64); 2]| Stored {
            rows_by_kind: rows.into(),
            mails: MailCounts { sent: 2, ..MailCounts::default() },
            mails_by_kind: BTreeMap::from([("price_alert".into(), (1, 1))]),
        };
        let right = of_tenant(&tally, &stored([(AlertKind::RsiTracker, 1), (AlertKind::PriceAlert, 1)]));
        assert!(right.holds());
        let price = KindSummary { triggers: 1, rows: 1, mail_groups: 1, sent: 1 };
        assert_eq!(right.kinds[&AlertKind::PriceAlert], price);
        assert_eq!(right.kinds[&AlertKind::HeatmapTracker], KindSummary::default());
        assert!(
            !of_tenant(&tally, &stored([(AlertKind::RsiTracker, 2), (AlertKind::PriceAlert, 0)])).holds()
        );
    }
}
