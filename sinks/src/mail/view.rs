//! What a template may say: every text and number of one mail, written out once.

use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;
use serde::Serialize;

use super::brand::{BrandTexts, Look};
use super::colour::{Night, Palette};
use super::{local_time, rsi_tracker};

/// Most cards of a mail: more are named, not shown, so that no mail grows past what clients cut off.
pub(crate) const MAX_CARDS: usize = 34;

/// Why these triggers make no mail. They never will: the same triggers give the same error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Nothing to tell.
    #[error("a group without triggers")]
    Empty,
    /// No words for it.
    #[error("this version has no mail for alerts of kind {0}")]
    Kind(AlertKind),
    /// A field the kind needs is missing or of another form.
    #[error("trigger {trigger}: {field} is {found:?}")]
    Field {
        /// Which trigger.
        trigger: String,
        /// Which field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
}

/// One mail, as templates see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    pub(crate) lang: &'static str,
    pub(crate) subject: String,
    pub(crate) preheader: String,
    pub(crate) heading: String,
    pub(crate) subline: String,
    pub(crate) late: Option<String>,
    pub(crate) timeframe: String,
    pub(crate) cards: Vec<rsi_tracker::Card>,
    pub(crate) more: Option<More>,
    pub(crate) why: String,
    pub(crate) brand: BrandTexts,
    pub(crate) colours: Palette,
    pub(crate) dark: Night,
    pub(crate) logo: Option<LogoView>,
    pub(crate) links: Links,
}

/// What did not fit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct More {
    pub(crate) count: usize,
    pub(crate) names: String,
}

/// Where the inline picture is found and how large it is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogoView {
    pub(crate) cid: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Links that differ from user to user.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Links {
    pub(crate) preferences: Option<String>,
    pub(crate) unsubscribe: String,
}

/// What a kind has to say; the rest is the same for all kinds.
pub(crate) struct Told {
    /// The middle of the subject.
    pub(crate) what: String,
    pub(crate) preheader: String,
    pub(crate) heading: String,
    pub(crate) cards: Vec<rsi_tracker::Card>,
    pub(crate) more: Option<More>,
    /// Completes "You get this mail because …".
    pub(crate) because: String,
}

/// Everything that decides what a mail says.
pub(crate) struct Telling<'a> {
    pub(crate) look: &'a Look,
    pub(crate) kind: AlertKind,
    /// One group, in its order.
    pub(crate) triggers: &'a [TriggerFired],
    /// When the triggers were appended and now, where that is so long ago that the mail says so.
    pub(crate) late: Option<(Timestamp, Timestamp)>,
    pub(crate) links: Links,
}

impl View {
    pub(crate) fn of(telling: Telling<'_>) -> Result<Self, ViewError> {
        let Telling { look, kind, triggers, late, links } = telling;
        let first = triggers.first().ok_or(ViewError::Empty)?;
        let told = match kind {
            AlertKind::RsiTracker => rsi_tracker::tell(look, triggers)?,
            AlertKind::RsiCorrelationTracker
            | AlertKind::HeatmapTracker
            | AlertKind::HeatmapIndicatorTracker
            | AlertKind::CurrencyStrengthTracker
            | AlertKind::PriceAlert => return Err(ViewError::Kind(kind)),
        };
        let stamp = local_time::stamp(look.zone, first.close_time);
        let mark = if late.is_some() { " (late)" } else { "" };
        let timeframe = timeframe(first);
        Ok(Self {
            lang: "en",
            subject: format!("{}: {}{mark} • {stamp}", look.brand.name, told.what),
            preheader: told.preheader,
            heading: told.heading,
            subline: format!("{timeframe} bar closed {stamp}"),
            late: late.map(|(appended, now)| lateness(look, appended, now)),
            timeframe,
            cards: told.cards,
            more: told.more,
            why: format!("You get this mail because {} at {}.", told.because, look.brand.name),
            brand: look.brand.clone(),
            colours: look.colours.clone(),
            dark: look.dark.clone(),
            logo: look.logo.as_ref().map(|logo| LogoView {
                cid: logo_cid(look),
                width: logo.width,
                height: logo.height,
            }),
            links,
        })
    }
}

/// The name of the logo inside a mail.
pub(crate) fn logo_cid(look: &Look) -> String {
    format!("logo@{}", look.domain())
}

/// The bar length as people read it, or `tick`.
pub(crate) fn timeframe(trigger: &TriggerFired) -> String {
    trigger.timeframe.map_or("tick", |timeframe| timeframe.code()).into()
}

fn lateness(look: &Look, appended: Timestamp, now: Timestamp) -> String {
    let hours = now.since(appended) / 3_600_000_000;
    let found = local_time::stamp(look.zone, appended);
    format!("This mail is late: the alert fired at {found} and could not be sent for {hours} hours.")
}
