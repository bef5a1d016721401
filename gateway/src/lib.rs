//! HTTP: what the outside may ask for ([`public`]), health and metrics of every role ([`Operations`]), and the demo's site ([`demo`]), which [`demo::observer`] feeds
//! from the log in the words of [`demo::view`]. A process merges the routers it has, guards them as one ([`guarded`]) and
//! serves them ([`serve()`]).
#![warn(missing_docs)]

pub mod demo;
mod events;
mod operations;
pub mod public;
mod serve;

pub use demo::live::{self, LiveState, TenantInfo};
pub use demo::mails::{self, MailHead, MailSource, MailView};
pub use demo::{Site, router};
pub use operations::{Metrics, Operations, Readiness, TenantsHealth};
pub use serve::{guarded, serve};
