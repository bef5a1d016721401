//! What users are told of rows that no engine speaks of: in `alert_status`, one transaction a row, so that a user who is
//! gone costs nobody else.

use bellwether_database::tables::alert_status::{self, Standing};
use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::{StatementOutcome, Statements, begin, classify};
use sqlx::postgres::PgPool;

use super::{Changes, events};

impl Changes<'_> {
    /// Tells where each of these rows stands. Repeats are harmless, and what cannot be told holds no change back.
    pub(super) async fn tell(&self, pool: &PgPool, rows: &[(AlertRow, Standing)]) -> Result<(), sqlx::Error> {
        for (row, standing) in rows {
            let Err(error) = self.tell_one(pool, row, standing).await else { continue };
            match classify(&error) {
                StatementOutcome::UserGone => {}
                StatementOutcome::Reject { code } => events::untold(&self.tenant.id, &row.alert_id, &code),
                StatementOutcome::Retry | StatementOutcome::Denied => return Err(error),
            }
        }
        Ok(())
    }

    async fn tell_one(&self, pool: &PgPool, row: &AlertRow, standing: &Standing) -> Result<(), sqlx::Error> {
        let mut transaction = begin(pool, &self.tenant.id).await?;
        alert_status::tell(&mut transaction, Statements::of(self.tenant), row, standing).await?;
        transaction.commit().await
    }
}
