//! `[telemetry]`: logs, metrics and traces.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::config::{HttpAddress, Share};

/// How a process says what it does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// What is logged: a level, or `target=level` separated by commas.
    pub level: String,
    /// How log lines look: `text` or `json`.
    pub format: LogFormat,
    /// Address of the metrics endpoint, such as `127.0.0.1:9464`; none: no endpoint.
    pub metrics: Option<SocketAddr>,
    /// The collector that spans go to by OTLP, `http://HOST[:PORT][/PATH]`; none: nothing is traced.
    pub traces: Option<HttpAddress>,
    /// How many of the traces that begin here are recorded, `100%` if left out. Whoever goes on with a trace records it.
    pub trace_share: Share,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Text,
            metrics: None,
            traces: None,
            trace_share: Share::ALL,
        }
    }
}
