//! Dead letters: whatever could not be used is kept, however often, and nothing else is.

use std::collections::BTreeSet;

use bellwether_schemas::{TopicKind, codec};

use super::super::market::Letter;
use super::super::world::Around;
use super::{Expected, Verdict, Wrong};

pub(super) fn judge(number: usize, expected: &Expected, around: &Around, verdict: &mut Verdict) {
    let topic = around.topic(number, TopicKind::DeadLetters);
    let records = around.log.read(&topic, 0, u64::from(u32::MAX));
    let letter = |value: &[u8]| {
        let letter = codec::decode_dead_letter(value).unwrap();
        (letter.offset, letter.index, letter.reason)
    };
    let kept: BTreeSet<Letter> = records.iter().map(|record| letter(&record.value)).collect();
    let what = |(offset, index, reason): &Letter| {
        let tick = index.map(|index| format!(", {index} in it")).unwrap_or_default();
        format!("dead letter of record {offset} of {}{tick}: {reason}", expected.tenant)
    };
    for letter in expected.letters.difference(&kept) {
        verdict.find(Wrong::Lost, what(letter));
    }
    for letter in kept.difference(&expected.letters) {
        verdict.find(Wrong::Phantom, what(letter));
    }
}
