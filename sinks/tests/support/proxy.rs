//! A wire between a sink and its Postgres that can be cut, and that can swallow the answer to a COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// 0: nobody is there.
    upstream: AtomicU16,
    /// Answers to COMMIT still to swallow.
    swallow: AtomicU32,
    /// Connections that were asked for.
    asked: AtomicU32,
    cut: watch::Sender<u32>,
}

impl Proxy {
    pub(crate) async fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (upstream, cut) = (AtomicU16::new(upstream), watch::channel(0).0);
        let shared = Arc::new(Shared { upstream, swallow: AtomicU32::new(0), asked: AtomicU32::new(0), cut });
        tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared }
    }

    /// Cuts every wire; new ones lead there, or nowhere.
    pub(crate) fn lead_to(&self, upstream: Option<u16>) {
        self.shared.upstream.store(upstream.unwrap_or(0), Ordering::SeqCst);
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }

    /// The next so many COMMITs reach the server; their answers, and the connection, are lost.
    pub(crate) fn swallow_commits(&self, many: u32) {
        self.shared.swallow.store(many, Ordering::SeqCst);
    }

    /// How often somebody has connected.
    pub(crate) fn asked(&self) -> u32 {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn left_to_swallow(&self) -> u32 {
        self.shared.swallow.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let (shared, mut cut) = (shared.clone(), shared.cut.subscribe());
        shared.asked.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let port = shared.upstream.load(Ordering::SeqCst);
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            tokio::select! {
                _ = carry(client, server, &shared) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                server.write_all(bytes).await?;
                if bytes.windows(7).any(|window| window == b"COMMIT\0") && take_one(shared) {
                    // The answer shows that it was done; nobody else will learn of it.
                    return server.read(&mut answered).await.map(drop);
                }
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

fn take_one(shared: &Shared) -> bool {
    shared.swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
