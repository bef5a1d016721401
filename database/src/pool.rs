//! The pipeline's connections to one tenant's database.
//!
//! Work on them is never cancelled: a `begin` that was dropped half way leaves its transaction open. Time-outs are
//! the server's, and every borrower starts after a `ROLLBACK` with the tenant set anew.

use std::future::Future;
use std::time::Duration;

use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_runtime::metric_names::{DATABASE_BEGIN, DATABASE_CONNECTIONS};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use metrics::{gauge, histogram};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres, Transaction};
use tokio::time::Instant;

use super::{DatabaseError, Result, denied, parse, query, tables_of_ours};

/// Where Supabase's pooler answers in transaction mode.
pub(super) const TRANSACTION_POOLER: u16 = 6543;
/// A tenant's server is shared with its front ends: two connections a role are ours.
const CONNECTIONS: u32 = 2;
/// Until a connection is there; then the tenant counts as out of reach.
pub(super) const ACQUIRE: Duration = Duration::from_secs(10);
/// The same for the gateway: somebody waits before a page.
const GATEWAY_ACQUIRE: Duration = Duration::from_secs(4);
/// Said where it cannot be looked at whether a login may do too much.
pub(super) const NO_ROLE: &str = "cannot read what the database's role may do";
/// Milliseconds, at the server: one statement, one wait for a lock, one pause inside a transaction.
const TIMEOUTS: [(&str, &str); 3] = [
    ("statement_timeout", "30000"),
    ("lock_timeout", "10000"),
    ("idle_in_transaction_session_timeout", "60000"),
];

/// How who connects through a pooler of transactions is called there: by it a pool is known as one.
const POOLED: &str = "bellwether, pooled";
/// What a transaction begins with on a session that another client had before. The driver names statements even where it
/// keeps none: what somebody left there under those names would be taken for ours, or refused.
pub(super) const BEGIN_POOLED: &str = "begin; deallocate all";
const SNAPSHOT: &str = "begin isolation level repeatable read read only";
const SNAPSHOT_POOLED: &str = "begin isolation level repeatable read read only; deallocate all";

/// Opens the tenant's pool. A role that row security does not bind is refused.
///
/// # Errors
/// Not configured, out of reach ([`DatabaseError::is_transient`]), or connected as somebody too powerful.
pub async fn connect(tenant: &Tenant) -> Result<PgPool> {
    open(tenant, options(tenant)?, ACQUIRE).await
}

/// Asks the server to let this login in, unless it refused the same a moment ago.
pub(super) async fn login<T>(
    tenant: &Tenant,
    options: &PgConnectOptions,
    asking: impl Future<Output = sqlx::Result<T>>,
) -> Result<T> {
    let what = || query(format!("cannot connect to the database of tenant {}", tenant.id));
    let (id, role) = (&tenant.id, options.get_username());
    let urls = [&tenant.database.url, &tenant.database.gateway_url];
    for url in urls.into_iter().flatten().filter(|url| parse(url).is_ok_and(|of| of.get_username() == role)) {
        denied::may_try(id, options, url).map_err(what())?;
    }
    let asked = asking.await;
    denied::note(id, options, &asked);
    asked.map_err(|error| if is_poolers(&error) { DatabaseError::UnnamedPooler } else { what()(error) })
}

/// Poolers take no start-up parameter that they do not know; servers say so otherwise.
fn is_poolers(error: &sqlx::Error) -> bool {
    let said = error.as_database_error().map(|error| error.message());
    said.is_some_and(|message| message.contains("unsupported startup parameter"))
}

/// Opens a pool as the tenant's gateway. A role that could read mails is refused, too: whoever takes the gateway over
/// is to find no address.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_gateway(tenant: &Tenant) -> Result<PgPool> {
    let pool = open(tenant, gateway_options(tenant)?, GATEWAY_ACQUIRE).await?;
    let mut looking = begin(&pool, &tenant.id).await.map_err(query(NO_ROLE))?;
    refuse_readers_of_mail(&mut looking).await?;
    Ok(pool)
}

