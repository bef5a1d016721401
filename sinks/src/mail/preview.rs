//! A kind's mail with made-up content, whole as it would be sent: for whoever changes a template or a brand.

use std::num::NonZeroUsize;

use bellwether_schemas::{Timestamp, UserId};
use uuid::Uuid;

use super::brand::Look;
use super::compose::{Composed, compose};
use super::error::ComposeError;
use super::frame::{Setting, logo_cid, picture_cid};
use super::headers::Headers;
use super::kind::MailKind;
use super::kinds;
use super::occurrence::Occurrence;
use super::render::{Rendered, Templates};
use super::unsubscribe::WayOut;

/// Nobody's address: the domain cannot exist.
const RECIPIENT: &str = "reader@people.invalid";

/// A mail and what can be looked at of it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The mail as it would be sent.
    pub mail: Composed,
    /// Its HTML, which names each picture as `cid:` and [`Inline::cid`].
    pub html: String,
    /// Its body in plain text.
    pub text: String,
    /// The brand's logo and the mail's own picture, where it has them.
    pub pictures: Vec<Inline>,
}

/// A picture inside a mail.
#[derive(Debug, Clone)]
pub struct Inline {
    /// What the HTML calls it.
    pub cid: String,
    /// A name for a file of it, one for each of the mail's.
    pub file: &'static str,
    /// The bytes of the file.
    pub png: Vec<u8>,
}

/// Composes a kind's sample in a brand; an alert's with so many triggers, or with those of its sample.
///
/// # Errors
/// Its templates do not fit its sample.
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
    let pictures = pictures(look, &rendered);
    let occurrence = Occurrence::Test { asked_at: now, user };
    let headers = Headers { kind, occurrence: &occurrence, recipient: RECIPIENT, way_out, date: now };
    let mail = compose(look, &headers, rendered)?;
    Ok(Preview { mail, html, text, pictures })
}

fn pictures(look: &Look, rendered: &Rendered) -> Vec<Inline> {
    let logo = look.logo.as_ref();
    let logo = logo.map(|logo| Inline { cid: logo_cid(look), file: "logo.png", png: logo.png.clone() });
    let picture = rendered.picture.as_ref();
    let picture = picture.map(|picture| Inline {
        cid: picture_cid(look),
        file: "picture.png",
        png: picture.png.to_vec(),
    });
    logo.into_iter().chain(picture).collect()
}
