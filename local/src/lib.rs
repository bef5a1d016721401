//! What only the demo and the tests need: a private Postgres, an inbox, seeded tenants

pub mod inbox;
