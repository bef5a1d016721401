//! What a tenant's mail provider reports: `POST /hooks/mail/<tenant>`, as `docs/HOOKS.md` has it.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bellwether_database::DatabaseError;
use bellwether_database::bounces::{Bounce, Effect, Noted};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use bellwether_sinks::mail::bounce::{Action, COMPLAINED, Status, Verdict, verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Public, webhook};
use crate::events::Reported;

/// Most bytes of a report.
const BODY: usize = 64 * 1024;
/// How long it may take to arrive, and the tenant's database to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Signs nothing: it stands in where a tenant has no secret, so that the answer takes as long.
const NOBODYS: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Deserialize)]
struct Event {
    r#type: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Bounced {
    message_id: String,
    recipient: String,
    status: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Complained {
    message_id: String,
    recipient: String,
}

/// What was reported, ready for the database.
struct Report {
    message_id: String,
    recipient: String,
    verdict: Verdict,
}

/// Takes one report.
pub(super) async fn take(
    State(public): State<Public>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, to_bytes(body, BODY)).await else {
        return failed(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB within 10 s");
    };
    let tenant = tenant.parse().ok().and_then(|id| public.tenant(&id));
    let secret = tenant.as_ref().and_then(|tenant| tenant.mail.bounce_secret.clone());
    let tried = secret.clone().unwrap_or_else(|| Secret::new(NOBODYS));
    let id = webhook::verified(&tried, &headers, &body, public.0.clock.now()).filter(|_| secret.is_some());
    let Some((tenant, id)) = tenant.zip(id) else {
        Reported::Refused.emit();
        return failed(StatusCode::UNAUTHORIZED, "not signed by whom this tenant knows");
    };
    match report(&body) {
        Ok(Some(report)) => note(public, tenant, id, report).await,
        Ok(None) => Json(json!({"result": "ignored"})).into_response(),
        Err(detail) => failed(StatusCode::BAD_REQUEST, detail),
    }
}

fn failed(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({"error": status.canonical_reason(), "detail": detail}))).into_response()
}

/// None for what is no affair of ours.
fn report(body: &[u8]) -> Result<Option<Report>, &'static str> {
    let Event { r#type, data } = serde_json::from_slice(body).map_err(|_| "no JSON object with a type")?;
    match r#type.as_str() {
        "mail.bounced" => {
            let form = "mail.bounced needs data.message_id, data.recipient and data.status such as 5.1.1";
            let Bounced { message_id, recipient, status, reason } =
                serde_json::from_value(data).map_err(|_| form)?;
            let status: Status = status.parse().map_err(|_| form)?;
            let verdict = verdict(Action::Failed, status, reason.as_deref());
            Ok(verdict.map(|verdict| Report { message_id, recipient, verdict }))
        }
        "mail.complained" => {
            let form = "mail.complained needs data.message_id and data.recipient";
            let Complained { message_id, recipient } = serde_json::from_value(data).map_err(|_| form)?;
            let reason = "complained: its reader called a mail unwanted".into();
            let verdict = Verdict { effect: Effect::Suppress, event: COMPLAINED, reason };
            Ok(Some(Report { message_id, recipient, verdict }))
        }
        _ => Ok(None),
    }
}

/// In a task of its own: a statement under way is not cut off where somebody stops waiting.
async fn note(public: Public, tenant: Tenant, id: String, report: Report) -> Response {
    let of = tenant.id.clone();
    let noting = tokio::spawn(noted(public, tenant, id, report));
    match tokio::time::timeout(PATIENCE, noting).await {
        Ok(Ok(Ok(noted))) => {
            Reported::Noted(&of, noted).emit();
            Json(json!({"result": noted.name()})).into_response()
        }
        Ok(Ok(Err(error))) => {
            Reported::Away(&of, Some(&error)).emit();
            failed(StatusCode::SERVICE_UNAVAILABLE, "try again")
        }
        Ok(Err(_)) | Err(_) => {
            Reported::Away(&of, None).emit();
            failed(StatusCode::SERVICE_UNAVAILABLE, "try again")
        }
    }
}

async fn noted(public: Public, tenant: Tenant, id: String, report: Report) -> Result<Noted, DatabaseError> {
    let database = public.0.databases.of(&tenant).await?;
    let Report { message_id, recipient, verdict } = report;
    let message_id = format!("<{}>", message_id.trim().trim_start_matches('<').trim_end_matches('>'));
    let bounce = Bounce {
        report: &format!("hook {id}"),
        message_id: &message_id,
        recipients: &[recipient],
        effect: verdict.effect,
        event: verdict.event,
        reason: &verdict.reason,
    };
    database.bounced(&bounce).await
}
