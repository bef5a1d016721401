//! What the headers of a mail say besides its subject. Those that lettre has no type for are built from checked parts;
//! lettre encodes and folds them.

use bellwether_schemas::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};

use super::brand::Look;
use super::kind::MailKind;
use super::occurrence::Occurrence;
use super::unsubscribe::WayOut;

/// Which mail it is, to whom it goes, and when it was composed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers<'a> {
    pub(crate) kind: MailKind,
    pub(crate) occurrence: &'a Occurrence,
    /// The user's address, as the tenant's Auth has it.
    pub(crate) recipient: &'a str,
    /// How the user stops mails of this kind, where that can be.
    pub(crate) way_out: Option<&'a WayOut>,
    /// The moment of composing.
    pub(crate) date: Timestamp,
}

impl Headers<'_> {
    /// What says that no person wrote this, whose list it belongs to, and how to leave it.
    pub(super) fn raw(&self, look: &Look) -> Vec<HeaderValue> {
        let Self { kind, way_out, .. } = *self;
        let feedback = format!("{kind}:{}:{}:{}", kind.stream(), look.tenant, look.domain());
        let mut headers =
            vec![header("Auto-Submitted", "auto-generated".into()), header("Feedback-ID", feedback)];
        if let Some(way_out) = way_out {
            let list = kind.name().replace('_', "-");
            headers.push(header("List-Id", format!("<{list}.{}s.{}>", kind.stream(), look.domain())));
            headers.extend(unsubscribe(way_out));
        }
        headers
    }
}

fn unsubscribe(way_out: &WayOut) -> Vec<HeaderValue> {
    let WayOut { mailto, https } = way_out;
    match https {
        Some(https) => vec![
            header("List-Unsubscribe", format!("<{https}>, <{mailto}>")),
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()),
        ],
        None => vec![header("List-Unsubscribe", format!("<{mailto}>"))],
    }
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}
