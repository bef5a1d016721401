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

/// What a process says of itself.
#[derive(Clone, Default)]
pub struct Operations {
    /// The text of `/metrics`; without it there is no such page.
    pub metrics: Option<Metrics>,
    /// An object by tenant, where `/health` is to say more than that the process answers.
    pub tenants: Option<TenantsHealth>,
}

impl Operations {
    /// `/metrics` in Prometheus' text format, and `/health` for whoever restarts what does not answer.
    pub fn router(self) -> Router {
        let metrics = self.metrics.clone();
        self.health().route("/metrics", get(move || async move { text(metrics.as_ref()) }))
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

fn health(tenants: Option<&TenantsHealth>) -> Json<Value> {
    Json(match tenants {
        Some(tenants) => json!({"status": "ok", "tenants": tenants()}),
        None => json!({"status": "ok"}),
    })
}
