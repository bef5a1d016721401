//! `bellwether mail bounces`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use bellwether_database as database;
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::bounce::mailbox::Mails;
use bellwether_sinks::mail::bounce::{Intake, Tally};
use clap::Args;

use super::preview::of_file;
use crate::output::tell;
use crate::wiring::Process;

/// Reads what came back to the sender's address: who has no mailbox any more is mailed no more, the rest is noted.
///
/// It takes delivery reports (RFC 3464) of mails that the tenant sent to that very recipient; anything else is counted
/// and left alone. Reading the same mails again changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether mail bounces --tenant fxlabs /var/mail/bounces\n  \
    bellwether mail bounces --tenant fxlabs Maildir\n  bellwether mail bounces --tenant fxlabs - < report.eml")]
pub(crate) struct Bounces {
    /// Tenant whose mails came back.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// An mbox file, a single mail, a Maildir, or - for standard input.
    #[arg(value_name = "FILE")]
    from: PathBuf,
}

impl Bounces {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        for tenant in process.tenants_named(std::slice::from_ref(&self.tenant))? {
            let files = files(&self.from).map_err(|error| of_file(&self.from, &error))?;
            let mut intake = Intake::new(database::connect(&tenant).await?, tenant.id.clone());
            for file in &files {
                let mails = Mails::new(open(file).map_err(|error| of_file(file, &error))?);
                for mail in mails {
                    let mail = mail.map_err(|error| of_file(file, &error))?;
                    intake.take(&mail).await.context("a report cannot be noted")?;
                }
            }
            tell(&told(&tenant.id, intake.tally()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The files of a Maildir in the order of their names, or the one that is named.
fn files(from: &Path) -> io::Result<Vec<PathBuf>> {
    if !from.is_dir() {
        return Ok(vec![from.into()]);
    }
    let mut files = Vec::new();
    for part in ["cur", "new"] {
        for entry in std::fs::read_dir(from.join(part))? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(file)?)))
}

/// `fxlabs: 3 mails read: 1 suppressed, 1 noted, 1 no report`
fn told(tenant: &TenantId, tally: &Tally) -> String {
    let mut parts: Vec<String> =
        tally.noted.iter().map(|(noted, count)| format!("{count} {}", noted.name())).collect();
    for (count, what) in [(tally.on_its_way, "on its way"), (tally.no_report, "no report")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("{tenant}: {} mails read{parts}\n", tally.mails)
}
