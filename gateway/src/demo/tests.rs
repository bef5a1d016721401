//! Over real sockets: HTTP by hand, WebSockets by a client that is not the server's library.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bellwether_schemas::Timestamp;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::live::Quote;
use super::live::fixtures::{id, two};
use super::mails::{MailHead, MailView};
use super::*;
use crate::demo::view::MailLine;
use crate::serve::serve;

/// What a hostile mail tries.
const HOSTILE: &str = "<p>hello</p>\"></iframe><script>alert(1)</script><img src=x onerror=\"alert('2')\">";

struct OneMail;

impl MailSource for OneMail {
    fn list(&self, _: usize) -> Vec<MailHead> {
        self.get(1).map(|mail| mail.head).into_iter().collect()
    }

    fn get(&self, id: u64) -> Option<MailView> {
        let head = MailHead {
            id: 1,
            subject: "<script>alert(3)</script>".into(),
            from: "\"<b>x</b>\" <a@fx.example>".into(),
            to: "b@user.example".into(),
            received_at: Timestamp(0),
        };
        (id == 1).then(|| MailView {
            head,
            date: None,
            headers: vec![("X-Bad".into(), HOSTILE.into())],
            text: Some(HOSTILE.into()),
            html: Some(HOSTILE.into()),
            raw: HOSTILE.into(),
        })
    }
}

struct Server {
    addr: SocketAddr,
    live: LiveState,
    shutdown: Shutdown,
    connections: Arc<Semaphore>,
    serving: JoinHandle<io::Result<()>>,
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, live, shutdown) = (listener.local_addr().unwrap(), two(), Shutdown::new());
    let site = Site {
        mails: Some(Arc::new(OneMail)),
        metrics: Some(Arc::new(|| "ticks_total 1\n".into())),
        ..Site::new(live.clone())
    };
    let app = App::new(site, shutdown.clone()).unwrap();
    let connections = Arc::clone(&app.connections);
    let serving = tokio::spawn(serve(listener, routes(app), shutdown.clone()));
    Server { addr, live, shutdown, connections, serving }
}

impl Server {
    async fn get(&self, path: &str) -> (String, String) {
        self.get_from(path, &self.addr.to_string()).await
    }

    /// Head and body.
    async fn get_from(&self, path: &str, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.into())
    }

    async fn listen(&self, origin: Option<&str>) -> Result<Client, Error> {
        let mut request = format!("ws://{}/live", self.addr).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await.map(|(client, _)| client)
    }
}

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn next(client: &mut Client) -> Value {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), client.next()).await.expect("in time");
        if let Message::Text(text) = message.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn quote(live: &LiveState, tenant: &str, bid: f64) {
    live.quotes(&id(tenant), [Quote { symbol: "EURUSDm", bid, digits: 5 }]);
}

#[tokio::test]
async fn a_connection_gets_everything_and_then_what_changed_of_whom() {
    let server = server().await;
    quote(&server.live, "fxlabs", 1.1);
    let mut client = server.listen(Some(&format!("http://{}", server.addr))).await.unwrap();
    let snapshot = next(&mut client).await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["tenants"][0]["symbols"][0]["bid"], 1.1);
    assert_eq!(snapshot["tenants"][1]["symbols"][0].get("bid"), None, "the other tenant has no price yet");
    for step in 0..100 {
        quote(&server.live, "hextech", f64::from(step));
    }
    let delta = next(&mut client).await;
    assert_eq!((&delta["type"], &delta["tenant"]), (&"delta".into(), &"hextech".into()));
    assert_eq!(delta["symbols"][0]["bid"], 99.0, "one message for a hundred ticks");
}

#[tokio::test]
async fn another_site_s_page_may_not_listen() {
    let server = server().await;
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let refused = server.listen(Some(origin)).await;
        assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 403), "{origin}");
    }
    let (head, _) = server.get_from("/", "evil.example").await;
    assert!(head.starts_with("http/1.1 421"), "{head}");
}

#[tokio::test]
async fn only_so_many_pages_may_listen() {
    let server = server().await;
    let mut open = Vec::new();
    for _ in 0..socket::CONNECTIONS {
        open.push(server.listen(None).await.unwrap());
    }
    assert!(matches!(server.listen(None).await, Err(Error::Http(answer)) if answer.status() == 503));
}

