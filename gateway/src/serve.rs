//! A router on a socket, and what guards every route of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bellwether_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;

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

/// Guards every route of what people's browsers see: it answers to its own names only, `hosts` and this machine's, and
/// with headers that leave a page no way out.
pub fn guarded(router: Router, hosts: Vec<String>) -> Router {
    let hosts: Arc<[String]> = hosts.into();
    router.layer(middleware::from_fn_with_state(hosts, guard))
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
async fn guard(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let response = if host.is_some_and(|host| is_ours(host, &hosts)) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this site is not known by that name: use 127.0.0.1")
            .into_response()
    };
    with_headers(response)
}

/// The response with what leaves a page no way out, where it says nothing else of its own.
pub(crate) fn with_headers(mut response: Response) -> Response {
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
