//! From records to a batch and its dead letters.

use bellwether_runtime::log::Record;
use bellwether_schemas::Topic;
use bellwether_schemas::codec::decode_outcome;
use bellwether_schemas::dead_letter::DeadLetter;

use super::lane::{Batch, Delivered};
use super::recognition;

/// Decodes one batch's worth of records; what does not belong comes back as dead letters.
pub(super) fn decode(topic: &Topic, records: Vec<Record>, from: u64, epoch: u64) -> (Batch, Vec<DeadLetter>) {
    let next_offset = records.last().map_or(from, |last| last.offset + 1);
    let (tenant, mark) = (topic.tenant.clone(), records.last().map(recognition::mark));
    let mut batch = Batch { tenant, records: Vec::new(), from, next_offset, mark, epoch };
    let mut letters = Vec::new();
    for record in records {
        match accept(topic, &record) {
            Ok(delivered) => batch.records.push(delivered),
            Err((reason, detail)) => {
                let letter = DeadLetter::new(topic, record.offset, reason, detail);
                letters.push(letter.with_record(&record.key, &record.headers, &record.value));
            }
        }
    }
    (batch, letters)
}

fn accept(topic: &Topic, record: &Record) -> Result<Delivered, (&'static str, String)> {
    let outcome = decode_outcome(&record.value).map_err(|error| ("undecodable", error.to_string()))?;
    if *outcome.tenant() != topic.tenant {
        return Err(("misrouted", format!("the record says it is tenant {}'s", outcome.tenant())));
    }
    let (offset, appended_at, trace) = (record.offset, record.appended_at, record.trace());
    Ok(Delivered { offset, appended_at, outcome, trace })
}
