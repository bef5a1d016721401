//! The fold: a tenant's journal in, effects out.
//!
//! `apply(record) -> effects` is total and synchronous. What is absent is the point: no clock, no IO, no async, no
//! randomness, no map whose order could be seen. So live processing, recovery, replay and backtest are this one
//! function over the same bytes, and give the same triggers byte for byte.
//!
//! [`Engine::apply`] is in `engine/`, which walks over what a record brings; what is computed from bars is in
//! [`indicators`] and [`heatmap`], what each kind of alert means in `alerts/`. What a new indicator or kind takes is in
//! `CONTRIBUTING.md`.
#![warn(missing_docs)]

mod admission;
mod alerts;
mod bars;
mod calendar;
mod effect;
mod engine;
pub mod heatmap;
pub mod indicators;
mod leaders;
pub mod moves;
mod pairs;
mod rows;
mod same_time;
mod series;
pub mod snapshot;
pub mod strength;
mod symbols;
mod version;
mod watermark;
pub mod why;

pub use admission::FUTURE_BOUND;
pub use alerts::check_columns;
pub use effect::{Effect, Refusal, RefusalReason};
pub use engine::{Engine, PlayedMinute};
pub use rows::RowBand;
pub use version::Version;
pub use watermark::smallest_counting;

/// The newest version of the rules that this build knows: see [`Version`]. It rises when the same ticks could give other
/// triggers; a journal whose settings name a newer one is not folded.
pub const ENGINE_VERSION: i32 = Version::NEWEST.number();
