//! The contract between stages: records, ids, topics and the codec. No IO, no async, no clock.
#![warn(missing_docs)]

pub mod alerts;
pub mod bars;
pub mod calendar;
pub mod codec;
pub mod dead_letter;
pub mod decisions;
pub mod heatmap;
pub mod ids;
pub mod journal;
mod listed;
pub mod market_hours;
pub mod previews;
pub mod price;
pub mod readings;
pub mod settings;
pub mod snapshots;
pub mod tick_codec;
pub mod ticks;
pub mod time;
pub mod topics;
pub mod triggers;

pub use ids::{AlertId, Symbol, TenantId, TriggerId, UserId};
pub use journal::{Entry, Origin};
pub use price::Price;
pub use time::{SessionAnchor, Timeframe, Timestamp};
pub use topics::{Topic, TopicKind};
