//! What needs a real Postgres: one server for this binary, one database a test.
#![cfg(test)]

mod alert_changes;
mod ancestor;
mod capture;
mod database;
mod doctor;
mod kinds;
mod line;
mod line_types;
mod log_away;
mod migrations;
mod pages;
mod preferences;
mod repairs;
mod retention;
mod rights;
mod rights_of_others;
mod rights_of_the_gateway;
mod saved_alerts;
mod server;
mod shared;
mod support;
mod would_have;
