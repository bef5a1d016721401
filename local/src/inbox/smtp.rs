//! The receiver's side of SMTP (RFC 5321): a protocol core without IO, and the thin driver around it.

use std::borrow::Cow;
use std::slice::Iter;
use std::time::Duration;

use bellwether_runtime::shutdown::Shutdown;
use smtp_proto::request::receiver::{DataReceiver, RequestReceiver};
use smtp_proto::{Error, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Envelope, Fault, Faults, Limits, Shared, Store, reset};

/// Serves one connection to its end; without a place it is only told to come back.
pub(super) async fn serve(
    mut stream: TcpStream,
    shared: Shared,
    place: Option<OwnedSemaphorePermit>,
    shutdown: Shutdown,
) {
    let _ = stream.set_nodelay(true);
    if place.is_none() {
        let _ = stream.write_all(b"421 4.3.2 too many connections, come back later\r\n").await;
        return;
    }
    // The other side going away is not our affair.
    let _ = drive(&mut stream, shared, &shutdown).await;
}

async fn drive(stream: &mut TcpStream, shared: Shared, shutdown: &Shutdown) -> std::io::Result<()> {
    let idle = Duration::from_secs(shared.limits.idle_seconds);
    let mut session = Session::new(shared.limits, shared.faults.clone());
    let mut chunk = vec![0; 16 * 1024];
    let mut replies = b"220 inbox ESMTP ready\r\n".to_vec();
    loop {
        stream.write_all(&replies).await?;
        replies.clear();
        let read = tokio::select! {
            () = shutdown.raised() => return stream.write_all(b"421 4.3.2 stopping\r\n").await,
            read = tokio::time::timeout(idle, stream.read(&mut chunk)) => read,
        };
        let Ok(read) = read else {
            return stream.write_all(b"421 4.4.2 nothing came for too long\r\n").await;
        };
        let mut bytes = match read? {
            0 => return Ok(()),
            count => chunk.get(..count).unwrap_or_default().iter(),
        };
        match answer(&mut session, &mut bytes, &shared.store, &mut replies).await {
            Then::Read => {}
            Then::Close => return stream.write_all(&replies).await,
            Then::Reset => {
                reset(stream);
                return Ok(());
            }
        }
    }
}

/// What becomes of the connection.
enum Then {
    Read,
    Close,
    Reset,
}

/// Does all that these bytes ask for; answers are gathered in `replies`.
async fn answer(
    session: &mut Session,
    bytes: &mut Iter<'_, u8>,
    store: &Store,
    replies: &mut Vec<u8>,
) -> Then {
    loop {
        match session.step(bytes) {
            Output::NeedsMore => return Then::Read,
            Output::Reply(text) => replies.extend_from_slice(text.as_bytes()),
            Output::Close(text) => {
                replies.extend_from_slice(text.as_bytes());
                return Then::Close;
            }
            Output::Reset => return Then::Reset,
            Output::Deliver { envelope, raw, then_reset } => {
                replies.extend_from_slice(keep(store, envelope, raw).await.as_bytes());
                if then_reset {
                    return Then::Reset;
                }
            }
        }
    }
}

/// Keeps the mail, then says so: the 250 is a promise.
async fn keep(store: &Store, envelope: Envelope, raw: Vec<u8>) -> String {
    let store = store.clone();
    let kept = tokio::task::spawn_blocking(move || store.accept(envelope, raw)).await;
    match kept {
        Ok(Ok(id)) => format!("250 2.0.0 kept as {id}\r\n"),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "a mail could not be kept: look at the inbox's directory");
            "451 4.3.0 the mail could not be kept\r\n".into()
        }
        Err(_) => "451 4.3.0 the mail could not be kept\r\n".into(),
    }
}

