//! `bellwether deadletters show`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use bellwether_runtime::log::{Log, LogError, scan};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use clap::Args;
use serde_json::{Value, json};

use super::find::{Id, Kept, each, id};
use super::{hex, plain};
use crate::commands::journal;
use crate::exit::{Coded, NO_INPUT};
use crate::output::tell;
use crate::wiring::Process;

/// Shows letters whole: why, where from, the record's key, headers and bytes, and what it says where it can be read.
///
/// Letters of one record share its bytes: they are found wherever they are kept, at last in the log itself.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether deadletters show 1042/-/undecodable\n  \
    bellwether deadletters show 27/3/unknown_symbol --tenant fxlabs --json")]
pub(crate) struct ShowLetters {
    /// offset/index/reason, as `deadletters list` names it.
    key: String,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Whose. Repeatable; without it everybody's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// One JSON object a letter and line.
    #[arg(long)]
    json: bool,
}

impl ShowLetters {
    pub(super) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (log, tenants) = process.read_tenants(self.log.as_deref(), &self.tenant)?;
        let mut text = String::new();
        for tenant in &tenants {
            for (kept, found) in find(log.as_ref(), tenant, &self.key)? {
                let bytes = match found {
                    Some(bytes) => Some(bytes),
                    None => read_again(log.as_ref(), &kept.letter)?,
                };
                let shown = Shown { bytes, kept };
                text.push_str(&if self.json { shown.json() } else { shown.text() });
            }
        }
        if text.is_empty() {
            let of = tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join(", ");
            let message =
                format!("no dead letter {:?} of {of}: `deadletters list` names those there are", self.key);
            return Err(Coded { code: NO_INPUT, message }.into());
        }
        tell(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The original record: key, headers and bytes.
pub(super) struct Bytes {
    pub(super) record: DeadLetter,
    /// They are the whole record.
    pub(super) whole: bool,
    from: &'static str,
}

/// Letters with that key, of records of any topic, each with its record's bytes where a letter has all of them.
fn find(log: &dyn Log, tenant: &TenantId, key: &str) -> anyhow::Result<Vec<(Kept, Option<Bytes>)>> {
    let topic = Topic::new(tenant, TopicKind::DeadLetters);
    let mut found: BTreeMap<Id, Kept> = BTreeMap::new();
    let mut records: BTreeMap<String, DeadLetter> = BTreeMap::new();
    let offset = key.split('/').next().and_then(|offset| offset.parse::<i64>().ok());
    each(log, &topic, &(0..u64::MAX), &mut |record, letter| {
        if Some(letter.offset) != offset {
            return;
        }
        if holds_all(&letter) {
            records.entry(letter.topic.clone()).or_insert_with(|| letter.clone());
        }
        if letter.record_key() == key {
            let again = found.entry(id(&letter)).and_modify(|kept| kept.again(record));
            again.or_insert_with(|| Kept::new(record, letter));
        }
    })?;
    let with_bytes = |kept: Kept| {
        let record = records.get(&kept.letter.topic).cloned();
        let bytes = record.map(|record| Bytes { record, whole: true, from: "kept among the dead letters" });
        (kept, bytes)
    };
    Ok(found.into_values().map(with_bytes).collect())
}

fn holds_all(letter: &DeadLetter) -> bool {
    letter.size.map_or(!letter.original.is_empty(), |size| usize::try_from(size) == Ok(letter.original.len()))
}

/// From the topic it was read from, if that still has it; else what the letter has.
pub(super) fn read_again(log: &dyn Log, letter: &DeadLetter) -> anyhow::Result<Option<Bytes>> {
    let cut = || (!letter.original.is_empty()).then(|| letter.clone());
    let cut = || cut().map(|record| Bytes { record, whole: false, from: "kept among the dead letters" });
    let (Ok(topic), Ok(offset)) = (letter.topic.parse::<Topic>(), u64::try_from(letter.offset)) else {
        return Ok(cut());
    };
    let mut there = match scan(log, &topic, offset..offset.saturating_add(1)) {
        Ok(there) => there,
        Err(LogError::OffsetOutOfRange { .. } | LogError::UnknownTopic { .. }) => return Ok(cut()),
        Err(error) => return Err(error.into()),
    };
    let again = there.next().transpose()?.map(|found| {
        let mut whole = letter.clone().with_record(&found.key, &found.headers, &found.value);
        whole.original = found.value;
        whole
    });
    let same = again.filter(|again| letter.sha256.is_none() || letter.sha256 == again.sha256);
    Ok(same.map(|record| Bytes { record, whole: true, from: "read from its topic again" }).or_else(cut))
}

struct Shown {
    kept: Kept,
    bytes: Option<Bytes>,
}

impl Shown {
    /// What the record says, as its topic's readers see it; with the refused tick by itself.
    fn decoded(&self) -> Option<Result<Value, String>> {
        let bytes = self.bytes.as_ref().filter(|bytes| bytes.whole)?;
        let kind = self.kept.letter.topic.parse::<Topic>().ok()?.kind;
        let read = journal::read(kind, &bytes.record.original).map_err(|error| error.to_string());
        Some(read.map(|(name, body)| {
            let part = self.kept.letter.index.and_then(|index| usize::try_from(index).ok());
            let part = part.and_then(|index| body.get("ticks").or(body.get("bars"))?.get(index).cloned());
            json!({ "type": name, "refused": part, "record": body })
        }))
    }

    fn json(&self) -> String {
        let Kept { letter, first_at, last_at, times } = &self.kept;
        let record = self.bytes.as_ref().map(|bytes| {
            let header = |header: &bellwether_schemas::dead_letter::Header| json!({ "name": header.name, "value": hex(&header.value) });
            json!({
                "key": hex(&bytes.record.key), "headers": bytes.record.headers.iter().map(header).collect::<Vec<_>>(),
                "bytes": hex(&bytes.record.original), "size": bytes.record.size, "sha256": bytes.record.sha256,
                "whole": bytes.whole, "from": bytes.from,
            })
        });
        let decoded = self.decoded().map(|decoded| decoded.unwrap_or_else(|error| json!({ "error": error })));
        let line = json!({
            "tenant": letter.tenant, "key": letter.record_key(), "first_at": first_at, "last_at": last_at,
            "times": times, "topic": letter.topic, "partition": 0, "offset": letter.offset, "index": letter.index,
            "reason": letter.reason, "detail": letter.detail, "ts": letter.ts, "original": record,
            "decoded": decoded,
        });
        format!("{line}\n")
    }

    fn text(&self) -> String {
        let Kept { letter, first_at, last_at, times } = &self.kept;
        let index = letter.index.map(|index| format!(", place {index} in it")).unwrap_or_default();
        let mut text = format!("{} {}\n", letter.tenant, plain(&letter.record_key()));
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<11} {value}");
        };
        line("reason", plain(&letter.reason));
        line("detail", plain(&letter.detail));
        line("origin", format!("{}, partition 0, offset {}{index}", plain(&letter.topic), letter.offset));
        if let Some(ts) = letter.ts {
            line("event time", ts.to_string());
        }
        line("kept", format!("{first_at}, {times} times, last {last_at}"));
        match &self.bytes {
            None => line("record", "neither kept nor in its topic any more".into()),
            Some(bytes) => describe(bytes, &mut line),
        }
        self.tail(text)
    }

