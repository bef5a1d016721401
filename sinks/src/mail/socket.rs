//! The socket below a session: no delay, and no more bytes of an answer than an answer has.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Most bytes a server may send in answer to one command; a TLS handshake with a long chain fits.
const MAX_ANSWER: usize = 256 * 1024;

/// The session's hand on a [`Metered`] socket that lettre owns.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    left: AtomicUsize,
    single: AtomicBool,
}

impl Meter {
    /// A new command: a new allowance.
    pub(super) fn refill(&self) {
        self.0.left.store(MAX_ANSWER, Ordering::Relaxed);
    }

    /// The answer to the command came in after it was given. One that lay in a buffer already answers something else.
    pub(super) fn was_read(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) < MAX_ANSWER
    }

    /// Byte by byte, so that nothing a stranger sent ahead of the handshake waits in a buffer and is taken for an
    /// answer that came through it.
    pub(super) fn single(&self, on: bool) {
        self.0.single.store(on, Ordering::Relaxed);
    }
}

/// A socket that counts what it reads.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, meter: Meter) -> Self {
        meter.refill();
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let inner = &this.meter.0;
        let left = inner.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the server's answer has no end")));
        }
        let most = if inner.single.load(Ordering::Relaxed) { 1 } else { left };
        let mut part = out.take(most);
        std::task::ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        let filled = part.filled().to_vec();
        inner.left.store(left - count, Ordering::Relaxed);
        out.put_slice(&filled);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Metered<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncTokioStream for Metered<TlsStream<TcpStream>> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off_and_a_new_command_reads_again() {
        let (mut server, client) = tokio::io::duplex(2 * MAX_ANSWER);
        let meter = Meter::default();
        let mut client = Metered::new(client, meter.clone());
        server.write_all(&vec![b'x'; MAX_ANSWER + 1]).await.unwrap();
        let mut answer = vec![0; MAX_ANSWER];
        client.read_exact(&mut answer).await.unwrap();
        assert!(client.read_u8().await.unwrap_err().to_string().contains("no end"));
        meter.refill();
        assert!(!meter.was_read());
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        assert!(meter.was_read());
    }

    #[tokio::test]
    async fn before_a_handshake_nothing_is_read_ahead() {
        let (mut server, client) = tokio::io::duplex(64);
        let meter = Meter::default();
        let mut client = Metered::new(client, meter.clone());
        server.write_all(b"220 go\r\n250 injected\r\n").await.unwrap();
        meter.single(true);
        let mut buffer = [0; 64];
        assert_eq!(client.read(&mut buffer).await.unwrap(), 1);
        meter.single(false);
        assert_eq!(client.read(&mut buffer).await.unwrap(), 21);
    }
}