/// What the core wants done.
#[derive(Debug)]
enum Output {
    /// All bytes are used up.
    NeedsMore,
    /// Answer the client with this line.
    Reply(Cow<'static, str>),
    /// Say this and close.
    Close(&'static str),
    /// Close without a word.
    Reset,
    /// Keep this mail and answer for it.
    Deliver { envelope: Envelope, raw: Vec<u8>, then_reset: bool },
}

/// A session: bytes in, outputs out.
struct Session {
    limits: Limits,
    faults: Faults,
    greeted: bool,
    commands: RequestReceiver,
    envelope: Option<Envelope>,
    body: Option<Body>,
}

/// A mail while it comes in.
struct Body {
    receiver: DataReceiver,
    raw: Vec<u8>,
    too_large: bool,
}

const OK: Output = Output::Reply(Cow::Borrowed("250 2.0.0 ok\r\n"));

const fn say(text: &'static str) -> Output {
    Output::Reply(Cow::Borrowed(text))
}

impl Session {
    fn new(limits: Limits, faults: Faults) -> Self {
        let commands = RequestReceiver::default();
        Self { limits, faults, greeted: false, commands, envelope: None, body: None }
    }

    /// Takes bytes until something is to be done.
    fn step(&mut self, bytes: &mut Iter<'_, u8>) -> Output {
        if bytes.as_slice().is_empty() {
            return Output::NeedsMore;
        }
        if self.faults.refuses_connections() {
            return Output::Reset;
        }
        match self.body.take() {
            Some(body) => self.data(body, bytes),
            None => self.command(bytes),
        }
    }

    fn command(&mut self, bytes: &mut Iter<'_, u8>) -> Output {
        let request = match self.commands.ingest(bytes) {
            Ok(request) => request.into_owned(),
            Err(Error::NeedsMoreData { .. }) => return Output::NeedsMore,
            Err(Error::ResponseTooLong) => return Output::Close("500 5.5.2 line too long\r\n"),
            Err(Error::UnknownCommand) => return say("500 5.5.1 unknown command\r\n"),
            Err(Error::InvalidSenderAddress) => return say("501 5.1.7 not an address\r\n"),
            Err(Error::InvalidRecipientAddress) => return say("501 5.1.3 not an address\r\n"),
            Err(Error::UnsupportedParameter { .. }) => return say("555 5.5.4 unknown parameter\r\n"),
            Err(_) => return say("501 5.5.4 syntax error\r\n"),
        };
        self.answer(request)
    }

    fn answer(&mut self, request: Request<String>) -> Output {
        match request {
            Request::Ehlo { .. } => self.greet(format!(
                "250-inbox\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n",
                self.limits.mail_bytes
            )),
            Request::Helo { .. } => self.greet("250 inbox\r\n".into()),
            Request::Mail { from } => self.sender(from.address, from.size),
            Request::Rcpt { to } => self.recipient(to.address),
            Request::Data => self.start_data(),
            Request::Rset => {
                self.envelope = None;
                OK
            }
            Request::Noop { .. } => OK,
            Request::Quit => Output::Close("221 2.0.0 bye\r\n"),
            _ => say("502 5.5.1 not done here\r\n"),
        }
    }

    fn greet(&mut self, text: String) -> Output {
        (self.greeted, self.envelope) = (true, None);
        Output::Reply(text.into())
    }

    fn sender(&mut self, from: String, size: usize) -> Output {
        if !self.greeted {
            return say("503 5.5.1 say EHLO first\r\n");
        }
        if self.envelope.is_some() {
            return say("503 5.5.1 a sender was given already\r\n");
        }
        if size > self.limits.mail_bytes {
            return say("552 5.3.4 the mail is too large\r\n");
        }
        self.envelope = Some(Envelope { from, to: Vec::new() });
        say("250 2.1.0 ok\r\n")
    }

    fn recipient(&mut self, to: String) -> Output {
        let Some(envelope) = &mut self.envelope else {
            return say("503 5.5.1 say MAIL first\r\n");
        };
        if let Some(code) = self.faults.at_recipient() {
            return Output::Reply(scripted(code).into());
        }
        if envelope.to.len() >= self.limits.recipients {
            return say("452 4.5.3 too many recipients\r\n");
        }
        envelope.to.push(to);
        say("250 2.1.5 ok\r\n")
    }

    fn start_data(&mut self) -> Output {
        match &self.envelope {
            None => say("503 5.5.1 say MAIL first\r\n"),
            Some(envelope) if envelope.to.is_empty() => say("554 5.5.1 no recipient was taken\r\n"),
            Some(_) => {
                self.body = Some(Body::new());
                say("354 end with a dot on its own line\r\n")
            }
        }
    }

    fn data(&mut self, mut body: Body, bytes: &mut Iter<'_, u8>) -> Output {
        if !body.ingest(bytes, self.limits.mail_bytes) {
            self.body = Some(body);
            return Output::NeedsMore;
        }
        let Some(envelope) = self.envelope.take() else {
            return say("503 5.5.1 say MAIL first\r\n");
        };
        if body.too_large {
            return say("552 5.3.4 the mail is too large\r\n");
        }
        if longest_line(&body.raw) > self.limits.line_bytes {
            return say("554 5.6.0 a line of the mail is too long\r\n");
        }
        match self.faults.after_dot() {
            Some(Fault::ReplyAfterDot(code)) => Output::Reply(scripted(code).into()),
            Some(Fault::DropAfterDot { keep: false }) => Output::Reset,
            fault => Output::Deliver { envelope, raw: body.raw, then_reset: fault.is_some() },
        }
    }
}

impl Body {
    fn new() -> Self {
        let mut receiver = DataReceiver::new();
        // A dot at the very beginning counts as the first of a line: the receiver must have seen a line end.
        receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
        Self { receiver, raw: Vec::new(), too_large: false }
    }

    /// True at the final dot. What is beyond the limit is read and thrown away.
    fn ingest(&mut self, bytes: &mut Iter<'_, u8>, limit: usize) -> bool {
        let done = self.receiver.ingest(bytes, &mut self.raw);
        if self.raw.len() > limit {
            self.too_large = true;
        }
        if self.too_large {
            self.raw.clear();
        }
        done
    }
}

fn scripted(code: u16) -> String {
    format!("{code} {}.0.0 scripted\r\n", code / 100)
}

fn longest_line(raw: &[u8]) -> usize {
    raw.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0)
}
