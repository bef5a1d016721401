//! The thread that talks to the registry: at start, and whenever an id is met that nobody knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bellwether_schemas::codec::SchemaName;
use tokio::sync::mpsc::Receiver;

use super::client::{CallFailure, Client, subject};
use super::ids::{Known, Table};
use super::{MAX_ASKED, RegistryError};
use crate::log::Access;

/// Tries at start when nothing was learnt before; one when everything was.
const TRIES: u32 = 5;
/// After this many tries an unknown id is told to the operator. It is still asked for, at the longest pause.
const QUIET_TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Keeper {
    pub(super) client: Client,
    pub(super) table: Arc<Table>,
    pub(super) access: Access,
}

impl Keeper {
    pub(super) fn run(self, opened: &SyncSender<Result<(), RegistryError>>, asked: Receiver<u32>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = opened.send(Err(RegistryError::Thread { reason: error.to_string() }));
                return;
            }
        };
        runtime.block_on(async {
            let met = match self.access {
                Access::Write => self.meet().await,
                Access::Read => Ok(()),
            };
            let goes_on = met.is_ok();
            let _ = opened.send(met);
            if goes_on {
                self.answer(asked).await;
            }
        });
    }

    /// Finds every schema's id, or goes on with those of before.
    async fn meet(&self) -> Result<(), RegistryError> {
        let complete = self.table.is_complete();
        let (mut tries, mut pause) = (if complete { 1 } else { TRIES }, FIRST_PAUSE);
        let failure = loop {
            tries -= 1;
            match self.all_ids().await {
                Ok(ids) => {
                    self.table.write_as(ids);
                    return Ok(());
                }
                Err(error @ RegistryError::Away { .. }) if tries > 0 => {
                    tracing::warn!(error = %error, "the schema registry is away; trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => break error,
            }
        };
        match failure {
            RegistryError::Away { reason, .. } if complete => {
                let registry = self.client.address.as_str();
                tracing::warn!(
                    registry,
                    reason,
                    "the schema registry is away; going on with the ids of before"
                );
                Ok(())
            }
            failure => Err(failure),
        }
    }

    /// In the order of our own ids, so that whoever is first does not matter.
    async fn all_ids(&self) -> Result<Vec<(SchemaName, u32)>, RegistryError> {
        let mut ids = Vec::new();
        for schema in SchemaName::ALL {
            let id = self.client.id_of(*schema).await.map_err(|failure| self.error(failure, *schema))?;
            self.refuse_taken(*schema, id)?;
            ids.push((*schema, id));
        }
        Ok(ids)
    }

    /// An id that meant another of our schemas before: records under it would be read as what they are not.
    fn refuse_taken(&self, schema: SchemaName, id: u32) -> Result<(), RegistryError> {
        let learnt = match self.table.meaning(id) {
            Some(Known::Ours(other)) => Some((other, self.table.file())),
            Some(Known::Foreign) | None => None,
        };
        let checked_in = SchemaName::by_id(id).map(|other| (other, "schemas/avro/ids.json".into()));
        match checked_in.or(learnt).filter(|(other, _)| *other != schema) {
            None => Ok(()),
            Some((other, file)) => {
                let (url, schema, other) = (self.client.address.to_string(), schema.name(), other.name());
                Err(RegistryError::Taken { url, schema, id, file, other })
            }
        }
    }

    fn error(&self, failure: CallFailure, schema: SchemaName) -> RegistryError {
        let url = self.client.address.to_string();
        match failure {
            CallFailure::Away(reason) => RegistryError::Away { url, cache: self.table.file(), reason },
            CallFailure::Refused(reason) => RegistryError::Refused { url, subject: subject(schema), reason },
        }
    }

    /// Until the last [`super::Registry`] is gone. What cannot be answered now is asked again, less and less often.
    async fn answer(&self, mut asked: Receiver<u32>) {
        let mut waiting: BTreeMap<u32, u32> = BTreeMap::new();
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                id = asked.recv(), if waiting.len() < MAX_ASKED => match id {
                    Some(id) => {
                        waiting.insert(id, 0);
                        pause = FIRST_PAUSE;
                    }
                    None => return,
                },
                () = tokio::time::sleep(pause), if !waiting.is_empty() => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            for id in waiting.keys().copied().collect::<Vec<_>>() {
                match self.look_up(id).await {
                    Ok(meaning) => {
                        self.table.learn(id, meaning);
                        waiting.remove(&id);
                    }
                    Err(reason) => {
                        let tries = waiting.entry(id).or_default();
                        *tries += 1;
                        self.tell(id, *tries, &reason);
                    }
                }
            }
        }
    }

    async fn look_up(&self, id: u32) -> Result<Known, String> {
        match self.client.text_of(id).await {
            Ok(Some(text)) => Ok(SchemaName::by_text(&text).map_or(Known::Foreign, Known::Ours)),
            Ok(None) => Err("it has no such id".into()),
            Err(CallFailure::Away(reason) | CallFailure::Refused(reason)) => Err(reason),
        }
    }

    fn tell(&self, id: u32, tries: u32, reason: &str) {
        let registry = self.client.address.as_str();
        if tries == QUIET_TRIES {
            tracing::error!(
                schema.id = id,
                registry,
                reason,
                "records wait until the schema registry knows their id"
            );
        } else {
            tracing::debug!(
                schema.id = id,
                registry,
                reason,
                "the schema registry did not say what an id means"
            );
        }
    }
}
