//! HTTP: health and metrics of every role, and the demo's site. A process builds its router of parts: what speaks to
//! machines ([`Operations`]), what people see ([`demo`]), each with the state it is given, [`guarded`] as one and
//! [`serve`]d.
#![warn(missing_docs)]

pub mod demo;
pub mod observer;
mod operations;
mod serve;
pub mod view;

pub use demo::live::{self, LiveState, TenantInfo};
pub use demo::mails::{self, MailHead, MailSource, MailView};
pub use demo::{Site, router};
pub use operations::{Metrics, Operations, TenantsHealth};
pub use serve::{guarded, serve};
