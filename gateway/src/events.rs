//! What happens at the gateway and is counted, and logged where somebody may have to look. Never who it was: neither
//! token nor user.

use bellwether_database::DatabaseError;
use bellwether_database::bounces::Noted;
use bellwether_runtime::metric_names::{GATEWAY_TURNED_AWAY, MAIL_REPORTS, UNSUBSCRIBES};
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::kind::MailKind;
use metrics::counter;

/// A link in a mail was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answered<'a> {
    /// Its page was shown; nothing was changed.
    Shown(&'a TenantId),
    /// The kind is switched off for its user, where there is such a user.
    Done(&'a TenantId, MailKind),
    /// It is no link of ours.
    Refused,
    /// The tenant's database did not answer in time.
    Late(&'a TenantId),
    /// The tenant's database is away.
    Away(&'a TenantId, &'a DatabaseError),
}

impl Answered<'_> {
    pub(crate) fn emit(self) {
        let (outcome, tenant) = match self {
            Self::Shown(tenant) => ("shown", Some(tenant)),
            Self::Done(tenant, kind) => {
                tracing::info!(tenant.id = %tenant, mail.kind = %kind, "a kind of mail was switched off by a link");
                ("done", Some(tenant))
            }
            Self::Refused => ("refused", None),
            Self::Late(tenant) => {
                tracing::warn!(tenant.id = %tenant, "a link was not served: the database does not answer in time");
                ("away", Some(tenant))
            }
            Self::Away(tenant, error) => {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                tracing::warn!(
                    tenant.id = %tenant, error = %error, cause = cause.as_deref(),
                    "a link was not served: its user is asked to try again"
                );
                ("away", Some(tenant))
            }
        };
        let tenant = tenant.map_or_else(|| "-".to_string(), ToString::to_string);
        counter!(UNSUBSCRIBES, "outcome" => outcome, "tenant" => tenant).increment(1);
    }
}

/// A provider reported something of a mail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reported<'a> {
    /// It came of something.
    Noted(&'a TenantId, Noted),
    /// Nobody whom the tenant knows has signed it.
    Refused,
    /// The tenant's database is away, or did not answer in time.
    Away(&'a TenantId, Option<&'a DatabaseError>),
}

impl Reported<'_> {
    pub(crate) fn emit(self) {
        let (outcome, tenant) = match self {
            Self::Noted(tenant, noted) => (noted.name(), tenant.to_string()),
            Self::Refused => ("refused", "-".to_string()),
            Self::Away(tenant, error) => {
                let error = error.map_or_else(|| "no answer in time".into(), ToString::to_string);
                tracing::warn!(tenant.id = %tenant, error, "a provider's report was not taken: it is to try again");
                ("away", tenant.to_string())
            }
        };
        counter!(MAIL_REPORTS, "outcome" => outcome, "tenant" => tenant).increment(1);
    }
}

/// A request or a connection was one too many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnedAway {
    /// Which limit it was.
    pub(crate) limit: &'static str,
}

impl TurnedAway {
    pub(crate) fn emit(self) {
        counter!(GATEWAY_TURNED_AWAY, "limit" => self.limit).increment(1);
    }
}
