//! `bellwether gateway`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use bellwether_gateway::public::{Public, serve};
use bellwether_roles::check;
use bellwether_runtime::roles::Role;
use bellwether_schemas::TenantId;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::exit::{Coded, UNAVAILABLE};
use crate::output::tell;
use crate::wiring::Process;

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
    /// Whose links are answered. Repeatable; without it every tenant's, as their files come and go.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
}

impl Gateway {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let tenants = process.tenants_named(&self.tenant)?;
        process.demand(&tenants, |tenant| check(Role::Gateway, tenant))?;
        let shutdown = Process::shutdown()?;
        let config = &process.config.gateway;
        let address = self.listen.unwrap_or(config.listen);
        let refused = |error| Coded {
            code: UNAVAILABLE,
            message: format!("gateway.listen: cannot listen on {address}: {error}"),
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        process.serve_metrics(&shutdown).await?;
        let served = if self.tenant.is_empty() {
            process.watch_tenants(&shutdown)?
        } else {
            watch::channel(Arc::new(tenants)).1
        };
        tell(&format!("http://{}\n", listener.local_addr()?))?;
        let public = Public::new(served, process.clock.clone(), config.proxy)?;
        serve(listener, public.router(), shutdown).await?;
        Ok(ExitCode::SUCCESS)
    }
}
