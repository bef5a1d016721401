//! For the simulation, whose schedule is held to these statements: settles what is due over a market that is empty.

use bellwether_runtime::config::Tenant;
use bellwether_schemas::Timestamp;

use super::market::Market;
use super::runs::{Runs, Settled};
use crate::follow::Contents;
use crate::mail::brand::Look;
use crate::mail::outbox::Outbox;

/// What it settled: the time by the database's clock, and when the next is due.
pub(crate) async fn settle(tenant: &Tenant, outbox: Outbox) -> (Timestamp, Option<Timestamp>) {
    let market = Market::default();
    market.assigned();
    market.begin(0);
    let look = Look::new(tenant).unwrap();
    let runs = Runs { tenant: tenant.clone(), outbox, look, configured: true };
    let Settled { now, next, .. } = runs.settle(&market).await.unwrap().unwrap();
    (now, next)
}
