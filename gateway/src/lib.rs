//! HTTP: the demo page, health and metrics
#![warn(missing_docs)]

pub mod app;
mod health;
pub mod live;
pub mod mails;
pub mod observer;
mod operations;
mod page;
mod socket;
pub mod view;

pub use app::{Site, router, serve};
pub use live::{LiveState, TenantInfo};
pub use mails::{MailHead, MailSource, MailView};
pub use operations::{Metrics, operations};
