//! What metrics are, and who counts them.

use crate::roles::Role;

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A count that only rises.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// A distribution of what takes moments; in seconds.
    Histogram,
    /// A distribution of what may take hours; in seconds.
    Waits,
}

impl Kind {
    /// Upper ends of a distribution's buckets; none for what is no distribution.
    #[must_use]
    pub const fn buckets(self) -> &'static [f64] {
        match self {
            Self::Counter | Self::Gauge => &[],
            // From half a millisecond to two minutes.
            Self::Histogram => &[
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
                60.0, 120.0,
            ],
            // A minute is what is promised; an hour is what a server that is away for lunch costs.
            Self::Waits => &[
                0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0,
                86400.0,
            ],
        }
    }

    /// Prometheus' word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram | Self::Waits => "histogram",
        }
    }
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Whatever runs.
    Every,
    /// What writes into journals.
    Produce,
    /// What folds them.
    Process,
    /// What answers new alerts.
    Preview,
    /// What reads triggers or readings and writes elsewhere.
    Sinks,
    /// The sink of rows.
    Rows,
    /// The sink of mails.
    Mail,
    /// The sink of what the tenants' clocks owe.
    Schedule,
    /// What anybody can reach.
    Gateway,
}

impl Stage {
    /// Every stage, in the order in which a record passes them.
    pub const ALL: &[Self] = &[
        Self::Every,
        Self::Produce,
        Self::Process,
        Self::Preview,
        Self::Sinks,
        Self::Rows,
        Self::Mail,
        Self::Schedule,
        Self::Gateway,
    ];

    /// As people say which roles these are.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Every => "every role",
            Self::Produce => "produce …",
            Self::Process => "process",
            Self::Preview => "preview",
            Self::Sinks => "sink …",
            Self::Rows => "sink rows",
            Self::Mail => "sink mail",
            Self::Schedule => "sink schedule",
            Self::Gateway => "gateway",
        }
    }

    /// Whether a process of the role counts this.
    pub(super) const fn is_of(self, role: Role) -> bool {
        match role {
            Role::ProduceFile
            | Role::ProduceSynthetic
            | Role::ProduceHistory
            | Role::ProduceAlerts
            | Role::ProduceCalendar => matches!(self, Self::Produce),
            Role::Process => matches!(self, Self::Process),
            Role::Preview => matches!(self, Self::Preview),
            Role::SinkRows => matches!(self, Self::Sinks | Self::Rows),
            Role::SinkMail => matches!(self, Self::Sinks | Self::Mail),
            Role::SinkSchedule => matches!(self, Self::Schedule),
            Role::Gateway => matches!(self, Self::Gateway),
        }
    }
}