async fn open(tenant: &Tenant, options: PgConnectOptions, acquire: Duration) -> Result<PgPool> {
    let pool = hooks(PgPoolOptions::new(), tenant).max_connections(CONNECTIONS).acquire_timeout(acquire);
    let connecting = pool.connect_with(options.clone());
    let pool = login(tenant, &options, connecting).await?;
    let mut looking = begin(&pool, &tenant.id).await.map_err(query(NO_ROLE))?;
    refuse_the_powerful(&mut looking).await?;
    Ok(pool)
}

/// Says whether the tenant's file names a database that [`connect`] could be tried on.
///
/// # Errors
/// Not configured, no URL of a database, or a port that does not fit the mode.
pub fn check_configured(tenant: &Tenant) -> Result<()> {
    options(tenant).map(drop)
}

/// Says whether the tenant's file names a database for the gateway, where its mails carry links to it or a provider
/// reports to it.
///
/// # Errors
/// As [`check_configured`].
pub fn check_gateway_configured(tenant: &Tenant) -> Result<()> {
    let is_needed = tenant.mail.unsubscribe_key.is_some() || tenant.mail.bounce_secret.is_some();
    if is_needed { gateway_options(tenant).map(drop) } else { Ok(()) }
}

/// A transaction that knows its tenant and its three time-outs: the way that works in every mode.
///
/// # Errors
/// The database is out of reach.
pub async fn begin(pool: &PgPool, tenant: &TenantId) -> sqlx::Result<Transaction<'static, Postgres>> {
    let begun = match is_pooled(&pool.connect_options()) {
        true => known(pool, tenant, pool.begin_with(BEGIN_POOLED)).await?,
        false => known(pool, tenant, pool.begin()).await?,
    };
    settled(begun, tenant).await
}

/// As [`begin`], but it only reads, and every statement of it sees the same moment.
///
/// # Errors
/// The database is out of reach.
pub async fn begin_snapshot(
    pool: &PgPool,
    tenant: &TenantId,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let begin = if is_pooled(&pool.connect_options()) { SNAPSHOT_POOLED } else { SNAPSHOT };
    let beginning = pool.begin_with(begin);
    settled(known(pool, tenant, beginning).await?, tenant).await
}

/// Another client has the session after each transaction.
pub(super) fn is_pooled(options: &PgConnectOptions) -> bool {
    options.get_application_name() == Some(POOLED)
}

/// A pool may have to log in anew for it: not where that was refused a moment ago.
async fn known<T>(
    pool: &PgPool,
    tenant: &TenantId,
    beginning: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let options = pool.connect_options();
    denied::may_use(tenant, &options)?;
    let asked = Instant::now();
    let begun = beginning.await;
    measure(pool, tenant, asked);
    denied::note(tenant, &options, &begun);
    begun
}

/// How long a transaction was waited for, and what of the pool is in use then.
fn measure(pool: &PgPool, tenant: &TenantId, asked: Instant) {
    let (tenant, idle) = (tenant.to_string(), pool.num_idle() as f64);
    histogram!(DATABASE_BEGIN, "tenant" => tenant.clone()).record(asked.elapsed().as_secs_f64());
    gauge!(DATABASE_CONNECTIONS, "tenant" => tenant.clone(), "state" => "idle").set(idle);
    gauge!(DATABASE_CONNECTIONS, "tenant" => tenant, "state" => "busy").set(f64::from(pool.size()) - idle);
}

async fn settled(
    mut transaction: Transaction<'static, Postgres>,
    tenant: &TenantId,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    settle(&mut transaction, tenant, Scope::Transaction).await?;
    Ok(transaction)
}

/// How long what is told to the server holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Until the transaction ends.
    Transaction,
    /// Until the connection is closed; only where it is one session of the server's.
    Session,
}

/// How the tenant's pipeline connects, in every mode.
pub(super) fn options(tenant: &Tenant) -> Result<PgConnectOptions> {
    options_of(tenant, tenant.database.url.as_ref(), "database.url_file", "DATABASE_URL")
}

fn gateway_options(tenant: &Tenant) -> Result<PgConnectOptions> {
    let url = tenant.database.gateway_url.as_ref();
    options_of(tenant, url, "database.gateway_url_file", "GATEWAY_DATABASE_URL")
}

