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
use bellwether_runtime::finding::Finding;

pub use self::links::links;
pub use self::readers::readers;
pub use self::relay::relay;
pub use self::shape::shape;

use self::dns::Dns;

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
