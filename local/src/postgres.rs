//! A private Postgres: made from the machine's own binaries, on a free loopback port, in a directory of its own.
//!
//! Without `fsync` unless asked: what a demo or a test keeps need not survive the machine, only the process.

mod home;
mod server;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bellwether_runtime::secret::Secret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::OnceCell;
use uuid::Uuid;

use home::Home;

/// Between two looks at a process or a port.
const LOOK: Duration = Duration::from_millis(25);
/// Looks until a server must answer or be gone: a minute, because a loaded machine is slow to start one.
const LOOKS: u32 = 2_400;
/// Free ports tried: another process may take one between our asking and the server's binding.
const PORTS: u32 = 8;

/// Names the one directory to take `initdb` and `postgres` from; without it Debian's newest, then PATH.
pub const BINARIES: &str = "BELLWETHER_POSTGRES_BIN";

/// Why there is no private Postgres.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No PostgreSQL server is installed where one is looked for.
    #[error("no Postgres server in {looked_in}: install one (as root: apt-get install postgresql)")]
    NotInstalled {
        /// The directories that were searched.
        looked_in: String,
    },
    /// Root may not run a server, and there is nobody to run it as.
    #[error(
        "Postgres does not run as root and there is no user postgres: as root, apt-get install postgresql"
    )]
    NoUser,
    /// Another process has this directory.
    #[error("{dir} is in use by another process: stop it, or give another directory")]
    InUse {
        /// The directory that the cluster was to be in.
        dir: PathBuf,
    },
    /// The directory in `/var/tmp` belongs to somebody else.
    #[error("{dir} belongs to another user: remove it, or give another directory")]
    NotOurs {
        /// The directory that the cluster was to be in.
        dir: PathBuf,
    },
    /// A program of Postgres ended badly.
    #[error("{what} failed: {detail}")]
    Failed {
        /// The program that was run, as `initdb`.
        what: &'static str,
        /// The last lines that it printed.
        detail: String,
    },
    /// The file system said no.
    #[error("{what} {path}")]
    Io {
        /// What was being done, as `create`.
        what: &'static str,
        /// The file or directory it was done to.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
}

type Result<T> = std::result::Result<T, PostgresError>;

/// How a server is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Survive a crash of the machine too.
    pub fsync: bool,
    /// Stop with this process, however that ends. Otherwise a killed process leaves its server to the next start.
    pub tied: bool,
    /// On this port, for who must find it again; otherwise on a free one.
    pub port: Option<u16>,
    /// Most connections at a time, three of them the superuser's.
    pub connections: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self { fsync: false, tied: true, port: None, connections: 200 }
    }
}

/// A running server of our own. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    home: Home,
    port: u16,
    pid: u32,
    password: Secret,
    temporary: bool,
    /// Held as long as the server is ours; the system lets go of it when we die.
    _lock: File,
}

impl Postgres {
    /// Runs the server whose data is in `dir`, made there on the first call. One left by a killed process is
    /// taken over. Where the server's user cannot enter `dir` the data is under `/var/tmp`, the same for the
    /// same `dir`.
    ///
    /// # Errors
    /// Nothing to run, somebody else has the directory, or the server does not start: its last words.
    pub async fn start(dir: &Path, options: Options) -> Result<Self> {
        Self::run(Home::at(dir)?, options, false).await
    }

    /// A server in a directory that goes with it; should this process be killed, the next such call removes it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn temporary() -> Result<Self> {
        home::sweep();
        Self::run(Home::temporary()?, Options::default(), true).await
    }

    async fn run(home: Home, options: Options, temporary: bool) -> Result<Self> {
        let lock = home.lock()?;
        let password = home.password()?;
        if !home.data().exists() {
            home.initialise().await?;
        }
        let (pid, port) = match server::take_over(&home, &password).await? {
            Some(running) => running,
            None => server::start(&home, &password, options).await?,
        };
        Ok(Self { home, port, pid, password, temporary, _lock: lock })
    }

    /// Where a database is, as the cluster's superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> Secret {
        self.url_as("postgres", &self.password, database)
    }

    /// Where a database is, as that role.
    #[must_use]
    pub fn url_as(&self, role: &str, password: &Secret, database: &str) -> Secret {
        Secret::new(format!("postgres://{role}:{}@127.0.0.1:{}/{database}", password.reveal(), self.port))
    }

    /// A password for a role of this cluster: always the same, so that several databases may set it at once.
    #[must_use]
    pub fn password_of(&self, role: &str) -> Secret {
        let text = format!("{}|{role}", self.password.reveal());
        Secret::new(bellwether_schemas::ids::derive(&text).simple().to_string())
    }

    /// Process id of the server, for tests that kill it.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server: open transactions are rolled back, what was committed stays.
    ///
    /// # Errors
    /// The server does not go.
    pub async fn stop(self) -> Result<()> {
        let stopping = tokio::task::spawn_blocking(move || self.end());
        stopping.await.map_err(|error| failed("stopping Postgres", error.to_string()))?
    }

    /// Stops the server and removes everything it kept.
    ///
    /// # Errors
    /// The server does not go.
    pub async fn remove(mut self) -> Result<()> {
        self.temporary = true;
        self.stop().await
    }

    /// Drop follows and finds nothing left to do.
    fn end(&self) -> Result<()> {
        server::stop(&self.home, self.pid)?;
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.home.dir);
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(process.pid = self.pid, %error, "a private Postgres did not stop");
        }
    }
}

/// One server for all tests of a binary; it goes when the binary ends.
///
/// # Panics
/// There is no Postgres to run: such a test cannot say anything.
#[expect(clippy::expect_used, reason = "for tests only: without a server they fail, and say what to install")]
pub async fn shared_for_tests() -> &'static Postgres {
    static SHARED: OnceCell<Postgres> = OnceCell::const_new();
    SHARED.get_or_init(|| async { Postgres::temporary().await.expect("a private Postgres") }).await
}

/// How the superuser reaches a server before anybody else may.
fn superuser(port: u16, password: &Secret) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("postgres");
    let options = options.password(password.reveal()).database("postgres").ssl_mode(PgSslMode::Disable);
    options.disable_statement_logging()
}

/// Does the server on that port take our password, and connections?
async fn answers(port: u16, password: &Secret) -> bool {
    match superuser(port, password).connect().await {
        Ok(connection) => connection.close().await.is_ok(),
        Err(_) => false,
    }
}

fn failed(what: &'static str, detail: impl Into<String>) -> PostgresError {
    PostgresError::Failed { what, detail: detail.into() }
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PostgresError {
    let path = path.to_path_buf();
    move |source| PostgresError::Io { what, path, source }
}

/// A name for what belongs to `path`, the same on every run.
fn name_of(path: &Path) -> Uuid {
    bellwether_schemas::ids::derive(&path.to_string_lossy())
}
