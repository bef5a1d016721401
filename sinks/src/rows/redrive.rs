//! Writing once more what a tenant's database refused, past the cursor: an operator has mended what it was refused for.

use bellwether_database::cursor::{self, Cursor};
use bellwether_database::{Statements, TenantConnection, answered};
use bellwether_runtime::config::Tenant;

use super::SINK;
use super::core::{FailureClass, WriteFailure};
use super::piece::Piece;
use super::plan::plan;
use super::writer::{Receipt, failure, leave_out_forgotten, refused, unreachable, write_planned};
use crate::feed::Delivered;

/// Where refused records are written again: a tenant's database.
pub struct Redrive<'a> {
    tenant: &'a Tenant,
    connection: TenantConnection,
}

impl<'a> Redrive<'a> {
    /// Connects to the tenant's database as the rows sink does.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn open(tenant: &'a Tenant) -> Result<Self, WriteFailure> {
        let connection = TenantConnection::open(tenant).await.map_err(|error| unreachable(&error))?;
        Ok(Self { tenant, connection })
    }

    /// Writes one record in a transaction of its own, with what its user's page is told. The cursor stays where it is; it is
    /// held meanwhile, so that the sink does not write at the same time. What is there already stays as it is.
    ///
    /// # Errors
    /// The database refuses it, or does not answer; or it is another tenant's.
    pub async fn write(&mut self, record: Delivered) -> Result<Receipt, WriteFailure> {
        if *record.outcome.tenant() != self.tenant.id {
            let message = format!("the record says it is tenant {}'s", record.outcome.tenant());
            return Err(WriteFailure { class: FailureClass::Refused, code: "misrouted".into(), message });
        }
        let statements = Statements::of(self.tenant);
        let piece = Piece {
            records: vec![record],
            from: 0,
            next_offset: 0,
            through: None,
            mark: None,
            is_probe: false,
        };
        let mut transaction = self.connection.begin().await.map_err(|error| failure(&error))?;
        let write = async {
            answered(cursor::lock(&mut transaction, statements, SINK)).await?;
            let mut plan = plan(&piece, Cursor::START);
            let forgotten = leave_out_forgotten(&mut transaction, statements, &mut plan).await?;
            let receipt = write_planned(&mut transaction, statements, &plan, false).await?;
            answered(transaction.commit()).await?;
            Ok(Receipt { forgotten, ..receipt })
        };
        write.await.map_err(|error| refused(&error))
    }
}
