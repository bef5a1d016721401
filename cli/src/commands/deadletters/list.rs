//! `bellwether deadletters list`.

use std::fmt::Write as _;
use std::num::NonZero;
use std::process::ExitCode;

use bellwether_runtime::log::Log;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use clap::Args;
use serde_json::json;

use super::find::{Kept, newest};
use super::{hex, plain};
use crate::named_offset::NamedOffset;
use crate::output::tell;
use crate::wiring::Process;

/// Most characters of a reason in the table; `show` and `--json` have all of it.
const DETAIL: usize = 80;

/// Lists each letter once, newest last: when it was kept first, its key, where it is from, how often it was written.
///
/// The key is offset/index/reason: writing it again, as a worker does after a crash, is harmless and counted here.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether deadletters list\n  \
    bellwether deadletters list --tenant fxlabs --reason undecodable --from 2026-05-01T00:00:00Z --json")]
pub(crate) struct ListLetters {
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Whose. Repeatable; without it everybody's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Only letters with this reason: undecodable, misrouted, malformed, unknown_symbol, future, late, absurd,
    /// bar_exists, row_refused, panic, skipped.
    #[arg(long)]
    reason: Option<String>,
    /// Kept from here on: a time, an offset of the dead letters, start or end.
    #[arg(long, default_value = "start")]
    from: NamedOffset,
    /// Kept before here: a time, an offset of the dead letters, start or end.
    #[arg(long, default_value = "end")]
    to: NamedOffset,
    /// At most so many of each tenant, the newest.
    #[arg(long, value_name = "COUNT", default_value = "50")]
    limit: NonZero<u16>,
    /// One JSON object a letter and line.
    #[arg(long)]
    json: bool,
}

impl ListLetters {
    pub(super) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (log, tenants) = process.read_tenants(self.log.as_deref(), &self.tenant)?;
        let mut text = String::new();
        let mut rows = Vec::new();
        for tenant in &tenants {
            let letters = self.of(log.as_ref(), tenant)?;
            if self.json {
                letters.iter().for_each(|kept| text.push_str(&line(kept)));
            }
            rows.extend(letters);
        }
        if !self.json {
            text = table(&rows);
        }
        tell(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn of(&self, log: &dyn Log, tenant: &TenantId) -> anyhow::Result<Vec<Kept>> {
        let topic = Topic::new(tenant, TopicKind::DeadLetters);
        // An offset may be meant for another tenant's topic, which is longer.
        let end = log.bounds(&topic)?.next;
        let range =
            self.from.offset_by_append(log, &topic)?.min(end)..self.to.offset_by_append(log, &topic)?;
        let wanted = |reason: &str| self.reason.as_ref().is_none_or(|wanted| wanted == reason);
        let limit = usize::from(self.limit.get());
        Ok(newest(log, &topic, &range, limit, &|letter| wanted(&letter.reason))?)
    }
}

fn line(kept: &Kept) -> String {
    let Kept { letter, first_at, last_at, times } = kept;
    let line = json!({
        "tenant": letter.tenant, "key": letter.record_key(), "first_at": first_at, "last_at": last_at,
        "times": times, "topic": letter.topic, "partition": 0, "offset": letter.offset, "index": letter.index,
        "reason": letter.reason, "detail": letter.detail, "ts": letter.ts, "size": letter.size,
        "sha256": letter.sha256, "record_key": hex(&letter.key),
    });
    format!("{line}\n")
}

/// Columns as wide as what stands in them.
fn table(rows: &[Kept]) -> String {
    if rows.is_empty() {
        return "no dead letters\n".into();
    }
    let titles = ["WHEN", "FROM", "KEY", "TIMES", "SIZE", "WHY"].map(String::from);
    let lines: Vec<[String; 6]> = std::iter::once(titles).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let [when, from, key, times, size] = [width(0), width(1), width(2), width(3), width(4)];
    let mut text = String::new();
    for [a, b, c, d, e, why] in &lines {
        let _ = writeln!(text, "{a:<when$}  {b:<from$}  {c:<key$}  {d:>times$}  {e:>size$}  {why}");
    }
    text
}

fn cells(kept: &Kept) -> [String; 6] {
    let Kept { letter, first_at, times, .. } = kept;
    let detail = plain(&letter.detail);
    let why = match detail.char_indices().nth(DETAIL) {
        Some((cut, _)) => format!("{}…", &detail[..cut]),
        None => detail,
    };
    [
        first_at.to_string(),
        plain(&letter.topic),
        plain(&letter.record_key()),
        times.to_string(),
        letter.size.map_or_else(|| "-".into(), |size| size.to_string()),
        why,
    ]
}
