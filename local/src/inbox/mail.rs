//! One mail as its reader would see it: decoded, with its pictures in place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwether_schemas::Timestamp;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{Envelope, Summary};

/// A mail as the inbox took it, parsed for the page that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What lists show of it.
    pub summary: Summary,
    /// As written in the header: `Name <address>`.
    pub from: String,
    /// As written in the header.
    pub to: String,
    /// RFC 3339, from the header.
    pub date: Option<String>,
    /// Every header of the mail in its order, unfolded, not decoded.
    pub headers: Vec<(String, String)>,
    /// The `text/plain` part, if the mail has one.
    pub text: Option<String>,
    /// The HTML part, with the data of inline pictures in place of `cid:` links.
    pub html: Option<String>,
    /// The bytes as they came, without dot-stuffing.
    pub raw: Vec<u8>,
}

impl Mail {
    fn bare(summary: Summary) -> Self {
        let (from, to, headers, raw) = (String::new(), String::new(), Vec::new(), Vec::new());
        Self { summary, from, to, date: None, headers, text: None, html: None, raw }
    }

    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) fn summary(id: u64, received_at: Timestamp, envelope: Envelope, raw: &[u8]) -> Summary {
    let message = parse_headers(raw);
    let text = |of: fn(&Message<'_>) -> Option<String>| message.as_ref().and_then(of).unwrap_or_default();
    let subject = text(|message| message.subject().map(Into::into));
    let message_id = text(|message| message.message_id().map(Into::into));
    let feedback_id = text(|message| Some(message.header_raw("Feedback-ID")?.trim().to_owned()));
    Summary { id, received_at, envelope, subject, message_id, feedback_id, bytes: raw.len() }
}

fn parse_headers(raw: &[u8]) -> Option<Message<'_>> {
    MessageParser::default().parse_headers(raw).filter(|message| !message.parts.is_empty())
}

pub(super) fn read(summary: Summary, raw: Vec<u8>) -> Mail {
    let message = MessageParser::default().parse(&raw).filter(|message| !message.parts.is_empty());
    let mut mail = match &message {
        Some(message) => decoded(summary, message),
        // No header at all: what came is all there is to see.
        None => Mail { text: Some(String::from_utf8_lossy(&raw).into()), ..Mail::bare(summary) },
    };
    drop(message);
    mail.raw = raw;
    mail
}

fn decoded(summary: Summary, message: &Message<'_>) -> Mail {
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(with_pictures(html, message)),
        _ => None,
    });
    let text = message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => Some(text.to_string()),
        _ => None,
    });
    Mail {
        from: written(message.from()),
        to: written(message.to()),
        date: message.date().map(mail_parser::DateTime::to_rfc3339),
        headers: headers(message),
        text,
        html,
        ..Mail::bare(summary)
    }
}

fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let unfold = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    message.headers_raw().map(|(name, value)| (name.into(), unfold(value))).collect()
}

/// Addresses as people write them: `Name <address>`, separated by commas.
fn written(addresses: Option<&Address<'_>>) -> String {
    let one = |addr: &mail_parser::Addr<'_>| match (addr.name(), addr.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => address.or(name).unwrap_or_default().to_owned(),
    };
    addresses.map(|list| list.iter().map(one).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

/// Pictures that the mail carries itself, as data URLs where the HTML points at them.
fn with_pictures(html: &str, message: &Message<'_>) -> String {
    let mut pictures: Vec<_> = message.parts.iter().filter_map(picture).collect();
    // `logo2` before `logo`, which is how it begins.
    pictures.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    pictures.iter().fold(html.to_owned(), |html, (id, url)| html.replace(&format!("cid:{id}"), url))
}

fn picture<'m>(part: &'m MessagePart<'_>) -> Option<(&'m str, String)> {
    let (id, kind) = (part.content_id()?, part.content_type()?);
    let subtype = kind.subtype()?;
    let plain = subtype.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let image = kind.ctype().eq_ignore_ascii_case("image") && plain && !id.is_empty();
    image.then(|| (id, format!("data:image/{subtype};base64,{}", STANDARD.encode(part.contents()))))
}
