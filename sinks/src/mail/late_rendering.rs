//! Content for mails that have none yet: those of a schedule's run are composed at their first claim, so that a run
//! for ten thousand users is no transaction of ten thousand bodies.

use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_schemas::UserId;

use super::brand::Look;
use super::compose::{Composed, compose};
use super::core::words;
use super::error::ComposeError;
use super::frame::{Late, Setting};
use super::headers::Headers;
use super::outbox::{Claimed, Outbox, RunKey, StoredRun};
use super::render::Templates;
use super::scheduled;
use super::unsubscribe::WayOut;

/// Composes what the runs of one tenant owe.
pub(super) struct Renderer {
    pub(super) templates: Arc<Templates>,
    pub(super) look: Arc<Look>,
    pub(super) clock: Clock,
    /// The run that was asked for last: its mails come one after the other.
    pub(super) last: Option<(String, String, Arc<StoredRun>)>,
}

/// Why a mail has no content.
#[derive(Debug)]
pub(super) enum Unrendered {
    /// It never will: for this reason.
    Never(String),
    /// The database said no: another time.
    NotNow(sqlx::Error),
    /// The claim is somebody else's by now.
    NotOurs,
}

impl From<sqlx::Error> for Unrendered {
    fn from(error: sqlx::Error) -> Self {
        Self::NotNow(error)
    }
}

impl Renderer {
    /// The content of a claimed mail, which the outbox keeps from now on.
    pub(super) async fn content(&mut self, outbox: &Outbox, mail: &Claimed) -> Result<Vec<u8>, Unrendered> {
        let (Some(schedule), Some(key), Some(recipient)) = (&mail.schedule, &mail.run_key, &mail.recipient)
        else {
            return Err(Unrendered::Never("its address or content is gone".into()));
        };
        let run = self.run(outbox, RunKey { schedule, key }).await?;
        let composed = self.compose(&run, UserId(mail.user_id), recipient);
        let composed =
            composed.map_err(|error| Unrendered::Never(words(&format!("cannot be composed: {error}"))))?;
        if outbox.keep(mail, &composed).await? { Ok(composed.content) } else { Err(Unrendered::NotOurs) }
    }

    async fn run(&mut self, outbox: &Outbox, run: RunKey<'_>) -> Result<Arc<StoredRun>, Unrendered> {
        if let Some((schedule, key, stored)) = &self.last
            && (schedule.as_str(), key.as_str()) == (run.schedule, run.key)
        {
            return Ok(stored.clone());
        }
        let gone = || Unrendered::Never("the run that it belongs to is gone".into());
        let stored = Arc::new(outbox.run(run).await?.ok_or_else(gone)?);
        self.last = Some((run.schedule.into(), run.key.into(), stored.clone()));
        Ok(stored)
    }

    fn compose(&self, run: &StoredRun, user: UserId, recipient: &str) -> Result<Composed, ComposeError> {
        let Self { templates, look, .. } = self;
        let (now, kind) = (self.clock.now(), run.content.kind());
        let way_out = WayOut::of(look, user, kind);
        let way_out = way_out.as_ref();
        let late = run.delayed.then_some(Late { due: run.due, now });
        let rendered = scheduled::render(Setting { templates, look, late, way_out }, &run.content)?;
        let occurrence = run.content.occurrence(user);
        let headers = Headers { kind, occurrence: &occurrence, recipient, way_out, date: now };
        compose(look, &headers, rendered)
    }
}
