use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::load_tenant;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_sinks::mail::kind::MailKind;
use bellwether_sinks::mail::unsubscribe::Unsubscribe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

const BUTTON: &str = "List-Unsubscribe=One-Click";

/// A gateway of FXLabs, whose database is away, and of HexTech, whose mails carry no links.
struct Gateway {
    address: SocketAddr,
    shutdown: Shutdown,
    fxlabs: Tenant,
}

fn tenant(id: &str, key: Option<&str>) -> Tenant {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{id}.toml"));
    let text = format!(
        "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"<{id}> & Co\"\nbar = \"#07c05c\"\n[database]\n[mail]\n\
         from = \"a@{id}.example\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut tenant = load_tenant(&file, &|_| None).unwrap();
    tenant.mail.unsubscribe_key = key.map(bellwether_runtime::secret::Secret::new);
    // Nobody listens there.
    let nowhere = "postgres://nobody:x@127.0.0.1:1/none";
    tenant.database.gateway_url = Some(bellwether_runtime::secret::Secret::new(nowhere));
    tenant
}

impl Gateway {
    async fn start() -> Self {
        let fxlabs = tenant("fxlabs", Some("k1"));
        let tenants = watch::channel(Arc::new(vec![fxlabs.clone(), tenant("hextech", None)])).1;
        let public = Public::new(tenants, Clock::system(), None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
        tokio::spawn(serve(listener, public.router(), shutdown.clone()));
        Self { address, shutdown, fxlabs }
    }

    /// What is answered to a request, from its status to its last byte.
    async fn ask(&self, method: &str, target: &str, body: &str) -> String {
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: mails.fxlabs.example\r\nConnection: close\r\n");
        let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}{length}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    fn link(&self, kind: MailKind) -> String {
        let user: &str = "00000000-0000-4000-8000-000000000001";
        let link = Unsubscribe { tenant: self.fxlabs.id.clone(), user: user.parse().unwrap(), kind };
        let token = link.token(self.fxlabs.mail.unsubscribe_key.as_ref().unwrap());
        format!("/unsubscribe?tenant=fxlabs&user={user}&kind={kind}&token={token}")
    }
}

/// Without what differs between two answers at two moments.
fn without_date(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_link_shows_a_button_in_the_brands_colours_that_works_without_script() {
    let gateway = Gateway::start().await;
    let page = gateway.ask("GET", &gateway.link(MailKind::Brief), "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for part in [
        "<form method=\"post\">",
        "<button>",
        "the daily brief",
        "&lt;fxlabs&gt; &amp; Co",
        "#07c05c",
        "width=device-width",
        "prefers-color-scheme: dark",
        "form-action 'self'",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
    ] {
        assert!(page.contains(part), "{part:?} in {page}");
    }
    assert!(
        !page.contains("<script") && !page.contains("<fxlabs>") && !page.contains("unsafe-inline"),
        "{page}"
    );
}

#[tokio::test]
async fn the_policy_names_the_very_styles_of_the_page() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let gateway = Gateway::start().await;
    let page = gateway.ask("GET", &gateway.link(MailKind::Brief), "").await;
    let styles = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(styles));
    assert!(page.contains(&format!("style-src 'sha256-{hash}'")), "{page}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_link_gets_one_answer() {
    let gateway = Gateway::start().await;
    let good = gateway.link(MailKind::Brief);
    let (before, token) = good.split_once("token=").unwrap();
    let other = if token.starts_with('0') { "1" } else { "0" };
    let refused = without_date(&gateway.ask("GET", "/unsubscribe", "").await);
    assert!(refused.starts_with("HTTP/1.1 404"), "{refused}");
    for bad in [
        format!("{before}token={other}{}", &token[1..]),
        format!("{before}token="),
        good.replace("fxlabs", "hextech"),
        good.replace("fxlabs", "nobody"),
        good.replace("daily_brief", "test"),
        good.replace("daily_brief", "no_such_kind"),
        good.replace("00000000-0000", "11111111-0000"),
        good.replace("00000000-0000-4000-8000-000000000001", "somebody"),
        format!("{good}&kind=digest"),
        gateway.link(MailKind::Test),
    ] {
        for (method, body) in [("GET", ""), ("POST", BUTTON)] {
            assert_eq!(without_date(&gateway.ask(method, &bad, body).await), refused, "{method} {bad}");
        }
    }
    for body in ["", "List-Unsubscribe=No", "One-Click"] {
        assert_eq!(without_date(&gateway.ask("POST", &good, body).await), refused, "{body:?}");
    }
    let flood = format!("{BUTTON}&{}", "x".repeat(BODY));
    assert_eq!(without_date(&gateway.ask("POST", &good, &flood).await), refused);
}

#[tokio::test]
async fn where_the_database_is_away_the_button_says_to_try_again() {
    let gateway = Gateway::start().await;
    let answer = gateway.ask("POST", &gateway.link(MailKind::Digest), BUTTON).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Please try again"), "{answer}");
    assert!(answer.contains("retry-after: 60") && answer.contains("Nothing was changed"), "{answer}");
}

#[tokio::test]
async fn it_says_that_it_is_up_shows_no_metrics_and_takes_no_endless_head() {
    let gateway = Gateway::start().await;
    assert!(gateway.ask("GET", "/health", "").await.contains("\"ok\""));
    assert!(gateway.ask("GET", "/metrics", "").await.starts_with("HTTP/1.1 404"));
    let endless = format!("/unsubscribe?x={}", "x".repeat(20_000));
    let answer = gateway.ask("GET", &endless, "").await;
    assert!(answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn when_asked_to_stop_it_ends_though_somebody_keeps_a_connection() {
    let gateway = Gateway::start().await;
    let mut idle = TcpStream::connect(gateway.address).await.unwrap();
    assert!(gateway.ask("GET", "/health", "").await.contains("\"ok\""));
    gateway.shutdown.raise();
    let mut nothing = [0; 1];
    let closed = tokio::time::timeout(Duration::from_secs(10), idle.read(&mut nothing)).await;
    assert_eq!(closed.unwrap().unwrap(), 0);
}

#[test]
fn what_a_proxy_says_of_who_asks_is_believed_of_the_one_that_is_named() {
    let public = |proxy: Option<&str>| {
        let tenants = watch::channel(Arc::default()).1;
        Public::new(tenants, Clock::system(), proxy.map(|proxy| proxy.parse().unwrap())).unwrap()
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().unwrap());
    let asker = |proxy, peer: &str| public(proxy).asker(peer.parse().ok(), &headers).unwrap().to_string();
    assert_eq!(asker(Some("127.0.0.1"), "127.0.0.1"), "198.51.100.7");
    assert_eq!(asker(Some("127.0.0.1"), "192.0.2.1"), "192.0.2.1");
    assert_eq!(asker(None, "127.0.0.1"), "127.0.0.1");
}
