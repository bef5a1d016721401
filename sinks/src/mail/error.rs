//! Why no mail comes of something. Trying again gives the same error, so the outbox keeps it as the reason of a mail
//! that failed.

use super::kind::MailKind;
use super::render::RenderError;

/// Why no mail comes of it.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// What the mail is about does not say what its kind says.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The template and its values do not fit.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The user's address cannot stand in a header or an envelope.
    #[error("the user's address is not one that mail can be sent to")]
    Recipient,
    /// The time is none that a header can say.
    #[error("the composing time lies outside the years 1970 to 9999")]
    Date,
    /// The message lacks what every message has.
    #[error("the message cannot be built: {reason}")]
    Message {
        /// What the builder said.
        reason: String,
    },
}

/// Why there are no words for a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// A group that holds nothing to tell.
    #[error("a group without triggers")]
    Empty,
    /// A kind's sample is not of the form its view reads.
    #[error("the sample of kind {kind}: {reason}")]
    Sample {
        /// The kind whose folder holds it.
        kind: MailKind,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A field the kind needs is missing or of another form.
    #[error("trigger {trigger}: {field} is {found:?}")]
    Field {
        /// The trigger that has it.
        trigger: String,
        /// The name of the trigger's field.
        field: &'static str,
        /// What the field holds.
        found: String,
    },
}
