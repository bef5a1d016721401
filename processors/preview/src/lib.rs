//! The answer at creation: for an alert that was accepted, how often it would have fired over the thirty days before.
//!
//! A member of the group folds its tenants' journals like a worker, but keeps what a worker does not: each minute that
//! closed in the last thirty days, and the engine's state from before them ([`window`]). An accepted change is answered by
//! playing those minutes into that state with the alert in it ([`answer`]): the engine's own code over bars. What is answered
//! when is decided in [`core`], without IO; [`run`] performs it.
//!
//! An answer follows from the journal up to the change alone, so whoever makes it again writes the same bytes.
//!
//! Once a day of market time it is also said what followed each user's own triggers of the last thirty days ([`users`]).
#![warn(missing_docs)]

pub mod answer;
mod answering;
pub mod core;
mod drive;
mod error;
mod events;
pub mod fired;
pub mod fold;
mod followed;
mod recovering;
mod recovery;
pub mod users;
pub mod window;

pub use bellwether_runtime::roles::Context;
pub use drive::{GROUP, run};
pub use error::PreviewError;
