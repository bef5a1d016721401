//! Mails a second over one connection to a server on this machine: our session beside lettre's own transport, by turns,
//! and the whole of delivery with the outbox's writes.
//!
//! `cargo bench -p bellwether-sinks --bench mail`. The server takes everything and keeps nothing; it runs on a thread of
//! its own. lettre's `AsyncSmtpTransport` is as it comes, with its pool, which it uses one connection of.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use bellwether_local::postgres::Postgres;
use bellwether_local::seed;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{SmtpServer, Tenant, Tls, load_tenant};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_sinks::mail;
use bellwether_sinks::mail::core::Verdict;
use bellwether_sinks::mail::delivery::Timing;
use bellwether_sinks::mail::server::Server;
use bellwether_sinks::mail::session::{Deadlines, Letter, Session};
use lettre::address::Envelope;
use lettre::transport::smtp::client::Tls as LettreTls;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Mails of one turn, and turns.
const TURN: usize = 500;
const TURNS: usize = 20;
/// Mails that go out of an outbox.
const OWED: i64 = 3_000;
const LEAST: f64 = 1.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = serve();
    let content = content();
    let lettre = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1");
    let lettre = lettre.port(port).tls(LettreTls::None).build();
    let server = Server { host: "127.0.0.1".into(), port, tls: Tls::None, login: None, ca: None };
    let mut session = Session::open(&server, Deadlines::default()).await.ok().unwrap();
    let mut turns = Vec::new();
    // The first turn warms both up.
    for turn in 0..=TURNS {
        let mut taken = [Duration::ZERO; 2];
        for whose in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
            let began = Instant::now();
            match whose {
                0 => ours(&mut session, &content).await,
                _ => theirs(&lettre, &content).await,
            }
            taken[whose] = began.elapsed();
        }
        if turn > 0 {
            turns.push(taken.map(|taken| TURN as f64 / taken.as_secs_f64()));
        }
    }
    session.quit().await;
    println!(
        "mails of {} bytes over one connection on loopback; the median of {TURNS} turns of {TURN}",
        content.len()
    );
    for (whose, name) in ["our session", "lettre's transport"].into_iter().enumerate() {
        println!("{name:<20} {:>8.0} mails/s", median(turns.iter().map(|turn| turn[whose]).collect()));
    }
    let ratio = median(turns.iter().map(|[ours, theirs]| ours / theirs).collect());
    let met = if ratio >= LEAST { "met" } else { "missed" };
    println!("goal {met}: mails a second beside lettre's >= {LEAST}: {ratio:.2}");
    for connections in [1, 2, 4] {
        let rate = from_an_outbox(port, &content, connections).await;
        println!("out of an outbox, {connections} connection(s): {rate:.0} mails/s");
    }
}

async fn ours(session: &mut Session, content: &[u8]) {
    let from = "alerts@fxlabs.example".parse().unwrap();
    for _ in 0..TURN {
        let letter = Letter { from: &from, to: "user@people.example", content };
        let verdict = session.send(&letter, async || true, || true).await;
        assert!(matches!(verdict, Some(Verdict::Sent(_))), "{verdict:?}");
    }
}

async fn theirs(lettre: &AsyncSmtpTransport<Tokio1Executor>, content: &[u8]) {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let envelope =
        Envelope::new(Some(address("alerts@fxlabs.example")), vec![address("user@people.example")]).unwrap();
    for _ in 0..TURN {
        assert!(lettre.send_raw(&envelope, content).await.unwrap().is_positive());
    }
}

/// Mails a second that leave a tenant's outbox: claimed, noted, sent and settled, each of these in the database.
async fn from_an_outbox(port: u16, content: &[u8], connections: u8) -> f64 {
    let postgres = Postgres::temporary().await.unwrap();
    let seeded = seed::database(&postgres, "mails", &"fxlabs".parse().unwrap()).await.unwrap();
    let mut tenant = tenant(seeded.pipeline.reveal());
    tenant.mail.smtp = Some(SmtpServer::on_this_machine(port));
    tenant.mail.connections = NonZeroU8::new(connections).unwrap();
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    sqlx::query(
        "insert into bellwether.mail_outbox (tenant_id, occurrence, kind, message_id, user_id, recipient, content)
         select 'fxlabs', 'm' || n, 'rsi_tracker', '<m' || n || '@fxlabs.example>',
           '00000000-0000-0000-0000-000000000001', 'user@people.example', $2
         from generate_series(1, $1) as n",
    )
    .bind(OWED)
    .bind(content)
    .execute(&mut admin)
    .await
    .unwrap();
    let shutdown = Shutdown::new();
    let until = shutdown.clone();
    let worker =
        tokio::spawn(async move { mail::deliver(&tenant, Timing::default(), Clock::system(), until).await });
    let sent = "select count(*) from bellwether.mail_outbox where state = 'sent'";
    while sqlx::query_scalar::<_, i64>(sent).fetch_one(&mut admin).await.unwrap() < OWED {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shutdown.raise();
    assert!(worker.await.unwrap());
    let taken = "select extract(epoch from max(sent_at) - min(sent_at))::float8 from bellwether.mail_outbox";
    let taken: f64 = sqlx::query_scalar(taken).fetch_one(&mut admin).await.unwrap();
    postgres.remove().await.unwrap();
    OWED as f64 / taken
}

fn tenant(url: &str) -> Tenant {
    let dir = std::env::temp_dir().join(format!("bellwether-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("fxlabs.toml");
    let text = "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"F\"\n[database]\n[mail]\nfrom = \"F <a@f.example>\"\n";
    std::fs::write(&file, text).unwrap();
    let tenant = load_tenant(&file, &|name| (name == "FXLABS_DATABASE_URL").then(|| url.to_owned())).unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    tenant
}

/// As large as an alert's mail, with a line here and there that begins with a dot.
fn content() -> Vec<u8> {
    let mut content = String::from("Message-ID: <one@fxlabs.example>\r\nSubject: one\r\n\r\n");
    for line in 0..300 {
        content.push_str(if line % 50 == 0 {
            ".a line with a dot\r\n"
        } else {
            "a line of sixty characters, as bodies of mails have them....\r\n"
        });
    }
    content.into_bytes()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A server that says yes to everything.
fn serve() -> u16 {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(async move { converse(stream).await.ok() });
            }
        });
    });
    told.recv().unwrap()
}

async fn converse(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 bench\r\n").await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if line.starts_with(b"DATA") {
            stream.write_all(b"354 go\r\n").await?;
            while line != b".\r\n" {
                line.clear();
                stream.read_until(b'\n', &mut line).await?;
            }
        }
        stream.write_all(b"250 yes\r\n").await?;
        if line.starts_with(b"QUIT") {
            return Ok(());
        }
    }
}
