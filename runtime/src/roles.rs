//! The roles: what runs as a process of its own, or beside the others in one. Each is declared here once, with the
//! name people type and, where it reads as a consumer group, that group; [`Context`] is what each is given. The crate
//! `roles` says how each is run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::TopicKind;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{SNAPSHOT_EVERY, Tenant};
use crate::incident::Incidents;
use crate::log::Log;
use crate::progress::Progress;
use crate::shutdown::Shutdown;

/// What the name of every group begins with, so that one prefix names all that is Bellwether's on a broker.
pub const PREFIX: &str = "bellwether-";

/// Members that share one topic of each tenant out among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Its name on the log, which begins with [`PREFIX`].
    pub name: &'static str,
    /// The topic of each tenant that it reads.
    pub reads: TopicKind,
}

impl Group {
    /// Its name without the prefix: what a sink's cursor and metrics are called.
    #[must_use]
    pub const fn short_name(self) -> &'static str {
        self.name.split_at(PREFIX.len()).1
    }
}

/// The group that folds journals.
pub const PROCESS: Group = Group { name: "bellwether-process", reads: TopicKind::Journal };
/// The group that folds journals for their minutes, and answers how often a new alert would have fired.
pub const PREVIEW: Group = Group { name: "bellwether-preview", reads: TopicKind::Journal };
/// The group that writes triggers as rows.
pub const ROWS: Group = Group { name: "bellwether-rows", reads: TopicKind::Triggers };
/// The group by which the rows sink is given tenants' previews. It reads each of them from its start.
pub const WOULD_HAVE: Group = Group { name: "bellwether-would-have", reads: TopicKind::Previews };
/// The group that mails triggers.
pub const MAIL: Group = Group { name: "bellwether-mail", reads: TopicKind::Triggers };

/// The group that keeps the tenants' schedules.
pub const SCHEDULE: Group = Group { name: "bellwether-schedule", reads: TopicKind::Readings };

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal, $group:expr;)*) => {
        /// What a process of the pipeline can be started as.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $($(#[$doc])* $role),*
        }

        impl Role {
            /// Every role, in the order in which a record passes them.
            pub const ALL: &[Self] = &[$(Self::$role),*];

            /// What people type after `bellwether`, and what tables and log lines call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => $name),* }
            }

            /// The role of that name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|role| role.name() == name)
            }

            /// The consumer group it reads with; none where it reads no topic, or apart from any group.
            #[must_use]
            pub const fn group(self) -> Option<Group> {
                match self { $(Self::$role => $group),* }
            }
        }
    };
}

roles! {
    /// Plays files into journals.
    ProduceFile = "produce file", None;
    /// Plays the synthetic market.
    ProduceSynthetic = "produce synthetic", None;
    /// Writes the synthetic market's past.
    ProduceHistory = "produce history", None;
    /// Publishes what users change in the alert tables.
    ProduceAlerts = "produce alerts", None;
    /// Publishes what the tenants' news calendars say.
    ProduceCalendar = "produce calendar", None;
    /// Folds journals into triggers and readings.
    Process = "process", Some(PROCESS);
    /// Answers how often new alerts would have fired.
    Preview = "preview", Some(PREVIEW);
    /// Writes triggers as rows of the tenants' databases.
    SinkRows = "sink rows", Some(ROWS);
    /// Owes the mails of the tenants' own clocks: briefs and reminders.
    SinkSchedule = "sink schedule", Some(SCHEDULE);
    /// Mails triggers to the users whose alerts fired, and what is owed by the clock.
    SinkMail = "sink mail", Some(MAIL);
    /// Answers over HTTP what the links in mails ask for. It reads no log.
    Gateway = "gateway", None;
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The tenants, as they come and go.
pub type TenantSet = watch::Receiver<Arc<Vec<Tenant>>>;

/// What every role is given. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The log that every stage meets the others in.
    pub log: Arc<dyn Log>,
    /// The tenants to be served; one that is added is served without a restart.
    pub tenants: TenantSet,
    /// Wall time; never what a result is computed from.
    pub clock: Clock,
    /// When to drain and stop.
    pub shutdown: Shutdown,
    /// What the operator has to hear of.
    pub incidents: Incidents,
    /// How the tenants fare.
    pub progress: Progress,
    /// How often the role `process` stores each tenant's state.
    pub snapshot_every: Duration,
}

impl Context {
    /// One that nobody watches over.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, tenants: TenantSet, clock: Clock, shutdown: Shutdown) -> Self {
        let (incidents, progress) = (Incidents::default(), Progress::default());
        Self { log, tenants, clock, shutdown, incidents, progress, snapshot_every: SNAPSHOT_EVERY }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_roles_share_a_name_or_a_group() {
        let names: BTreeSet<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        assert_eq!(names.len(), Role::ALL.len());
        let groups: Vec<Group> = Role::ALL.iter().filter_map(|role| role.group()).collect();
        let names: BTreeSet<&str> = groups.iter().map(|group| group.name).collect();
        assert_eq!(names.len(), groups.len());
    }

    #[test]
    fn a_groups_short_name_is_what_follows_the_prefix() {
        for group in Role::ALL.iter().filter_map(|role| role.group()) {
            assert_eq!(format!("{PREFIX}{}", group.short_name()), group.name);
        }
    }
}
