//! What needs a real Postgres: one server for this binary, one database a test.
#![cfg(test)]

mod alert_changes;
mod database;
mod kinds;
mod line;
mod line_types;
mod repairs;
mod rights;
mod saved_alerts;
mod server;
mod support;
