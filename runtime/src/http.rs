//! One request to an HTTP server, over TLS or in the clear: no redirect is followed, nothing is sent again, and the answer
//! has an end.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use hyper::{HeaderMap, Method, StatusCode};

/// Where a server is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whether it is spoken to over TLS.
    pub is_tls: bool,
    /// What to connect to, an IPv6 address without its brackets.
    pub host: &'a str,
    /// The port to connect to.
    pub port: u16,
    /// What the request calls the host.
    pub authority: &'a str,
}

/// What is asked of it.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What it is to do.
    pub method: Method,
    /// With what.
    pub path_and_query: &'a str,
    /// Headers beside the host's and ours.
    pub headers: Vec<(&'a str, &'a str)>,
    /// What comes with it.
    pub body: Vec<u8>,
}

impl<'a> Question<'a> {
    /// To see what is there.
    #[must_use]
    pub const fn get(path_and_query: &'a str) -> Self {
        Self { method: Method::GET, path_and_query, headers: Vec::new(), body: Vec::new() }
    }
}

/// The most that is borne of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the whole answer is there.
    pub time: Duration,
    /// Bytes of its body.
    pub bytes: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was done.
    pub status: StatusCode,
    /// What it says of itself.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why there is no answer; in words for the operator, without what was asked.
pub type Failed = String;

/// Connects, asks once, and takes the answer whole.
///
/// # Errors
/// There is none within the limits.
pub async fn ask(place: Place<'_>, question: Question<'_>, limits: Limits) -> Result<Answer, Failed> {
    let asked = tokio::time::timeout(limits.time, connect_and_ask(place, question, limits.bytes));
    asked.await.map_err(|_| format!("no answer within {} s", limits.time.as_secs_f32()))?
}

async fn connect_and_ask(place: Place<'_>, question: Question<'_>, most: usize) -> Result<Answer, Failed> {
    let said = |error: std::io::Error| error.to_string();
    let stream = TcpStream::connect((place.host, place.port)).await.map_err(said)?;
    if !place.is_tls {
        return exchange(stream, place, question, most).await;
    }
    let name = ServerName::try_from(place.host.to_string()).map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(trusting_the_machine()?).connect(name, stream).await.map_err(said)?;
    exchange(tls, place, question, most).await
}

fn trusting_the_machine() -> Result<Arc<ClientConfig>, Failed> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: Place<'_>,
    question: Question<'_>,
    most: usize,
) -> Result<Answer, Failed> {
    let mut request = Request::builder()
        .method(question.method)
        .uri(question.path_and_query)
        .header(header::HOST, place.authority)
        .header(header::USER_AGENT, concat!("bellwether/", env!("CARGO_PKG_VERSION")));
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(question.body));
    let request = request.body(body).map_err(|_| "a header or the address cannot be sent".to_string())?;
    let said = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    // It ends with the answer: one request a connection.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(said)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = Limited::new(response.into_body(), most).collect().await.map_err(|error| error.to_string())?;
    Ok(Answer { status, headers, body: body.to_bytes() })
}
