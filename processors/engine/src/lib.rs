//! The fold: a tenant's journal in, effects out.
//!
//! `apply(record) -> effects` is total and synchronous. What is absent is the point: no clock, no IO, no async, no
//! randomness, no map whose order could be seen. So live processing, recovery, replay and backtest are this one
//! function over the same bytes, and give the same triggers byte for byte.
//!
//! To add an indicator: one file in `indicators/`, one field of [`indicators::Indicators`], one line in its `update`.
#![warn(missing_docs)]

mod admission;
mod alerts;
mod bars;
mod effect;
mod engine;
pub mod heatmap;
pub mod indicators;
mod leaders;
mod pairs;
mod same_time;
mod series;
pub mod snapshot;
pub mod strength;
mod symbols;
mod watermark;

pub use admission::FUTURE_BOUND;
pub use effect::{Effect, Refusal, RefusalReason};
pub use engine::Engine;
pub use watermark::smallest_counting;

/// Rises when the same journal could give other triggers. A journal whose settings name a newer one is not folded.
pub const ENGINE_VERSION: i32 = 1;
