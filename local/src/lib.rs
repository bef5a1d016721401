//! The demo, and what only it and tests need: a private Postgres and Kafka, an inbox, tenants with users and alerts.

pub mod demo;
pub mod inbox;
pub mod kafka;
pub mod postgres;
pub mod samples;
pub mod seed;
