//! What all of a tenant shares.

use bellwether_schemas::settings::PriceBasis;
use serde::{Deserialize, Serialize};

use crate::snapshot::Code;

/// The part `core`: what belongs to no symbol, pair or alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Core {
    /// Whose rules are in force: what the settings name.
    pub(crate) engine_version: i32,
    pub(crate) tenant: String,
    /// Of the settings in force; none before the first.
    pub(crate) revision: Option<i64>,
    pub(crate) settings: Settings,
    pub(crate) watermark: Watermark,
    /// The source with the newest session last.
    pub(crate) sequences: Vec<Sequences>,
    /// Alerts that ever were: how many buckets there are follows.
    pub(crate) alerts: u64,
    /// A newer engine was asked for: nothing is folded any more.
    pub(crate) halted: bool,
}

/// As `settings_changed` carries them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Names, and whether each trades around the clock.
    pub(crate) symbols: Vec<(String, bool)>,
    pub(crate) symbol_suffix: String,
    /// Where the session's day begins, as `17:00 America/New_York`.
    pub(crate) session_anchor: String,
    pub(crate) price_basis: Code<PriceBasis>,
    /// How far the watermark stays behind, microseconds.
    pub(crate) lateness_max: i64,
    /// How far behind the furthest a source may fall and still count, microseconds.
    pub(crate) source_idle: i64,
    /// A fraction of the last price.
    pub(crate) absurd_band: f64,
    pub(crate) max_alerts: i64,
    pub(crate) positive_pairs: Vec<String>,
    pub(crate) negative_pairs: Vec<String>,
    /// Silence after a heatmap trigger, microseconds.
    pub(crate) heatmap_cooldown: i64,
    /// Silence of the same side after a heatmap trigger, microseconds.
    pub(crate) heatmap_suppression: i64,
}

/// Event time of the sources and what follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// Sources by name, and how far each is.
    pub(crate) sources: Vec<(String, i64)>,
    /// Up to where the log is complete; none before the first time of any source.
    pub(crate) value: Option<i64>,
}

/// Sequence numbers of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sequences {
    pub(crate) source: String,
    /// Sessions of sources, the newest last.
    pub(crate) sessions: Vec<Session>,
}

/// One run of a source's client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) name: String,
    /// The last number of each symbol, by place in the settings.
    pub(crate) last: Vec<Option<u64>>,
}
