//! `[retention]`: how long what is kept about users is kept.

use std::time::Duration;

use serde::Deserialize;

use crate::config::values;

/// How long rows of the tenant's tables are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Events of users' lines, `public.user_events`: at least `30d`, `400d` if left out. Older ones are removed by the
    /// rows sink, some thousand at a time.
    #[serde(deserialize_with = "values::time_to_keep")]
    pub user_events: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { user_events: Duration::from_hours(400 * 24) }
    }
}
