//! The tenant's own Postgres: connections ([`connect`], [`begin`]), migrations ([`migrate()`]) and the pipeline's role
//! ([`init()`]) and the gateway's ([`init_gateway()`], [`GatewayDatabase`]), what it lacks ([`checks`]), what its errors mean ([`classify`]), and what lies in it: [`tables`] of
//! alerts and triggers, the sinks' [`cursor`].

pub mod bounces;
pub mod checks;
mod connection;
pub mod cursor;
mod denied;
mod gateway;
mod init;
mod migrate;
mod pool;
mod shape;
mod sqlstate;
mod statements;
pub mod tables;

pub use checks::check;
pub use connection::{TenantConnection, answered};
pub use gateway::{GatewayDatabase, SwitchedOff};
pub use init::{announce, init, init_gateway};
pub use migrate::{MIGRATIONS, Migration, migrate, pending};
pub use pool::{begin, begin_snapshot, check_configured, check_gateway_configured, connect};
pub use shape::{Shape, init_shared, shape};
pub use sqlstate::{StatementOutcome, classify};
pub use statements::{Query, Statements, touched};

use std::path::Path;

use bellwether_runtime::secret::Secret;
use bellwether_schemas::{TenantId, UserId};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

/// Tables that only the pipeline sees, all with a tenant.
const OWN: [&str; 16] = [
    "tenant_login",
    "forgotten_user",
    "user_followed",
    "sink_cursor",
    "mail_outbox",
    "mail_event",
    "mail_suppression",
    "auth_list",
    "auth_recipient",
    "mail_worker",
    "mail_pause",
    "incident",
    "schedule_run",
    "alert_change",
    "alert_version",
    "quarantine",
];

/// Tables of ours that have no tenant: every other one has.
const WITHOUT_TENANT: [&str; 1] = ["bellwether.schema_migration"];

/// Every table of ours that has a tenant, as `schema.table`.
fn tables_of_ours() -> Vec<String> {
    let public = tables::public().map(|name| format!("public.{name}"));
    public.chain(OWN.iter().map(|name| format!("bellwether.{name}"))).collect()
}

/// Why a tenant's database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody said where it is.
    #[error("tenant {tenant} has no database: set {key} in its file, or {variable}")]
    NotConfigured {
        /// The tenant whose file says nothing of a database.
        tenant: TenantId,
        /// The key that would name it.
        key: &'static str,
        /// The variable that would do.
        variable: String,
    },
    /// What was given is no URL of a database. It may hold a password, so it is not repeated.
    #[error("the database's url is not of the form postgres://user:password@host:port/database")]
    Url,
    /// Port 6543 answers for a transaction at a time.
    #[error(
        "port 6543 is a pooler in transaction mode: set database.mode = \"transaction\", or use port 5432"
    )]
    Pooler,
    /// What answered is no server: a pooler, of which the tenant's file says nothing.
    #[error("what answers is a pooler: set database.mode = \"transaction\" or \"session\", as it is set up")]
    UnnamedPooler,
    /// How the connection is to be protected is said in no known word.
    #[error("sslmode in the database's url is none of disable, prefer, require, verify-ca and verify-full")]
    TlsMode,
    /// What the server's certificate is to be held against is not there.
    #[error("sslrootcert in the database's url: there is no file {file}")]
    NoRootCertificate {
        /// The file that is named.
        file: String,
    },
    /// Changes of the schema need a session.
    #[error("migrate and init do not go through a pooler in transaction mode: use port 5432")]
    NotThroughPooler,
    /// Row security would not bind this role.
    #[error("role {role} {power}: connect as the role that `bellwether tenants init` made")]
    TooPowerful {
        /// The role that the URL logs in as.
        role: String,
        /// What the role may do that row security would have to forbid.
        power: &'static str,
    },
    /// `tenants init` gave the database to another tenant.
    #[error("this database belongs to tenant {owner}, not to {tenant}: every tenant has its own")]
    OtherTenant {
        /// The tenant that the database was given to.
        owner: String,
        /// The tenant whose file names it.
        tenant: TenantId,
    },
    /// `tenants init` made the database one tenant's alone.
    #[error(
        "this database was given to tenant {owner} alone, so {tenant} has no room in it: give {tenant} another, \
         without database.shared"
    )]
    NotShared {
        /// The tenant that the database was given to.
        owner: String,
        /// The tenant whose file says that it is shared.
        tenant: TenantId,
    },
    /// `tenants init` made the database several tenants'.
    #[error("this database is shared by several tenants: set database.shared = true for {tenant}, too")]
    IsShared {
        /// The tenant whose file does not say so.
        tenant: TenantId,
    },
    /// The schema is older than this binary.
    #[error("the database lacks migration {version}: run `bellwether migrate`")]
    NotMigrated {
        /// The first one missing.
        version: &'static str,
    },
    /// In a database that tenants share, Auth calls the user another tenant's.
    #[error("user {user} is not a user of tenant {tenant}: nothing was removed")]
    ForeignUser {
        /// Who was to be forgotten.
        user: UserId,
        /// The tenant that was to forget.
        tenant: TenantId,
    },
    /// A newer version migrated it.
    #[error(
        "the database has migration {version}, which this version does not know: it is ahead, so run the version \
         that migrated it, or a later one"
    )]
    Ahead {
        /// The first one that is not ours.
        version: String,
    },
    /// A file was edited after it had been applied.
    #[error(
        "{file} is not what was applied to the database under its name: put it back as it was, and say what is new \
         in another file"
    )]
    Changed {
        /// Name of the file.
        file: String,
    },
    /// The role that the tenant's pipeline would log in as is one that tenants share.
    #[error(
        "tenant {tenant} would log in as bellwether_{tenant}, which is a role of all tenants: name it otherwise"
    )]
    Reserved {
        /// The tenant that needs another id.
        tenant: TenantId,
    },
    /// The server said no, or could not be reached.
    #[error("{what}")]
    Query {
        /// The step that failed, for people.
        what: String,
        /// What the server or the connection said.
        source: sqlx::Error,
    },
}

