//! Sends spans to a collector, beside everything else: nobody waits for it, and what it cannot send is dropped and counted.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use metrics::counter;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::otlp::{CONTENT_TYPE, PATH, Resource, request};
use super::span::Ended;
use crate::config::HttpAddress;
use crate::http::{Limits, Method, Place, Question, ask};
use crate::metric_names::SPANS;

/// Most spans that wait to be sent; those over it are dropped.
const MAX_WAITING: usize = 8_192;
/// Most spans of one request.
const BATCH: usize = 512;
/// How long the first span of a request waits at most for others to go with it.
const GATHER: Duration = Duration::from_secs(1);
/// What is borne of a collector.
const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 64 * 1024 };
/// How long a process that ends waits for its last spans.
const FLUSH: Duration = Duration::from_secs(5);

/// Where ended spans go.
pub struct Exporter(SyncSender<Message>);

enum Message {
    Span(Box<Ended>),
    /// Send what there is, and say so.
    Flush(SyncSender<()>),
}

impl Exporter {
    /// Sends to that collector, on a thread of its own.
    ///
    /// # Errors
    /// There can be no further thread.
    pub fn to(collector: HttpAddress) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let resource = Resource { host: crate::slot::host(), process: std::process::id() };
        let sending = Sending { collector, runtime, resource, is_refused: false };
        std::thread::Builder::new().name("traces".into()).spawn(move || sending.run(&receiver))?;
        Ok(Self(sender))
    }

    #[cfg(test)]
    pub(super) fn nowhere() -> Self {
        Self(sync_channel(MAX_WAITING).0)
    }

    pub(super) fn take(&self, span: Ended) {
        if let Err(TrySendError::Full(_)) = self.0.try_send(Message::Span(Box::new(span))) {
            count("dropped", 1);
        }
    }

    pub(super) fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        if self.0.try_send(Message::Flush(done)).is_ok() {
            let _ = is_done.recv_timeout(FLUSH);
        }
    }
}

fn count(outcome: &'static str, spans: usize) {
    counter!(SPANS, "outcome" => outcome).increment(spans as u64);
}

/// What the thread has.
struct Sending {
    collector: HttpAddress,
    runtime: Runtime,
    resource: Resource,
    /// The last request failed: that it did was said.
    is_refused: bool,
}

impl Sending {
    /// Until nobody is left who could record a span.
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let (mut spans, mut flushed) = (Vec::new(), None);
            let by = Instant::now() + GATHER;
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Span(span) => spans.push(*span),
                    Message::Flush(done) => flushed = Some(done),
                }
                if flushed.is_none() && spans.len() < BATCH {
                    next = receiver.recv_timeout(by.saturating_duration_since(Instant::now())).ok();
                }
            }
            self.send(&spans);
            if let Some(done) = flushed {
                let _ = done.send(());
            }
        }
    }

    /// Once: what a collector does not take is not worth keeping for it.
    fn send(&mut self, spans: &[Ended]) {
        if spans.is_empty() {
            return;
        }
        let (host, port) = self.collector.place();
        let place = Place { is_tls: false, host, port, authority: self.collector.authority() };
        let path = format!("{}{PATH}", self.collector.path());
        let question = Question {
            method: Method::POST,
            path_and_query: &path,
            headers: vec![("content-type", CONTENT_TYPE)],
            body: request(&self.resource, spans),
        };
        let asked = self.runtime.block_on(ask(place, question, LIMITS));
        let refused = match asked {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status)),
            Err(error) => Some(error),
        };
        count(if refused.is_some() { "dropped" } else { "sent" }, spans.len());
        if let (Some(reason), false) = (&refused, self.is_refused) {
            let collector = &self.collector;
            tracing::warn!(%collector, reason, "spans are not taken, and dropped; more of it is only counted");
        }
        self.is_refused = refused.is_some();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use bellwether_schemas::Timestamp;

    use super::*;
    use crate::trace::{Context, Step};

    fn ended(number: u64) -> Ended {
        Ended {
            step: Step::Fold,
            context: Context::new(1, number),
            parent: None,
            begun: Timestamp(0),
            ended: Timestamp(1),
            attributes: Vec::new(),
            failed: None,
        }
    }

    #[test]
    fn spans_are_sent_together_to_the_path_below_the_collectors() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/otlp", listener.local_addr().unwrap());
        let exporter = Exporter::to(address.parse().unwrap()).unwrap();
        (1..=3).for_each(|number| exporter.take(ended(number)));
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            let mut bytes = [0; 4096];
            while text.matches("spanId").count() < 3 {
                let read = stream.read(&mut bytes).unwrap();
                assert!(read > 0, "{text}");
                text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            text
        });
        exporter.flush();
        let text = asked.join().unwrap();
        assert!(text.starts_with("POST /otlp/v1/traces HTTP/1.1\r\n"), "{text}");
        assert!(text.to_lowercase().contains("content-type: application/json"), "{text}");
    }

    /// What is logged, as text.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn that_a_collector_is_away_is_said_once_until_it_has_taken_something() {
        let there = TcpListener::bind("127.0.0.1:0").unwrap();
        let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let place = |address: std::net::SocketAddr| format!("http://{address}").parse().unwrap();
        let answers = place(there.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = there.accept().unwrap();
            let _ = stream.read(&mut [0; 65_536]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let resource = Resource { host: "h".into(), process: 7 };
        let mut sending = Sending { collector: place(away), runtime, resource, is_refused: false };
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let said =
            || String::from_utf8_lossy(&lines.0.lock().unwrap()).matches("spans are not taken").count();
        tracing::subscriber::with_default(subscriber, || {
            sending.send(&[ended(1)]);
            sending.send(&[ended(2)]);
            assert_eq!(said(), 1);
            sending.collector = answers;
            sending.send(&[ended(3)]);
            sending.collector = place(away);
            sending.send(&[ended(4)]);
            assert_eq!(said(), 2);
        });
    }

    #[test]
    fn nobody_waits_for_a_collector_that_takes_nothing() {
        let (sender, receiver) = sync_channel(1);
        let exporter = Exporter(sender);
        exporter.take(ended(1));
        exporter.take(ended(2));
        assert!(matches!(receiver.try_recv(), Ok(Message::Span(span)) if *span == ended(1)));
        assert!(receiver.try_recv().is_err(), "the second was dropped, and nobody waited");
    }
}
