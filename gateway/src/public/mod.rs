//! What anybody may ask for: the pages behind the links in mails. Nothing here asks who somebody is; a link is good
//! because only the tenant can have written it.
//!
//! | File | What |
//! |---|---|
//! | `unsubscribe.rs` | the link that switches a kind of mail off: GET shows, POST acts |
//! | `page.rs` | how its pages look |
//! | `hook.rs`, `webhook.rs` | what a mail provider reports, and whether it is the tenant's own that does |
//! | `databases.rs` | the tenants' databases, as a role that can do nothing else |
//! | `rate.rs`, `listener.rs` | how much anybody may ask, and how long they may take |

mod databases;
mod hook;
mod listener;
mod page;
mod rate;
mod unsubscribe;
mod webhook;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::roles::TenantSet;
use bellwether_schemas::TenantId;

use self::databases::Databases;
use self::page::{Page, Pages};
use self::rate::Rate;
use crate::operations::Operations;
use crate::serve::with_headers;

pub use listener::serve;

/// Most bytes of the body of a request. A link's form has some thirty.
const BODY: usize = 4 * 1024;

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct Public(Arc<Inner>);

struct Inner {
    tenants: TenantSet,
    databases: Databases,
    pages: Pages,
    rate: Rate,
    clock: Clock,
    proxy: Option<IpAddr>,
}

impl Public {
    /// For these tenants, as they come and go. `proxy`: whose `X-Forwarded-For` is believed.
    ///
    /// # Errors
    /// The page's template is broken; a test finds that first.
    pub fn new(tenants: TenantSet, clock: Clock, proxy: Option<IpAddr>) -> Result<Self, minijinja::Error> {
        let (databases, rate) = (Databases::default(), Rate::new(clock.clone()));
        Ok(Self(Arc::new(Inner { tenants, databases, pages: Pages::new()?, rate, clock, proxy })))
    }

    /// The pages behind links: what the demo's site has, too.
    pub fn links(&self) -> Router {
        let links = get(unsubscribe::show).post(unsubscribe::act);
        self.limited(Router::new().route("/unsubscribe", links))
    }

    fn limited(&self, router: Router<Self>) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), limited)).with_state(self.clone())
    }

    /// All that the gateway answers: the links, providers' reports, and `/health` for whoever restarts what does not answer. Metrics are for
    /// the operator alone and have an address of their own.
    pub fn router(&self) -> Router {
        let hooks = self.limited(Router::new().route("/hooks/mail/{tenant}", post(hook::take)));
        let all = self.links().merge(hooks).merge(Operations::default().health());
        all.layer(middleware::map_response(|response: Response| async { with_headers(response) }))
    }

    fn tenant(&self, id: &TenantId) -> Option<Tenant> {
        self.0.tenants.borrow().iter().find(|tenant| tenant.id == *id).cloned()
    }

    fn page(&self, page: &Page<'_>) -> Response {
        self.0.pages.response(page)
    }

    /// Who asks, as far as that can be known.
    fn asker(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?;
        if self.0.proxy != Some(peer) {
            return Some(peer);
        }
        // The last one was added by the proxy itself; those before it are what it was told.
        let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let last =
            forwarded.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        Some(last.unwrap_or(peer))
    }
}

/// The address that a connection comes from.
#[derive(Debug, Clone, Copy)]
struct Peer(IpAddr);

/// Turns away whoever asks too often.
async fn limited(
    State(public): State<Public>,
    peer: Option<Extension<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = peer.map(|Extension(Peer(peer))| peer);
    match public.asker(peer, request.headers()) {
        Some(asker) if !public.0.rate.allows(asker) => public.page(&Page::TooOften),
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests;
