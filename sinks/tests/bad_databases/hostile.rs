//! What answers in a database's place, and means no good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a server behaves that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes the connection and says nothing.
    Silent,
    /// Announces an answer of two gibibytes, and goes on sending it.
    Endless,
    /// Sends notices and never an answer.
    Notices,
    /// Sends a byte ten times a second.
    Dripping,
    /// Lets everybody in and answers no statement.
    Mute,
}

/// A server of that manner. It ends with the test's runtime.
pub(crate) struct Fake {
    pub(crate) port: u16,
    asked: Arc<AtomicU32>,
}

impl Fake {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                // Ends with an error once the client has gone.
                tokio::spawn(serve(client, manner));
            }
        });
        Self { port, asked }
    }

    /// How often somebody has connected.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut client: TcpStream, manner: Manner) -> std::io::Result<()> {
    if manner == Manner::Silent {
        return until_gone(&mut client).await;
    }
    greet(&mut client).await?;
    match manner {
        Manner::Silent => Ok(()),
        Manner::Endless => {
            client.write_all(b"R\x7f\xff\xff\xff").await?;
            repeat(client, &[0; 16 * 1024], Duration::from_millis(10)).await
        }
        Manner::Notices => {
            client.write_all(&message(b'R', &[0; 4])).await?;
            let notice = message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Ma notice of no use\0\0");
            repeat(client, &notice.repeat(100), Duration::ZERO).await
        }
        Manner::Dripping => repeat(client, b"R", Duration::from_millis(100)).await,
        Manner::Mute => {
            client.write_all(&message(b'R', &[0; 4])).await?;
            client.write_all(&message(b'K', &[0; 8])).await?;
            client.write_all(&message(b'Z', b"I")).await?;
            until_gone(&mut client).await
        }
    }
}

/// Says that there is no TLS, where that is asked, and reads who wants what.
async fn greet(client: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let length = client.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        if body != 80_877_103_u32.to_be_bytes() {
            return Ok(());
        }
        client.write_all(b"N").await?;
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

async fn repeat(mut client: TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    loop {
        client.write_all(bytes).await?;
        tokio::time::sleep(pause).await;
    }
}

async fn until_gone(client: &mut TcpStream) -> std::io::Result<()> {
    let mut said = [0; 1024];
    while client.read(&mut said).await? > 0 {}
    Ok(())
}

/// Answers everybody with that error.
pub(crate) async fn refuse_all(listener: TcpListener, text: &'static str) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            greet(&mut client).await?;
            client.write_all(&message(b'E', text.as_bytes())).await
        });
    }
}
