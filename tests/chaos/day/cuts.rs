//! Folds that go on from a state stored at a random offset.

use std::collections::BTreeSet;
use std::sync::Arc;

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::Log;
use bellwether_schemas::{Entry, TenantId, codec};

use crate::judged::Random;

/// What is wrong with folds that begin at so many random offsets: each has to end as the straight one does, byte for byte.
pub(crate) fn judge(log: &Arc<dyn Log>, tenant: &TenantId, cuts: usize, random: &mut Random) -> Vec<String> {
    let read = entries_to_fold(log.as_ref(), tenant, 0..u64::MAX).unwrap();
    let entries: Vec<(u64, Option<Entry>)> =
        read.map(|read| read.unwrap()).map(|(record, entry)| (record.offset, entry.ok())).collect();
    let mut places = BTreeSet::new();
    while places.len() < cuts.min(entries.len() - 1) {
        places.insert(1 + usize::try_from(random.next()).unwrap() % (entries.len() - 1));
    }
    let mut straight = Vec::new();
    let mut states = Vec::new();
    let mut engine = Engine::new(tenant.clone());
    for (place, entry) in entries.iter().enumerate() {
        if places.contains(&place) {
            let parts = engine.parts().map(|part| (part.key().to_string(), part.encode().unwrap()));
            states.push((place, straight.len(), parts.collect::<Vec<_>>()));
        }
        apply(&mut engine, entry, &mut straight);
    }
    let differs = |(place, outcomes, parts): (usize, usize, Vec<(String, Vec<u8>)>)| {
        let parts = parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let mut engine = Engine::from_stored(tenant.clone(), parts).unwrap();
        let mut suffix = Vec::new();
        entries[place..].iter().for_each(|entry| apply(&mut engine, entry, &mut suffix));
        (suffix != straight[outcomes..]).then(|| {
            format!("{tenant}: a fold that goes on at offset {} decides otherwise", entries[place].0)
        })
    };
    states.into_iter().filter_map(differs).collect()
}

/// What comes of it, as it is written.
fn apply(engine: &mut Engine, (offset, entry): &(u64, Option<Entry>), outcomes: &mut Vec<Vec<u8>>) {
    let Some(entry) = entry else { return };
    let mut effects = Vec::new();
    engine.apply(*offset, entry, &mut effects);
    let outcome = effects.iter().filter_map(|effect| match effect {
        Effect::Outcome(outcome) => Some(codec::encode_outcome(outcome).unwrap()),
        _ => None,
    });
    outcomes.extend(outcome);
}
