//! The real binary, run as a user would: in a directory of its own, with a time limit.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest any command may take that has no limit of its own; a loaded machine is slow.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// A working directory with the two example tenants in `tenants/`; the log is `data/log` in it.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        // A private Postgres may run as another user; where that one cannot enter, its data would outlive us.
        std::fs::set_permissions(place.dir.path(), Permissions::from_mode(0o755)).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenants");
        for name in ["fxlabs.toml", "hextech.toml", "brands/fxlabs.png", "brands/hextech.png"] {
            place.write(&format!("tenants/{name}"), &std::fs::read(examples.join(name)).unwrap());
        }
        // Weeks pass within minutes: by the hours of the wall clock nearly all of it would be digests.
        for name in ["tenants/fxlabs.toml", "tenants/hextech.toml"] {
            place.edit(name, "[mail]\n", "[mail]\nalerts_a_user_an_hour = 1000000\n");
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Replaces that text, which must be there, in a file.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, text.replace(from, to).as_bytes());
    }

    /// One more tenant, like that one but for its sender.
    pub(crate) fn copy_tenant(&self, like: &str, id: &str) {
        let text = self.read(&format!("tenants/{like}.toml"));
        let text = text.replace(&format!("@{like}.example"), &format!("@{id}.example"));
        self.write(&format!("tenants/{id}.toml"), text.as_bytes());
    }

    /// `bellwether …` in this directory. Nothing of the surroundings reaches it but PATH.
    pub(crate) fn bellwether(&self, arguments: &[&str]) -> Bellwether {
        self.program(env!("CARGO_BIN_EXE_bellwether").as_ref(), arguments)
    }

    /// Another program in its place.
    pub(crate) fn program(&self, program: &OsStr, arguments: &[&str]) -> Bellwether {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).stdin(Stdio::null());
        Bellwether { command, called: arguments.join(" ") }
    }

    /// Runs `bellwether …` to its end within [`LIMIT`].
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_within(LIMIT, arguments)
    }

    /// The same with a limit of its own.
    pub(crate) fn run_within(&self, limit: Duration, arguments: &[&str]) -> Ran {
        self.bellwether(arguments).start().wait(limit)
    }
}

/// A command that is not started yet.
pub(crate) struct Bellwether {
    command: Command,
    called: String,
}

impl Bellwether {
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// In a process group of its own, as a shell starts it.
    pub(crate) fn in_a_group(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Gathered::from(child.stdout.take().unwrap());
        let stderr = Gathered::from(child.stderr.take().unwrap());
        Running { child, stdout, stderr, called: self.called }
    }
}

/// What it prints that nobody reads.
pub(crate) enum Unread {
    /// Its results.
    Stdout,
    /// Its results and what it says beside them, as with `2>&1 | true`.
    Both,
}

impl Bellwether {
    /// Starts it with a reader that has gone already.
    pub(crate) fn start_unread(mut self, unread: Unread) -> Running {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command.stderr(match unread {
            Unread::Stdout => Stdio::piped(),
            Unread::Both => writer.try_clone().unwrap().into(),
        });
        let mut child = self.command.stdout(writer).spawn().unwrap();
        // The command holds our copies of the pipe's end.
        drop(self.command);
        let nothing = || Gathered::from(std::io::empty());
        let stderr = child.stderr.take().map_or_else(nothing, Gathered::from);
        Running { child, stdout: nothing(), stderr, called: self.called }
    }

    /// Starts it with a reader that goes after the first line, as `| head -1` does; that line.
    pub(crate) fn start_for_one_line(mut self) -> (String, Running) {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut line, stdout) = (String::new(), child.stdout.take().unwrap());
        BufReader::with_capacity(1, stdout).read_line(&mut line).unwrap();
        let stderr = Gathered::from(child.stderr.take().unwrap());
        (line, Running { child, stdout: Gathered::from(std::io::empty()), stderr, called: self.called })
    }
}

/// A command under way. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
    called: String,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stdout up to now.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Stderr up to now.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Nobody had to ask it.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends that signal, such as `TERM` or `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success(), "{} is gone", self.called);
    }

    /// Ctrl-C in its terminal: everybody in its group is told.
    pub(crate) fn interrupt_group(&self) {
        let sent = Command::new("kill").args(["-INT", "--", &format!("-{}", self.pid())]).status();
        assert!(sent.unwrap().success(), "{} is gone", self.called);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self, limit: Duration) -> Ran {
        let ended = until(limit, || self.child.try_wait().unwrap().is_some());
        assert!(ended, "{} takes longer than {limit:?}; it said\n{}", self.called, self.stderr());
        let code = self.child.wait().unwrap().code();
        let (stdout, stderr) = (self.stdout.end(), self.stderr.end());
        Ran { code, stdout, stderr, called: std::mem::take(&mut self.called) }
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(self, limit: Duration) -> Ran {
        self.signal("TERM");
        self.wait(limit)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    /// None: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    called: String,
}

impl Ran {
    /// What came of a command that was run otherwise.
    pub(crate) fn of(called: &[&str], code: Option<i32>, stdout: String, stderr: String) -> Self {
        Self { code, stdout, stderr, called: called.join(" ") }
    }

    /// It ended with that code; else the test fails with everything it said.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Its one line for the user: the last of stderr, after `error: `.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        let last = self.stderr.rsplit_once("error: ").map(|(_, error)| error.trim_end());
        last.unwrap_or_else(|| panic!("no error is told: {self}"))
    }

    /// The last line of stderr.
    pub(crate) fn last_words(&self) -> String {
        format!("{:?}: {}", self.code, self.stderr.trim_end().lines().next_back().unwrap_or_default())
    }

    /// What it printed, one JSON value a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}: {self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, called } = self;
        write!(f, "bellwether {called}\nended with {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}

/// What comes out of a pipe, read as it comes so that nobody waits for us.
struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All of it: a child of the child that keeps the pipe open is not waited for.
    fn end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = until(Duration::from_secs(5), || reader.is_finished());
        }
        self.text()
    }
}

/// Waits for a condition; false when it did not come in time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the deadline of a test is the wall's")]
pub(crate) fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
