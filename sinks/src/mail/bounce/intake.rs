//! Mails that came back, one after the other.

use std::collections::BTreeMap;

use bellwether_database::bounces::{Bounce, Noted, note};
use bellwether_schemas::TenantId;
use sqlx::postgres::PgPool;

use super::{Fate, Report, verdict};

/// What came of the mails that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Mails read.
    pub mails: u64,
    /// Those that are no delivery report, or name no mail.
    pub no_report: u64,
    /// Recipients whose mail arrived, or went on its way.
    pub on_its_way: u64,
    /// Of the other recipients, how many by what came of it.
    pub noted: BTreeMap<Noted, u64>,
}

/// Reads reports about one tenant's mails.
pub struct Intake {
    pool: PgPool,
    tenant: TenantId,
    tally: Tally,
}

impl Intake {
    /// For that tenant, in its own database.
    #[must_use]
    pub fn new(pool: PgPool, tenant: TenantId) -> Self {
        Self { pool, tenant, tally: Tally::default() }
    }

    /// What came of all mails so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Reads one mail. Read again it changes nothing.
    ///
    /// # Errors
    /// The database is out of reach, or said no.
    pub async fn take(&mut self, mail: &[u8]) -> sqlx::Result<()> {
        self.tally.mails += 1;
        let Some(report) = Report::read(mail) else {
            self.tally.no_report += 1;
            return Ok(());
        };
        for fate in &report.fates {
            match self.weigh(&report, fate).await? {
                Some(noted) => *self.tally.noted.entry(noted).or_default() += 1,
                None => self.tally.on_its_way += 1,
            }
        }
        Ok(())
    }

    /// None where nothing follows.
    async fn weigh(&self, report: &Report, fate: &Fate) -> sqlx::Result<Option<Noted>> {
        let Some(verdict) = verdict(fate.action, fate.status, fate.diagnostic.as_deref()) else {
            return Ok(None);
        };
        let bounce = Bounce {
            report: &report.key(fate),
            message_id: &report.message_id,
            recipients: &fate.recipients,
            effect: verdict.effect,
            event: verdict.event,
            reason: &verdict.reason,
        };
        note(&self.pool, &self.tenant, &bounce).await.map(Some)
    }
}
