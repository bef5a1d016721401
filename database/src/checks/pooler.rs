//! What stands between us and the server, as seen from here, against what the tenant's file says.

use bellwether_runtime::config::{DatabaseMode, Tenant};
use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::ask;
use super::failed;
use super::session::Session;

const ABOUT: &str = "pooler";

/// Whether the connection keeps its process at the server.
pub(super) async fn look(session: &mut Session, tenant: &Tenant) -> Finding {
    match is_shared(session, tenant).await {
        Ok(shared) => judge(tenant.database.mode, shared),
        Err(error) => failed(ABOUT, &error),
    }
}

/// Whether another connection of ours gets the process that this one had: then a pooler lends it by the transaction.
async fn is_shared(session: &mut Session, tenant: &Tenant) -> sqlx::Result<bool> {
    let first = process(session.connection()).await?;
    let other = Session::of_pipeline(tenant).await;
    let mut other = other.map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
    // A transaction that is open holds its process, so that this connection has to be given another.
    let mut held = other.begin().await?;
    let of_other = process(&mut held).await?;
    Ok(of_other == first || process(session.connection()).await? != first)
}

async fn process(connection: &mut PgConnection) -> sqlx::Result<i32> {
    ask::value("select pg_backend_pid()").fetch_one(connection).await
}

fn judge(mode: DatabaseMode, shared: bool) -> Finding {
    match (mode, shared) {
        (DatabaseMode::Transaction, true) => {
            Finding::ok(ABOUT, "lends connections by the transaction, as the file says")
        }
        (DatabaseMode::Transaction, false) => {
            Finding::ok(ABOUT, "connections are kept; the file says transaction, which works and is slower")
        }
        (DatabaseMode::Direct | DatabaseMode::Session, false) => {
            Finding::ok(ABOUT, "connections are kept, as the file says")
        }
        (DatabaseMode::Direct | DatabaseMode::Session, true) => Finding::fault(
            ABOUT,
            "lends connections by the transaction, and the file says they are kept: statements go astray",
            "set database.mode = \"transaction\", or use the port that keeps sessions",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_says_connections_are_kept_where_they_are_lent_is_wrong() {
        for (mode, shared, is_fault) in [
            (DatabaseMode::Direct, true, true),
            (DatabaseMode::Session, true, true),
            (DatabaseMode::Transaction, true, false),
            (DatabaseMode::Direct, false, false),
            (DatabaseMode::Session, false, false),
            (DatabaseMode::Transaction, false, false),
        ] {
            assert_eq!(judge(mode, shared).is_fault(), is_fault, "{mode:?}, {shared}");
        }
    }
}
