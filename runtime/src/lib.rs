//! What every role stands on: the log behind one seam, how a journal is read, configuration, the list of roles and of
//! metrics, the clock, shutdown. Knows Kafka, not RSI.
#![warn(missing_docs)]

pub mod backoff;
pub mod clock;
pub mod config;
pub mod crash;
pub mod decisions;
pub mod finding;
pub mod http;
pub mod incident;
pub mod jobs;
pub mod journal;
pub mod log;
pub mod member;
pub mod metric_names;
pub mod ping;
pub mod progress;
pub mod registry;
pub mod roles;
pub mod secret;
pub mod shutdown;
pub mod slot;
pub mod snapshots;
pub mod telemetry;
pub mod tenants;
pub mod trace;
pub mod words;
