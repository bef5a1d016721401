//! A real Kafka and the files of many tenants, for trials of workers alone.

use std::sync::Arc;
use std::time::Duration;

use bellwether_local::kafka::Kafka;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::roles::PROCESS;
use bellwether_schemas::{TenantId, Topic, TopicKind};

use crate::support::{Bellwether, Place, Running};
use crate::world::progress;

/// How long any command or any wait may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A broker, the tenants' files and their journals.
pub(crate) struct Ground {
    pub(crate) place: Place,
    kafka: Kafka,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) tenants: Vec<TenantId>,
    /// Of every process.
    variables: Vec<(&'static str, String)>,
}

impl Ground {
    /// So many tenants, each as the first example is, with their topics.
    pub(crate) fn new(count: usize) -> Self {
        let place = Place::new();
        let tenants: Vec<TenantId> =
            (0..count).map(|number| format!("t{number:03}").parse().unwrap()).collect();
        tenants.iter().for_each(|tenant| place.copy_tenant("fxlabs", tenant.as_str()));
        for example in ["fxlabs", "hextech"] {
            std::fs::remove_file(place.path(&format!("tenants/{example}.toml"))).unwrap();
        }
        let kafka = Kafka::start(&place.path("services"), 1).unwrap();
        let log = open(kafka.url(), Access::Write, Clock::system()).unwrap();
        let ground = Self { place, kafka, log, tenants, variables: Vec::new() };
        progress(&format!("topics of {count} tenants"));
        ground.call(&["topics", "apply"]);
        ground
    }

    /// The same, with a variable of the environment for every process.
    pub(crate) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let command = self.place.bellwether(arguments).env("BELLWETHER_LOG", self.kafka.url());
        let command = command.env("TMPDIR", self.place.path(""));
        let with = |command: Bellwether, (name, value): &(&str, String)| command.env(name, value);
        self.variables.iter().fold(command, with).start()
    }

    /// What a command printed that has to succeed.
    pub(crate) fn call(&self, arguments: &[&str]) -> String {
        self.start(arguments).wait(PATIENCE).ended(0).stdout
    }

    /// How far the tenant's journal is folded.
    pub(crate) fn position(&self, tenant: &TenantId) -> u64 {
        self.log.committed(PROCESS.name, &journal(tenant)).ok().flatten().unwrap_or(0)
    }

    /// The tenant's journal is folded to its end.
    pub(crate) fn is_folded(&self, tenant: &TenantId) -> bool {
        self.log.bounds(&journal(tenant)).is_ok_and(|bounds| self.position(tenant) >= bounds.next)
    }

    /// Whose journals the member has who has that tenant's.
    pub(crate) fn neighbours(&self, tenant: &TenantId) -> Option<Vec<TenantId>> {
        let members = self.log.members(PROCESS.name).ok()?;
        let owner = members.into_iter().find(|member| member.topics.contains(&journal(tenant)))?;
        Some(owner.topics.into_iter().map(|topic| topic.tenant).collect())
    }

    pub(crate) fn are_shared_out(&self, workers: usize) -> bool {
        let members = self.log.members(PROCESS.name).unwrap_or_default();
        let given: usize = members.iter().map(|member| member.topics.len()).sum();
        members.len() == workers && given == self.tenants.len()
    }
}

pub(crate) fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}
