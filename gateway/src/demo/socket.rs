//! `/live`: a snapshot, then what changed, at most five times a second.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bellwether_runtime::shutdown::Shutdown;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::App;
use super::live::LiveState;
use crate::demo::view::Frame;

/// WebSocket connections open at the same time.
pub(crate) const CONNECTIONS: usize = 64;
/// Between two looks at what changed.
const BEAT: Duration = Duration::from_millis(200);
/// Who does not take a message within this time is dropped.
const SLOW: Duration = Duration::from_secs(3);
/// Looks without news until a ping finds out whether anybody is there.
const QUIET_BEATS: u32 = 100;
/// The page says nothing; more than this is not the page.
const INCOMING_BYTES: usize = 1024;

pub(crate) async fn live(State(app): State<App>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !same_origin(&headers) {
        return (StatusCode::FORBIDDEN, "another site may not read this").into_response();
    }
    let Ok(connection) = Arc::clone(&app.connections).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open: close one").into_response();
    };
    upgrade.max_message_size(INCOMING_BYTES).max_frame_size(INCOMING_BYTES).on_upgrade(
        move |mut socket| async move {
            // Whoever left need not be told why it ended.
            let _ = tell(&mut socket, &app.site.live, &app.shutdown).await;
            drop(connection);
        },
    )
}

/// Browsers always say where a page came from; what does not say so is no browser.
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// The connection cannot go on.
struct Gone;

async fn tell(socket: &mut WebSocket, live: &LiveState, shutdown: &Shutdown) -> Result<(), Gone> {
    let (snapshot, mut seen) = live.snapshot();
    send(socket, text(&snapshot)?).await?;
    let (mut beat, mut quiet) = (interval(BEAT), 0);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.raised() => return send(socket, Message::Close(None)).await,
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                Some(Ok(_)) => {}
            },
            _ = beat.tick() => {
                let frames = live.changes(&mut seen);
                quiet = if frames.is_empty() { quiet + 1 } else { 0 };
                for frame in frames {
                    send(socket, text(&frame)?).await?;
                }
                if quiet == QUIET_BEATS {
                    quiet = 0;
                    send(socket, Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }
}

fn text(frame: &Frame) -> Result<Message, Gone> {
    serde_json::to_string(frame).map(|json| Message::Text(json.into())).map_err(|_| Gone)
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(SLOW, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