impl DatabaseError {
    /// May the same call succeed later without anybody doing anything?
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Query { source, .. } => {
                matches!(classify(source), StatementOutcome::Retry | StatementOutcome::Denied)
            }
            Self::NotConfigured { .. }
            | Self::Url
            | Self::Pooler
            | Self::UnnamedPooler
            | Self::TlsMode
            | Self::NoRootCertificate { .. }
            | Self::NotThroughPooler
            | Self::TooPowerful { .. }
            | Self::OtherTenant { .. }
            | Self::NotShared { .. }
            | Self::IsShared { .. }
            | Self::Reserved { .. }
            | Self::ForeignUser { .. }
            | Self::Ahead { .. }
            | Self::Changed { .. }
            | Self::NotMigrated { .. } => false,
        }
    }
}

type Result<T> = std::result::Result<T, DatabaseError>;

fn query(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    let what = what.into();
    move |source| DatabaseError::Query { what, source }
}

/// What the URL says. Statements are not logged: some of them carry passwords.
fn parse(url: &Secret) -> Result<PgConnectOptions> {
    // Of another scheme the parser would take what it likes, and connect to its defaults.
    let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme));
    let wrong = |error: sqlx::Error| {
        // The words it does not know are repeated, and nothing else of the URL.
        if error.to_string().contains("ssl_mode") { DatabaseError::TlsMode } else { DatabaseError::Url }
    };
    let options = url.reveal().parse::<PgConnectOptions>().map_err(wrong)?;
    if !postgres {
        return Err(DatabaseError::Url);
    }
    // The driver would say that there is no such file, and not which.
    if let Some(file) = root_certificate(url).filter(|file| !Path::new(file).exists()) {
        return Err(DatabaseError::NoRootCertificate { file: file.into() });
    }
    Ok(options.application_name("bellwether").disable_statement_logging())
}

fn root_certificate(url: &Secret) -> Option<&str> {
    let (_, parameters) = url.reveal().split_once('?')?;
    let found = parameters.split('&').find_map(|parameter| parameter.strip_prefix("sslrootcert="));
    found.filter(|file| !file.contains('%'))
}

/// One connection with a session of its own, for whoever may change the schema.
async fn administer(url: &Secret) -> Result<PgConnection> {
    let options = parse(url)?;
    if options.get_port() == pool::TRANSACTION_POOLER {
        return Err(DatabaseError::NotThroughPooler);
    }
    let options = options.options([("client_min_messages", "warning")]);
    PgConnection::connect_with(&options).await.map_err(query("cannot connect to the database"))
}
