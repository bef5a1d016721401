//! A private pgbouncer in transaction mode, from the machine's own binaries. It is killed with its test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bellwether_runtime::secret::Secret;

/// Connections to the server for each database and role: two, so that one that is held leaves another.
const POOL: usize = 2;

pub(crate) struct Pgbouncer {
    pub(crate) port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Pgbouncer {
    /// Before the server on that port, for the roles of these URLs.
    pub(crate) async fn start(server: u16, urls: &[&Secret]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users: String = urls.iter().map(|url| user_of(url)).collect();
        std::fs::write(dir.path().join("users"), users).unwrap();
        std::fs::write(dir.path().join("ini"), settings(dir.path(), server, port)).unwrap();
        let child = command(dir.path()).spawn().expect("setpriv, to run pgbouncer");
        let started = Self { port, child, dir };
        started.ready().await;
        started
    }

    async fn ready(&self) {
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("pgbouncer does not start (as root: apt-get install pgbouncer): {}", self.log());
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The same database behind it.
    pub(crate) fn before(&self, url: &Secret) -> Secret {
        let (login, place) = url.reveal().rsplit_once("@127.0.0.1:").unwrap();
        let (_, database) = place.split_once('/').unwrap();
        Secret::new(format!("{login}@127.0.0.1:{}/{database}", self.port))
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line of the file that says who may log in.
fn user_of(url: &Secret) -> String {
    let login = url.reveal().trim_start_matches("postgres://").split('@').next().unwrap();
    let (role, password) = login.split_once(':').unwrap();
    format!("\"{role}\" \"{password}\"\n")
}

fn settings(dir: &Path, server: u16, port: u16) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = plain\nauth_file = {users}\nlogfile = {log}\n\
         pool_mode = transaction\ndefault_pool_size = {POOL}\nmax_client_conn = 1000\n",
        users = dir.join("users").display(),
        log = dir.join("log").display(),
    )
}

/// It does not run as root: then it is the user that Postgres runs as.
fn command(dir: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0) {
        let given = Command::new("chown").args(["-R", "postgres"]).arg(dir).status();
        assert!(given.unwrap().success());
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program()).arg("-q").arg(dir.join("ini"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let debian = Path::new("/usr/sbin/pgbouncer");
    if debian.exists() { debian.into() } else { "pgbouncer".into() }
}
