//! An SMTP server that answers as it is told, over a real socket, in the clear or with TLS.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Vouches for the server's certificate, which says `localhost`.
pub(crate) const CA: &str = include_str!("../tls/ca.pem");
/// Vouches for nobody here.
pub(crate) const OTHER_CA: &str = include_str!("../tls/other-ca.pem");

/// What it does instead of answering as a good server would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Says this, and goes on.
    Say(String),
    /// Says this without the end of a line, and closes the connection.
    Half(String),
    /// Closes the connection.
    Drop,
    /// Resets it.
    Reset,
    /// Never answers.
    Stall,
    /// Answers as it should, but only after this long.
    Late(Duration),
    /// Answers as it should, with this long between any two bytes.
    Drip(Duration),
    /// Sends bytes without end.
    Flood,
    /// Waits until it is let go, and answers as it should.
    Hold,
    /// At the content's end: does that, and forgets the mail.
    Forget(Box<Self>),
}

impl Fault {
    pub(crate) fn say(text: &str) -> Self {
        Self::Say(text.into())
    }

    /// Whether a mail that ended so is one that the server has.
    fn keeps(&self) -> bool {
        match self {
            Self::Forget(_) => false,
            Self::Say(text) => !text.starts_with(['4', '5']),
            _ => true,
        }
    }
}

/// Where it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the first line of the content.
    Body,
    Dot,
    Quit,
}

/// A mail that arrived whole, whatever was answered to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) connection: usize,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Without the dots doubled on the way.
    pub(crate) content: Vec<u8>,
    /// It was not refused, and it is not one that the server had already.
    pub(crate) kept: bool,
}

/// The ids that an idempotent provider has seen, and the header they stand in. Several servers may share them.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    header: String,
    seen: Arc<Mutex<HashSet<String>>>,
}

impl Keys {
    pub(crate) fn of(header: &str) -> Self {
        Self { header: header.into(), seen: Arc::default() }
    }

    /// True of a mail that was taken already; it is noted otherwise.
    fn has(&self, content: &[u8]) -> bool {
        let text = String::from_utf8_lossy(content);
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{}: ", self.header)));
        value.is_some_and(|value| !self.seen.lock().unwrap().insert(value.into()))
    }
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<(At, Fault)>,
    /// For every time, not once.
    always: Vec<(At, Fault)>,
    /// What was done, where, and to a mail for whom.
    hits: Vec<(At, Fault, String)>,
    capabilities: Vec<String>,
    arrived: Vec<Arrived>,
    commands: Vec<String>,
    connections: usize,
    /// Closes the connection after the next mail.
    hangs_up: bool,
    holding: usize,
    keys: Option<Keys>,
}

#[derive(Clone)]
pub(crate) struct Smtp {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    released: Arc<Notify>,
    tls: Option<TlsAcceptor>,
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

type Stream = BufReader<Box<dyn Wire>>;

/// Who is spoken to, and of which mail.
#[derive(Default)]
struct Talk {
    connection: usize,
    from: String,
    to: Vec<String>,
}

impl Smtp {
    pub(crate) async fn start() -> Self {
        Self::listen(0).await
    }

    pub(crate) async fn listen(port: u16) -> Self {
        Self::serving(port, None, false).await
    }

    /// One that offers STARTTLS and can do it.
    pub(crate) async fn with_starttls() -> Self {
        let smtp = Self::serving(0, Some(acceptor()), false).await;
        smtp.offer("STARTTLS");
        smtp
    }

    /// One that speaks TLS from the first byte.
    pub(crate) async fn with_tls() -> Self {
        Self::serving(0, Some(acceptor()), true).await
    }

