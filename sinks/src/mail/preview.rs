//! A kind's mail with made-up content, whole as it would be sent: for whoever changes a template or a brand.

use std::num::NonZeroUsize;

use bellwether_schemas::{Timestamp, UserId};
use uuid::Uuid;

use super::brand::Look;
use super::compose::{Composed, compose};
use super::error::ComposeError;
use super::frame::{Setting, logo_cid};
use super::headers::Headers;
use super::kind::MailKind;
use super::kinds;
use super::occurrence::Occurrence;
use super::render::Templates;
use super::unsubscribe::WayOut;

/// Nobody's address: the domain cannot exist.
const RECIPIENT: &str = "reader@people.invalid";

/// A mail and what can be looked at of it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The mail as it would be sent.
    pub mail: Composed,
    /// Its HTML, which names the logo as `cid:` and [`Logo::cid`].
    pub html: String,
    /// Its body in plain text.
    pub text: String,
    /// The brand's logo, where it has one.
    pub logo: Option<Logo>,
}

/// A picture inside a mail.
#[derive(Debug, Clone)]
pub struct Logo {
    /// What the HTML calls it.
    pub cid: String,
    /// The bytes of the logo file.
    pub png: Vec<u8>,
}

/// Composes a kind's sample in a brand; an alert's with so many triggers, or with those of its sample.
///
/// # Errors
/// The kind has no mail yet, or its templates do not fit its sample.
pub fn preview(
    templates: &Templates,
    look: &Look,
    kind: MailKind,
    triggers: Option<NonZeroUsize>,
    now: Timestamp,
) -> Result<Preview, ComposeError> {
    let user = UserId(Uuid::nil());
    let way_out = WayOut::of(look, user, kind);
    let way_out = way_out.as_ref();
    let rendered = kinds::sample(Setting { templates, look, late: None, way_out }, kind, triggers)?;
    let (html, text) = (rendered.html.clone(), rendered.text.clone());
    let occurrence = Occurrence::Test { asked_at: now, user };
    let headers = Headers { kind, occurrence: &occurrence, recipient: RECIPIENT, way_out, date: now };
    let mail = compose(look, &headers, rendered)?;
    let logo = look.logo.as_ref().map(|logo| Logo { cid: logo_cid(look), png: logo.png.clone() });
    Ok(Preview { mail, html, text, logo })
}
