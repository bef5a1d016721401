//! `bellwether gateway`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bellwether_gateway::public::{Public, serve};
use bellwether_roles::logins;
use bellwether_runtime::http::{self, Limits, Place, Question};
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::ping::Ping;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::Role;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use bellwether_sinks::operator::{Teller, Telling};
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::role::fit;
use crate::exit::{Coded, UNAVAILABLE};
use crate::output::tell;
use crate::wiring::Process;

/// Between two times that it asks itself whether it answers.
const ASK: Duration = Duration::from_secs(15);
/// What that may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 64 * 1024 };

/// Answers the links in mails: who presses the button is not mailed that kind any more. Needs no log.
///
/// It logs in as a role that can switch mails off and nothing else: `tenants init` makes it. It speaks plain HTTP; what
/// ends TLS stands before it, and passes a tenant's brand.unsubscribe_url on to /unsubscribe.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether gateway\n  \
    bellwether gateway --listen 127.0.0.1:8081 --tenant fxlabs")]
pub(crate) struct Gateway {
    /// Address to listen on [default: gateway.listen of the configuration, else 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Whose links are answered. Repeatable: nothing of any other is read. Without it every tenant's.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
}

impl Gateway {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let directory = process.directory(&self.tenant).demanding(|tenant| fit(Role::Gateway, tenant));
        let shutdown = Process::shutdown()?;
        let served = directory.watch(Incidents::default(), shutdown.clone())?;
        let config = &process.config.gateway;
        let address = self.listen.unwrap_or(config.listen);
        let refused = |error| Coded {
            code: UNAVAILABLE,
            message: format!("gateway.listen: cannot listen on {address}: {error}"),
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let progress = Progress::default();
        process.serve_metrics(&shutdown, progress.clone()).await?;
        let bound = listener.local_addr()?;
        tell(&format!("http://{bound}\n"))?;
        tokio::spawn(ask_itself(bound, progress.clone(), shutdown.clone()));
        if let Some(address) = process.config.operator.ping.get(&Role::Gateway) {
            tokio::spawn(Ping::new(Role::Gateway, address.clone(), progress).run(shutdown.clone()));
        }
        let (incidents, telling) = told(process);
        let watching = logins::watch(Role::Gateway, served.clone(), incidents, shutdown.clone());
        let public = Public::new(served, process.clock.clone(), config.proxy)?;
        let logins = tokio::spawn(watching);
        serve(listener, public.router(), shutdown).await?;
        if let Some(telling) = telling {
            telling.finish().await;
        }
        logins.await??;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the operator is told of its logins, which no other role looks at. What was told is remembered by this process alone:
/// it logs in to no database as one that may write it down.
fn told(process: &Process) -> (Incidents, Option<Telling>) {
    let (incidents, news) = Incidents::new(process.clock.clone());
    let no_database = watch::channel(Arc::default()).1;
    let teller = Teller::new(&process.config.operator, news, no_database, process.clock.clone());
    (incidents, teller.map(Teller::start))
}

/// It goes on as long as it answers as others ask it.
async fn ask_itself(bound: SocketAddr, progress: Progress, shutdown: Shutdown) {
    let (host, authority) = (bound.ip().to_string(), bound.to_string());
    let place = Place { is_tls: false, host: &host, port: bound.port(), authority: &authority };
    loop {
        if http::ask(place, Question::get("/health"), LIMITS)
            .await
            .is_ok_and(|answer| answer.status.is_success())
        {
            progress.turned(Role::Gateway.name());
        }
        if shutdown.sleep(ASK).await {
            return;
        }
    }
}
