//! Who may get mail: what the tenant's database says, or its Supabase Auth. Whoever asks for recipients asks the view
//! `bellwether.recipients`; of a tenant whose Auth tells them it shows the last complete list, kept here.

mod admin_api;
mod mirror;

use std::sync::Mutex;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Auth, Recipients, Tenant};
use bellwether_schemas::{TenantId, Timestamp, UserId};
use sqlx::postgres::PgPool;

pub use admin_api::AuthError;

use self::mirror::Mirror;
use crate::mail::events::{RecipientsListed, RecipientsUnknown};

/// A list older than this is replaced before it is used.
const EVERY: Duration = Duration::from_secs(300);
/// Between two tries, whatever they are for: a user who is not on the list, or an Auth that does not answer.
const PAUSE: i64 = 30 * 1_000_000;

/// Why recipients are not known.
#[derive(Debug, thiserror::Error)]
pub enum RecipientsError {
    /// Auth has not told them, and there is no earlier list.
    #[error("auth tells no recipients: {0}")]
    Auth(#[from] AuthError),
    /// The tenant's database.
    #[error("the recipients cannot be kept: {0}")]
    Database(#[from] sqlx::Error),
}

/// The recipients of one tenant.
#[derive(Debug)]
pub struct Directory {
    tenant: TenantId,
    mirror: Mirror,
    /// None: the database tells them.
    auth: Option<Auth>,
    /// Auth lists users of other tenants, too.
    shared: bool,
    clock: Clock,
    /// When Auth was asked last.
    asked: Mutex<Option<Timestamp>>,
}

impl Directory {
    /// As the tenant's file says, with a list where it is to have one.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn open(tenant: &Tenant, pool: PgPool, clock: Clock) -> Result<Self, RecipientsError> {
        let auth = tenant.auth.clone().filter(|_| tenant.database.recipients == Recipients::AuthApi);
        let mirror = Mirror { pool, tenant: tenant.id.clone() };
        if auth.is_none() {
            mirror.forget().await?;
        }
        let (id, shared) = (tenant.id.clone(), tenant.database.shared);
        let directory = Self { tenant: id, mirror, auth, shared, clock, asked: Mutex::new(None) };
        directory.prepare(&[]).await?;
        Ok(directory)
    }

    /// Makes the view say who may get mail, with those users among them where they are known to Auth by now.
    ///
    /// # Errors
    /// Nobody knows: nothing may be decided. An earlier list is used where Auth does not answer.
    pub async fn prepare(&self, users: &[UserId]) -> Result<(), RecipientsError> {
        let Some(auth) = &self.auth else { return Ok(()) };
        let age = self.mirror.age().await?;
        let is_fresh = age.is_some_and(|age| age < EVERY);
        if is_fresh && (users.is_empty() || self.mirror.has(users).await?) {
            return Ok(());
        }
        if age.is_some() && !self.may_ask() {
            return Ok(());
        }
        let listed = admin_api::list(auth, self.shared.then_some(&self.tenant), &self.clock).await;
        match (listed, age) {
            (Ok(people), _) => {
                self.mirror.replace(&people).await?;
                RecipientsListed { tenant: &self.tenant, recipients: people.len() }.emit();
                Ok(())
            }
            (Err(error), Some(_)) => {
                RecipientsUnknown { tenant: &self.tenant, error: &error }.emit();
                Ok(())
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Not so soon after the last time.
    fn may_ask(&self) -> bool {
        let now = self.clock.now();
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let may = asked.is_none_or(|last| now.since(last) >= PAUSE);
        if may {
            *asked = Some(now);
        }
        may
    }
}
