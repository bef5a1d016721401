//! What a tenant's own clock sends. A [`Content`] is what such a mail says: decided once for all who get it, stored with
//! the schedule's run, and rendered for each of them when their mail is claimed.

mod brief;
mod digest;
mod gather;
mod news;
mod picture;

use std::borrow::Cow;

use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::previews::UserFollowed;
use bellwether_schemas::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub use brief::{Brief, Change, Coefficient, CoreSignal, Rsi, Score};
pub use digest::{Digest, Held};
pub(crate) use gather::{CORRELATION, OVERBOUGHT, OVERSOLD, RSI_TIMEFRAME, STYLE};
pub use gather::{Occasion, brief};
pub use news::{Correction, Reminder};
pub use picture::Picture;
pub(crate) use picture::{COLUMN, ROW};

use super::error::ComposeError;
use super::frame::Setting;
use super::kind::MailKind;
use super::kinds;
use super::occurrence::Occurrence;
use super::render::Rendered;

/// What a scheduled mail says. Its JSON, with the mail's kind in `mail`, is kept as long as a mail may still be owed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mail")]
pub enum Content {
    /// The morning's overview.
    #[serde(rename = "daily_brief")]
    Brief(Brief),
    /// An item of the news calendar is close.
    #[serde(rename = "news_reminder")]
    Reminder(Reminder),
    /// An item that a reminder spoke of has another time.
    #[serde(rename = "news_correction")]
    Correction(Correction),
    /// What was held back for a user.
    #[serde(rename = "digest")]
    Digest(Digest),
}

impl Content {
    /// The kind of the mail that says it.
    #[must_use]
    pub const fn kind(&self) -> MailKind {
        match self {
            Self::Brief(_) => MailKind::Brief,
            Self::Reminder(_) => MailKind::Reminder,
            Self::Correction(_) => MailKind::Correction,
            Self::Digest(_) => MailKind::Digest,
        }
    }

    /// A moment at which its mail may be composed, for whoever only looks at one.
    const fn a_moment(&self) -> Timestamp {
        match self {
            Self::Brief(brief) => brief.due,
            Self::Reminder(reminder) => reminder.told_at,
            Self::Correction(correction) => correction.told,
            Self::Digest(digest) => digest.at,
        }
    }

    /// The item of the news calendar that it is about.
    pub(crate) const fn item(&self) -> Option<&CalendarItem> {
        match self {
            Self::Reminder(Reminder { item, .. }) | Self::Correction(Correction { item, .. }) => Some(item),
            Self::Brief(_) | Self::Digest(_) => None,
        }
    }

    /// What the mail to that user is about.
    #[must_use]
    pub fn occurrence(&self, user: UserId) -> Occurrence {
        match self {
            Self::Brief(brief) => {
                Occurrence::Scheduled { schedule: self.kind().name().into(), date: brief.date, user }
            }
            Self::Reminder(Reminder { item, .. }) => Occurrence::Reminder { item: item.id.clone(), user },
            Self::Correction(Correction { item, .. }) => {
                Occurrence::Correction { item: item.id.clone(), moved_to: item.time, user }
            }
            Self::Digest(digest) => Occurrence::Digest { first: digest.first.clone(), user },
        }
    }
}

/// A content with its picture, which is drawn once for all who get the mail.
#[derive(Debug, Clone)]
pub struct Prepared {
    content: Content,
    picture: Option<Picture>,
}

impl From<Content> for Prepared {
    fn from(content: Content) -> Self {
        let picture = picture(&content);
        Self { content, picture }
    }
}

impl Prepared {
    /// The same for a reader of whose own alerts that followed: a brief says it.
    pub(crate) fn with(&self, own: Option<UserFollowed>) -> Cow<'_, Self> {
        match (&self.content, own) {
            (Content::Brief(brief), own @ Some(_)) => {
                let content = Content::Brief(Brief { own, ..brief.clone() });
                Cow::Owned(Self { content, picture: self.picture.clone() })
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Subject, bodies and picture for one who gets it, composed at `now`.
    pub(crate) fn render(&self, setting: Setting<'_>, now: Timestamp) -> Result<Rendered, ComposeError> {
        let Self { content, picture } = self;
        let rendered = kinds::scheduled(setting, content, picture.as_ref(), now)?;
        Ok(Rendered { picture: picture.clone(), ..rendered })
    }
}

/// The same of a content whose picture nobody drew yet, to be looked at.
pub(crate) fn render(setting: Setting<'_>, content: &Content) -> Result<Rendered, ComposeError> {
    Prepared::from(content.clone()).render(setting, content.a_moment())
}

/// The picture of such a mail, which is the same for everybody; none where the kind has no picture or there is nothing
/// to draw.
#[must_use]
pub fn picture(content: &Content) -> Option<Picture> {
    match content {
        Content::Brief(brief) => picture::heatmap(&brief.signals),
        Content::Reminder(_) | Content::Correction(_) | Content::Digest(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_names_the_kind_of_its_mail_and_reads_back() {
        for kind in MailKind::all() {
            let Some(json) = kinds::sample_of_schedule(kind) else { continue };
            let content: Content = serde_json::from_str(json).unwrap();
            assert_eq!(content.kind(), kind);
            let stored = serde_json::to_value(&content).unwrap();
            assert_eq!(stored["mail"], kind.name());
            assert_eq!(serde_json::from_value::<Content>(stored).unwrap(), content);
        }
    }
}
