//! The admin API of Supabase Auth: every page of its users, or nothing. A part of a list is a failure, never a shorter
//! list: whoever is missing would be told nothing, and whoever is listed twice would be told twice.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Auth, AuthKey};
use bellwether_runtime::http::{self, Limits, Question, StatusCode};
use bellwether_schemas::{TenantId, Timestamp};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// Users on a page.
const PAGE: u64 = 200;
/// Most users of a tenant.
const USERS: u64 = 1_000_000;
/// Times a list is begun anew because it changed while it was read.
const TRIES: u32 = 5;
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(200);
/// What one page may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(30), bytes: 16 * 1024 * 1024 };
/// How many users there are in all.
const TOTAL: &str = "x-total-count";

/// Why there is no list. Never with a key in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nobody answered.
    #[error("it cannot be reached: {0}")]
    Away(String),
    /// The key is not good for this.
    #[error(
        "it refuses the key with {status} {code}: auth.key_file has to hold the service_role key or a secret key"
    )]
    Refused {
        /// Its answer.
        status: u16,
        /// Its word for that.
        code: String,
    },
    /// It answered something else than a page.
    #[error("it answered {status} to page {page}")]
    Status {
        /// Its answer.
        status: u16,
        /// The page that was asked for.
        page: u64,
    },
    /// The page cannot be read.
    #[error("page {page} cannot be read: {reason}")]
    Page {
        /// The page that was asked for.
        page: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It went on changing.
    #[error("its list changed while it was read, {TRIES} times in a row")]
    Moving,
}

/// Somebody who may get mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) email: String,
}

/// A user as Auth lists them. What is absent is nothing.
#[derive(Debug, Clone, Deserialize)]
struct User {
    id: Uuid,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_confirmed_at: Option<DateTime<Utc>>,
    #[serde(default)]
    banned_until: Option<DateTime<Utc>>,
    #[serde(default)]
    deleted_at: Option<DateTime<Utc>>,
    #[serde(default)]
    is_anonymous: bool,
    #[serde(default)]
    app_metadata: Option<AppMetadata>,
}

/// What Auth knows of a user that the user cannot change.
#[derive(Debug, Clone, Deserialize)]
struct AppMetadata {
    /// Whose user it is, where tenants share a project. Of another type it names no tenant.
    #[serde(default)]
    tenant_id: serde_json::Value,
}

#[derive(Deserialize)]
struct Body {
    users: Vec<User>,
}

struct Page {
    users: Vec<User>,
    total: u64,
}

/// Everybody who may get mail: confirmed, not banned now, not deleted, not anonymous, with an address; and the tenant's,
/// where one is named because others' users are on the list, too.
pub(super) async fn list(
    auth: &Auth,
    tenant: Option<&TenantId>,
    clock: &Clock,
) -> Result<Vec<Person>, AuthError> {
    for _ in 0..TRIES {
        if let Some(users) = whole(auth).await? {
            let now = clock.now();
            let of_tenant = users.into_values().filter(|user| tenant.is_none_or(|tenant| user.is_of(tenant)));
            return Ok(of_tenant.filter_map(|user| user.reader(now)).collect());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(AuthError::Moving)
}

impl User {
    fn is_of(&self, tenant: &TenantId) -> bool {
        self.app_metadata.as_ref().is_some_and(|known| known.tenant_id == tenant.as_str())
    }

    fn reader(self, now: Timestamp) -> Option<Person> {
        let is_banned = self.banned_until.is_some_and(|until| Timestamp::from(until) > now);
        let may = self.email_confirmed_at.is_some()
            && !is_banned
            && self.deleted_at.is_none()
            && !self.is_anonymous;
        let email = self.email.filter(|email| may && !email.is_empty())?;
        Some(Person { id: self.id, email })
    }
}

/// All users by id; none where the pages do not agree with the total, or the total changed while they were read. New
/// users come first, so one that came or went moves others to another page.
async fn whole(auth: &Auth) -> Result<Option<BTreeMap<Uuid, User>>, AuthError> {
    let (mut users, mut number) = (BTreeMap::new(), 1);
    let Page { users: first, total } = page(auth, number).await?;
    if total > USERS {
        let reason = format!("it tells of {total} users, at most {USERS} are read");
        return Err(AuthError::Page { page: number, reason });
    }
    users.extend(first.into_iter().map(|user| (user.id, user)));
    while number * PAGE < total {
        number += 1;
        let next = page(auth, number).await?;
        if next.total != total {
            return Ok(None);
        }
        users.extend(next.users.into_iter().map(|user| (user.id, user)));
    }
    Ok((users.len() as u64 == total).then_some(users))
}

async fn page(auth: &Auth, number: u64) -> Result<Page, AuthError> {
    let base = auth.url.path_and_query().trim_end_matches('/');
    let path = format!("{base}/admin/users?page={number}&per_page={PAGE}");
    let bearer;
    let mut question = Question::get(&path);
    match &auth.key {
        AuthKey::ServiceRole(key) => {
            bearer = format!("Bearer {}", key.reveal());
            question.headers.extend([("apikey", key.reveal()), ("authorization", bearer.as_str())]);
        }
        AuthKey::Secret(key) => question.headers.push(("apikey", key.reveal())),
    }
    let answer = http::ask(auth.url.place(), question, LIMITS).await.map_err(AuthError::Away)?;
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(AuthError::Refused { status, code: code(&answer.body) });
        }
        _ => return Err(AuthError::Status { status, page: number }),
    }
    let unread = |reason: String| AuthError::Page { page: number, reason };
    let total = answer.headers.get(TOTAL).and_then(|total| total.to_str().ok()?.parse().ok());
    let total = total.ok_or_else(|| unread(format!("no number in {TOTAL}")))?;
    // The error tells line and column, never what stands there.
    let shape =
        |error: serde_json::Error| unread(format!("line {}, column {}", error.line(), error.column()));
    let Body { users } = serde_json::from_slice(&answer.body).map_err(shape)?;
    Ok(Page { users, total })
}

/// Auth's word for what is wrong, where it is one.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error_code: String,
    }
    let said = serde_json::from_slice(body).map(|Said { error_code }| error_code).unwrap_or_default();
    said.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}
