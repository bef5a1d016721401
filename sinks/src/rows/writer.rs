//! One piece, one transaction.

use std::time::Duration;

use bellwether_database::cursor::{self, Cursor, Reached};
use bellwether_database::tables::{self, alert_status, forgotten, retention, user_events};
use bellwether_database::{
    DatabaseError, StatementOutcome, Statements, TenantConnection, answered, classify,
};
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::crash::{CrashPoint, reach, reach_within};
use sqlx::{PgConnection, Postgres, Transaction};

use super::SINK;
use super::core::{FailureClass, WriteFailure};
use super::piece::Piece;
use super::plan::{Changed, Plan, plan};

/// Rows removed in one transaction: the lines they were in wait that long.
const RETIRED_AT_ONCE: u32 = 5_000;

/// A tenant's database, connected to when it is first needed and again when its address changes.
#[derive(Debug, Default)]
pub struct Writer {
    /// What the tenant's file said of its database when it was tried last.
    tried: Option<Database>,
    connection: Option<TenantConnection>,
}

/// What a transaction came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It is committed, with this receipt.
    Piece(Receipt),
    /// Nothing was written: the cursor stands before the piece.
    Behind(u64),
}

/// Rows of one table that were kept no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retired {
    pub(super) table: &'static str,
    pub(super) rows: u64,
}

impl Retired {
    /// As many as one look may remove: there may be more.
    pub(super) fn is_full(self) -> bool {
        self.rows >= u64::from(RETIRED_AT_ONCE)
    }
}

/// What was done with the records of a piece.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Rows that are new, by table of triggers.
    pub rows: Vec<(&'static str, u64)>,
    /// Triggers whose row was there already.
    pub present: u64,
    /// Records behind the cursor.
    pub repeats: u64,
    /// Changes of where alerts stand.
    pub statuses: u64,
    /// What users are told of in their lines.
    pub events: u64,
    /// Records of users who were forgotten: none of them was written.
    pub forgotten: u64,
}

impl Writer {
    /// One piece in one transaction. What takes too long is ended by the server, and a server that does not answer is
    /// left with its connection.
    ///
    /// # Errors
    /// Why it failed, which leaves open whether it was committed.
    pub async fn write(&mut self, tenant: &Tenant, piece: &Piece) -> Result<Wrote, WriteFailure> {
        let mut connection = self.connection(tenant).await?;
        let wrote = write_on(&mut connection, tenant, piece).await;
        self.keep(connection, &wrote);
        wrote
    }

    /// How far each sink has got, as this database says.
    ///
    /// # Errors
    /// Why that cannot be read.
    pub(super) async fn reached(&mut self, tenant: &Tenant) -> Result<Vec<Reached>, WriteFailure> {
        let mut connection = self.connection(tenant).await?;
        let reached = read_reached(&mut connection, tenant).await;
        self.keep(connection, &reached);
        reached
    }

    /// Still connected to what the tenant's file names.
    pub(super) fn is_connected(&self, tenant: &Tenant) -> bool {
        self.connection.is_some() && self.tried.as_ref() == Some(&tenant.database)
    }

    /// What the tenant's file said of its database when it was tried last.
    pub(super) const fn tried(&self) -> Option<&Database> {
        self.tried.as_ref()
    }

    /// Removes what the tenant keeps no longer, at most [`RETIRED_AT_ONCE`] rows of each table, each in a transaction of
    /// its own; how many went of those that had some.
    pub(super) async fn retire(&mut self, tenant: &Tenant) -> Result<Vec<Retired>, WriteFailure> {
        let mut connection = self.connection(tenant).await?;
        let all = retire_all(&mut connection, tenant).await;
        self.keep(connection, &all);
        all
    }

    /// Taken out as long as something is under way on it: what is dropped half way takes its connection along.
    async fn connection(&mut self, tenant: &Tenant) -> Result<TenantConnection, WriteFailure> {
        if self.tried.as_ref() != Some(&tenant.database) {
            (self.tried, self.connection) = (Some(tenant.database.clone()), None);
        }
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => TenantConnection::open(tenant).await.map_err(|error| unreachable(&error)),
        }
    }

    /// After an error it is used again only where that was the server's word on a row.
    fn keep<T>(&mut self, connection: TenantConnection, done: &Result<T, WriteFailure>) {
        let word = [FailureClass::Refused, FailureClass::UserGone];
        if done.as_ref().err().is_none_or(|failure| word.contains(&failure.class)) {
            self.connection = Some(connection);
        }
    }
}

async fn write_on(
    connection: &mut TenantConnection,
    tenant: &Tenant,
    piece: &Piece,
) -> Result<Wrote, WriteFailure> {
    reach(CrashPoint::RowsRead);
    let transaction = connection.begin().await.map_err(|error| failure(&error))?;
    transact(transaction, tenant, piece).await.map_err(|error| refused(&error))
}

async fn transact(
    mut transaction: Transaction<'_, Postgres>,
    tenant: &Tenant,
    piece: &Piece,
) -> sqlx::Result<Wrote> {
    let statements = Statements::of(tenant);
    let cursor = answered(cursor::lock(&mut transaction, statements, SINK)).await?;
    if cursor.next_offset < piece.from {
        answered(transaction.rollback()).await?;
        return Ok(Wrote::Behind(cursor.next_offset));
    }
    let receipt = write_piece(&mut transaction, statements, piece, cursor).await?;
    reach(CrashPoint::RowsInserted);
    answered(reach_within(CrashPoint::RowsCommitSent, transaction.commit())).await?;
    reach(CrashPoint::RowsCommitted);
    Ok(Wrote::Piece(receipt))
}

