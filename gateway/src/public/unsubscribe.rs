//! The link that every mail carries: whoever opens it sees a button, whoever presses it is not mailed that kind any
//! more. Mail programs open links to look at them, so GET changes nothing; they press the button for their users by the
//! same POST (RFC 8058).

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use bellwether_database::{DatabaseError, SwitchedOff};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use bellwether_sinks::mail::unsubscribe::Unsubscribe;
use serde::Deserialize;

use super::page::Page;
use super::{BODY, Public};
use crate::events::Answered;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How long the tenant's database may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What both forms of the button say, as `application/x-www-form-urlencoded` and as `multipart/form-data`.
const ONE_CLICK: [&str; 2] = ["List-Unsubscribe", "One-Click"];

/// What the link says. Whatever else stands in it is the tenant's own.
#[derive(Deserialize)]
pub(super) struct Asked {
    tenant: String,
    user: String,
    kind: String,
    token: String,
}

/// A link of ours, and whose it is.
struct Known {
    tenant: Tenant,
    link: Unsubscribe,
}

type Link = Result<Query<Asked>, QueryRejection>;

/// Shows what the button would do, and does nothing.
pub(super) async fn show(State(public): State<Public>, link: Link) -> Response {
    let Some(Known { tenant, link }) = known(&public, link) else { return refused(&public) };
    Answered::Shown(&tenant.id).emit();
    public.page(&Page::Ask { brand: &tenant.brand, what: link.kind.described() })
}

/// Switches the kind off. Pressed again it says the same.
pub(super) async fn act(State(public): State<Public>, link: Link, body: Body) -> Response {
    let known = known(&public, link);
    let is_pressed = is_one_click(body).await;
    let Some(Known { tenant, link }) = known.filter(|_| is_pressed) else { return refused(&public) };
    let brand = &tenant.brand;
    // In a task of its own: a statement under way is not cut off where somebody stops waiting.
    let storing = tokio::spawn(switch_off(public.clone(), tenant.clone(), link.clone()));
    match tokio::time::timeout(PATIENCE, storing).await {
        Ok(Ok(Ok(_))) => {
            Answered::Done(&tenant.id, link.kind).emit();
            return public.page(&Page::Done { brand, what: link.kind.described() });
        }
        Ok(Ok(Err(error))) => Answered::Away(&tenant.id, &error).emit(),
        Ok(Err(_)) | Err(_) => Answered::Late(&tenant.id).emit(),
    }
    public.page(&Page::Away { brand })
}

/// A user who is gone gets no mail either, so that is no failure.
async fn switch_off(public: Public, tenant: Tenant, link: Unsubscribe) -> Result<SwitchedOff, DatabaseError> {
    let database = public.0.databases.of(&tenant).await?;
    database.switch_off(link.user, link.kind.name()).await
}

/// One page for whatever is wrong with a link: it tells nobody which tenants, users or kinds there are.
fn refused(public: &Public) -> Response {
    Answered::Refused.emit();
    public.page(&Page::NoLink)
}

fn known(public: &Public, link: Link) -> Option<Known> {
    let Query(Asked { tenant, user, kind, token }) = link.ok()?;
    let link =
        Unsubscribe { tenant: tenant.parse().ok()?, user: user.parse().ok()?, kind: kind.parse().ok()? };
    let tenant = public.tenant(&link.tenant);
    let key = tenant.as_ref().and_then(|tenant| tenant.mail.unsubscribe_key.clone());
    // Where there is no key the work is done all the same, so that it takes as long.
    let is_ours = link.verify(key.as_ref().unwrap_or(&Secret::new("nobody's")), &token);
    let is_good = is_ours && key.is_some() && link.kind.can_be_switched_off();
    tenant.filter(|_| is_good).map(|tenant| Known { tenant, link })
}

async fn is_one_click(body: Body) -> bool {
    let Ok(Ok(body)) = tokio::time::timeout(ARRIVAL, to_bytes(body, BODY)).await else { return false };
    std::str::from_utf8(&body).is_ok_and(|text| ONE_CLICK.iter().all(|word| text.contains(word)))
}
