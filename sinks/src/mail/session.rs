//! One tenant's conversation with its SMTP server, over lettre's connection. Decides nothing: see [`super::core`].
//!
//! A connection carries any number of mails of one tenant, one after the other, and is dropped after any answer but
//! a success. A deadline that passes drops it too; nothing else ends a send that has begun.

use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwether_runtime::config::Tls;
use bellwether_runtime::crash::{CrashPoint, reach, reach_within};
use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::core::{self, Answer, Next, Sending, Stage, Step, Verdict};
use super::server::Server;
use super::socket::{Meter, Metered};
use super::{size, tls};

/// A word of an answer that is so long and stands in what was sent is a piece of it.
const REPEATED: usize = 8;

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// To take a connection, and as long again for TLS.
    pub connect: Duration,
    /// To answer a command.
    pub command: Duration,
    /// To answer the final dot: it may filter for long, and giving up early makes mails ambiguous.
    pub body: Duration,
}

impl Deadlines {
    /// How long a mail may take at most that all goes well with, over a connection that has to be opened.
    #[must_use]
    pub fn longest(self) -> Duration {
        /// Greeting, two hellos, login, sender, recipient, data.
        const COMMANDS: u32 = 7;
        self.connect * 2 + self.command * COMMANDS + self.body
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(60),
            body: Duration::from_secs(600),
        }
    }
}

/// One mail as the wire needs it.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The envelope's sender, whom the server tells of what it could not deliver.
    pub from: &'a Address,
    /// The address of the mail's one recipient.
    pub to: &'a str,
    /// The whole message, ASCII.
    pub content: &'a [u8],
}

/// An open connection, greeted and authenticated.
pub struct Session {
    connection: AsyncSmtpConnection,
    meter: Meter,
    deadlines: Deadlines,
    /// Most bytes of a mail that the server takes, where it says so.
    most: Option<u64>,
}

impl Session {
    /// Connects, encrypts and authenticates as the server's address says.
    ///
    /// # Errors
    /// The verdict on every mail that was to go through it.
    pub async fn open(server: &Server, deadlines: Deadlines) -> Result<Self, Verdict> {
        let opened = open(server, deadlines).await;
        let (mut session, answer) = match opened {
            Ok(session) => (session, Answer::Reply { code: 220, text: String::new() }),
            Err(answer) => return Err(ended(core::next(Stage::Open, answer))),
        };
        match (core::next(Stage::Open, answer), &server.login) {
            (Next::Ask(Stage::Authenticate), Some((user, password))) => {
                let answer = session.authenticate(user, password.reveal()).await;
                match core::next(Stage::Authenticate, answer) {
                    Next::Ready => Ok(session),
                    other => Err(ended(other)),
                }
            }
            (Next::Ask(_), None) => Ok(session),
            (other, _) => Err(ended(other)),
        }
    }

    /// Sends one mail. `note` is asked, after the recipient was taken and before any content leaves, to say durably
    /// that content leaves now; `may_leave` right before the first byte of it, because a process may have stood still
    /// in between. When either says no, nothing leaves and there is no verdict.
    pub async fn send<F: Future<Output = bool>>(
        &mut self,
        letter: &Letter<'_>,
        note: impl FnOnce() -> F,
        may_leave: impl Fn() -> bool,
    ) -> Option<Verdict> {
        if let Some(most) = self.most.filter(|most| letter.content.len() as u64 > *most) {
            let reason = format!(
                "the server takes mails of {most} bytes at most; this one has {}",
                letter.content.len()
            );
            return Some(Verdict::Failed { reason, address: false });
        }
        let mut note = Some(note);
        let (mut sending, mut step) = Sending::begin();
        loop {
            step = match step {
                Step::Ask(stage) => {
                    let next = sending.answered(self.ask(stage, letter).await);
                    if matches!(next, Step::Ask(_) | Step::Look) {
                        passed(stage);
                    }
                    next
                }
                Step::Note => {
                    reach(CrashPoint::RecipientTaken);
                    let is_noted = match note.take() {
                        Some(note) => note().await,
                        None => false,
                    };
                    if is_noted {
                        reach(CrashPoint::ContentNoted);
                    }
                    sending.noted(is_noted)
                }
                Step::Look => sending.looked(may_leave()),
                Step::End(verdict) => return verdict,
            };
        }
    }