async fn read_reached(
    connection: &mut TenantConnection,
    tenant: &Tenant,
) -> Result<Vec<Reached>, WriteFailure> {
    let mut transaction = connection.begin().await.map_err(|error| failure(&error))?;
    let read = async {
        let reached = answered(cursor::all(&mut transaction, Statements::of(tenant))).await?;
        answered(transaction.rollback()).await?;
        Ok(reached)
    };
    read.await.map_err(|error| refused(&error))
}

async fn retire_all(
    connection: &mut TenantConnection,
    tenant: &Tenant,
) -> Result<Vec<Retired>, WriteFailure> {
    let mut all = Vec::new();
    for (table, age) in retention::ages(&tenant.retention) {
        let retired = retire_on(connection, table, age).await?;
        all.extend(Some(retired).filter(|retired| retired.rows > 0));
    }
    Ok(all)
}

async fn retire_on(
    connection: &mut TenantConnection,
    table: &'static str,
    age: Duration,
) -> Result<Retired, WriteFailure> {
    let mut transaction = connection.begin().await.map_err(|error| failure(&error))?;
    let retire = async {
        let rows = answered(retention::retire(&mut transaction, table, age, RETIRED_AT_ONCE)).await?;
        answered(transaction.commit()).await?;
        Ok(Retired { table, rows })
    };
    retire.await.map_err(|error| refused(&error))
}

async fn write_piece(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    piece: &Piece,
    cursor: Cursor,
) -> sqlx::Result<Receipt> {
    let mut plan = plan(piece, cursor);
    let forgotten = leave_out_forgotten(connection, statements, &mut plan).await?;
    // A probe writes nothing through the same statements, so that only the table can refuse it.
    let receipt = write_planned(connection, statements, &plan, piece.is_probe).await?;
    if plan.cursor != cursor {
        answered(cursor::advance(connection, statements, SINK, plan.cursor, piece.mark)).await?;
    }
    Ok(Receipt { forgotten, ..receipt })
}

/// Rows, statuses and what users are told of them.
pub(super) async fn write_planned(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    plan: &Plan<'_>,
    probe: bool,
) -> sqlx::Result<Receipt> {
    // Events are put into words while the server writes.
    let (written, events) =
        tokio::join!(write_rows(connection, statements, plan, probe), async { plan.events() });
    let (mut receipt, changed) = written?;
    let events = plan.told(events, &changed);
    if probe || !events.is_empty() {
        answered(user_events::append(connection, statements, &events)).await?;
        receipt.events = events.len() as u64;
    }
    Ok(receipt)
}

/// Nothing is written of a user who was forgotten, whatever the log still holds of them; how much that was.
pub(super) async fn leave_out_forgotten(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    plan: &mut Plan<'_>,
) -> sqlx::Result<u64> {
    let users = plan.users();
    if users.is_empty() {
        return Ok(0);
    }
    let gone = answered(forgotten::among(connection, statements, &users)).await?;
    Ok(plan.leave_out(&gone))
}

/// Statuses, rows, and how often each alert fired.
async fn write_rows(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    plan: &Plan<'_>,
    probe: bool,
) -> sqlx::Result<(Receipt, Changed)> {
    let mut receipt = Receipt { repeats: plan.repeats, ..Receipt::default() };
    let mut changed = Changed::default();
    let statuses = plan.statuses();
    if probe || !statuses.is_empty() {
        let changes = answered(alert_status::write(connection, statements, &statuses)).await?;
        receipt.statuses = changes.len() as u64;
        changed.statuses.extend(changes.iter().map(|status| status.cause));
    }
    let mut fired = Vec::new();
    for tables in tables::all() {
        let triggers = plan.triggers_of(tables.kind);
        if probe || !triggers.is_empty() {
            let new = answered(tables.write_triggers(connection, statements, &triggers)).await?;
            receipt.rows.push((tables.triggers.name, new.len() as u64));
            receipt.present += (triggers.len() - new.len()) as u64;
            fired.extend(new);
        }
    }
    if probe || !fired.is_empty() {
        answered(alert_status::count(connection, statements, &fired)).await?;
    }
    changed.rows.extend(fired.iter().map(|trigger| trigger.id));
    Ok((receipt, changed))
}

/// Whose fault it is that a statement failed. Who is logged in was not refused: such a word is about a row.
pub(super) fn refused(error: &sqlx::Error) -> WriteFailure {
    let failure = failure(error);
    let class = if failure.class == FailureClass::Denied { FailureClass::Refused } else { failure.class };
    WriteFailure { class, ..failure }
}

/// Whose fault it is: the record's, its user's going, or the moment's.
pub(super) fn failure(error: &sqlx::Error) -> WriteFailure {
    let server = error.as_database_error();
    let code = server.and_then(|server| server.code());
    let class = match classify(error) {
        StatementOutcome::Retry => FailureClass::Transient,
        StatementOutcome::Denied => FailureClass::Denied,
        StatementOutcome::Reject { .. } => FailureClass::Refused,
        StatementOutcome::UserGone => FailureClass::UserGone,
    };
    let code = code.map_or_else(|| "client".into(), |code| code.into_owned());
    // Not the server's detail: it may repeat the row.
    let message = server.map_or_else(|| error.to_string(), |server| server.message().into());
    WriteFailure { class, code, message }
}

/// No record's fault, whatever it is: it is waited for.
pub(super) fn unreachable(error: &DatabaseError) -> WriteFailure {
    match error {
        DatabaseError::Query { what, source } => {
            let WriteFailure { class, code, message } = failure(source);
            let class = if class == FailureClass::Denied { class } else { FailureClass::Transient };
            WriteFailure { class, code, message: format!("{what}: {message}") }
        }
        other => {
            let (class, code) = (FailureClass::Transient, "configuration".into());
            WriteFailure { class, code, message: other.to_string() }
        }
    }
}
