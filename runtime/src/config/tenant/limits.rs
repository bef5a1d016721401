//! `[limits]`: most of a thing.

use std::num::NonZeroU32;

use serde::Deserialize;

/// What a tenant may have at most. `alerts` can change a result, so the journal has it too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Alerts of the tenant; one more is refused.
    pub(super) alerts: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        const MILLION: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);
        Self { alerts: MILLION }
    }
}
