//! A role's own endpoint: is it up, and what does it count.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;

/// The text of `/metrics`, asked for at each scrape.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// `/metrics` in Prometheus' text format, and `/health` for whoever restarts what does not answer.
pub fn operations(metrics: Metrics) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(move || async move { (text, metrics()) })).route(
        "/health",
        get(|| async { ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#) }),
    )
}
