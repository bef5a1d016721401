//! For machines: is it up, and what does it count. Every role has these routes, and the demo's site too.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The text of `/metrics`, asked for at each scrape.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;
/// What `/health` says of tenants, asked for each time.
pub type TenantsHealth = Arc<dyn Fn() -> Value + Send + Sync>;

/// Why others may not rely on the process for now, one reason a line; none: they may.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// What a process says of itself.
#[derive(Clone, Default)]
pub struct Operations {
    /// What `/readyz` asks each time; without it the process is ready as long as it answers.
    pub ready: Option<Readiness>,
    /// The text of `/metrics`; without it there is no such page.
    pub metrics: Option<Metrics>,
    /// An object by tenant, where `/health` is to say more than that the process answers.
    pub tenants: Option<TenantsHealth>,
}

impl Operations {
    /// `/metrics` in Prometheus' text format; `/livez` for whoever restarts what does not answer, and `/health`, which is
    /// the same and says more; `/readyz` for whoever starts the next process when this one does its work.
    pub fn router(self) -> Router {
        let (metrics, ready) = (self.metrics.clone(), self.ready.clone());
        self.health()
            .route("/metrics", get(move || async move { text(metrics.as_ref()) }))
            .route("/livez", get(|| async { Json(json!({"status": "ok"})) }))
            .route("/readyz", get(move || async move { readiness(ready.as_ref()) }))
    }

    /// `/health` alone, for what anybody can reach.
    pub(crate) fn health(self) -> Router {
        let tenants = self.tenants;
        Router::new().route("/health", get(move || async move { health(tenants.as_ref()) }))
    }
}

fn text(metrics: Option<&Metrics>) -> Response {
    let form = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    match metrics {
        Some(metrics) => (form, metrics()).into_response(),
        None => (StatusCode::NOT_FOUND, "no metrics are collected here").into_response(),
    }
}

fn readiness(ready: Option<&Readiness>) -> Response {
    let reasons = ready.map(|ready| ready()).unwrap_or_default();
    match reasons.as_slice() {
        [] => Json(json!({"status": "ok"})).into_response(),
        reasons => {
            let said = Json(json!({"status": "not ready", "reasons": reasons}));
            (StatusCode::SERVICE_UNAVAILABLE, said).into_response()
        }
    }
}

fn health(tenants: Option<&TenantsHealth>) -> Json<Value> {
    Json(match tenants {
        Some(tenants) => json!({"status": "ok", "tenants": tenants()}),
        None => json!({"status": "ok"}),
    })
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn said(reasons: &'static [&str]) -> (u16, String) {
        let ready: Readiness = Arc::new(move || reasons.iter().map(ToString::to_string).collect());
        let answer = readiness(Some(&ready));
        let status = answer.status().as_u16();
        (status, String::from_utf8(to_bytes(answer.into_body(), 4_096).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_that_is_not_ready_says_why() {
        let (status, said_why) = said(&["process of fxlabs recovers"]).await;
        assert_eq!(status, 503);
        assert!(said_why.contains("process of fxlabs recovers"), "{said_why}");
        assert_eq!(said(&[]).await, (200, "{\"status\":\"ok\"}".into()));
    }
}
