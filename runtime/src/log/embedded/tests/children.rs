//! Processes that are killed, that hold the lock, or that may not write any more.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

const FUNCTIONS: &str = "log::embedded::tests::children::";

/// Runs one of the functions below in a process of its own; `shell` is done before it begins.
fn spawn(function: &str, dir: &Path, shell: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{FUNCTIONS}{function}"), "--nocapture"])
        .env(CHILD, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {line}").unwrap();
    out.flush().unwrap();
}

/// What the child said, without what the test harness says around it.
fn said(output: &mut impl BufRead) -> Option<String> {
    output.lines().map_while(std::io::Result::ok).find_map(|line| line.strip_prefix("> ").map(str::to_owned))
}

fn payload(number: u64) -> Vec<u8> {
    format!("{number}/").into_bytes().repeat(1 + usize::try_from(number % 700).unwrap())
}

#[test]
fn child_appends_until_killed() {
    let Some(dir) = child_dir() else { return };
    let log = writer(&dir, 100_000);
    loop {
        let next = log.bounds(&journal()).unwrap().next;
        let batch = (next..next + 3).map(|number| keyed("k", &payload(number))).collect();
        let offset = log.append(&journal(), batch).wait().unwrap();
        say(&(offset + 2).to_string());
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..8 {
        let (mut child, mut output) = spawn("child_appends_until_killed", dir.path(), "");
        // The kill may cut the last line: a shorter number is a smaller one.
        let mut heard = |line: String| acknowledged = line.parse::<u64>().unwrap_or(0).max(acknowledged);
        for _ in 0..20 + round * 23 {
            heard(said(&mut output).unwrap());
        }
        child.kill().unwrap();
        while let Some(line) = said(&mut output) {
            heard(line);
        }
        child.wait().unwrap();
        let (records, error) = drain(&open(dir.path(), Access::Read), &journal());
        assert!(error.is_none(), "{error:?}");
        assert!(
            records.len() as u64 > acknowledged,
            "{} records, {acknowledged} acknowledged",
            records.len()
        );
        for (number, record) in (0..).zip(&records) {
            assert_eq!((record.offset, &record.value), (number, &payload(number)));
        }
    }
    assert!(acknowledged > 8 * 20 * 3);
}

#[test]
fn child_holds_the_log() {
    let Some(dir) = child_dir() else { return };
    let log = writer(&dir, 1000);
    append(&log, "from the child");
    say("open");
    std::io::stdin().read_exact(&mut [0]).unwrap_or_default();
}

#[test]
fn a_second_writer_is_refused_and_told_the_pid_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut output) = spawn("child_holds_the_log", dir.path(), "");
    assert_eq!(said(&mut output).as_deref(), Some("open"));
    match EmbeddedLog::open(dir.path(), Access::Write, Clock::system()).unwrap_err() {
        LogError::Held { holder, .. } => assert_eq!(holder, child.id().to_string()),
        other => panic!("{other}"),
    }
    let beside = open(dir.path(), Access::Read);
    assert_eq!(values(&drain(&beside, &journal()).0), ["from the child"], "reading is allowed");
    child.kill().unwrap();
    child.wait().unwrap();
    append(&open(dir.path(), Access::Write), "the dead hold nothing");
}

#[test]
fn child_writes_until_its_files_may_not_grow() {
    let Some(dir) = child_dir() else { return };
    let log = writer(&dir, 1 << 30);
    let large = vec![b'x'; 10_000];
    loop {
        match log.append(&journal(), vec![keyed("large", &large)]).wait() {
            Ok(offset) => say(&offset.to_string()),
            Err(error) => {
                say(&error.to_string());
                break;
            }
        }
    }
    // What could not go in whole is cut back: something smaller still fits.
    match log.append(&journal(), vec![keyed("small", b"s")]).wait() {
        Ok(offset) => say(&format!("small at {offset}")),
        Err(error) => say(&error.to_string()),
    }
}

#[test]
fn an_append_that_does_not_fit_on_the_disk_is_cut_back_and_a_smaller_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let limit = "trap '' XFSZ; ulimit -f 200;";
    let (mut child, mut output) = spawn("child_writes_until_its_files_may_not_grow", dir.path(), limit);
    let mut lines = Vec::new();
    while let Some(line) = said(&mut output) {
        lines.push(line);
    }
    child.wait().unwrap();
    let offsets = lines.iter().filter(|line| line.parse::<u64>().is_ok()).count();
    assert!(offsets > 5, "{lines:?}");
    assert!(lines[offsets].contains("out of reach") && lines[offsets].contains("bytes"), "{lines:?}");
    assert_eq!(lines[offsets + 1], format!("small at {offsets}"));
    let (records, error) = drain(&open(dir.path(), Access::Read), &journal());
    assert!(error.is_none(), "{error:?}");
    assert_eq!((records.len(), &records[offsets].value[..]), (offsets + 1, &b"s"[..]));
    let written: usize = records.iter().map(|record| 32 + 12 + record.key.len() + record.value.len()).sum();
    let file = std::fs::metadata(segment_file(dir.path(), 0)).unwrap();
    assert_eq!(file.len(), written as u64, "nothing of what did not fit is left behind");
}
