//! Content for mails that have none yet: those of a schedule's run are composed at their first claim, so that a run
//! for ten thousand users is no transaction of ten thousand bodies.

use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_schemas::UserId;
use bellwether_schemas::previews::UserFollowed;

use super::brand::Look;
use super::compose::{Composed, compose};
use super::core::words;
use super::error::ComposeError;
use super::frame::{Late, Setting};
use super::headers::Headers;
use super::kind::MailKind;
use super::outbox::{Claimed, Outbox, RunKey, StoredRun};
use super::render::Templates;
use super::scheduled::Prepared;
use super::unsubscribe::WayOut;

/// Composes what the runs of one tenant owe.
#[derive(Clone)]
pub(super) struct Renderer {
    pub(super) templates: Arc<Templates>,
    pub(super) look: Arc<Look>,
    pub(super) clock: Clock,
    /// The run that was asked for last: its mails come one after the other.
    pub(super) last: Option<Arc<LastRun>>,
}

/// A run as it is composed of, once for all who get its mails.
pub(super) struct LastRun {
    schedule: String,
    key: String,
    stored: StoredRun,
    prepared: Prepared,
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
        let (run, user) = (self.run(outbox, RunKey { schedule, key }).await?, UserId(mail.user_id));
        let own = match run.stored.content.kind() {
            MailKind::Brief => outbox.followed(user).await?,
            _ => None,
        };
        let composed = self.compose(&run, own, user, recipient);
        let composed =
            composed.map_err(|error| Unrendered::Never(words(&format!("cannot be composed: {error}"))))?;
        if outbox.keep(mail, &composed).await? { Ok(composed.content) } else { Err(Unrendered::NotOurs) }
    }

    async fn run(&mut self, outbox: &Outbox, run: RunKey<'_>) -> Result<Arc<LastRun>, Unrendered> {
        if let Some(last) = &self.last
            && (last.schedule.as_str(), last.key.as_str()) == (run.schedule, run.key)
        {
            return Ok(last.clone());
        }
        let gone = || Unrendered::Never("the run that it belongs to is gone".into());
        let stored = outbox.run(run).await?.ok_or_else(gone)?;
        let prepared = Prepared::from(stored.content.clone());
        let (schedule, key) = (run.schedule.into(), run.key.into());
        let found = Arc::new(LastRun { schedule, key, stored, prepared });
        self.last = Some(found.clone());
        Ok(found)
    }

    fn compose(
        &self,
        run: &LastRun,
        own: Option<UserFollowed>,
        user: UserId,
        recipient: &str,
    ) -> Result<Composed, ComposeError> {
        let Self { templates, look, .. } = self;
        let LastRun { stored, prepared, .. } = run;
        let (now, kind) = (self.clock.now(), stored.content.kind());
        let way_out = WayOut::of(look, user, kind);
        let way_out = way_out.as_ref();
        let late = stored.delayed.then_some(Late { due: stored.due, now });
        let rendered = prepared.with(own).render(Setting { templates, look, late, way_out }, now)?;
        let occurrence = stored.content.occurrence(user);
        let headers = Headers { kind, occurrence: &occurrence, recipient, way_out, date: now };
        compose(look, &headers, rendered)
    }
}
