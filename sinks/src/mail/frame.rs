//! What mails of every kind have in common: subject, heading, brand, lateness, why it came, and the links at its end.
//!
//! A kind says a [`Summary`] and has a view of its own; a template sees the names of the [`Frame`] and of the view side
//! by side.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{HOUR, MINUTE};
use minijinja::Value;
use serde::Serialize;

use super::brand::{BrandTexts, Look};
use super::kind::MailKind;
use super::local_time;
use super::render::{Gist, RenderError, Rendered, Templates};
use super::unsubscribe::WayOut;

/// What a kind says in the places that all mails have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The middle of the subject.
    pub(crate) what: String,
    /// The main number, for the line that a list of mails shows below the subject.
    pub(crate) preheader: String,
    pub(crate) heading: String,
    /// The smaller line below the heading.
    pub(crate) subline: String,
    /// Completes "You get this mail because …".
    pub(crate) because: String,
    /// The instant the mail is about, for the end of its subject: a bar's close, never the moment of composing.
    pub(crate) at: Timestamp,
}

/// A mail that goes out long after it was due, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) due: Timestamp,
    pub(crate) now: Timestamp,
}

/// What a mail looks like and says besides what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) templates: &'a Templates,
    pub(crate) look: &'a Look,
    pub(crate) late: Option<Late>,
    /// How its reader stops mails of its kind, where that can be.
    pub(crate) way_out: Option<&'a WayOut>,
}

/// The common part of one mail, as templates see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Frame {
    lang: &'static str,
    subject: String,
    preheader: String,
    heading: String,
    subline: String,
    late: Option<String>,
    why: String,
    brand: BrandTexts,
    colours: Value,
    dark: Value,
    logo: Option<LogoView>,
    links: Links,
}

/// One mail as its template sees it.
#[derive(Serialize)]
struct Page<'a, V> {
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    view: &'a V,
}

/// Where the inline picture is found and how large it is.
#[derive(Debug, Clone, Serialize)]
struct LogoView {
    cid: String,
    width: u32,
    height: u32,
}

/// Links that differ from user to user.
#[derive(Debug, Clone, Serialize)]
struct Links {
    preferences: Option<String>,
    unsubscribe: Option<UnsubscribeLink>,
}

#[derive(Debug, Clone, Serialize)]
struct UnsubscribeLink {
    address: String,
    label: &'static str,
}

impl Setting<'_> {
    /// Both bodies of a mail of that kind, which says `summary` around what its template shows of `view`.
    pub(crate) fn render(
        &self,
        kind: MailKind,
        summary: Summary,
        view: &impl Serialize,
    ) -> Result<Rendered, RenderError> {
        let gist = Gist { what: summary.what.clone(), at: summary.at };
        let frame = self.frame(kind, summary);
        let (html, text) = self.templates.render(kind, &Page { frame: &frame, view })?;
        Ok(Rendered { subject: frame.subject, html, text, picture: None, gist })
    }

    fn frame(&self, kind: MailKind, summary: Summary) -> Frame {
        let Self { look, late, way_out, .. } = *self;
        let stamp = local_time::stamp(look.zone, summary.at);
        let mark = if late.is_some() { " (late)" } else { "" };
        Frame {
            lang: "en",
            subject: format!("{}: {}{mark} • {stamp}", look.brand.name, summary.what),
            preheader: summary.preheader,
            heading: summary.heading,
            subline: summary.subline,
            late: late.map(|late| lateness(look, kind, late)),
            why: format!("You get this mail because {} at {}.", summary.because, look.brand.name),
            brand: look.brand.clone(),
            colours: look.colours.clone(),
            dark: look.dark.clone(),
            logo: logo(look),
            links: Links {
                preferences: look.preferences_url.clone(),
                unsubscribe: way_out.map(|way_out| unsubscribe(kind, way_out)),
            },
        }
    }
}

/// The name of the logo inside a mail.
pub(crate) fn logo_cid(look: &Look) -> String {
    format!("logo@{}", look.domain())
}

/// The name of a mail's own picture inside it.
pub(crate) fn picture_cid(look: &Look) -> String {
    format!("picture@{}", look.domain())
}

fn logo(look: &Look) -> Option<LogoView> {
    let logo = look.logo.as_ref()?;
    Some(LogoView { cid: logo_cid(look), width: logo.width, height: logo.height })
}

fn unsubscribe(kind: MailKind, way_out: &WayOut) -> UnsubscribeLink {
    let label = match kind {
        MailKind::Alert(_) => "Unsubscribe from these alerts",
        MailKind::Brief | MailKind::Digest | MailKind::Reminder | MailKind::Correction | MailKind::Test => {
            "Unsubscribe from these mails"
        }
    };
    UnsubscribeLink { address: way_out.link().into(), label }
}

fn lateness(look: &Look, kind: MailKind, late: Late) -> String {
    let waited = waited(late.now.since(late.due));
    let due = local_time::stamp(look.zone, late.due);
    let what = match kind {
        MailKind::Alert(_) => "the alert fired",
        MailKind::Brief | MailKind::Digest | MailKind::Reminder | MailKind::Correction | MailKind::Test => {
            "it was due"
        }
    };
    format!("This mail is late: {what} at {due} and could not be sent for {waited}.")
}

/// `8 hours`; below two of them minutes.
fn waited(micros: i64) -> String {
    if micros < 2 * HOUR {
        format!("{} minutes", micros / MINUTE)
    } else {
        format!("{} hours", micros / HOUR)
    }
}
