//! What only the demo and the tests need: a private Postgres, an inbox, seeded tenants

pub mod demo;
pub mod inbox;
pub mod kafka;
pub mod postgres;
pub mod seed;
