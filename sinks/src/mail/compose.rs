//! From what was rendered to the bytes of one mail: headers, both bodies, pictures. Knows nothing of what the mail is
//! about. The same look, headers and bodies give the same bytes.

use std::time::{Duration, SystemTime};

use bellwether_schemas::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, IntoBody, Mailbox, Message, MultiPart, MultiPartKind, SinglePart};

use super::brand::Look;
use super::error::ComposeError;
use super::frame::{logo_cid, picture_cid};
use super::headers::Headers;
use super::occurrence::Occurrence;
use super::render::{Gist, Rendered};

/// A mail, ready to be sent any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// Subject line, not encoded.
    pub subject: String,
    /// Its Message-ID, by which a receiver knows it again: `<occurrence@sender-domain>`.
    pub message_id: String,
    /// The whole message with its headers, as it goes to the server.
    pub content: Vec<u8>,
    /// What a digest says of it, should it be held back.
    pub gist: Gist,
}

/// The Message-ID of a mail, `<occurrence@sender-domain>`: the same whenever the mail is composed again.
#[must_use]
pub fn message_id(look: &Look, occurrence: &Occurrence) -> String {
    format!("<{}@{}>", occurrence.text(&look.tenant), look.domain())
}

/// Puts headers and bodies together.
pub(crate) fn compose(
    look: &Look,
    headers: &Headers<'_>,
    rendered: Rendered,
) -> Result<Composed, ComposeError> {
    let message_id = message_id(look, headers.occurrence);
    let mut builder = Message::builder()
        .from(look.from.clone())
        .to(recipient(headers.recipient)?)
        .subject(&rendered.subject)
        .message_id(Some(message_id.clone()))
        .date(date(headers.date)?);
    if let Some(reply_to) = &look.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    for header in headers.raw(look) {
        builder = builder.raw_header(header);
    }
    let occurrence = headers.occurrence.text(&look.tenant);
    let (subject, gist) = (rendered.subject.clone(), rendered.gist.clone());
    let message = builder.multipart(parts(look, rendered, &occurrence));
    let message = message.map_err(|error| ComposeError::Message { reason: error.to_string() })?;
    Ok(Composed { subject, message_id, content: message.formatted(), gist })
}

/// Plain text first; then the HTML with its pictures. Boundaries follow from the occurrence: nothing here is random.
fn parts(look: &Look, rendered: Rendered, occurrence: &str) -> MultiPart {
    let Rendered { html, text, picture, .. } = rendered;
    let part = |content_type, body: String| {
        let builder = SinglePart::builder().header(content_type);
        builder.header(ContentTransferEncoding::QuotedPrintable).body(quoted_printable(body))
    };
    let text = part(ContentType::TEXT_PLAIN, text);
    let html = part(ContentType::TEXT_HTML, html);
    let multi = |kind, name| MultiPart::builder().kind(kind).boundary(format!("{name}-{occurrence}"));
    let both = multi(MultiPartKind::Alternative, "either").singlepart(text);
    let logo = look.logo.as_ref().map(|logo| inline(logo_cid(look), logo.png.clone()));
    let picture = picture.map(|picture| inline(picture_cid(look), picture.png.to_vec()));
    if logo.is_none() && picture.is_none() {
        return both.singlepart(html);
    }
    let whole = multi(MultiPartKind::Related, "whole").singlepart(html);
    both.multipart(logo.into_iter().chain(picture).fold(whole, MultiPart::singlepart))
}

/// A picture that the HTML names.
fn inline(cid: String, png: Vec<u8>) -> SinglePart {
    let content_type = ContentType::parse("image/png").unwrap_or(ContentType::TEXT_PLAIN);
    Attachment::new_inline(cid).body(png, content_type)
}

/// A text as quoted-printable with the line ends of mail. lettre gives the same bytes, but first weighs every encoding
/// and mends line ends character by character: a fifth of composing a mail.
fn quoted_printable(text: String) -> Body {
    if text.contains('\r') {
        return text.into_body(Some(ContentTransferEncoding::QuotedPrintable));
    }
    let encoded = quoted_printable::encode(text.replace('\n', "\r\n"));
    Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable)
}

/// The address alone: a name would be a free text of the user's.
fn recipient(address: &str) -> Result<Mailbox, ComposeError> {
    let plain = address.is_ascii()
        && address.len() <= 254
        && !address.bytes().any(|b| b.is_ascii_control() || b == b' ');
    let parsed: Result<Address, _> = address.parse();
    parsed.ok().filter(|_| plain).map(|email| Mailbox::new(None, email)).ok_or(ComposeError::Recipient)
}

/// Whole seconds, as the header has them.
fn date(time: Timestamp) -> Result<SystemTime, ComposeError> {
    /// 9999-12-31T23:59:59Z in seconds: the last instant that the header can name.
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(time.0).map_err(|_| ComposeError::Date)? / 1_000_000;
    if seconds > LAST {
        return Err(ComposeError::Date);
    }
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