    async fn serving(port: u16, tls: Option<TlsAcceptor>, implicit: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let smtp = Self { port, state: Arc::default(), released: Arc::default(), tls };
        let serving = smtp.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                let serving = serving.clone();
                tokio::spawn(async move { serving.accept(stream, implicit).await.ok() });
            }
        });
        smtp
    }

    /// Once, in this order where several are for the same place.
    pub(crate) fn once(&self, at: At, fault: Fault) {
        self.state.lock().unwrap().faults.push_back((at, fault));
    }

    pub(crate) fn always(&self, at: At, fault: Fault) {
        self.state.lock().unwrap().always.push((at, fault));
    }

    /// Forgets every fault.
    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.always.clear();
    }

    pub(crate) fn offer(&self, capability: &str) {
        self.state.lock().unwrap().capabilities.push(capability.into());
    }

    /// Takes a mail that it has already for one that it need not keep again.
    pub(crate) fn remember(&self, keys: &Keys) {
        self.state.lock().unwrap().keys = Some(keys.clone());
    }

    /// Closes the connection after the next mail, so that the one after comes over a new one.
    pub(crate) fn hang_up(&self) {
        self.state.lock().unwrap().hangs_up = true;
    }

    /// So many connections wait at a [`Fault::Hold`].
    pub(crate) fn holding(&self) -> usize {
        self.state.lock().unwrap().holding
    }

    /// Lets one of them go on.
    pub(crate) fn release(&self) {
        self.released.notify_one();
    }

    /// Keeps nothing of what it was sent so far.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock().unwrap();
        state.arrived = Vec::new();
        state.commands = Vec::new();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.lock().unwrap().arrived.clone()
    }

    /// The mails that it has.
    pub(crate) fn kept(&self) -> usize {
        self.state.lock().unwrap().arrived.iter().filter(|mail| mail.kept).count()
    }

    pub(crate) fn hits(&self) -> Vec<(At, Fault, String)> {
        self.state.lock().unwrap().hits.clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    fn fault(&self, at: At, talk: &Talk) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let place = state.faults.iter().position(|(where_, _)| *where_ == at);
        let fault = match place {
            Some(place) => state.faults.remove(place).map(|(_, fault)| fault),
            None => state.always.iter().find(|(where_, _)| *where_ == at).map(|(_, fault)| fault.clone()),
        }?;
        let to = talk.to.first().cloned().unwrap_or_default();
        state.hits.push((at, fault.clone(), to));
        Some(fault)
    }

    /// True when the connection is to go on.
    async fn answer(&self, stream: &mut Stream, at: At, talk: &Talk, good: &str) -> std::io::Result<bool> {
        match self.fault(at, talk) {
            Some(fault) => self.commit(stream, fault, good).await,
            None => say(stream, good).await,
        }
    }

    async fn commit(&self, stream: &mut Stream, fault: Fault, good: &str) -> std::io::Result<bool> {
        match fault {
            Fault::Say(text) => return say(stream, &text).await,
            Fault::Half(text) => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
                return Ok(false);
            }
            Fault::Drop => return Ok(false),
            Fault::Reset => return Err(std::io::ErrorKind::ConnectionReset.into()),
            Fault::Stall => {
                // Until the client gives up.
                while stream.read_u8().await.is_ok() {}
                return Ok(false);
            }
            Fault::Late(time) => {
                tokio::time::sleep(time).await;
                return say(stream, good).await;
            }
            Fault::Drip(time) => {
                for byte in format!("{good}\r\n").bytes() {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(time).await;
                }
            }
            Fault::Flood => loop {
                stream.write_all(&[b'x'; 4096]).await?;
            },
            Fault::Hold => {
                self.state.lock().unwrap().holding += 1;
                self.released.notified().await;
                self.state.lock().unwrap().holding -= 1;
                return say(stream, good).await;
            }
            Fault::Forget(fault) => return Box::pin(self.commit(stream, *fault, good)).await,
        }
        Ok(true)
    }

    /// Content is read only where it was asked for.
    async fn take(&self, stream: &mut Stream, talk: &Talk) -> std::io::Result<bool> {
        match self.fault(At::Data, talk) {
            Some(Fault::Hold) => drop(self.commit(stream, Fault::Hold, "354 go").await?),
            Some(fault) => return self.commit(stream, fault, "354 go").await,
            None => drop(say(stream, "354 go").await?),
        }
        let Some(content) = self.content(stream, talk).await? else { return Ok(false) };
        let fault = self.fault(At::Dot, talk);
        let kept = fault.as_ref().is_none_or(Fault::keeps) && !self.has(&content);
        let (from, to) = (talk.from.clone(), talk.to.clone());
        let mail = Arrived { connection: talk.connection, from, to, content, kept };
        self.state.lock().unwrap().arrived.push(mail);
        let goes_on = match fault {
            Some(fault) => self.commit(stream, fault, "250 kept as 1").await?,
            None => say(stream, "250 kept as 1").await?,
        };
        Ok(goes_on && !std::mem::take(&mut self.state.lock().unwrap().hangs_up))
    }

    fn has(&self, content: &[u8]) -> bool {
        self.state.lock().unwrap().keys.as_ref().is_some_and(|keys| keys.has(content))
    }

    /// None when the connection ends within it.
    async fn content(&self, stream: &mut Stream, talk: &Talk) -> std::io::Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            match line.strip_prefix(b".") {
                Some(b"\r\n") => return Ok(Some(content)),
                Some(rest) => content.extend_from_slice(rest),
                None => content.extend_from_slice(&line),
            }
            match self.fault(At::Body, talk) {
                None => {}
                Some(Fault::Hold) => {
                    self.state.lock().unwrap().holding += 1;
                    self.released.notified().await;
                    self.state.lock().unwrap().holding -= 1;
                }
                Some(fault) => {
                    let goes_on = self.commit(stream, fault, "").await?;
                    if !goes_on {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn accept(&self, stream: TcpStream, implicit: bool) -> std::io::Result<()> {
        let connection = {
            let mut state = self.state.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        // A reset is what dropping a socket does that may not linger.
        let socket = stream.into_std()?;
        let own = socket.try_clone()?;
        let stream = TcpStream::from_std(socket)?;
        let served = self.serve(stream, implicit, Talk { connection, ..Talk::default() }).await;
        if served.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset) {
            TcpStream::from_std(own)?.set_zero_linger()?;
        }
        served
    }

    async fn serve(&self, stream: TcpStream, implicit: bool, mut talk: Talk) -> std::io::Result<()> {
        let stream: Box<dyn Wire> = match &self.tls {
            Some(tls) if implicit => Box::new(tls.accept(stream).await?),
            _ => Box::new(stream),
        };
        let mut stream = BufReader::new(stream);
        if !self.answer(&mut stream, At::Greeting, &talk, "220 scripted").await? {
            return Ok(());
        }
        let mut encrypted = implicit;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_string();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            self.state.lock().unwrap().commands.push(line.clone());
            if verb == "STARTTLS" {
                let Some(tls) = self.tls.as_ref().filter(|_| !encrypted) else {
                    self.answer(&mut stream, At::StartTls, &talk, "454 not now").await?;
                    continue;
                };
                let fault = self.state.lock().unwrap().faults.iter().any(|(at, _)| *at == At::StartTls);
                if !self.answer(&mut stream, At::StartTls, &talk, "220 go").await? {
                    return Ok(());
                }
                if !fault {
                    stream = BufReader::new(Box::new(tls.accept(stream.into_inner()).await?));
                    encrypted = true;
                }
            } else if !self.obey(&mut stream, &mut talk, &verb, &line, encrypted).await? {
                return Ok(());
            }
        }
    }

    /// True when the connection is to go on.
    async fn obey(
        &self,
        stream: &mut Stream,
        talk: &mut Talk,
        verb: &str,
        line: &str,
        encrypted: bool,
    ) -> std::io::Result<bool> {
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_string();
        match verb {
            "EHLO" => {
                let capabilities = self.state.lock().unwrap().capabilities.clone();
                let offered = capabilities.iter().filter(|offer| !encrypted || *offer != "STARTTLS");
                let offered: String = offered.map(|offer| format!("250-{offer}\r\n")).collect();
                self.answer(stream, At::Ehlo, talk, &format!("250-scripted\r\n{offered}250 HELP")).await
            }
            "AUTH" => self.answer(stream, At::Auth, talk, "235 welcome").await,
            "MAIL" => {
                (talk.from, talk.to) = (address(), Vec::new());
                self.answer(stream, At::Mail, talk, "250 sender").await
            }
            "RCPT" => {
                talk.to.push(address());
                self.answer(stream, At::Rcpt, talk, "250 recipient").await
            }
            "DATA" => self.take(stream, talk).await,
            "QUIT" => {
                self.answer(stream, At::Quit, talk, "221 bye").await?;
                Ok(false)
            }
            _ => say(stream, "500 what").await,
        }
    }
}

async fn say(stream: &mut Stream, text: &str) -> std::io::Result<bool> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await?;
    Ok(true)
}

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("../tls/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Long enough for a real answer, short enough for a test.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);
