//! Where the inbox pages get their mails from.

use bellwether_schemas::Timestamp;

/// Mails somebody keeps. Reading may block: the pages call it off the async threads.
pub trait MailSource: Send + Sync {
    /// The newest, newest first, at most `limit`.
    fn list(&self, limit: usize) -> Vec<MailHead>;

    /// One of them, if it is kept.
    fn get(&self, id: u64) -> Option<MailView>;
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHead {
    /// Number of the mail in the inbox, from 1.
    pub id: u64,
    /// Subject line, decoded from its header form.
    pub subject: String,
    /// `Name <address>` or the address.
    pub from: String,
    /// Recipients' addresses, separated by commas.
    pub to: String,
    /// When the inbox took it, wall clock.
    pub received_at: Timestamp,
}

/// A whole mail. Nothing in it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// As in the list.
    pub head: MailHead,
    /// From the header, RFC 3339.
    pub date: Option<String>,
    /// All, in their order.
    pub headers: Vec<(String, String)>,
    /// The `text/plain` part, if the mail has one.
    pub text: Option<String>,
    /// The HTML part, pictures inside as data URLs.
    pub html: Option<String>,
    /// The bytes as text.
    pub raw: String,
}
