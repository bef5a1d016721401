//! The mail of kind `test`: that delivery works, when it was tried, and from where to where.

use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::local_time;
use crate::mail::render::Rendered;

/// What a test mail has to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct TestMail {
    /// When somebody asked for it.
    pub(super) asked_at: Timestamp,
    /// The machine that composed it.
    pub(super) sent_from: String,
    /// The SMTP server it was handed to, as `host:port`.
    pub(super) server: String,
}

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View<'a> {
    asked_at: String,
    sent_from: &'a str,
    server: &'a str,
    sender: String,
}

/// Subject and bodies of a test mail.
pub(super) fn render(setting: Setting<'_>, test: &TestMail) -> Result<Rendered, ComposeError> {
    let (summary, view) = view(setting.look, test);
    Ok(setting.render(MailKind::Test, summary, &view)?)
}

/// One that somebody may have asked for.
pub(super) fn sample() -> Result<TestMail, ViewError> {
    serde_json::from_str(include_str!("../../../mail/test/sample.json"))
        .map_err(|error| ViewError::Sample { kind: MailKind::Test, reason: error.to_string() })
}

fn view<'a>(look: &Look, test: &'a TestMail) -> (Summary, View<'a>) {
    let asked_at = local_time::stamp(look.zone, test.asked_at);
    let TestMail { sent_from, server, .. } = test;
    let summary = Summary {
        what: "Test mail".into(),
        preheader: format!("{server} took this mail from {sent_from}"),
        heading: "Mail arrives".into(),
        subline: format!("Asked for {asked_at}"),
        because: "somebody asked for a test mail".into(),
        at: test.asked_at,
    };
    (summary, View { asked_at, sent_from, server, sender: look.from.email.to_string() })
}
