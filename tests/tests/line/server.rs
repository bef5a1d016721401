//! A small server that answers as Supabase's does: reads of tables under row security, and hints of what is new. It loses
//! hints, cuts sockets in the middle of whatever they carry, and fails now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bellwether_runtime::secret::Secret;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// Of a hundred answers so many are cut in the middle, and so many are errors.
const CUT: u64 = 6;
const FAILED: u64 = 3;
/// Of a hundred hints so many are lost; after so many of them the socket is cut.
const LOST: u64 = 40;
const CUT_AFTER_HINT: u64 = 10;

pub(crate) struct Server {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    pool: PgPool,
    hints: broadcast::Sender<String>,
    seed: u64,
    asked: AtomicU64,
    cut: AtomicU64,
    lost: AtomicU64,
}

impl Server {
    pub(crate) async fn start(admin: &Secret, seed: u64) -> Self {
        let pool = PgPoolOptions::new().max_connections(10).connect(admin.reveal()).await.unwrap();
        let mut listener = PgListener::connect(admin.reveal()).await.unwrap();
        listener.listen("hints").await.unwrap();
        let zero = || AtomicU64::new(0);
        let (asked, cut, lost) = (zero(), zero(), zero());
        let shared = Arc::new(Shared { pool, hints: broadcast::channel(1_000).0, seed, asked, cut, lost });
        let announcing = shared.clone();
        tokio::spawn(async move {
            while let Ok(hint) = listener.recv().await {
                // Nobody listens: nobody hears.
                announcing.hints.send(hint.payload().to_owned()).ok();
            }
        });
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move { shared.serve(stream).await });
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn faults(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Shared { asked, cut, lost, .. } = &*self.shared;
        format!("{} requests, {} sockets cut or failed, {} hints lost", of(asked), of(cut), of(lost))
    }
}

impl Shared {
    /// Below a hundred, the same in every run with that seed and so many requests before.
    fn chance(&self) -> u64 {
        let place =
            self.seed ^ self.asked.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((place ^ (place >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) % 100
    }

    /// One request a connection, so that each can break by itself.
    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let (mut path, mut user) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            } else if path.is_empty() {
                path = line.split(' ').nth(1)?.to_owned();
            } else if let Some(token) = line.to_ascii_lowercase().strip_prefix("authorization: bearer ") {
                user = token.to_owned();
            }
        }
        match path.strip_prefix("/realtime/v1/") {
            Some(topic) => self.hint(stream, topic, &user).await,
            None => self.answer(stream, &path, &user).await,
        }
    }

    async fn answer(&self, mut stream: BufReader<TcpStream>, path: &str, user: &str) -> Option<()> {
        let chance = self.chance();
        let (status, body) = match self.select(path, user).await {
            Ok(body) if chance >= FAILED => ("200 OK", body),
            Ok(_) => ("503 Service Unavailable", "{}".into()),
            Err(error) => ("400 Bad Request", error.to_string()),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        let cut = (FAILED..FAILED + CUT).contains(&chance);
        if cut || chance < FAILED {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
        let end = if cut { body.len() / 2 } else { body.len() };
        stream.write_all(&body.as_bytes()[..end]).await.ok()?;
        stream.shutdown().await.ok()
    }

    /// As PostgREST would: in a transaction of role `authenticated`, with who the token says it is.
    async fn select(&self, path: &str, user: &str) -> sqlx::Result<String> {
        let value = |name: &str| {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            query.split('&').find_map(|part| part.strip_prefix(name)?.parse::<i64>().ok())
        };
        let mut transaction = self.pool.begin().await?;
        let claims = format!("{{\"sub\":\"{user}\",\"role\":\"authenticated\"}}");
        sqlx::query(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
        )
        .bind(claims)
        .execute(&mut *transaction)
        .await?;
        let rows = if path.starts_with("/rest/v1/user_line") {
            sqlx::query_scalar("select coalesce(json_agg(l), '[]')::text from public.user_line l")
                .fetch_one(&mut *transaction)
                .await?
        } else {
            let events = "select coalesce(json_agg(e), '[]')::text
                from (select * from public.user_events where seq > $1 order by seq limit $2) e";
            let (after, limit) = (value("seq=gt.").unwrap_or(0), value("limit=").unwrap_or(1_000));
            sqlx::query_scalar(events).bind(after).bind(limit).fetch_one(&mut *transaction).await?
        };
        transaction.rollback().await?;
        Ok(rows)
    }

    /// A private channel: only the user's own.
    async fn hint(&self, mut stream: BufReader<TcpStream>, topic: &str, user: &str) -> Option<()> {
        if topic != format!("user_events:{user}") {
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.ok();
        }
        let mut hints = self.hints.subscribe();
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.ok()?;
        loop {
            let hint = match hints.recv().await {
                Ok(hint) => hint,
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            if hint != topic {
                continue;
            }
            let chance = self.chance();
            if chance < LOST {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            stream.write_all(b"hint\n").await.ok()?;
            if chance >= 100 - CUT_AFTER_HINT {
                self.cut.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        }
    }
}
