//! A tenant's states in its snapshots topic, as everybody finds them again who goes on from one: the worker with its fold,
//! producers with what the journal said to them ([`crate::journal::view`]), whoever looks a time up.
//!
//! What the topic holds is [`Shelf`]; [`go_on_from`] finds the newest good state, [`oldest_base`] the first one that a
//! journal which was cut can be read from. Writing is the worker's.
//!
//! **Whose journal it is** is asked of the journal at every state: the record that was folded last has to be there, the
//! same and appended at the same time.
//!
//! **A journal that was cut** begins above offset 0. It can be read from a state whose last record it still has, and from
//! nowhere else: its first records alone say nothing of the alerts and settings before them.

mod bases;
mod search;
mod shelf;
mod state;

pub use bases::{Bases, Finished};
pub use search::{
    Found, Open, SnapshotFault, Told, go_on_from, newest_that, newest_whatever_the_journal, oldest_base,
    whole_base,
};
pub use shelf::{Refused, Shelf};
pub use state::StoredState;
