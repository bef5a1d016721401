//! A test mail, sent at once and by itself: it shows that a tenant's server takes mail in the tenant's brand, and what it
//! says. It goes only to addresses that the tenant's file allows, and leaves no row.

use bellwether_runtime::config::{EmailAddress, Tenant};
use bellwether_schemas::{Timestamp, UserId};
use uuid::Uuid;

use super::brand::{BrandError, Look};
use super::compose::compose;
use super::core::Verdict;
use super::error::ComposeError;
use super::frame::Setting;
use super::headers::Headers;
use super::kind::MailKind;
use super::kinds;
use super::occurrence::Occurrence;
use super::render::{RenderError, Templates};
use super::server::{Server, ServerError};
use super::session::{Deadlines, Letter, Session};

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Test mails are no way to write to anybody.
    #[error("{0} is not in mail.test_addresses of the tenant's file")]
    NotAllowed(EmailAddress),
    /// There is no server.
    #[error("not configured: the tenant's file has no mail.smtp")]
    NotConfigured,
    /// The tenant's file says something that no mail can carry.
    #[error(transparent)]
    Brand(#[from] BrandError),
    /// The server wants a password that is not there.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The templates do not compile.
    #[error(transparent)]
    Templates(#[from] RenderError),
    /// No mail comes of it.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

/// Whether the tenant's file lets test mails go there. Capitals make no difference.
#[must_use]
pub fn is_allowed(tenant: &Tenant, to: &EmailAddress) -> bool {
    tenant.mail.test_addresses.iter().any(|allowed| allowed.folded() == to.folded())
}

/// Sends one test mail, from the machine that is called so; what the server made of it.
///
/// # Errors
/// See [`TrialError`]: then nothing was sent.
pub async fn send(
    tenant: &Tenant,
    to: &EmailAddress,
    sent_from: &str,
    now: Timestamp,
) -> Result<Verdict, TrialError> {
    if !is_allowed(tenant, to) {
        return Err(TrialError::NotAllowed(to.clone()));
    }
    let look = Look::new(tenant)?;
    let server = Server::of(&tenant.mail)?.ok_or(TrialError::NotConfigured)?;
    let place = format!("{}:{}", server.host, server.port);
    let (user, recipient) = (UserId(Uuid::nil()), to.to_string());
    let occurrence = Occurrence::Test { asked_at: now, user };
    let templates = Templates::compile()?;
    let setting = Setting { templates: &templates, look: &look, late: None, way_out: None };
    let rendered = kinds::test_mail(setting, now, sent_from.into(), place)?;
    let headers = Headers {
        kind: MailKind::Test,
        occurrence: &occurrence,
        recipient: &recipient,
        way_out: None,
        date: now,
    };
    let mail = compose(&look, &headers, rendered)?;
    let letter = Letter { from: &look.from.email, to: &recipient, content: &mail.content };
    let mut session = match Session::open(&server, Deadlines::default()).await {
        Ok(session) => session,
        Err(verdict) => return Ok(verdict),
    };
    let verdict = session.send(&letter, || async { true }, || true).await;
    session.quit().await;
    Ok(verdict.unwrap_or(Verdict::Ambiguous("nothing was answered".into())))
}