#[tokio::test]
async fn who_does_not_read_is_dropped() {
    let server = server().await;
    let _deaf = server.listen(None).await.unwrap();
    assert_eq!(server.connections.available_permits(), socket::CONNECTIONS - 1);
    let mut large = 0u64;
    let dropped = async {
        while server.connections.available_permits() < socket::CONNECTIONS {
            large += 1;
            let subject = "x".repeat(1_000_000);
            let at = Timestamp(0).into();
            server.live.mail(
                &id("fxlabs"),
                MailLine { id: large, kind: String::new(), subject, to: String::new(), at },
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), dropped).await.expect("it is dropped in time");
}

#[tokio::test]
async fn who_talks_too_much_is_dropped() {
    let server = server().await;
    let mut client = server.listen(None).await.unwrap();
    next(&mut client).await;
    client.send(Message::Text("x".repeat(10_000).into())).await.unwrap();
    let mut frames = client.take(100);
    let ended = async { while frames.next().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the connection ends");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_others_out() {
    let server = server().await;
    for path in ["/", "/assets/page.js", "/inbox", "/inbox/1", "/health", "/metrics", "/nowhere"] {
        let (head, _) = server.get(path).await;
        for part in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
        ] {
            assert!(head.contains(part), "{path} lacks {part}: {head}");
        }
        assert!(!head.contains("script-src 'unsafe-inline'"), "{path}");
    }
}

#[tokio::test]
async fn a_hostile_mail_stays_text_in_a_sandbox_without_scripts() {
    let server = server().await;
    let (head, html) = server.get("/inbox/1").await;
    assert!(!head.contains("script-src") && head.contains("default-src 'none'"), "{head}");
    assert!(html.contains("<iframe sandbox=\"\""), "{html}");
    for view in ["", "?view=html", "?view=text", "?view=headers", "?view=raw"] {
        let (_, page) = server.get(&format!("/inbox/1{view}")).await;
        assert!(page.contains("&lt;script&gt;alert(3)"), "{page}");
        for bad in ["<script", "<b>x", "onerror=\"", "\"></iframe><"] {
            assert!(!page.contains(bad), "{view} has {bad}: {page}");
        }
    }
    let (_, list) = server.get("/inbox").await;
    assert!(list.contains("&lt;script&gt;alert(3)") && !list.contains("<script"), "{list}");
    assert!(server.get("/inbox/2").await.0.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn health_and_metrics_speak_to_machines() {
    let server = server().await;
    server.live.event_time(&id("fxlabs"), Timestamp(0));
    let health: Value = serde_json::from_str(&server.get("/health").await.1).unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["tenants"]["fxlabs"]["event_time"], "1970-01-01T00:00:00.000000Z");
    for path in ["/livez", "/readyz"] {
        let (head, said) = server.get(path).await;
        assert!(head.contains(" 200 ") && said == "{\"status\":\"ok\"}", "{path}: {head}{said}");
    }
    let (head, metrics) = server.get("/metrics").await;
    assert!(head.contains("text/plain") && metrics == "ticks_total 1\n", "{head}{metrics}");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let server = server().await;
    for path in ["/", "/assets/page.css", "/assets/inbox.css", "/assets/page.js", "/assets/parts.js"] {
        let (head, text) = server.get(path).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        for bad in ["http://", "https://", "innerHTML", "insertAdjacent", "outerHTML", "document.write"] {
            assert!(!text.contains(bad), "{path} has {bad}");
        }
    }
}

#[tokio::test]
async fn stopping_closes_live_connections_and_ends() {
    let server = server().await;
    let mut client = server.listen(None).await.unwrap();
    next(&mut client).await;
    server.shutdown.raise();
    let closed = tokio::time::timeout(Duration::from_secs(10), client.next()).await.expect("in time");
    assert!(matches!(closed, Some(Ok(Message::Close(_)))), "{closed:?}");
    drop(client);
    tokio::time::timeout(Duration::from_secs(10), server.serving).await.expect("in time").unwrap().unwrap();
}
