//! The inbox as the gateway's pages want it.

use bellwether_gateway::{MailHead, MailSource, MailView};

use super::{Mail, Store, Summary};

impl MailSource for Store {
    fn list(&self, limit: usize) -> Vec<MailHead> {
        self.newest(limit).iter().map(head).collect()
    }

    fn get(&self, id: u64) -> Option<MailView> {
        Self::get(self, id).map(view)
    }
}

/// Addresses of the envelope: reading every mail for its header would be slow.
fn head(summary: &Summary) -> MailHead {
    MailHead {
        id: summary.id,
        subject: summary.subject.clone(),
        from: summary.envelope.from.clone(),
        to: summary.envelope.to.join(", "),
        received_at: summary.received_at,
    }
}

fn view(mail: Mail) -> MailView {
    MailView {
        head: MailHead { from: mail.from, to: mail.to, ..head(&mail.summary) },
        date: mail.date,
        headers: mail.headers,
        text: mail.text,
        html: mail.html,
        raw: String::from_utf8_lossy(&mail.raw).into_owned(),
    }
}
