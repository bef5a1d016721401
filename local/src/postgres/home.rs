//! The directory of a private Postgres, and the user that may enter it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bellwether_runtime::secret::Secret;
use tokio::process::Command;

use super::{BINARIES, PostgresError, Result, failed, io, name_of};

/// Where every user may enter, and nothing is cleared at boot.
const SHARED: &str = "/var/tmp";
/// Directories of [`Home::temporary`] begin so.
const TEMPORARY: &str = "bellwether-test-";
/// A younger directory may be one that is just being made.
const SETTLED: Duration = Duration::from_secs(60);

/// Uid and gid that a server started by root runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

/// Lock, password, log and data of one server.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    binaries: PathBuf,
    user: Option<User>,
}

impl Home {
    pub(super) fn at(dir: &Path) -> Result<Self> {
        let (binaries, user) = (binaries()?, server_user()?);
        let dir = std::path::absolute(dir).map_err(io("cannot find", dir))?.join("postgres");
        fs::create_dir_all(&dir).map_err(io("cannot make", &dir))?;
        let home = Self { dir, binaries, user };
        home.own()?;
        if home.may_enter()? {
            return Ok(home);
        }
        let elsewhere = Path::new(SHARED).join(format!("bellwether-{}", name_of(&home.dir).simple()));
        Self { dir: elsewhere, ..home }.made()
    }

    pub(super) fn temporary() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(SHARED).join(format!("{TEMPORARY}{}-{count}-{}", std::process::id(), random(4)?));
        Self { dir, binaries: binaries()?, user: server_user()? }.made()
    }

    /// In a directory that anybody may write to, a name that is there already may be a trap.
    fn made(self) -> Result<Self> {
        match fs::create_dir(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io("cannot make", &self.dir)(error));
            }
            _ => {}
        }
        let found = fs::symlink_metadata(&self.dir).map_err(io("cannot look at", &self.dir))?;
        let ours = found.uid() == me()? || self.user.is_some_and(|user| user.uid == found.uid());
        if !found.is_dir() || !ours {
            return Err(PostgresError::NotOurs { dir: self.dir });
        }
        self.own()?;
        Ok(self)
    }

    fn own(&self) -> Result<()> {
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))
            .map_err(io("cannot protect", &self.dir))?;
        self.give(&self.dir)
    }

    fn give(&self, path: &Path) -> Result<()> {
        self.user.map_or(Ok(()), |user| {
            chown(path, Some(user.uid), Some(user.gid)).map_err(io("cannot give away", path))
        })
    }

    fn may_enter(&self) -> Result<bool> {
        let Some(user) = self.user else { return Ok(true) };
        let mut command = std::process::Command::new("setpriv");
        let status = command.args(become_user(user)).args(["test", "-w"]).arg(&self.dir).status();
        Ok(status.map_err(io("cannot run", Path::new("setpriv")))?.success())
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn lock(&self) -> Result<File> {
        let path = self.dir.join("lock");
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(io("cannot open", &path))?;
        file.try_lock().map_err(|_| PostgresError::InUse { dir: self.dir.clone() })?;
        Ok(file)
    }

    /// Made once; the cluster's superuser has it.
    pub(super) fn password(&self) -> Result<Secret> {
        let path = self.dir.join("password");
        if !path.exists() {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = file.map_err(io("cannot make", &path))?;
            file.write_all(random(24)?.as_bytes()).map_err(io("cannot write", &path))?;
            self.give(&path)?;
        }
        fs::read_to_string(&path).map(Secret::new).map_err(io("cannot read", &path))
    }

    /// Into a directory that is renamed when it is whole: a start that was killed half way begins again.
    pub(super) async fn initialise(&self) -> Result<()> {
        let half = self.dir.join("data.new");
        if half.exists() {
            fs::remove_dir_all(&half).map_err(io("cannot remove", &half))?;
        }
        let mut command = Command::from(self.command("initdb", false));
        command.arg("--pgdata").arg(&half).arg("--pwfile").arg(self.dir.join("password"));
        command.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        let done = command.arg("--no-sync").output().await;
        let done = done.map_err(io("cannot run", &self.binaries.join("initdb")))?;
        if !done.status.success() {
            return Err(failed("initdb", String::from_utf8_lossy(&done.stderr).trim()));
        }
        fs::rename(&half, self.data()).map_err(io("cannot rename", &half))
    }

    /// A program of Postgres as the user that may run it; `tied`: stopped when the thread that spawns it ends.
    pub(super) fn command(&self, program: &str, tied: bool) -> std::process::Command {
        let mut command = std::process::Command::new("setpriv");
        if let Some(user) = self.user {
            command.args(become_user(user));
        }
        if tied {
            command.args(["--pdeathsig", "INT"]);
        }
        command.arg("--").arg(self.binaries.join(program)).current_dir(&self.dir);
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }
}

/// Removes what killed processes left of [`Home::temporary`]: nobody holds its lock any more.
pub(super) fn sweep() {
    let Ok(entries) = fs::read_dir(SHARED) else { return };
    let now = bellwether_runtime::clock::Clock::system().now();
    for entry in entries.flatten() {
        let settled = entry.metadata().is_ok_and(|found| {
            now.0 / 1_000_000 - found.mtime() > SETTLED.as_secs().try_into().unwrap_or(i64::MAX)
        });
        let named = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        // Whoever was killed before it had its lock left none.
        let free = || match File::open(entry.path().join("lock")) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if named && settled && free() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn become_user(user: User) -> [String; 3] {
    [format!("--reuid={}", user.uid), format!("--regid={}", user.gid), "--clear-groups".into()]
}

/// Postgres refuses to run as root: then it is Debian's user.
fn server_user() -> Result<Option<User>> {
    if me()? != 0 {
        return Ok(None);
    }
    let number = |flag: &str| {
        let output = std::process::Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    match (number("-u"), number("-g")) {
        (Some(uid), Some(gid)) => Ok(Some(User { uid, gid })),
        _ => Err(PostgresError::NoUser),
    }
}

fn me() -> Result<u32> {
    let path = Path::new("/proc/self");
    fs::metadata(path).map(|found| found.uid()).map_err(io("cannot look at", path))
}

fn binaries() -> Result<PathBuf> {
    let whole = |bin: &PathBuf| bin.join("initdb").exists() && bin.join("postgres").exists();
    let (places, looked_in) = match std::env::var_os(BINARIES) {
        Some(only) => (vec![PathBuf::from(&only)], format!("{} ({BINARIES})", only.display())),
        None => (installed(), "/usr/lib/postgresql or PATH".into()),
    };
    places.into_iter().find(whole).ok_or(PostgresError::NotInstalled { looked_in })
}

/// Debian keeps servers outside PATH, one directory a version: the newest first.
fn installed() -> Vec<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_string_lossy().parse::<u32>().ok();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> =
        installed.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin")))).collect();
    versions.sort();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    versions.into_iter().rev().map(|(_, bin)| bin).chain(std::env::split_paths(&paths)).collect()
}

/// So many random bytes as hexadecimal digits.
fn random(bytes: usize) -> Result<String> {
    let path = Path::new("/dev/urandom");
    let mut buffer = vec![0; bytes];
    let mut source = File::open(path).map_err(io("cannot open", path))?;
    source.read_exact(&mut buffer).map_err(io("cannot read", path))?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
