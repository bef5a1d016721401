//! For machines: is it up, and what does it count.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::app::App;

/// `{"status":"ok","tenants":{"fxlabs":{"event_time":…,"counts":{…}}}}`
pub(crate) async fn health(State(app): State<App>) -> Json<Value> {
    let live = &app.site.live;
    let about = |id| json!({"event_time": live.time(id), "counts": live.counts(id)});
    let tenants: Map<String, Value> = live.tenants().iter().map(|id| (id.to_string(), about(id))).collect();
    Json(json!({"status": "ok", "tenants": tenants}))
}

/// Prometheus' text format.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    match &app.site.metrics {
        Some(metrics) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics()).into_response()
        }
        None => (StatusCode::NOT_FOUND, "no metrics are collected here").into_response(),
    }
}
