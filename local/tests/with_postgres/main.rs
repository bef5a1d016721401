//! What needs a real Postgres: one server for this binary, one database a test.
#![cfg(test)]

mod database;
mod server;
mod support;
