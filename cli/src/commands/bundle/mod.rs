//! `bellwether bundle`, and what is done with its files: `rerun`, `shrink`.

pub(super) mod file;
pub(crate) mod rerun;
pub(crate) mod shrink;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use bellwether_schemas::{TenantId, Topic, TopicKind};
use bellwether_worker::bundle::{About, Bundle as Bundled, NotCollected, Wanted, collect};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::exit::{Coded, NO, of_snapshots};
use crate::named_offset::NamedOffset;
use crate::output::{note, tell};
use crate::wiring::Process;

/// Puts into one file what a trigger, an alert or a record came of, to be folded anywhere by `bellwether rerun`.
///
/// The file holds the state of the nearest snapshot before it, the journal's records from there on, what operators decided
/// of them, the tenant's settings as its journal has them, what was recorded, and the versions of all that. It holds no
/// secret and no mail address: neither is in a journal. What users named in their alerts it does hold.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether bundle 6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11 --tenant fxlabs --out trigger.bundle\n  \
    bellwether bundle 1042 --tenant fxlabs --log kafka://127.0.0.1:9092 --to 2024-01-02T11:00:00Z --out record.bundle\n  \
    bellwether rerun trigger.bundle")]
pub(crate) struct Bundle {
    /// A trigger's id, an alert's id, or an offset of the journal.
    #[arg(value_name = "TRIGGER|ALERT|OFFSET")]
    what: What,
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Up to here, without it: an offset, an event time, or end. Without it as far as needed: to a trigger's cause, to the
    /// last trigger of an alert's newest version, to the record itself.
    #[arg(long, value_name = "Y")]
    to: Option<NamedOffset>,
    /// The file; - is stdout.
    #[arg(long, value_name = "F")]
    out: PathBuf,
    /// A JSON object about the file.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
struct What(Wanted);

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse(), text.parse()) {
            (Ok(offset), _) => Ok(Self(Wanted::Offset(offset))),
            (_, Ok(id)) => Ok(Self(Wanted::Id(id))),
            _ => Err("it is neither the id of a trigger or an alert nor an offset of the journal".into()),
        }
    }
}

impl Bundle {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let journal = Topic::new(&self.tenant, TopicKind::Journal);
        let end = self.to.map(|to| to.offset(log.as_ref(), &journal)).transpose()?;
        let bar = records_bar(0);
        let mut show = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let bundle = collect(log.as_ref(), &self.tenant, self.what.0, end, &mut show);
        bar.finish_and_clear();
        let bundle = bundle.map_err(|error| refused(&self.tenant, error))?;
        let bytes = bundle.encode().map_err(|error| file::bad(&self.out, &error))?;
        file::write(&self.out, &bytes)?;
        let told = if self.json { self.json(&bundle, bytes.len()) } else { self.text(&bundle, bytes.len()) };
        if file::is_stdout(&self.out) {
            note(&told)
        } else {
            tell(&told)?
        }
        Ok(ExitCode::SUCCESS)
    }

    fn text(&self, bundle: &Bundled, size: usize) -> String {
        format!(
            "{}: {}, {}, {}; {} bytes\n",
            self.out.display(),
            about(bundle),
            state(bundle),
            counted(bundle),
            size
        )
    }

    fn json(&self, bundle: &Bundled, size: usize) -> String {
        let line = json!({
            "type": "bundle", "file": self.out.display().to_string(), "about": bundle.head.about,
            "state_at": bundle.head.state_at, "end": bundle.head.end, "records": bundle.records.len(),
            "recorded": bundle.recorded.as_ref().map(Vec::len), "bytes": size,
        });
        format!("{line}\n")
    }
}

/// What it is about, in words.
fn about(bundle: &Bundled) -> String {
    let tenant = &bundle.head.tenant;
    match bundle.head.about {
        About::Trigger { id, cause } => format!("trigger {id} of {tenant}, caused by journal {cause}"),
        About::Alert { id } => format!("alert {id} of {tenant}"),
        About::Record { offset } => format!("journal offset {offset} of {tenant}"),
    }
}

fn state(bundle: &Bundled) -> String {
    match (&bundle.state, bundle.head.state_at) {
        (Some(_), Some(offset)) => format!("the state at offset {offset}"),
        (Some(_), None) => "a state".into(),
        (None, _) => "no state".into(),
    }
}

fn counted(bundle: &Bundled) -> String {
    let recorded =
        bundle.recorded.as_ref().map(|recorded| format!(" and {} recorded outcomes", recorded.len()));
    format!("{} records{}", bundle.records.len(), recorded.unwrap_or_default())
}

fn refused(tenant: &TenantId, error: NotCollected) -> Coded {
    let code = match &error {
        NotCollected::Fault(fault) => of_snapshots(fault),
        NotCollected::Unknown(_) | NotCollected::Outside { .. } => NO,
        NotCollected::Bad(_) => crate::exit::DATA,
    };
    Coded { code, message: format!("{tenant}: {error}") }
}

/// Hidden by itself where stderr is no terminal.
fn records_bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
