//! Tenants whose users, alerts and triggers have the same ids, through the real sinks: no row, mail, log line or metric of
//! one shows another, nothing is missing and nothing is twice. Once with a database each, once with one for all of them,
//! where users differ: Auth knows each once.
//!
//! `ROWS` (6,000) triggers, half of them in each shape, of `TENANTS` (10) tenants. A tenant's id is its canary: it stands in
//! its name, its sender, its links, its users' addresses and in what its triggers say, and is looked for everywhere.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod judge;
mod pipelines;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../support/smtp.rs"]
mod smtp;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Stands before the metrics in what the pipelines print.
const METRICS: &str = "metrics:";
/// Stands before each password that was used.
const SECRET: &str = "secret:";
/// Stands before what was found.
const VERDICT: &str = "verdict:";

/// Every canary in a text.
fn canaries(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices("canary").map(|(at, _)| &text[at..]);
    starts.filter_map(|rest| rest.find('z').map(|end| &rest[..=end])).filter(|word| word.len() < 12).collect()
}

#[test]
fn no_row_mail_log_line_or_metric_of_a_tenant_shows_another() {
    // In a process of its own: its log is what an operator would see.
    let mut pipelines = Command::new(std::env::current_exe().unwrap());
    pipelines.args(["--ignored", "--exact", "pipelines::run", "--nocapture"]);
    let ran = pipelines.output().unwrap();
    let (stdout, log) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stdout}\n{}", &log[log.len().saturating_sub(5_000)..]);
    let metrics = stdout.split_once(METRICS).unwrap().1.split_once(VERDICT).unwrap().0;
    assert!(metrics.lines().count() > 20 && log.lines().count() > 20, "{metrics}\n{log}");
    for line in log.lines().chain(metrics.lines()) {
        assert!(canaries(line).len() < 2, "one tenant's line shows another: {line}");
    }
    let secrets: Vec<&str> = stdout.lines().filter_map(|line| line.strip_prefix(SECRET)).collect();
    assert!(secrets.len() >= 3);
    for secret in secrets {
        for written in [secret.to_owned(), STANDARD.encode(secret), secret.to_uppercase()] {
            let written = written.trim_end_matches('=');
            assert!(!log.contains(written) && !metrics.contains(written), "a secret is shown");
        }
    }
    let verdicts: Vec<&str> = stdout.lines().filter(|line| line.starts_with(VERDICT)).collect();
    assert_eq!(verdicts.len(), 2, "one a shape");
    verdicts.iter().for_each(|verdict| println!("{verdict}"));
    println!("{} log lines, {} metrics", log.lines().count(), metrics.lines().count());
}
