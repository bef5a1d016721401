//! Serving whoever may come: bounded in connections, in the size of a request and in time, which what serves the
//! operator's own pages is not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use bellwether_runtime::shutdown::Shutdown;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Peer;
use crate::events::TurnedAway;

/// Connections at once; a further one is closed.
const CONNECTIONS: usize = 1_024;
/// Until a request's head is there.
const HEAD: Duration = Duration::from_secs(10);
/// Most bytes of a head: a link has some 300, and proxies add headers.
const BUFFER: usize = 16 * 1024;
/// How long a connection may last, however many requests come over it.
const CONNECTION: Duration = Duration::from_secs(60);
/// After an accept that failed, as where no file may be opened any more.
const PAUSE: Duration = Duration::from_millis(100);
/// How long requests under way may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown` is raised; requests under way are finished first, for five seconds at most.
///
/// # Errors
/// None today: an accept that fails is tried again.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> io::Result<()> {
    let (room, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
    loop {
        let accepted = tokio::select! {
            () = shutdown.raised() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            TurnedAway { limit: "connections" }.emit();
            continue;
        };
        let router = router.clone().layer(Extension(Peer(from.ip())));
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            let _ = tokio::time::timeout(CONNECTION, connection(stream, router, shutdown)).await;
            drop(place);
        });
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, ended).await;
    Ok(())
}

/// One connection to its end. What goes wrong on it is its peer's affair.
async fn connection(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = shutdown.raised() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}
