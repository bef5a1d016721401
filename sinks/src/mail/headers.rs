//! Headers that lettre has no type for. Values are built from checked parts; lettre encodes and folds them.

use bellwether_schemas::alerts::AlertKind;
use lettre::message::header::{HeaderName, HeaderValue};

use super::brand::Look;
use super::unsubscribe::Ways;

/// What says that no person wrote this, whose list it belongs to, and how to leave it.
pub(crate) fn of(look: &Look, kind: AlertKind, ways: &Ways) -> Vec<HeaderValue> {
    let list = kind.name().replace('_', "-");
    let mut headers = vec![
        header("Auto-Submitted", "auto-generated".into()),
        header("Feedback-ID", format!("{kind}:alert:{}:{}", look.tenant, look.domain())),
        header("List-Id", format!("<{list}.alerts.{}>", look.domain())),
    ];
    match &ways.https {
        Some(https) => {
            headers.push(header("List-Unsubscribe", format!("<{https}>, <{}>", ways.mailto)));
            headers.push(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
        }
        None => headers.push(header("List-Unsubscribe", format!("<{}>", ways.mailto))),
    }
    headers
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}
