//! Mail: groups of triggers become mails in the tenant's own outbox, and leave over SMTP.
//!
//! Two tasks a tenant: one composes, reading the feed and moving the cursor in the transaction that
//! fills the outbox; one delivers what the outbox owes. They meet in the database only.

pub mod bounce;
pub mod brand;
pub mod colour;
pub mod compose;
pub(crate) mod composer;
pub mod core;
mod decide;
pub mod delivery;
pub mod doctor;
pub mod error;
pub mod events;
mod frame;
pub mod group;
mod headers;
pub mod kind;
pub(crate) mod kinds;
mod late_rendering;
pub mod limits;
pub(crate) mod local_time;
mod measure;
mod number;
pub mod occurrence;
pub mod outbox;
pub mod preview;
#[cfg(test)]
mod reading;
pub mod recipients;
mod release;
pub mod render;
mod retry;
#[cfg(test)]
pub(crate) mod samples;
pub mod scheduled;
pub mod server;
pub mod session;
mod size;
mod socket;
mod template_files;
pub mod terms;
mod tls;
pub mod trial;
pub mod unsubscribe;

use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::roles::MAIL;
use bellwether_runtime::shutdown::Shutdown;

use self::composer::Composer;
use self::delivery::Timing;
use self::render::Templates;
use crate::error::SinkError;
use crate::feed::{Context, run as feed};

/// The sink's name: its group in the log and its cursor in the database.
pub const SINK: &str = MAIL.short_name();

/// Mails every tenant's triggers until shutdown.
///
/// # Errors
/// The templates do not compile, or the log cannot be read on. A tenant whose database or server is out of reach is
/// no error: that tenant waits.
pub async fn run(context: Context) -> Result<(), SinkError> {
    let start = |error: render::RenderError| SinkError::Start { sink: SINK, reason: error.to_string() };
    let templates = Arc::new(Templates::compile().map_err(start)?);
    let made = context.clone();
    let composer = move |lane| Composer::new(lane, templates.clone(), &made);
    feed(context, SINK, move |lane| Box::pin(composer(lane).run())).await
}

/// Sends what one tenant's outbox owes until shutdown, and adds nothing to it: half of what [`run`] does, for whoever
/// judges that half by itself. False where the tenant's file, its database or its server is not right; that was said.
pub async fn deliver(tenant: &Tenant, timing: Timing, clock: Clock, shutdown: Shutdown) -> bool {
    composer::deliver(tenant, timing, clock, shutdown).await.is_some()
}
