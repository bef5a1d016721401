//! `bellwether inbox`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bellwether_gateway::{LiveState, Site, router, serve};
use bellwether_local::inbox::Inbox as Running;
use clap::Args;
use tokio::net::TcpListener;

use crate::exit::{Coded, UNAVAILABLE};
use crate::output::tell;
use crate::wiring::Process;

/// A mail server that sends nothing on: it takes every mail and shows it. For trying things out.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether inbox --dir mails")]
pub(crate) struct Inbox {
    /// The SMTP port; the example tenants' is the default.
    #[arg(long, value_name = "P", default_value_t = 1025)]
    smtp: u16,
    /// Port of the page that shows the mails.
    #[arg(long, value_name = "P", default_value_t = 8025)]
    page: u16,
    /// Keeps the mails there; without it they are gone when it stops.
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
    /// Listens on every address in place of this machine's own. Anybody who reaches it may write and read: only
    /// for a network of containers.
    #[arg(long)]
    exposed: bool,
}

impl Inbox {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let shutdown = Process::shutdown()?;
        let own = if self.exposed { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let address = |port| SocketAddr::new(IpAddr::V4(own), port);
        let inbox = if self.exposed {
            Running::start_exposed(address(self.smtp), self.dir, process.clock.clone()).await
        } else {
            Running::start(address(self.smtp), self.dir, process.clock.clone()).await
        };
        let unavailable = |message| Coded { code: UNAVAILABLE, message };
        let inbox = inbox.map_err(|error| unavailable(error.to_string()))?;
        let page = address(self.page);
        let listener = TcpListener::bind(page)
            .await
            .map_err(|error| unavailable(format!("--page: cannot listen on {page}: {error}")))?;
        tell(&format!("smtp://{}\nhttp://{}/inbox\n", inbox.addr, listener.local_addr()?))?;
        let site = Site { mails: Some(Arc::new(inbox.store.clone())), ..Site::new(LiveState::new([])) };
        serve(listener, router(site, shutdown.clone())?, shutdown).await?;
        inbox.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
