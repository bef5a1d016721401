//! The demo's site: the live page, the inbox, and what it says to machines.

pub mod live;
pub mod mails;
pub mod observer;
mod page;
mod socket;
pub mod view;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bellwether_runtime::shutdown::Shutdown;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use self::live::LiveState;
use self::mails::MailSource;
use crate::operations::{Metrics, Operations};
use crate::serve::guarded;

/// What the demo shows.
#[derive(Clone)]
pub struct Site {
    /// The state behind `/` and `/live`.
    pub live: LiveState,
    /// The mails behind `/inbox`; without them there is no such page.
    pub mails: Option<Arc<dyn MailSource>>,
    /// The text of `/metrics`; without it there is no such page.
    pub metrics: Option<Metrics>,
    /// The pages behind the links in those mails; without them they lead nowhere.
    pub links: Option<Router>,
    /// Names by which the site is reached besides this machine's own.
    pub hosts: Vec<String>,
}

impl Site {
    /// The live page alone.
    #[must_use]
    pub const fn new(live: LiveState) -> Self {
        Self { live, mails: None, metrics: None, links: None, hosts: Vec::new() }
    }
}

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) site: Arc<Site>,
    pub(crate) shutdown: Shutdown,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) templates: Arc<minijinja::Environment<'static>>,
}

/// The demo's whole site. Live connections end when `shutdown` is raised.
///
/// # Errors
/// A page's template is broken; a test finds that first.
pub fn router(site: Site, shutdown: Shutdown) -> Result<Router, minijinja::Error> {
    Ok(routes(App::new(site, shutdown)?))
}

impl App {
    fn new(site: Site, shutdown: Shutdown) -> Result<Self, minijinja::Error> {
        let connections = Arc::new(Semaphore::new(socket::CONNECTIONS));
        Ok(Self { site: Arc::new(site), shutdown, connections, templates: Arc::new(page::templates()?) })
    }
}

fn routes(app: App) -> Router {
    let (site, live) = (Arc::clone(&app.site), app.site.live.clone());
    let for_machines = Operations {
        metrics: site.metrics.clone(),
        tenants: Some(Arc::new(move || health(&live))),
        ready: None,
    };
    let pages = Router::new()
        .route("/", get(page::index))
        .route("/assets/{file}", get(page::asset))
        .route("/live", get(socket::live))
        .route("/inbox", get(page::inbox))
        .route("/inbox/{id}", get(page::mail))
        .with_state(app);
    let links = site.links.clone().unwrap_or_default();
    guarded(pages.merge(for_machines.router()).merge(links), site.hosts.clone())
}

/// Answers with the event time and totals of each tenant: `{"fxlabs":{"event_time":…,"counts":{…}}}`
fn health(live: &LiveState) -> Value {
    let about = |id| json!({"event_time": live.time(id), "counts": live.counts(id)});
    live.tenants().iter().map(|id| (id.to_string(), about(id))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests;