    /// What it says, and the bytes.
    fn tail(&self, mut text: String) -> String {
        match self.decoded() {
            Some(Ok(decoded)) => {
                if !decoded["refused"].is_null() {
                    let _ = writeln!(text, "  refused     {}", decoded["refused"]);
                }
                let name = decoded["type"].as_str().unwrap_or_default();
                let _ = writeln!(text, "  it says     {name} {}", decoded["record"]);
            }
            Some(Err(error)) => {
                let _ = writeln!(text, "  it says     nothing that can be read: {}", plain(&error));
            }
            None => {}
        }
        let dump = self.bytes.as_ref().map(|bytes| dump(&bytes.record.original)).unwrap_or_default();
        text + "\n" + &dump + if dump.is_empty() { "" } else { "\n" }
    }
}

fn describe(bytes: &Bytes, line: &mut impl FnMut(&str, String)) {
    let DeadLetter { key, headers, size, sha256, original, .. } = &bytes.record;
    line("key", format!("{} ({})", plain(&String::from_utf8_lossy(key)), hex(key)));
    for header in headers {
        line(
            "header",
            format!(
                "{} = {} ({})",
                plain(&header.name),
                plain(&String::from_utf8_lossy(&header.value)),
                hex(&header.value)
            ),
        );
    }
    let size = size.map_or_else(|| original.len().to_string(), |size| size.to_string());
    let cut = if bytes.whole { String::new() } else { format!(", the first {} below", original.len()) };
    line("record", format!("{size} bytes{cut}, {}", bytes.from));
    if let Some(sha256) = sha256 {
        line("sha256", plain(sha256));
    }
}

/// As hexdump -C: sixteen bytes a line, with the letters among them.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = digits.split_at(digits.len().min(8));
        let letter =
            |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let letters: String = line.iter().map(letter).collect();
        let _ = writeln!(
            text,
            "{:08x}  {:<23}  {:<23}  |{letters}|",
            number * 16,
            left.join(" "),
            right.join(" ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_dumped_sixteen_a_line_with_their_letters() {
        let bytes: Vec<u8> = (0x3a..0x4c).collect();
        assert_eq!(
            dump(&bytes),
            "00000000  3a 3b 3c 3d 3e 3f 40 41  42 43 44 45 46 47 48 49  |:;<=>?@ABCDEFGHI|\n\
             00000010  4a 4b                                             |JK|\n"
        );
    }
}
