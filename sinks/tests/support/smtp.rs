//! An SMTP server that answers as it is told, over a real socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it does instead of answering as a good server would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Says this, and goes on.
    Say(String),
    /// Closes the connection.
    Drop,
    /// Never answers.
    Stall,
    /// Sends bytes without end.
    Flood,
}

/// Where it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Dot,
}

/// A mail that arrived whole, whatever was answered to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) connection: usize,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Without the dots doubled on the way.
    pub(crate) content: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<(At, Fault)>,
    /// For every time, not once.
    always: Vec<(At, Fault)>,
    capabilities: Vec<String>,
    arrived: Vec<Arrived>,
    commands: Vec<String>,
    connections: usize,
}

#[derive(Clone)]
pub(crate) struct Smtp {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Smtp {
    pub(crate) async fn start() -> Self {
        Self::listen(0).await
    }

    pub(crate) async fn listen(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let smtp = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let serving = smtp.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await.ok() });
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

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.lock().unwrap().arrived.clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    fn fault(&self, at: At) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        if let Some(place) = state.faults.iter().position(|(where_, _)| *where_ == at) {
            return state.faults.remove(place).map(|(_, fault)| fault);
        }
        state.always.iter().find(|(where_, _)| *where_ == at).map(|(_, fault)| fault.clone())
    }

    /// True when the connection is to go on.
    async fn answer(&self, stream: &mut BufReader<TcpStream>, at: At, good: &str) -> std::io::Result<bool> {
        match self.fault(at) {
            None => stream.write_all(format!("{good}\r\n").as_bytes()).await?,
            Some(Fault::Say(text)) => stream.write_all(format!("{text}\r\n").as_bytes()).await?,
            Some(Fault::Drop) => return Ok(false),
            Some(Fault::Stall) => {
                // Until the client gives up.
                while stream.read_u8().await.is_ok() {}
                return Ok(false);
            }
            Some(Fault::Flood) => loop {
                stream.write_all(&[b'x'; 4096]).await?;
            },
        }
        Ok(true)
    }

    /// Content is read only where it was asked for.
    async fn take(&self, stream: &mut BufReader<TcpStream>, mut mail: Arrived) -> std::io::Result<bool> {
        if let Some(fault) = self.fault(At::Data) {
            self.state.lock().unwrap().faults.push_front((At::Data, fault));
            return self.answer(stream, At::Data, "").await;
        }
        stream.write_all(b"354 go\r\n").await?;
        mail.content = content(stream).await?;
        self.state.lock().unwrap().arrived.push(mail);
        self.answer(stream, At::Dot, "250 kept as 1").await
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let connection = {
            let mut state = self.state.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        let mut stream = BufReader::new(stream);
        if !self.answer(&mut stream, At::Greeting, "220 scripted").await? {
            return Ok(());
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_string();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            self.state.lock().unwrap().commands.push(line.clone());
            let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_string();
            let goes_on = match verb.as_str() {
                "EHLO" => {
                    let capabilities = self.state.lock().unwrap().capabilities.clone();
                    let mut reply = String::new();
                    for capability in &capabilities {
                        reply.push_str(&format!("250-{capability}\r\n"));
                    }
                    self.answer(&mut stream, At::Ehlo, &format!("250-scripted\r\n{reply}250 HELP")).await?
                }
                "STARTTLS" => self.answer(&mut stream, At::StartTls, "454 not now").await?,
                "AUTH" => self.answer(&mut stream, At::Auth, "235 welcome").await?,
                "MAIL" => {
                    (from, to) = (address(), Vec::new());
                    self.answer(&mut stream, At::Mail, "250 sender").await?
                }
                "RCPT" => {
                    to.push(address());
                    self.answer(&mut stream, At::Rcpt, "250 recipient").await?
                }
                "DATA" => {
                    self.take(
                        &mut stream,
                        Arrived { connection, from: from.clone(), to: to.clone(), content: Vec::new() },
                    )
                    .await?
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => {
                    stream.write_all(b"500 what\r\n").await?;
                    true
                }
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
}

async fn content(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.strip_prefix(b".") {
            Some(b"\r\n") => return Ok(content),
            Some(rest) => content.extend_from_slice(rest),
            None => content.extend_from_slice(&line),
        }
    }
}

/// Long enough for a real answer, short enough for a test.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);