    /// Says goodbye, for at most a moment.
    pub async fn quit(mut self) {
        self.meter.refill();
        let _ = timeout(Duration::from_secs(1), self.connection.quit()).await;
    }

    async fn ask(&mut self, stage: Stage, letter: &Letter<'_>) -> Answer {
        self.meter.refill();
        let Deadlines { command, body, .. } = self.deadlines;
        let connection = &mut self.connection;
        let answer = match stage {
            Stage::Sender => {
                let size = self.most.map(|_| MailParameter::Size(letter.content.len()));
                let ask = Mail::new(Some(letter.from.clone()), size.into_iter().collect());
                answer(command, connection.command(ask)).await
            }
            Stage::Recipient => match letter.to.parse::<Address>() {
                Ok(to) if letter.to.is_ascii() => {
                    answer(command, connection.command(Rcpt::new(to, Vec::new()))).await
                }
                _ => Answer::Lost("the recipient is no address".into()),
            },
            Stage::Data => answer(command, connection.command(Data)).await,
            Stage::Body => match dotted(letter.content) {
                Some(content) => {
                    reach_within(CrashPoint::ContentSent, answer(body, connection.command(content))).await
                }
                None => Answer::Lost("the content is not lines of ASCII".into()),
            },
            Stage::Open | Stage::Authenticate => Answer::Lost("asked in the wrong order".into()),
        };
        match answer {
            // It lay there before the question: one reply too many went before it, and none belongs to its command.
            Answer::Reply { code, .. } if !self.meter.was_read() => {
                Answer::Lost(format!("the server answered {code} before it was asked"))
            }
            answer => answer,
        }
    }

    /// How large a mail the server takes. lettre keeps that part of the answer to EHLO to itself, so it is asked once
    /// more.
    async fn ask_size(&mut self, hello: ClientId) -> Result<(), Answer> {
        self.meter.refill();
        let hello = outcome(self.deadlines.command, self.connection.command(Ehlo::new(hello))).await?;
        self.most = size::limit(hello.message());
        Ok(())
    }

    async fn authenticate(&mut self, user: &str, password: &str) -> Answer {
        self.meter.refill();
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let credentials = Credentials::new(user.into(), password.into());
        match answer(self.deadlines.command, self.connection.auth(&mechanisms, &credentials)).await {
            Answer::Reply { code, text } => Answer::Reply { code, text: untold(&text, user, password) },
            Answer::Lost(reason) => Answer::Lost(untold(&reason, user, password)),
        }
    }
}

/// The server has said yes to that, and is asked the next thing.
fn passed(stage: Stage) {
    match stage {
        Stage::Sender => reach(CrashPoint::SenderTaken),
        Stage::Data => reach(CrashPoint::ContentAwaited),
        Stage::Open | Stage::Authenticate | Stage::Recipient | Stage::Body => {}
    }
}

