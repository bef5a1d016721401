//! What every command starts from: configuration, tenants, the log, signals.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bellwether_gateway::{Operations, serve};
use bellwether_roles::topics::Missing;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Config, ConfigError, Tenant};
use bellwether_runtime::log::{self, Access, Log, Registered};
use bellwether_runtime::ping::SILENCE;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::registry::Registry;
use bellwether_runtime::shutdown::{Shutdown, on_signals};
use bellwether_runtime::telemetry::{self, Handle};
use bellwether_runtime::tenants::{Directory, Reading};
use bellwether_schemas::TenantId;
use tokio::net::TcpListener;

use crate::exit::{CONFIG, Coded, UNAVAILABLE, of_error};
use crate::output::{note, reader_gone};

/// Whether somebody was left out, because of a bad file or of what failed, and how the command ends for that.
#[derive(Clone, Copy, Default)]
pub(crate) struct LeftOut(Option<ExitCode>);

impl LeftOut {
    /// For one tenant nothing could be done; others are gone on with.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        let code = of_error(error);
        self.0.get_or_insert(code);
    }

    /// The code of a command that would else end with that one.
    pub(crate) fn code(self, code: ExitCode) -> ExitCode {
        self.0.unwrap_or(code)
    }
}

/// What every command starts from: its configuration, a clock, telemetry.
pub(crate) struct Process {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) telemetry: Handle,
}

impl Process {
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let config = Config::load(file, environment)?;
        let telemetry = telemetry::init(&config.telemetry, std::io::stderr().is_terminal())?;
        Ok(Self { config, clock: Clock::system(), telemetry })
    }

    /// Raised by the first Ctrl-C or SIGTERM.
    pub(crate) fn shutdown() -> anyhow::Result<Shutdown> {
        let shutdown = Shutdown::new();
        on_signals(shutdown.clone()).context("cannot listen for signals")?;
        Ok(shutdown)
    }

    /// The same, raised also when whoever reads standard output has gone: for what shows something while it runs.
    pub(crate) fn shutdown_with_reader() -> anyhow::Result<Shutdown> {
        let shutdown = Self::shutdown()?;
        let raised = shutdown.clone();
        tokio::spawn(async move {
            reader_gone().await;
            raised.raise();
        });
        Ok(shutdown)
    }

    /// The tenants named, or all of them when none is, for a command that does for each what it can: of those whose files
    /// are bad, what is wrong is said.
    ///
    /// # Errors
    /// The directory cannot be read, somebody who was named has no file, or every file is bad.
    pub(crate) fn good_tenants(&self, names: &[TenantId]) -> Result<(Vec<Tenant>, LeftOut), ConfigError> {
        let Reading { tenants, bad } = self.directory(names).look()?;
        let mut errors: Vec<ConfigError> = bad.into_values().collect();
        let left_out = LeftOut((!errors.is_empty()).then(|| CONFIG.into()));
        let last = if tenants.is_empty() { errors.pop() } else { None };
        errors.iter().for_each(|error| note(&format!("error: {error}\n")));
        last.map_or(Ok((tenants, left_out)), Err)
    }

    /// The tenants named, of whom alone anything is read, and all of whose files have to be good.
    pub(crate) fn tenants_named(&self, names: &[TenantId]) -> Result<Vec<Tenant>, ConfigError> {
        self.directory(names).load()
    }

    /// Where the files of the tenants named are, or of all of them when none is.
    pub(crate) fn directory(&self, names: &[TenantId]) -> Directory {
        Directory::new(&self.config.tenants, names, environment)
    }

    /// What every role that stays has beside its work: its endpoint, where `telemetry.metrics` asks for one.
    pub(crate) async fn serve_metrics(&self, shutdown: &Shutdown, progress: Progress) -> anyhow::Result<()> {
        let Some(address) = self.config.telemetry.metrics else { return Ok(()) };
        let refused = |error| Coded {
            code: UNAVAILABLE,
            message: format!("telemetry.metrics: cannot listen on {address}: {error}"),
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let telemetry = self.telemetry.clone();
        let operations = Operations {
            ready: Some(Arc::new(move || progress.unready(SILENCE))),
            metrics: Some(Arc::new(move || telemetry.render())),
            tenants: None,
        };
        let router = operations.router();
        let shutdown = shutdown.clone();
        tokio::spawn(serve(listener, router, shutdown));
        Ok(())
    }

    /// What is done about missing topics: a log of this machine's own is given them.
    pub(crate) fn missing_topics(&self) -> Missing {
        if log::is_embedded(&self.config.log) { Missing::Made } else { Missing::Awaited }
    }

    /// The configured log as it is.
    pub(crate) fn log(&self, access: Access) -> anyhow::Result<Arc<dyn Log>> {
        self.log_at(&self.config.log, access)
    }

    /// The log at `url`.
    pub(crate) fn log_at(&self, url: &str, access: Access) -> anyhow::Result<Arc<dyn Log>> {
        let log = log::open_with(url, access, self.clock.clone(), &self.config.kafka)?;
        Ok(match Registry::open(&self.config.schema_registry, access)? {
            Some(registry) => Arc::new(Registered::new(log, registry)),
            None => log,
        })
    }

    /// The log at `url`, or the configured one, for reading this tenant's part beside whoever writes it.
    pub(crate) fn read_log(&self, url: Option<&str>, tenant: &TenantId) -> anyhow::Result<Arc<dyn Log>> {
        self.read_tenants(url, std::slice::from_ref(tenant)).map(|(log, _)| log)
    }

    /// The same for the tenants named, or all that have topics there when none is.
    pub(crate) fn read_tenants(
        &self,
        url: Option<&str>,
        named: &[TenantId],
    ) -> anyhow::Result<(Arc<dyn Log>, Vec<TenantId>)> {
        let url = url.unwrap_or(&self.config.log);
        let log = self.log_at(url, Access::Read)?;
        let known: BTreeSet<TenantId> = log.topics()?.into_iter().map(|topic| topic.tenant).collect();
        let Some(tenant) = named.iter().find(|tenant| !known.contains(tenant)) else {
            let tenants = if named.is_empty() { known } else { named.iter().cloned().collect() };
            return Ok((log, tenants.into_iter().collect()));
        };
        let known: Vec<&str> = known.iter().map(TenantId::as_str).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        let message = format!("no tenant {:?} in {url}: it has {known}", tenant.as_str());
        Err(Coded { code: CONFIG, message }.into())
    }
}

pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
