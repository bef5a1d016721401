//! `bellwether deadletters redrive`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, blocking};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};
use bellwether_sinks::feed::Delivered;
use bellwether_sinks::rows::Redrive;
use bellwether_sinks::rows::core::{FailureClass, WriteFailure};
use clap::Args;
use serde_json::json;

use super::find::each;
use super::plain;
use super::show::read_again;
use crate::exit::{CONFIG, Coded, NO, NO_INPUT, UNAVAILABLE};
use crate::output::tell;
use crate::wiring::Process;

/// The one reason that can be mended without folding anything again.
const ROW_REFUSED: &str = "row_refused";

/// Writes rows that a tenant's database refused once more: after the table or the grant was mended that refused them.
///
/// Each trigger becomes its row, and its user's page is told, as if it had been written at once; rows that are there
/// already stay as they are, so that a repeat is harmless. One that its user deleted since would come back: then name
/// the letters. Of letters with another reason it says why they cannot be redriven.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether deadletters redrive --tenant fxlabs\n  \
    bellwether deadletters redrive 321/-/row_refused --tenant fxlabs --json")]
pub(crate) struct RedriveLetters {
    /// offset/index/reason, as `deadletters list` names them; none: every letter with the reason row_refused.
    keys: Vec<String>,
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// One JSON object a letter and line.
    #[arg(long)]
    json: bool,
}

/// What became of a letter.
struct Redriven {
    key: String,
    is_done: bool,
    result: &'static str,
    detail: String,
}

impl RedriveLetters {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let found = process.tenants_named(std::slice::from_ref(&self.tenant))?.into_iter().next();
        let missing = || Coded { code: CONFIG, message: format!("no tenant {}", self.tenant) };
        let tenant = found.ok_or_else(missing)?;
        let letters = self.letters(&log).await?;
        if letters.is_empty() && !self.json {
            tell(&format!("{}: no row was refused\n", self.tenant))?;
        }
        let (mut all_done, mut database) = (true, None);
        for letter in letters {
            // Each is told as it is done: the next may end the command.
            let letter = redrive(&log, &tenant, &mut database, letter).await?;
            tell(&self.line(&letter))?;
            all_done &= letter.is_done;
        }
        Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }

    /// Those named, or all that can be redriven: each once, in the order of their records.
    async fn letters(&self, log: &Arc<dyn Log>) -> anyhow::Result<Vec<DeadLetter>> {
        let (log, topic) = (Arc::clone(log), Topic::new(&self.tenant, TopicKind::DeadLetters));
        let keys = self.keys.clone();
        let found = blocking(move || {
            let mut found: BTreeMap<(i64, String), DeadLetter> = BTreeMap::new();
            each(log.as_ref(), &topic, &(0..u64::MAX), &mut |_, letter| {
                let key = letter.record_key();
                let is_wanted = keys.contains(&key) || (keys.is_empty() && letter.reason == ROW_REFUSED);
                if is_wanted {
                    found.entry((letter.offset, key)).or_insert(letter);
                }
            })?;
            anyhow::Ok(found)
        });
        let found = found.await??;
        let is_there = |key: &&String| found.keys().any(|(_, there)| there == *key);
        if let Some(key) = self.keys.iter().find(|key| !is_there(key)) {
            let message = format!(
                "no dead letter {key:?} of {}: `deadletters list` names those there are",
                self.tenant
            );
            return Err(Coded { code: NO_INPUT, message }.into());
        }
        Ok(found.into_values().collect())
    }

    fn line(&self, letter: &Redriven) -> String {
        let (tenant, Redriven { key, result, detail, .. }) = (&self.tenant, letter);
        if self.json {
            return format!(
                "{}\n",
                json!({ "tenant": tenant, "key": key, "result": result, "detail": detail })
            );
        }
        let detail = if detail.is_empty() { String::new() } else { format!(": {}", plain(detail)) };
        format!("{tenant} {}  {result}{detail}\n", plain(key))
    }
}

/// One letter; fails only where the others would, too.
async fn redrive<'a>(
    log: &Arc<dyn Log>,
    tenant: &'a Tenant,
    database: &mut Option<Redrive<'a>>,
    letter: DeadLetter,
) -> anyhow::Result<Redriven> {
    let key = letter.record_key();
    let not = |result, detail| Redriven { key: key.clone(), is_done: false, result, detail };
    if letter.reason != ROW_REFUSED {
        return Ok(not("not redriven", why_not(&letter.reason).into()));
    }
    let Some(record) = original(log, letter).await? else {
        return Ok(not("not redriven", "its record is neither kept whole nor in its topic any more".into()));
    };
    if database.is_none() {
        bellwether_database::check_configured(tenant)?;
        *database = Some(Redrive::open(tenant).await.map_err(|failure| unreachable(&failure))?);
    }
    let Some(open) = database.as_mut() else { return Ok(not("not redriven", String::new())) };
    match open.write(record).await {
        Ok(receipt) => {
            let rows: u64 = receipt.rows.iter().map(|(_, rows)| rows).sum();
            let result = match (receipt.forgotten, rows + receipt.statuses) {
                (1.., _) => "left out: its user was forgotten",
                (0, 0) => "was there",
                (0, 1..) => "written",
            };
            Ok(Redriven { key, is_done: true, result, detail: String::new() })
        }
        Err(WriteFailure { class: FailureClass::Refused | FailureClass::UserGone, code, message }) => {
            // A transaction that failed took its connection along.
            *database = None;
            Ok(not("refused again", format!("{code}: {message}")))
        }
        Err(failure) => Err(unreachable(&failure).into()),
    }
}

/// The record that was refused, as the sink was given it.
async fn original(log: &Arc<dyn Log>, letter: DeadLetter) -> anyhow::Result<Option<Delivered>> {
    let log = Arc::clone(log);
    let offset = u64::try_from(letter.offset).unwrap_or_default();
    let bytes = blocking(move || read_again(log.as_ref(), &letter)).await??;
    let whole = bytes.filter(|bytes| bytes.whole).map(|bytes| bytes.record);
    let Some(record) = whole else { return Ok(None) };
    let outcome = codec::decode_outcome(&record.original)?;
    Ok(Some(Delivered { offset, appended_at: bellwether_schemas::Timestamp(0), outcome, trace: None }))
}

fn unreachable(failure: &WriteFailure) -> Coded {
    let WriteFailure { code, message, .. } = failure;
    let message = format!("the tenant's database does not take anything now ({code}): {message}");
    Coded { code: UNAVAILABLE, message }
}

/// What there is to do instead.
fn why_not(reason: &str) -> &'static str {
    match reason {
        "panic" => {
            "its tenant stands before that record: `tenants resume --skip`, or a version that can fold it"
        }
        "skipped" => "somebody decided to skip it, and every replay does",
        "undecodable" | "misrouted" => "nobody can fold it: whoever wrote it has to write it rightly",
        "unknown_symbol" | "malformed" | "future" | "late" | "absurd" | "bar_exists" => {
            "time has gone on without it: what the journal gave then stays what it gives"
        }
        _ => "only rows that a database refused can be written again",
    }
}
