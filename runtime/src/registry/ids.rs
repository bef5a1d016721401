//! What is known of a registry's ids, in memory and in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_schemas::codec::SchemaName;
use serde::{Deserialize, Serialize};

/// Ids of schemas that are not ours kept in memory: beyond it they are asked for again.
const MAX_FOREIGN: usize = 10_000;

/// What an id means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A schema of ours, under the name that its file has.
    Ours(SchemaName),
    /// A schema that is none of ours.
    Foreign,
}

#[derive(Debug)]
pub(super) struct Table {
    url: String,
    cache: PathBuf,
    state: Mutex<State>,
    learnt: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What each of our schemas is written as.
    written: BTreeMap<&'static str, u32>,
    meanings: BTreeMap<u32, Known>,
    asked: BTreeSet<u32>,
}

/// The file: ids of one registry. Those of another one are not used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    registry: String,
    /// Schema to id, for what is written.
    write: BTreeMap<String, u32>,
    /// Id to schema, for what is read: also ids of before.
    read: BTreeMap<u32, String>,
}

impl Table {
    /// With what the file holds of this registry; a file that is not there or no such file holds nothing.
    pub(super) fn load(url: &str, cache: &Path) -> Self {
        let file = std::fs::read(cache).ok().and_then(|bytes| serde_json::from_slice::<File>(&bytes).ok());
        let state = file.filter(|file| file.registry == url).map(State::from).unwrap_or_default();
        Self { url: url.into(), cache: cache.into(), state: Mutex::new(state), learnt: Condvar::new() }
    }

    pub(super) fn file(&self) -> String {
        self.cache.display().to_string()
    }

    pub(super) fn written_as(&self, schema: SchemaName) -> Option<u32> {
        self.lock().written.get(schema.name()).copied()
    }

    /// Every schema of ours has an id.
    pub(super) fn is_complete(&self) -> bool {
        let state = self.lock();
        SchemaName::ALL.iter().all(|schema| state.written.contains_key(schema.name()))
    }

    pub(super) fn meaning(&self, id: u32) -> Option<Known> {
        self.lock().meanings.get(&id).copied()
    }

    /// True once for an id that nobody has asked for; it counts as asked for then.
    pub(super) fn is_new(&self, id: u32) -> bool {
        let mut state = self.lock();
        !state.meanings.contains_key(&id) && state.asked.insert(id)
    }

    pub(super) fn forget_asked(&self, id: u32) {
        self.lock().asked.remove(&id);
    }

    pub(super) fn await_meaning(&self, id: u32, patience: Duration) -> bool {
        let unknown = |state: &mut State| !state.meanings.contains_key(&id);
        let waited = self.learnt.wait_timeout_while(self.lock(), patience, unknown);
        waited.unwrap_or_else(PoisonError::into_inner).0.meanings.contains_key(&id)
    }

    /// From now on schemas are written as these ids.
    pub(super) fn write_as(&self, ids: Vec<(SchemaName, u32)>) {
        let mut state = self.lock();
        for (schema, id) in ids {
            state.written.insert(schema.name(), id);
            state.meanings.insert(id, Known::Ours(schema));
        }
        self.keep(state);
    }

    pub(super) fn learn(&self, id: u32, meaning: Known) {
        let mut state = self.lock();
        state.asked.remove(&id);
        let foreign = state.meanings.values().filter(|known| **known == Known::Foreign).count();
        if foreign >= MAX_FOREIGN {
            state.meanings.retain(|_, known| *known != Known::Foreign);
        }
        state.meanings.insert(id, meaning);
        self.keep(state);
        self.learnt.notify_all();
    }

    /// A file that cannot be written costs the next start its registry, and nothing now.
    fn keep(&self, state: MutexGuard<'_, State>) {
        let file = File::of(&self.url, &state);
        drop(state);
        if let Err(error) = write(&self.cache, &file) {
            let file = self.cache.display();
            tracing::warn!(%file, error = %error, "ids of the schema registry cannot be kept");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<File> for State {
    fn from(file: File) -> Self {
        let named = |name: &str| SchemaName::ALL.iter().copied().find(|schema| schema.name() == name);
        let written = file.write.iter().filter_map(|(name, id)| Some((named(name)?.name(), *id))).collect();
        let read = file.read.iter().filter_map(|(id, name)| Some((*id, Known::Ours(named(name)?))));
        Self { written, meanings: read.collect(), asked: BTreeSet::new() }
    }
}

impl File {
    fn of(url: &str, state: &State) -> Self {
        let read = state.meanings.iter().filter_map(|(id, known)| match known {
            Known::Ours(schema) => Some((*id, schema.name().to_string())),
            Known::Foreign => None,
        });
        let write = state.written.iter().map(|(name, id)| ((*name).to_string(), *id));
        Self { registry: url.into(), write: write.collect(), read: read.collect() }
    }
}

/// Under a name of this process first: others on this machine read and write the same file.
fn write(path: &Path, file: &File) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let aside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&aside, serde_json::to_vec_pretty(file)?)?;
    std::fs::rename(&aside, path)
}
