//! What is owed by the tenant's own clock: the brief of each morning, reminders of the news calendar.
//!
//! A thread reads the tenants' readings for the group, which shares the tenants out; for each a task looks at what is
//! due. There is no leader and no plan: the decision is made in the transaction that records it, in the tenant's own
//! database and by its clock, so any number of workers may look.

pub(crate) mod core;
pub mod decision;
mod events;
mod keeper;
mod market;
#[cfg(test)]
pub(crate) mod plainly;
pub mod reminders;
mod runs;
#[cfg(test)]
mod simulation;
pub mod slots;
pub mod upcoming;

use bellwether_runtime::roles::{Context, SCHEDULE};

use self::keeper::Keeper;
use crate::error::SinkError;
use crate::follow::Follower;
use crate::thread;

/// The sink's name: its group in the log and its lock in the database.
pub const SINK: &str = SCHEDULE.short_name();

/// Keeps every tenant's schedule until shutdown.
///
/// # Errors
/// The log cannot be read on. A tenant whose database is out of reach is no error: that tenant waits.
pub async fn run(context: Context) -> Result<(), SinkError> {
    let runtime = tokio::runtime::Handle::current();
    let given = context.clone();
    let keep =
        move |tenant, market, shutdown| runtime.spawn(Keeper::new(tenant, market, &given, shutdown).run());
    let follower = Follower::new(context, SCHEDULE, Box::new(keep));
    thread::on_its_own(SINK, move || follower.run()).await
}
