//! `[process]`: how the role `process` works.

use std::time::Duration;

use serde::Deserialize;

use crate::config::values;

/// Between two snapshots of a tenant's state, where nothing else is said.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);

/// How journals are folded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Processing {
    /// How often each tenant's state is stored: what a worker that is killed has to fold again at most. At least `1s`.
    #[serde(deserialize_with = "values::at_least_a_second")]
    pub snapshot_every: Duration,
}

impl Default for Processing {
    fn default() -> Self {
        Self { snapshot_every: SNAPSHOT_EVERY }
    }
}