/// What a server said to a password, without the words in which it repeats it: the text is logged and shown.
fn untold(text: &str, user: &str, password: &str) -> String {
    let sent =
        [password.to_owned(), STANDARD.encode(password), STANDARD.encode(format!("\0{user}\0{password}"))];
    let is_sent = |word: &str| {
        sent.iter()
            .any(|sent| word.contains(sent.as_str()) || (word.len() >= REPEATED && sent.contains(word)))
    };
    let words = text.split(' ').map(|word| if is_sent(word) { "[…]" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

async fn open(server: &Server, deadlines: Deadlines) -> Result<Session, Answer> {
    let lost = |reason: String| Answer::Lost(reason);
    let tcp = connect(server, deadlines).await?;
    let local = tcp.peer_addr().is_ok_and(|address| address.ip().is_loopback());
    if !local && server.tls == Tls::None {
        return Err(lost(format!("{} is not this machine: tls=none refused", server.host)));
    }
    let meter = Meter::default();
    let stream: Box<dyn AsyncTokioStream> = if server.tls == Tls::Implicit {
        let secured = tls::wrap(tcp, &server.host, server.ca.as_deref());
        let secured = timeout(deadlines.connect, secured).await.map_err(|_| lost("no TLS in time".into()))?;
        Box::new(Metered::new(secured.map_err(lost)?, meter.clone()))
    } else {
        Box::new(Metered::new(tcp, meter.clone()))
    };
    let upgrade = matches!(server.tls, Tls::Required | Tls::Opportunistic);
    meter.single(upgrade);
    let hello = ClientId::default();
    let greeted = AsyncSmtpConnection::connect_with_transport(stream, &hello);
    let connection = outcome(deadlines.command, greeted).await?;
    let mut session = Session { connection, meter, deadlines, most: None };
    if upgrade {
        session.upgrade(server, &hello).await?;
    }
    if !local && server.login.is_some() && !session.encrypted(server) {
        return Err(lost("the server offers no TLS: a password is not sent in the clear".into()));
    }
    session.ask_size(hello).await?;
    Ok(session)
}

impl Session {
    async fn upgrade(&mut self, server: &Server, hello: &ClientId) -> Result<(), Answer> {
        if !self.connection.can_starttls() {
            self.meter.single(false);
            return match server.tls {
                Tls::Opportunistic => Ok(()),
                _ => Err(Answer::Lost("the server offers no TLS and tls=required: nothing is sent".into())),
            };
        }
        self.meter.refill();
        let parameters = tls::parameters(&server.host, server.ca.as_deref()).map_err(Answer::Lost)?;
        outcome(self.deadlines.connect, self.connection.starttls(parameters, hello)).await?;
        self.meter.single(false);
        Ok(())
    }

    fn encrypted(&self, server: &Server) -> bool {
        server.tls == Tls::Implicit || self.connection.is_encrypted()
    }
}

/// The first address of the server that answers.
async fn connect(server: &Server, deadlines: Deadlines) -> Result<TcpStream, Answer> {
    let lost = |reason: String| Answer::Lost(format!("{}:{}: {reason}", server.host, server.port));
    let connecting = async {
        let tcp = TcpStream::connect((server.host.as_str(), server.port)).await?;
        tcp.set_nodelay(true)?;
        Ok::<_, std::io::Error>(tcp)
    };
    match timeout(deadlines.connect, connecting).await {
        Ok(Ok(tcp)) => Ok(tcp),
        Ok(Err(error)) => Err(lost(error.to_string())),
        Err(_) => Err(lost("no connection in time".into())),
    }
}

async fn answer(deadline: Duration, asked: impl Future<Output = Result<Response, SmtpError>>) -> Answer {
    match outcome(deadline, asked).await {
        Ok(response) => {
            let text: Vec<&str> = response.message().collect();
            Answer::Reply { code: response.code().into(), text: text.join(" ") }
        }
        Err(answer) => answer,
    }
}

/// Negative replies are replies here, not errors.
async fn outcome<T>(
    deadline: Duration,
    asked: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, Answer> {
    match timeout(deadline, asked).await {
        Err(_) => Err(Answer::Lost(format!("no answer within {} s", deadline.as_secs_f32()))),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(match error.status() {
            Some(code) => {
                let source = std::error::Error::source(&error);
                Answer::Reply { code: code.into(), text: source.map(ToString::to_string).unwrap_or_default() }
            }
            None => Answer::Lost(error.to_string()),
        }),
    }
}

fn ended(next: Next) -> Verdict {
    match next {
        Next::End(verdict) => verdict,
        other => Verdict::Retry { reason: format!("out of step: {other:?}"), server: true },
    }
}

/// The content with its lines' first dots doubled and the final dot behind it, to be written at once. A line end
/// that is not CR LF is refused: servers differ in what they take for one, and a mail could end early.
fn dotted(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.is_ascii())?;
    let mut out = String::with_capacity(text.len() + text.len() / 50 + 8);
    for line in text.split_inclusive('\n') {
        let bare = match line.strip_suffix('\n') {
            Some(ended) => ended.strip_suffix('\r')?,
            None => line,
        };
        if bare.contains('\r') {
            return None;
        }
        if bare.starts_with('.') {
            out.push('.');
        }
        out.push_str(bare);
        out.push_str("\r\n");
    }
    out.push_str(if out.is_empty() { "\r\n.\r\n" } else { ".\r\n" });
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_the_start_of_a_line_are_doubled_and_one_ends_it() {
        assert_eq!(dotted(b".a\r\n..b\r\nc.\r\n").unwrap(), "..a\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(dotted(b"a").unwrap(), "a\r\n.\r\n");
        assert_eq!(dotted(b"").unwrap(), "\r\n.\r\n");
        for bad in ["ü", "a\nb", "a\n.\r\nb", "a\rb", "a\r\r\nb"] {
            assert_eq!(dotted(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
