//! Finding the state to go on from.

use bellwether_engine::Engine;
use bellwether_engine::snapshot::Part;
use bellwether_runtime::log::{Log, LogError, Record, scan};
use bellwether_schemas::snapshots::{ContentHash, Manifest, ManifestKey, PartEntry, separated};
use bellwether_schemas::{TenantId, Topic, TopicKind};

use super::State;
use super::shelf::{Refused, Shelf};
use crate::WorkerError;
use crate::events;

/// What a topic of snapshots had for a new owner.
#[derive(Debug)]
pub struct Loaded {
    /// The state of the newest good snapshot; none where there is no good one.
    pub state: Option<State>,
    /// What the topic holds, for who goes on to write there.
    pub shelf: Shelf,
}

/// Finds the newest snapshot of this tenant and of this journal that is whole and that this build can go on from. The
/// ones that are not are logged, and do not count any more. Blocks while the topic is read.
///
/// # Errors
/// The log is out of reach; or the journal is not the one that a sound snapshot was taken of, so that what came of
/// that one would pass for what comes of this.
pub fn load_newest(log: &dyn Log, tenant: &TenantId) -> Result<Loaded, WorkerError> {
    let mut shelf = Shelf::with_contents(tenant);
    match shelf.read_along(log) {
        Ok(()) => {}
        Err(LogError::UnknownTopic { .. }) => return Ok(Loaded { state: None, shelf }),
        Err(error) => return Err(error.into()),
    }
    for (key, why) in shelf.refused() {
        events::SnapshotRefused { tenant, next_offset: key.next_offset, why }.emit();
    }
    let mut state = None;
    while let (None, Some(key)) = (&state, shelf.newest()) {
        match open(log, tenant, &shelf, key)? {
            Ok(opened) => state = Some(opened),
            Err(why) => {
                events::SnapshotRefused { tenant, next_offset: key.next_offset, why: &why }.emit();
                shelf.refuse(key, why);
            }
        }
    }
    shelf.drop_contents();
    Ok(Loaded { state, shelf })
}

fn open(
    log: &dyn Log,
    tenant: &TenantId,
    shelf: &Shelf,
    key: ManifestKey,
) -> Result<Result<State, Refused>, WorkerError> {
    let Some((_, manifest)) = shelf.good().find(|(found, _)| *found == key) else {
        return Ok(Err(Refused::Damaged));
    };
    if let Some(why) = check_journal(log, tenant, manifest)? {
        return Ok(Err(why));
    }
    Ok(restore(tenant, shelf, manifest, key.next_offset))
}

/// Whether the journal is the one that the state is of.
fn check_journal(
    log: &dyn Log,
    tenant: &TenantId,
    manifest: &Manifest,
) -> Result<Option<Refused>, WorkerError> {
    let journal = Topic::new(tenant, TopicKind::Journal);
    let last = &manifest.last;
    let offset = last.offset.cast_unsigned();
    let bounds = log.bounds(&journal)?;
    if offset < bounds.start {
        return Ok(Some(Refused::RecordGone(offset)));
    }
    let replaced = || WorkerError::JournalDiffers { topic: journal.to_string(), offset };
    let found = match offset < bounds.next {
        true => scan(log, &journal, offset..offset + 1)?.next().transpose()?,
        false => None,
    };
    let Record { appended_at, key, value, .. } = found.ok_or_else(replaced)?;
    if ContentHash::of_record(&key, &value).bytes()[..] != last.sha256[..] {
        return Err(replaced());
    }
    Ok((appended_at != last.appended_at).then_some(Refused::OtherAppend(offset)))
}

fn restore(
    tenant: &TenantId,
    shelf: &Shelf,
    manifest: &Manifest,
    next_offset: u64,
) -> Result<State, Refused> {
    let entries = shelf.entries(manifest).ok_or_else(|| Refused::Incomplete("list of parts".into()))?;
    let parts = entries.into_iter().map(|entry| part(shelf, entry));
    let parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
    let engine = Engine::from_parts(tenant.clone(), parts)?;
    Ok(State { engine, next_offset, late: manifest.late })
}

/// The part from its pieces.
fn part(shelf: &Shelf, entry: &PartEntry) -> Result<Part, Refused> {
    let incomplete = || Refused::Incomplete(entry.name.clone());
    let hashes = separated(&entry.hashes).ok_or_else(incomplete)?;
    let pieces: Vec<&[u8]> =
        hashes.iter().map(|hash| shelf.content(hash)).collect::<Option<_>>().ok_or_else(incomplete)?;
    let bytes = pieces.concat();
    if i64::try_from(bytes.len()) != Ok(entry.size) {
        return Err(incomplete());
    }
    let key = entry.name.parse().map_err(|_| incomplete())?;
    Ok(Part::decode(key, &bytes)?)
}
