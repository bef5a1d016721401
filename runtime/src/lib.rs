//! The log behind one seam, configuration, telemetry, shutdown. Knows Kafka, not RSI.
#![warn(missing_docs)]

pub mod clock;
pub mod config;
pub mod log;
pub mod secret;
pub mod shutdown;
