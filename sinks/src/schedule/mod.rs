//! What is owed by the tenant's own clock.

mod core;
pub mod decision;
pub mod reminders;
#[cfg(test)]
mod simulation;
pub mod slots;
