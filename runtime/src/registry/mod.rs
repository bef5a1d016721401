//! An optional schema registry (Confluent's API): which ids its log is written with, and what the ids in it mean.
//!
//! What is written carries the registry's ids; what is read may carry those or the checked-in ones, which lie where
//! no registry counts. Ids never change their meaning, so what was learnt once is kept on disk, and a registry that
//! is away stops nobody who has met it before. Each record is a subject of its own name ([`subject`]).

mod client;
mod ids;
mod keeper;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bellwether_schemas::codec::{self, SchemaName};
use tokio::sync::mpsc as tasks;

use crate::config::SchemaRegistry;
use crate::log::Access;
use ids::{Known, Table};

pub use client::subject;

/// Ids asked for and not answered yet; more are asked for when these are known.
const MAX_ASKED: usize = 64;

/// Why the registry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It answers that it will not have a schema.
    #[error("the schema registry at {url} refuses {subject}: {reason}")]
    Refused {
        /// Address of the registry, as it is configured.
        url: String,
        /// The subject under which the schema was to be registered.
        subject: String,
        /// The registry's own words.
        reason: String,
    },
    /// It does not answer, and nothing was learnt from it before.
    #[error("the schema registry at {url} does not answer, and {cache} holds no ids of it: {reason}")]
    Away {
        /// Address of the registry, as it is configured.
        url: String,
        /// The file of ids.
        cache: String,
        /// What came instead of an answer.
        reason: String,
    },
    /// An id would mean two things.
    #[error(
        "the schema registry at {url} gave {schema} the id {id}, which {file} has for {other}: was the registry set \
         up anew?"
    )]
    Taken {
        /// Address of the registry, as it is configured.
        url: String,
        /// Name of the schema that was registered.
        schema: &'static str,
        /// The id that the registry answered with.
        id: u32,
        /// Who knows the id.
        file: String,
        /// What the id means to us.
        other: &'static str,
    },
    /// The system gives no thread.
    #[error("cannot start the schema registry's thread: {reason}")]
    Thread {
        /// Why the system gives none.
        reason: String,
    },
}

/// What a process knows of its registry. Cheap to clone; its thread ends with the last clone.
#[derive(Debug, Clone)]
pub struct Registry {
    table: Arc<Table>,
    asks: tasks::Sender<u32>,
}

impl Registry {
    /// Looks up every schema of ours and registers those that are new; for reading, only what was learnt before is
    /// loaded. Blocks: some seconds at most when the registry is away, twenty when nothing was learnt yet either.
    ///
    /// # Errors
    /// See [`RegistryError`]; a registry that is away is none where the cache has every id.
    pub fn open(config: &SchemaRegistry, access: Access) -> Result<Option<Self>, RegistryError> {
        let Some(address) = config.url.clone() else { return Ok(None) };
        let table = Arc::new(Table::load(address.as_str(), &config.cache));
        let client = client::Client { address };
        let (asks, asked) = tasks::channel(MAX_ASKED);
        let (opened, answer) = mpsc::sync_channel(1);
        let keeper = keeper::Keeper { client, table: Arc::clone(&table), access };
        let thread = std::thread::Builder::new().name("schema-registry".into());
        let failed = |error: std::io::Error| RegistryError::Thread { reason: error.to_string() };
        thread.spawn(move || keeper.run(&opened, asked)).map_err(failed)?;
        let ended = || RegistryError::Thread { reason: "it ended".into() };
        answer.recv().map_err(|_| ended())??;
        Ok(Some(Self { table, asks }))
    }

    /// Gives a record that we encoded the registry's id.
    pub(crate) fn outward(&self, value: &mut [u8]) {
        let name = codec::schema_id(value).and_then(SchemaName::by_id);
        if let Some(id) = name.and_then(|name| self.table.written_as(name)) {
            codec::set_schema_id(value, id);
        }
    }

    /// Gives a record of ours its checked-in id; what is no record of ours stays as it is.
    ///
    /// # Errors
    /// Nobody knows yet what its id means; it is being asked for.
    pub(crate) fn inward(&self, value: &mut [u8]) -> Result<(), u32> {
        let Some(id) = codec::schema_id(value) else { return Ok(()) };
        if SchemaName::by_id(id).is_some() {
            return Ok(());
        }
        match self.table.meaning(id) {
            Some(Known::Ours(name)) => {
                codec::set_schema_id(value, name.id());
                Ok(())
            }
            Some(Known::Foreign) => Ok(()),
            None => {
                self.ask(id);
                Err(id)
            }
        }
    }

    /// Waits until it is known what an id means; false when it was not in time.
    pub(crate) fn await_meaning(&self, id: u32, patience: Duration) -> bool {
        self.ask(id);
        self.table.await_meaning(id, patience)
    }

    /// No room means that others are asked for: whoever needs this one comes back.
    fn ask(&self, id: u32) {
        if self.table.is_new(id) && self.asks.try_send(id).is_err() {
            self.table.forget_asked(id);
        }
    }
}
