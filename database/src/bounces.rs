//! What is noted of a mail that other servers reported about. The function of the database does it whole: it finds the
//! mail, and believes nothing of one it does not know.

use bellwether_schemas::TenantId;
use sqlx::postgres::PgPool;

use super::pool;

/// What is said of a mail.
#[derive(Debug, Clone, Copy)]
pub struct Bounce<'a> {
    /// What tells this report apart from every other: a second one of the same name changes nothing.
    pub report: &'a str,
    /// `<…>` of the mail.
    pub message_id: &'a str,
    /// Addresses that are said to be its recipient's; one of them has to be.
    pub recipients: &'a [String],
    /// What follows.
    pub effect: Effect,
    /// What the event is called.
    pub event: &'a str,
    /// Why, for people.
    pub reason: &'a str,
}

/// What follows for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing more is sent there.
    Suppress,
    /// The same once three mails of thirty days found the mailbox full.
    Full,
    /// It is only noted.
    Note,
}

impl Effect {
    const fn name(self) -> &'static str {
        match self {
            Self::Suppress => "suppress",
            Self::Full => "full",
            Self::Note => "note",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noted {
    /// Nothing more is sent to the address.
    Suppressed,
    /// It stands among the mail's events.
    Noted,
    /// That was known already.
    Repeated,
    /// The tenant sent no such mail to any of these addresses.
    UnknownMail,
}

impl Noted {
    /// What answers and figures call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Noted => "noted",
            Self::Repeated => "repeated",
            Self::UnknownMail => "unknown",
        }
    }
}

/// As the pipeline.
const NOTE: &str = "select bellwether.note_bounce($1, $2, $3, $4, $5, $6)";
/// As the gateway, which sees no mail.
pub(super) const BOUNCED: &str = "select bellwether.bounced($1, $2, $3, $4, $5, $6)";

/// Notes it, as the pipeline.
///
/// # Errors
/// The database is out of reach, or said no.
pub async fn note(pool: &PgPool, tenant: &TenantId, bounce: &Bounce<'_>) -> sqlx::Result<Noted> {
    call(pool, tenant, NOTE, bounce).await
}

pub(super) async fn call(
    pool: &PgPool,
    tenant: &TenantId,
    statement: &'static str,
    bounce: &Bounce<'_>,
) -> sqlx::Result<Noted> {
    let mut transaction = pool::begin(pool, tenant).await?;
    let done: String = sqlx::query_scalar(statement)
        .bind(bounce.report)
        .bind(bounce.message_id)
        .bind(bounce.recipients)
        .bind(bounce.effect.name())
        .bind(bounce.event)
        .bind(bounce.reason)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(match done.as_str() {
        "suppressed" => Noted::Suppressed,
        "noted" => Noted::Noted,
        "repeated" => Noted::Repeated,
        _ => Noted::UnknownMail,
    })
}
