//! What can stop a role.

use bellwether_database::DatabaseError;
use bellwether_preview::PreviewError;
use bellwether_producers::ProducerError;
use bellwether_runtime::log::LogError;
use bellwether_schemas::TenantId;
use bellwether_sinks::SinkError;
use bellwether_sinks::mail::server::ServerError;
use bellwether_worker::WorkerError;

/// Why a role cannot be run, or ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A producer ended with an error.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// The worker ended with an error.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// What answers new alerts ended with an error.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// A sink ended with an error.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A tenant's database is not configured as it has to be.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A tenant's database lets the role in as somebody it must not be, or not at all as its file says.
    #[error("tenant {tenant}: its database cannot be used as its file says")]
    Login {
        /// The tenant whose database it is.
        tenant: TenantId,
        /// What is wrong with the login.
        source: DatabaseError,
    },
    /// A tenant's mail server is not configured as it has to be.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A task ended by a panic.
    #[error("a task of the role panicked: this is a bug, its message stands above")]
    Panicked,
}
