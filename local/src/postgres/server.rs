//! The server's process: started, found again, stopped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bellwether_runtime::secret::Secret;

use super::home::Home;
use super::{LOOK, LOOKS, Options, PORTS, Result, answers, failed, io};

/// Looks, 2 ms apart, at a process without a command line: ten seconds for a program that a busy disk has yet to load.
const BETWEEN_PROGRAMS: u32 = 5_000;

/// So many looks have to find another program's command line: one that is read while a process becomes another program
/// is torn, the beginning of the one and the end of the other.
const STRANGERS: u32 = 5;

/// Process and port of a server that is ready.
pub(super) type Running = (u32, u16);

/// Starts the server and waits until it answers.
pub(super) async fn start(home: &Home, password: &Secret, options: Options) -> Result<Running> {
    for _ in 0..PORTS {
        let port = options.port.map_or_else(free_port, Ok)?;
        let pid = spawn(home, port, options)?;
        if ready(home, pid, port, password).await {
            return Ok((pid, port));
        }
        stop(home, pid)?;
        if !last_words(home).contains("could not bind") {
            break;
        }
    }
    Err(failed("starting Postgres", last_words(home)))
}

/// The server that a killed process left on this directory, if it still answers.
pub(super) async fn take_over(home: &Home, password: &Secret) -> Result<Option<Running>> {
    let path = home.data().join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
    let mut lines = text.lines();
    let pid = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    let port = lines.nth(2).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    if ready(home, pid, port, password).await {
        tracing::info!(process.pid = pid, "took over the Postgres of an earlier run");
        return Ok(Some((pid, port)));
    }
    stop(home, pid)?;
    // The pid may be another process's by now, which would keep the new server from starting.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("cannot remove", &path)(error)),
        _ => Ok(None),
    }
}

/// Asks the server to stop at once, then tells it to; blocks until it is gone.
pub(super) fn stop(home: &Home, pid: u32) -> Result<()> {
    for (signal, looks) in [("-INT", LOOKS / 4), ("-QUIT", LOOKS / 4), ("-KILL", LOOKS / 4)] {
        if !is_alive(home, pid) {
            return Ok(());
        }
        // The process may be gone by now: what counts is whether it is alive after.
        let _ = Command::new("kill").args([signal, &pid.to_string()]).status();
        for _ in 0..looks {
            if !is_alive(home, pid) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }
    Err(failed("stopping Postgres", format!("process {pid} is still there")))
}

/// Waits until the server answers (true) or is gone.
async fn ready(home: &Home, pid: u32, port: u16, password: &Secret) -> bool {
    for _ in 0..LOOKS {
        if !is_alive(home, pid) {
            return false;
        }
        if answers(port, password).await {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// A number alone may be another process's by now: it must be a server on our directory.
fn is_alive(home: &Home, pid: u32) -> bool {
    let data = home.data();
    let ours =
        |line: &[u8]| line.split(|byte| *byte == 0).any(|word| word == data.as_os_str().as_encoded_bytes());
    let mut strangers = 0;
    // A process has no command line while it becomes another program, and none any more once it is dead.
    for _ in 0..BETWEEN_PROGRAMS {
        match fs::read(format!("/proc/{pid}/cmdline")) {
            Ok(line) if ours(&line) => return true,
            Ok(line) if line.is_empty() && is_dead(pid) => return false,
            Ok(line) => strangers += u32::from(!line.is_empty()),
            Err(_) => return false,
        }
        if strangers == STRANGERS {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Whether the process has ended, though its parent may not have heard of it.
fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // pid (name) state …: a name may hold anything, brackets too.
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// The thread stays with the process: the system ties a tied child to the *thread* that made it.
fn spawn(home: &Home, port: u16, options: Options) -> Result<u32> {
    let mut command = command(home, port, options)?;
    let (tell, told) = sync_channel(1);
    let wait = move || match command.spawn() {
        Ok(mut child) => {
            let _ = tell.send(Ok(child.id()));
            let _ = child.wait();
        }
        Err(error) => {
            let _ = tell.send(Err(error));
        }
    };
    let program = Path::new("setpriv");
    std::thread::Builder::new().name("postgres".into()).spawn(wait).map_err(io("cannot watch", program))?;
    let spawned = told.recv().map_err(|error| failed("starting Postgres", error.to_string()))?;
    spawned.map_err(io("cannot run", program))
}

fn command(home: &Home, port: u16, options: Options) -> Result<Command> {
    let log = home.log();
    let words = File::create(&log).map_err(io("cannot make", &log))?;
    let more = words.try_clone().map_err(io("cannot open", &log))?;
    let mut command = home.command("postgres", options.tied);
    // Ctrl-C reaches everybody in the terminal's group; the server is to live until what is under way is drained.
    command.process_group(0);
    command.arg("-D").arg(home.data()).stdout(words).stderr(more);
    let on = if options.fsync { "on" } else { "off" };
    for setting in [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        format!("fsync={on}"),
        format!("full_page_writes={on}"),
        format!("max_connections={}", options.connections),
        "shared_buffers=32MB".into(),
        "timezone=UTC".into(),
        "log_timezone=UTC".into(),
    ] {
        command.arg("-c").arg(setting);
    }
    Ok(command)
}

fn free_port() -> Result<u16> {
    let nowhere = Path::new("127.0.0.1:0");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(io("cannot listen on", nowhere))?;
    listener.local_addr().map(|address| address.port()).map_err(io("cannot listen on", nowhere))
}

/// The end of its log: what went wrong stands there.
fn last_words(home: &Home) -> String {
    let text = fs::read(home.log()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_is_dead_before_anybody_waits_for_it() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(!is_dead(child.id()));
        drop(child.stdin.take());
        while !is_dead(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_dead(child.id()), "nobody has this number");
    }
}
