//! Logins that a server refused. Who would log in with the same password again too soon is answered in the server's
//! place: many roles of a process that try for ever lock nobody out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::{StatementOutcome, classify};

/// Between two tries of one login.
const PAUSE: Duration = Duration::from_secs(30);

/// A tenant's, as which role into which database of which server.
type Login = (TenantId, String);

/// What is known of each login of this process: as many as its tenants have roles.
static LOGINS: Mutex<Logins> = Mutex::new(Logins(BTreeMap::new()));

struct Logins(BTreeMap<Login, Known>);

struct Known {
    /// With which it was tried last.
    url: Secret,
    refused_at: Option<Instant>,
}

/// Says whether the server may be asked with this URL; another one than was refused may be tried at once.
///
/// # Errors
/// It was refused a moment ago.
pub(super) fn may_try(tenant: &TenantId, options: &PgConnectOptions, url: &Secret) -> sqlx::Result<()> {
    logins().may_try(&login(tenant, options), url, Instant::now())
}

/// As [`may_try`], of a login that connections are open for.
///
/// # Errors
/// It was refused a moment ago.
pub(super) fn may_use(tenant: &TenantId, options: &PgConnectOptions) -> sqlx::Result<()> {
    logins().may_use(&login(tenant, options), Instant::now())
}

/// Takes in what came of asking the server.
pub(super) fn note<T>(tenant: &TenantId, options: &PgConnectOptions, asked: &sqlx::Result<T>) {
    logins().note(&login(tenant, options), asked.as_ref().err(), Instant::now());
}

fn login(tenant: &TenantId, options: &PgConnectOptions) -> Login {
    let (role, host, port) = (options.get_username(), options.get_host(), options.get_port());
    (tenant.clone(), format!("{role}@{host}:{port}/{}", options.get_database().unwrap_or_default()))
}

fn logins() -> MutexGuard<'static, Logins> {
    // Each entry is written whole.
    LOGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Logins {
    fn may_try(&mut self, login: &Login, url: &Secret, now: Instant) -> sqlx::Result<()> {
        if self.0.get(login).is_some_and(|known| known.url == *url) {
            return self.may_use(login, now);
        }
        self.0.insert(login.clone(), Known { url: url.clone(), refused_at: None });
        Ok(())
    }

    fn may_use(&self, login: &Login, now: Instant) -> sqlx::Result<()> {
        match self.0.get(login).and_then(|known| known.refused_at) {
            Some(at) if now < at + PAUSE => Err(sqlx::Error::Database(Box::new(StillRefused))),
            _ => Ok(()),
        }
    }

    fn note(&mut self, login: &Login, error: Option<&sqlx::Error>, now: Instant) {
        let denied = error.is_some_and(|error| classify(error) == StatementOutcome::Denied);
        if let Some(known) = self.0.get_mut(login)
            && (denied || error.is_none())
        {
            known.refused_at = denied.then_some(now);
        }
    }
}

/// What the server would answer.
#[derive(Debug)]
struct StillRefused;

impl fmt::Display for StillRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for StillRefused {}

impl DatabaseError for StillRefused {
    fn message(&self) -> &str {
        "the login was refused, and is tried again with the same password after half a minute"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some("28P01".into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_password_is_tried_once_in_half_a_minute_and_another_at_once() {
        let mut logins = Logins(BTreeMap::new());
        let [ours, others] = ["a", "b"].map(|role| ("fxlabs".parse().unwrap(), role.to_owned()));
        let (old, new) = (Secret::new("postgres://old"), Secret::new("postgres://new"));
        let refused = sqlx::Error::Database(Box::new(StillRefused));
        let (mut now, mut asked) = (Instant::now(), 0);
        for _ in 0..100 {
            if logins.may_try(&ours, &old, now).is_ok() {
                asked += 1;
                logins.note(&ours, Some(&refused), now);
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(asked, 4, "in a hundred seconds");
        let error = logins.may_use(&ours, now).unwrap_err();
        assert_eq!(classify(&error), StatementOutcome::Denied);
        assert!(logins.may_use(&others, now).is_ok(), "another role's");
        // A server that is away says nothing of a password.
        logins.note(&ours, Some(&sqlx::Error::PoolTimedOut), now);
        assert!(logins.may_use(&ours, now).is_err());
        assert!(logins.may_try(&ours, &new, now).is_ok());
        assert!(logins.may_use(&ours, now).is_ok());
    }
}
