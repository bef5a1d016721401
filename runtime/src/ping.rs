//! The dead man's switch: while all tenants of a process go on, it calls an address every minute. Who listens there
//! notices that nobody calls any more, whatever the reason: a process that is gone, one that hangs, a machine without
//! network.

use std::path::Path;
use std::time::Duration;

use crate::config::PingAddress;
use crate::http::{self, Limits, Question};
use crate::metric_names::PINGS;
use crate::progress::Progress;
use crate::roles::Role;
use crate::shutdown::Shutdown;
use crate::slot::{self, Slot};

/// How long a call may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 64 * 1024 };

/// Who has said nothing for longer stands still.
pub const SILENCE: Duration = Duration::from_secs(120);

/// How often is called, and how long somebody may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Between two calls.
    pub every: Duration,
    /// A tenant, or what is done for all, that has said nothing for longer stands still.
    pub silence: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { every: Duration::from_secs(60), silence: SILENCE }
    }
}

/// Who calls.
pub struct Ping {
    address: PingAddress,
    instance: String,
    progress: Progress,
    rhythm: Rhythm,
    /// Holds this process's number among those of its role on this machine.
    _slot: Option<Slot>,
}

impl Ping {
    /// One for this process of the role: `{instance}` is this machine's name and the process's number there.
    #[must_use]
    pub fn new(role: Role, address: PingAddress, progress: Progress) -> Self {
        Self::among(&std::env::temp_dir().join("bellwether-slots"), role, address, progress)
    }

    fn among(slots: &Path, role: Role, address: PingAddress, progress: Progress) -> Self {
        let name = format!("ping-{}", role.name().replace(' ', "-"));
        let slot = Slot::take(slots, &name).ok();
        let instance =
            slot.as_ref().map_or_else(slot::host, |slot| format!("{}-{}", slot::host(), slot.number()));
        Self { address, instance, progress, rhythm: Rhythm::default(), _slot: slot }
    }

    /// The same in another rhythm.
    #[must_use]
    pub const fn at(mut self, rhythm: Rhythm) -> Self {
        self.rhythm = rhythm;
        self
    }

    /// Calls until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let mut told = Vec::new();
        while !shutdown.sleep(self.rhythm.every).await {
            let silent = self.progress.silent(self.rhythm.silence);
            if silent != told && !silent.is_empty() {
                let silent = silent.join(", ");
                tracing::error!(silent, "somebody stands still, so the operator's address is not called");
            }
            self.turn(&silent).await;
            told = silent;
        }
    }

    /// Calls, unless somebody is silent or nobody has said anything yet.
    async fn turn(&self, silent: &[String]) {
        if silent.is_empty() && !self.progress.is_empty() {
            self.call().await;
        }
    }

    async fn call(&self) {
        let Self { address, instance, .. } = self;
        let path = address.path_and_query(instance);
        let outcome = match http::ask(address.place(), Question::get(&path), LIMITS).await {
            Ok(answer) if answer.status.is_success() => "taken",
            Ok(answer) => {
                tracing::warn!(%address, status = answer.status.as_u16(), "the operator's address refuses to be called");
                "refused"
            }
            Err(error) => {
                tracing::warn!(%address, error, "the operator's address cannot be called");
                "unreached"
            }
        };
        metrics::counter!(PINGS, "outcome" => outcome).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::Uri;
    use bellwether_schemas::TenantId;
    use tokio::net::TcpListener;

    use super::*;

    /// Who listens: counts, and tells each call apart by its path.
    struct Listener {
        port: u16,
        calls: Arc<AtomicUsize>,
        strays: Arc<AtomicUsize>,
    }

    impl Listener {
        async fn start(path: String) -> Self {
            let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = socket.local_addr().unwrap().port();
            let (calls, strays) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let count = [Arc::clone(&calls), Arc::clone(&strays)];
            let router = Router::new().fallback(async move |uri: Uri| {
                let [calls, strays] = &count;
                if uri.path() == path { calls } else { strays }.fetch_add(1, Ordering::SeqCst);
                "ok"
            });
            tokio::spawn(axum::serve(socket, router).into_future());
            Self { port, calls, strays }
        }

        fn calls(&self) -> usize {
            assert_eq!(self.strays.load(Ordering::SeqCst), 0);
            self.calls.load(Ordering::SeqCst)
        }
    }

    const OFTEN: Duration = Duration::from_millis(10);
    /// Nobody is silent for so long in a test.
    const PATIENT: Duration = Duration::from_secs(3_600);
    /// Whoever is not parked is silent by this.
    const IMPATIENT: Duration = Duration::ZERO;

    struct Watched {
        listener: Listener,
        progress: Progress,
        ping: Ping,
        _slots: tempfile::TempDir,
    }

    async fn watched() -> Watched {
        let slots = tempfile::tempdir().unwrap();
        let listener = Listener::start(format!("/up/{}-0", slot::host())).await;
        let address = format!("http://127.0.0.1:{}/up/{{instance}}", listener.port).parse().unwrap();
        let progress = Progress::default();
        let ping = Ping::among(slots.path(), Role::SinkRows, address, progress.clone());
        Watched { listener, progress, ping, _slots: slots }
    }

    impl Watched {
        async fn turn(&self, silence: Duration) -> usize {
            self.ping.turn(&self.progress.silent(silence)).await;
            self.listener.calls()
        }
    }

    #[tokio::test]
    async fn a_tenant_that_stands_still_stops_the_calls_and_one_that_is_parked_does_not() {
        let watched = watched().await;
        let tenant: TenantId = "fxlabs".parse().unwrap();
        assert_eq!(watched.turn(PATIENT).await, 0, "nobody has begun");
        watched.progress.moved(&tenant, "rows");
        assert_eq!(watched.turn(PATIENT).await, 1, "it goes on");
        assert_eq!(watched.turn(IMPATIENT).await, 1, "it stands still");
        watched.progress.parked(&tenant, "rows");
        assert_eq!(watched.turn(IMPATIENT).await, 2, "it is known to wait");
        watched.progress.turned("rows");
        assert_eq!(watched.turn(IMPATIENT).await, 2, "what is done for all stands still");
    }

    #[tokio::test]
    async fn it_is_called_over_and_over_until_the_process_stops() {
        let Watched { listener, progress, ping, _slots } = watched().await;
        progress.turned("rows");
        let shutdown = Shutdown::new();
        let rhythm = Rhythm { every: OFTEN, silence: PATIENT };
        let running = tokio::spawn(ping.at(rhythm).run(shutdown.clone()));
        let called = async {
            while listener.calls() < 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), called).await.unwrap();
        shutdown.raise();
        running.await.unwrap();
    }
}
