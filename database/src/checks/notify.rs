//! Whether a notification arrives: that is what makes an edit count within a moment. Without it changes are polled.

use std::time::Duration;

use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_runtime::finding::Finding;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::ask;

use super::failed;
use super::session::Session;
use crate::pool;

const ABOUT: &str = "notify";
const CHANNEL: &str = "bellwether_doctor";
/// Until a notification counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// Listens on one connection and notifies on another.
pub(super) async fn look(session: &mut Session, tenant: &Tenant) -> Finding {
    if tenant.database.mode == DatabaseMode::Transaction {
        return Finding::ok(ABOUT, "is not used by the transaction: changes are polled");
    }
    match arrives(session, tenant).await {
        Ok(true) => Finding::ok(ABOUT, "a notification arrives"),
        Ok(false) => Finding::warn(
            ABOUT,
            format!("no notification arrived within {} s: edits count a second later", PATIENCE.as_secs()),
            "use a port that keeps sessions, or set database.mode = \"transaction\"",
        ),
        Err(error) => failed(ABOUT, &error),
    }
}

async fn arrives(session: &mut Session, tenant: &Tenant) -> sqlx::Result<bool> {
    let options = pool::options(tenant).map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    ask::statement("select pg_notify($1, '')").bind(CHANNEL).execute(session.connection()).await?;
    match tokio::time::timeout(PATIENCE, listener.recv()).await {
        Ok(heard) => heard.map(|_| true),
        Err(_) => Ok(false),
    }
}
