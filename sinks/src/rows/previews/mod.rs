//! Previews into `alert_status.would_have`, and what users are told of their own alerts into `bellwether.user_followed`. A
//! thread reads the tenants' previews for a group of its own, which shares the tenants out; whoever is given one reads its
//! topic from the start, and a task for each tenant stores what its rows do not say yet. Nothing depends on where the group stands: a preview is stored where its row speaks of its version, so
//! one that is read again changes nothing, and one that comes before its status waits for it.

mod events;
mod keeper;
mod waiting;

use bellwether_runtime::roles::{Context, WOULD_HAVE};

use self::keeper::Keeper;
use crate::error::SinkError;
use crate::follow::Follower;
use crate::thread;

/// Stores every tenant's previews until shutdown.
///
/// # Errors
/// The log cannot be read on. A tenant whose database is out of reach is no error: that tenant waits.
pub(super) async fn run(context: Context) -> Result<(), SinkError> {
    let runtime = tokio::runtime::Handle::current();
    let given = context.clone();
    let keep =
        move |tenant, waiting, shutdown| runtime.spawn(Keeper::new(tenant, waiting, &given, shutdown).run());
    let follower = Follower::new(context, WOULD_HAVE, Box::new(keep));
    thread::on_its_own(WOULD_HAVE.short_name(), move || follower.run()).await
}
