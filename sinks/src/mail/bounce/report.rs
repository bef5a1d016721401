//! A delivery report out of a mail (RFC 3462, RFC 3464): what became of which recipient, and of which mail.

use std::str::FromStr;

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use sha2::{Digest, Sha256};

use super::Status;
use super::fields::{Fields, groups};

/// Most bytes of a mail that are looked at. A report stands before the mail it is about.
pub const MOST: usize = 1024 * 1024;
/// Most mails inside each other: parsing and forgetting them takes a stack as deep.
const NESTED: usize = 64;
/// Most characters of what the other server said.
const DIAGNOSTIC: usize = 200;

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `<…>` of the mail it is about.
    pub message_id: String,
    /// What became of its recipients.
    pub fates: Vec<Fate>,
    /// The report's own Message-ID, where it has one.
    own_id: Option<String>,
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Where it was to go in the end, and where it had been sent, where that is said.
    pub recipients: Vec<String>,
    /// What the server did.
    pub action: Action,
    /// How it was.
    pub status: Status,
    /// What the other server said.
    pub diagnostic: Option<String>,
}

/// What a server did with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was given up.
    Failed,
    /// It is tried again.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// It went to a server that tells nothing.
    Relayed,
    /// It went to more than one.
    Expanded,
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "failed" => Ok(Self::Failed),
            "delayed" => Ok(Self::Delayed),
            "delivered" => Ok(Self::Delivered),
            "relayed" => Ok(Self::Relayed),
            "expanded" => Ok(Self::Expanded),
            _ => Err(()),
        }
    }
}

impl Report {
    /// Reads a mail; none where it is no report, or of no mail that is named in it.
    #[must_use]
    pub fn read(mail: &[u8]) -> Option<Self> {
        let mail = &mail[..mail.len().min(MOST)];
        if is_nested_too_deep(mail) {
            return None;
        }
        let message = MessageParser::new().parse(mail)?;
        let status =
            message.parts.iter().find(|part| is_a(part, &["delivery-status", "global-delivery-status"]))?;
        let fates: Vec<Fate> = groups(&text_of(status)?).iter().skip(1).filter_map(fate).collect();
        let message_id = message.parts.iter().find_map(returned_id)?;
        let own_id = message.message_id().map(Into::into);
        (!fates.is_empty()).then_some(Self { message_id, fates, own_id })
    }

    /// What tells a fate apart from every other, however often its report arrives.
    #[must_use]
    pub fn key(&self, fate: &Fate) -> String {
        let mut hash = Sha256::new();
        let own = self.own_id.as_deref().unwrap_or_default();
        let said = format!("{:?}\n{}", fate.action, fate.status);
        for part in [own, &self.message_id, &fate.recipients.join(" "), &said] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("dsn {hex}")
    }
}

/// Each level of nesting names its kind; the words may stand elsewhere too, but not that often.
fn is_nested_too_deep(mail: &[u8]) -> bool {
    let count =
        |word: &[u8]| mail.windows(word.len()).filter(|found| found.eq_ignore_ascii_case(word)).count();
    count(b"rfc822") > NESTED || count(b"global") > NESTED || count(b"multipart/") > NESTED
}

fn is_a(part: &MessagePart<'_>, subtypes: &[&str]) -> bool {
    part.content_type().is_some_and(|kind| {
        let subtype = kind.subtype().unwrap_or_default();
        ["message", "text"].iter().any(|of| kind.ctype().eq_ignore_ascii_case(of))
            && subtypes.iter().any(|wanted| subtype.eq_ignore_ascii_case(wanted))
    })
}

fn text_of(part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(text.to_string()),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        PartType::Message(_) | PartType::Multipart(_) => None,
    }
}

/// The Message-ID of the mail that came back, whole or its headers alone.
fn returned_id(part: &MessagePart<'_>) -> Option<String> {
    let of = |message: &Message<'_>| message.message_id().map(|id| format!("<{id}>"));
    match &part.body {
        PartType::Message(message) => of(message),
        _ if is_a(part, &["rfc822-headers", "global-headers", "rfc822"]) => {
            let text = text_of(part)?;
            of(&MessageParser::new().parse_headers(text.as_bytes())?)
        }
        _ => None,
    }
}

fn fate(fields: &Fields) -> Option<Fate> {
    let named = ["final-recipient", "original-recipient"].into_iter().filter_map(|name| fields.typed(name));
    let recipients: Vec<String> = named.filter_map(address).collect();
    let action = fields.get("action")?.parse().ok()?;
    let diagnostic =
        fields.get("diagnostic-code").map(|text| text.chars().take(DIAGNOSTIC).collect::<String>());
    let status = fields.get("status").and_then(|text| text.split_whitespace().next()?.parse().ok());
    let status = status.or_else(|| diagnostic.as_deref().and_then(Status::in_text))?;
    (!recipients.is_empty()).then_some(Fate { recipients, action, status, diagnostic })
}

/// An address without what may stand around it.
fn address(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches('<').split(['>', ' ']).next().unwrap_or_default();
    (bare.contains('@') && bare.len() <= 254).then(|| bare.to_string())
}
