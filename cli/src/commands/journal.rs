//! `bellwether journal`.

use std::io::Write;
use std::process::ExitCode;

use bellwether_runtime::log::{Record, scan};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::previews::Preview;
use bellwether_schemas::snapshots::{PartEntry, SnapshotRecord};
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::topics::Policy;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Topic, TopicKind, codec, price};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::named_offset::NamedOffset;
use crate::output::failed;
use crate::wiring::Process;

/// What the log holds, readable.
#[derive(Subcommand)]
pub(crate) enum Journal {
    Cat(Cat),
}

/// Prints the records of one topic of one tenant.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether journal cat --log embedded:data/log --tenant fxlabs --from 100 --to 120\n  \
    bellwether journal cat --tenant fxlabs --topic triggers --json"
)]
pub(crate) struct Cat {
    /// The log: embedded:DIR. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Tenant whose topic is shown.
    #[arg(long)]
    tenant: TenantId,
    /// journal, triggers, readings, previews, snapshots or deadletters.
    #[arg(long, default_value = "journal")]
    topic: TopicKind,
    /// From here on: an offset, an event time (journal only), start or end.
    #[arg(long, default_value = "start")]
    from: NamedOffset,
    /// Up to and without here.
    #[arg(long, default_value = "end")]
    to: NamedOffset,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Journal {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let Self::Cat(cat) = self;
        cat.run(process)
    }
}

impl Cat {
    fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let topic = Topic::new(&self.tenant, self.topic);
        let range = self.from.offset(log.as_ref(), &topic)?..self.to.offset(log.as_ref(), &topic)?;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for record in scan(log.as_ref(), &topic, range)? {
            write_record(&mut out, self.topic, &record?, self.json).map_err(failed)?;
        }
        out.flush().map_err(failed)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn write_record(out: &mut impl Write, kind: TopicKind, record: &Record, json: bool) -> std::io::Result<()> {
    let (name, body) = match read(kind, &record.value) {
        Ok(read) => read,
        // Nothing stands under its key any more.
        Err(_) if kind.policy() == Policy::Compact && record.is_tombstone() => ("tombstone", Value::Null),
        Err(error) => ("undecodable", json!({ "error": error.to_string(), "bytes": record.value.len() })),
    };
    let key = String::from_utf8_lossy(&record.key);
    if json {
        let line = json!({
            "offset": record.offset, "appended_at": record.appended_at, "key": key, "type": name, "record": body,
        });
        writeln!(out, "{line}")
    } else {
        writeln!(out, "{:>8}  {}  {name:<16}  {body}", record.offset, record.appended_at)
    }
}

/// What a record of such a topic says: its name and itself.
pub(super) fn read(kind: TopicKind, value: &[u8]) -> anyhow::Result<(&'static str, Value)> {
    match kind {
        TopicKind::Journal => {
            let entry = codec::decode_entry(value)?;
            Ok((entry.name(), entry_json(&entry)?))
        }
        TopicKind::Triggers => match codec::decode_outcome(value)? {
            Outcome::Fired(trigger) => Ok(("trigger_fired", serde_json::to_value(&trigger)?)),
            Outcome::Status(status) => Ok(("alert_status", serde_json::to_value(&status)?)),
        },
        TopicKind::Readings => Ok(("reading", serde_json::to_value(codec::decode_reading(value)?)?)),
        TopicKind::Previews => match codec::decode_preview(value)? {
            Preview::Alert(preview) => Ok(("alert_preview", serde_json::to_value(&preview)?)),
            Preview::User(followed) => Ok(("user_followed", serde_json::to_value(&followed)?)),
        },
        TopicKind::Snapshots => snapshot_json(&codec::decode_snapshot(value)?),
        TopicKind::DeadLetters => Ok(("dead_letter", letter_json(&codec::decode_dead_letter(value)?)?)),
    }
}

fn entry_json(entry: &Entry) -> serde_json::Result<Value> {
    match entry {
        Entry::Ticks(block) => ticks_json(block),
        Entry::Bars(block) => serde_json::to_value(block),
        Entry::Heartbeat(beat) => serde_json::to_value(beat),
        Entry::Alert(change) => serde_json::to_value(change),
        Entry::Settings(change) => serde_json::to_value(change),
        Entry::Calendar(change) => serde_json::to_value(change),
        Entry::Decision(decided) => serde_json::to_value(decided),
    }
}

/// What a piece holds is for engines: its size is shown.
fn snapshot_json(record: &SnapshotRecord) -> anyhow::Result<(&'static str, Value)> {
    let entries = |parts: &[PartEntry]| -> Vec<Value> {
        let entry =
            |part: &PartEntry| json!({ "name": part.name, "bytes": part.size, "hashes": hex(&part.hashes) });
        parts.iter().map(entry).collect()
    };
    Ok(match record {
        SnapshotRecord::Piece(piece) => {
            ("snapshot_part", json!({ "tenant": piece.tenant, "bytes": piece.content.len() }))
        }
        SnapshotRecord::Index(index) => ("snapshot_index", json!({ "parts": entries(&index.parts) })),
        SnapshotRecord::Manifest(manifest) => {
            let mut value = serde_json::to_value(manifest)?;
            value["last"]["sha256"] = hex(&manifest.last.sha256).into();
            value["index"] = hex(&manifest.index).into();
            value["parts"] = entries(&manifest.parts).into();
            ("snapshot_manifest", value)
        }
        SnapshotRecord::Owner(word) => ("snapshot_owner", serde_json::to_value(word)?),
        SnapshotRecord::Suspect(suspect) => ("snapshot_suspect", serde_json::to_value(suspect)?),
        SnapshotRecord::Quarantine(record) => ("snapshot_quarantine", serde_json::to_value(record)?),
    })
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Key and original as hexadecimal digits: they may be anything.
fn letter_json(letter: &DeadLetter) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(letter)?;
    value["key"] = hex(&letter.key).into();
    value["original"] = hex(&letter.original).into();
    Ok(value)
}

/// Ticks with their names and prices, as a person thinks of them.
fn ticks_json(block: &TickBlock) -> serde_json::Result<Value> {
    let ticks: Vec<Value> = block
        .ticks
        .iter()
        .filter_map(|tick| Some((tick, block.symbols.get(usize::from(tick.symbol))?)))
        .map(|(tick, symbol)| {
            json!({
                "ts": tick.ts, "symbol": symbol.name,
                "bid": price::value(tick.bid, symbol.scale), "ask": price::value(tick.ask, symbol.scale),
                "judged": symbol.judged, "spacing": symbol.spacing,
            })
        })
        .collect();
    Ok(json!({
        "origin": serde_json::to_value(&block.origin)?, "ingested_at": block.ingested_at,
        "first_seq": block.first_seq, "ticks": ticks,
    }))
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;

    use super::*;

    fn written(kind: TopicKind, value: &[u8]) -> Value {
        let key = b"a key".to_vec();
        let record =
            Record { offset: 3, appended_at: Timestamp(0), key, headers: Vec::new(), value: value.into() };
        let mut out = Vec::new();
        write_record(&mut out, kind, &record, true).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_tombstone_is_damage_only_where_nothing_is_compacted() {
        for kind in TopicKind::ALL {
            let told = written(kind, b"");
            let is_compacted = kind.policy() == Policy::Compact;
            assert_eq!(told["type"], if is_compacted { "tombstone" } else { "undecodable" }, "{kind:?}");
            assert_eq!(told["key"], "a key");
            assert_eq!(written(kind, b"x")["type"], "undecodable", "{kind:?}");
        }
    }
}