fn options_of(
    tenant: &Tenant,
    url: Option<&Secret>,
    key: &'static str,
    name: &str,
) -> Result<PgConnectOptions> {
    let url = url.ok_or_else(|| DatabaseError::NotConfigured {
        tenant: tenant.id.clone(),
        key,
        variable: format!("{}_{name}", tenant.id.as_str().to_uppercase().replace('-', "_")),
    })?;
    let options = parse(url)?;
    match tenant.database.mode {
        // Named statements and start-up parameters belong to a session, which such a pooler does not keep.
        DatabaseMode::Transaction => {
            let options = options.statement_cache_capacity(0).extra_float_digits(None);
            Ok(options.application_name(POOLED))
        }
        _ if options.get_port() == TRANSACTION_POOLER => Err(DatabaseError::Pooler),
        DatabaseMode::Session => Ok(options.extra_float_digits(None)),
        DatabaseMode::Direct => Ok(options),
    }
}

fn hooks(options: PgPoolOptions, tenant: &Tenant) -> PgPoolOptions {
    let session = tenant.database.mode != DatabaseMode::Transaction;
    let (connected, borrowed) = (tenant.id.clone(), tenant.id.clone());
    let options = options.after_connect(move |connection, _| {
        let tenant = connected.clone();
        Box::pin(async move {
            if session {
                // A ROLLBACK outside a transaction is our habit, not worth a warning each time.
                connection.execute("set client_min_messages = error").await?;
                settle(connection, &tenant, Scope::Session).await?;
            }
            Ok(())
        })
    });
    let options = options.before_acquire(move |connection, _| {
        let tenant = borrowed.clone();
        Box::pin(async move {
            connection.execute("rollback").await?;
            if session {
                settle(connection, &tenant, Scope::Session).await?;
            }
            Ok(true)
        })
    });
    options.after_release(|connection, _| {
        Box::pin(async move { connection.execute("rollback").await.map(|_| true) })
    })
}

/// Tells the server whose rows this connection may see, and how long it may take.
pub(super) async fn settle(
    connection: &mut PgConnection,
    tenant: &TenantId,
    scope: Scope,
) -> sqlx::Result<()> {
    let [statement, lock, idle] = TIMEOUTS;
    sqlx::query(
        "select set_config('app.tenant_id', $1, $2), set_config($3, $4, $2), set_config($5, $6, $2),
                set_config($7, $8, $2)",
    )
    .bind(tenant.as_str())
    .bind(scope == Scope::Transaction)
    .bind(statement.0)
    .bind(statement.1)
    .bind(lock.0)
    .bind(lock.1)
    .bind(idle.0)
    .bind(idle.1)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Row security does not bind superusers, owners' roles and BYPASSRLS, nor who may act as one of these.
pub(super) async fn refuse_the_powerful(connection: &mut PgConnection) -> Result<()> {
    let (role, superuser, bypass, creates, owner): (String, bool, bool, bool, bool) = sqlx::query_as(
        "select session_user::text, bool_or(r.rolsuper), bool_or(r.rolbypassrls), bool_or(r.rolcreaterole),
                bool_or(exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                                where n.nspname || '.' || c.relname = any($1)
                                  and pg_has_role(r.oid, c.relowner, 'member')))
         from pg_roles r where pg_has_role(session_user, r.oid, 'member')",
    )
    .bind(tables_of_ours())
    .fetch_one(connection)
    .await
    .map_err(query(NO_ROLE))?;
    let powers = [
        (superuser, "is a superuser"),
        (bypass, "bypasses row security"),
        (owner, "owns the tables"),
        (creates, "may create roles"),
    ];
    match powers.into_iter().find(|(has, _)| *has) {
        Some((_, power)) => Err(DatabaseError::TooPowerful { role, power }),
        None => Ok(()),
    }
}

async fn refuse_readers_of_mail(connection: &mut PgConnection) -> Result<()> {
    let readers: Vec<String> = sqlx::query_scalar(
        "select session_user::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'bellwether' and c.relname = 'mail_outbox' and has_table_privilege(c.oid, 'select')",
    )
    .fetch_all(connection)
    .await
    .map_err(query("cannot read what the gateway's role may do"))?;
    match readers.into_iter().next() {
        Some(role) => Err(DatabaseError::TooPowerful { role, power: "may read mails" }),
        None => Ok(()),
    }
}
