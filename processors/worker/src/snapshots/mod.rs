//! A tenant's state in its snapshots topic: written now and then, found again by who owns the tenant next.
//!
//! What the topic holds is [`Shelf`]; [`load_newest`] finds the state to go on from, [`store_snapshot`] writes one. Snapshots are
//! a cache: with none of them a fold begins at the journal's start and gives the same, only later. So whatever is
//! wrong with one is a reason to take the one before, and nothing here stops a tenant but a journal that is not the one
//! its snapshots were taken of.
//!
//! Once a day the same state is also written as a *base* ([`store_base`]), which a journal may begin at: that much of its
//! front as its tenant keeps no longer is cut off then ([`cut_journal`]). Of a journal that was cut, its bases are no
//! cache.
//!
//! **Many writers.** A worker that was replaced and does not know it may write here too. Everything stands under the hash of
//! its content, so nothing it writes is wrong; the longest fold counts, so nothing it writes is preferred; and the
//! owner reads the topic along and writes again what the other took away.

mod cut;
mod load;
mod store;

pub use bellwether_runtime::snapshots::{Found, Refused, Shelf};
pub use cut::{Cut, NotCut, cut_journal};
pub(crate) use load::restore;
pub use load::{load_behind_a_gap, load_newest, load_oldest};
pub use store::{NotStored, Stored, store_base, store_snapshot};

use bellwether_engine::Engine;
use bellwether_engine::snapshot::Part;
use bellwether_runtime::journal::gist::{Gist, TakenGist};
use bellwether_schemas::snapshots::{LastFolded, LateKept};
use bellwether_schemas::{TenantId, Timestamp};

/// A state taken between two records of a journal, to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// The record before it.
    pub last: LastFolded,
    /// Event time up to which the journal is complete.
    pub watermark: Option<Timestamp>,
    /// Of the rules in force.
    pub engine_version: i32,
    /// How far the sampling of late ticks is.
    pub late: LateKept,
    /// All of the engine's state.
    pub parts: Vec<Part>,
    /// What the journal said to producers.
    pub gist: TakenGist,
}

/// A state to go on from.
#[derive(Debug)]
pub struct State {
    /// What has folded every record before `next_offset`.
    pub engine: Engine,
    /// The gist of these records.
    pub gist: Gist,
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// How far the sampling of late ticks is.
    pub late: LateKept,
}

impl State {
    /// Of a tenant of which nothing was folded.
    pub(crate) fn nothing(tenant: &TenantId) -> Self {
        let engine = Engine::new(tenant.clone());
        Self { engine, gist: Gist::default(), next_offset: 0, late: LateKept::default() }
    }
}
