//! The routes, and what guards all of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bellwether_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::live::LiveState;
use crate::mails::MailSource;
use crate::{health, page, socket};

/// What the pages show.
#[derive(Clone)]
pub struct Site {
    /// The state behind `/` and `/live`.
    pub live: LiveState,
    /// The mails behind `/inbox`; without them there is no such page.
    pub mails: Option<Arc<dyn MailSource>>,
    /// The text of `/metrics`; without it there is no such page.
    pub metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// Names by which the site is reached besides this machine's own.
    pub hosts: Vec<String>,
}

impl Site {
    /// The live page alone.
    #[must_use]
    pub const fn new(live: LiveState) -> Self {
        Self { live, mails: None, metrics: None, hosts: Vec::new() }
    }
}

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) site: Arc<Site>,
    pub(crate) shutdown: Shutdown,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) templates: Arc<minijinja::Environment<'static>>,
}

/// The whole site. Live connections end when `shutdown` is raised.
///
/// # Errors
/// A page's template is broken; a test finds that first.
pub fn router(site: Site, shutdown: Shutdown) -> Result<Router, minijinja::Error> {
    Ok(routes(App::new(site, shutdown)?))
}

impl App {
    fn new(site: Site, shutdown: Shutdown) -> Result<Self, minijinja::Error> {
        let places = Arc::new(Semaphore::new(socket::CONNECTIONS));
        Ok(Self { site: Arc::new(site), shutdown, places, templates: Arc::new(page::templates()?) })
    }
}

fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/assets/{file}", get(page::asset))
        .route("/live", get(socket::live))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/inbox", get(page::inbox))
        .route("/inbox/{id}", get(page::mail))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// How long requests under way may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown` is raised; requests under way are finished first, for five seconds at most.
///
/// # Errors
/// The listener broke.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> io::Result<()> {
    let stop = shutdown.clone();
    let stopping = async move { stop.raised().await };
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopping);
    let drained = async {
        shutdown.raised().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving.into_future() => served,
        () = drained => Ok(()),
    }
}

/// Nothing from elsewhere, no script but ours, in nobody's frame. A handler may set a policy of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A name that is not ours is a page of another site that had its name point here: it may not read anything.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let mut response = if host.is_some_and(|host| is_ours(host, &app.site.hosts)) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this site is not known by that name: use 127.0.0.1")
            .into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn is_ours(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let loopback = ["127.0.0.1", "localhost", "[::1]"];
    loopback.contains(&name) || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
