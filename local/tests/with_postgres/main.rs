//! What needs a real Postgres: one server for this binary, one database a test.
#![cfg(test)]

mod alert_changes;
mod database;
mod repairs;
mod server;
mod support;
