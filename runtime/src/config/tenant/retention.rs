//! `[retention]`: how long what is kept of a tenant and its users is kept.

use std::time::Duration;

use serde::Deserialize;

use crate::config::values;

/// How long the tenant's journal and rows of its tables are kept. Rows are kept at least `30d`; what is older is removed by
/// the rows sink, some thousand rows at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// The journal, by when its records were appended: `30d` if left out, at least `1d`. The worker cuts it, once a day
    /// and only where a base snapshot stands for what goes.
    #[serde(deserialize_with = "values::at_least_a_day")]
    pub journal: Duration,
    /// Events of users' lines, `public.user_events`: `400d` if left out.
    #[serde(deserialize_with = "values::time_to_keep")]
    pub user_events: Duration,
    /// Triggers of every kind, by when their rows were written: `400d` if left out.
    #[serde(deserialize_with = "values::time_to_keep")]
    pub triggers: Duration,
    /// What mails said: `30d` if left out. That they were sent, and to whom, stays.
    #[serde(deserialize_with = "values::time_to_keep")]
    pub mail_bodies: Duration,
    /// What happened to mails, `bellwether.mail_event`: `90d` if left out.
    #[serde(deserialize_with = "values::time_to_keep")]
    pub mail_events: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(days * 24);
        Self {
            journal: days(30),
            user_events: days(400),
            triggers: days(400),
            mail_bodies: days(30),
            mail_events: days(90),
        }
    }
}
