//! What stands between a tenant's mail and its readers' inboxes: looked up from outside, as a receiver would, and each
//! thing told with what to do about it. Changes nothing and sends nothing.
//!
//! [`sender`] asks the DNS about the sender's domain and the relay, [`relay`] connects to it, [`links`] asks the address
//! of one-click unsubscribing, [`shape`] weighs brand and mails, [`readers`] counts what went where.

mod dkim;
mod dmarc;
pub mod dns;
mod hosts;
mod links;
mod readers;
mod relay;
mod shape;
mod spf;
mod tags;
#[cfg(test)]
mod tests;

use bellwether_runtime::config::Tenant;

pub use self::links::links;
pub use self::readers::readers;
pub use self::relay::relay;
pub use self::shape::shape;

use self::dns::Dns;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Mail goes out, and could fare better.
    Warn,
    /// Mail does not go out, or does not arrive.
    Fault,
}

impl Level {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which thing: `spf`, `dkim` and so on.
    pub about: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; none where it is as it should be.
    pub advice: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, level: Level::Ok, found: found.into(), advice: None }
    }

    /// It could fare better, and how.
    #[must_use]
    pub fn warn(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, level: Level::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    /// It is wrong, and what to do.
    #[must_use]
    pub fn fault(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, level: Level::Fault, found: found.into(), advice: Some(advice.into()) }
    }
}

/// Whose mail is looked at, as receivers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Right of the `@` in `From` and in the envelope, which are one address.
    pub domain: String,
    /// The server that mail is handed to; none where the tenant has none.
    pub relay: Option<String>,
    /// Which of the signer's keys it signs with, where the tenant's file says.
    pub selector: Option<String>,
    /// The domain it signs for.
    pub signer: String,
}

impl Sender {
    /// As the tenant's file says.
    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        let mail = &tenant.mail;
        let domain = mail.from.address().domain().to_ascii_lowercase();
        Self {
            relay: mail.smtp.as_ref().map(|smtp| smtp.host().to_string()),
            selector: mail.dkim_selector.as_ref().map(ToString::to_string),
            signer: mail
                .dkim_domain
                .as_ref()
                .map_or_else(|| domain.clone(), |name| name.to_string().to_lowercase()),
            domain,
        }
    }
}

/// What the DNS says of a sender: SPF, DKIM, DMARC, MX, and the relay's PTR.
pub async fn sender(dns: &impl Dns, sender: &Sender) -> Vec<Finding> {
    vec![
        spf::look(dns, &sender.domain).await,
        dkim::look(dns, sender).await,
        dmarc::look(dns, sender).await,
        hosts::mx(dns, &sender.domain).await,
        hosts::ptr(dns, sender.relay.as_deref()).await,
    ]
}
