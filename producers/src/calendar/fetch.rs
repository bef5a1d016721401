//! The text of a calendar: a file's, or what an HTTPS address answers. Plain HTTP is spoken to this machine alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::{CalendarPlace, FeedAddress};
use bellwether_runtime::secret::Secret;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest a call may take.
const CALL: Duration = Duration::from_secs(30);
/// Most bytes of a calendar.
const MOST: usize = 8 * 1024 * 1024;

/// Why there is no text; in words for the operator, without a secret.
pub(super) type Failed = String;

/// The text as it is now.
pub(super) async fn fetch(place: &CalendarPlace) -> Result<String, Failed> {
    match place {
        CalendarPlace::File(path) => file(path).await,
        CalendarPlace::Url { address, headers } => {
            let called = tokio::time::timeout(CALL, call(address, headers));
            called.await.map_err(|_| format!("no answer within {} s", CALL.as_secs()))?
        }
    }
}

async fn file(path: &Path) -> Result<String, Failed> {
    let read = tokio::fs::read(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
    if read.len() > MOST {
        return Err(format!("{}: {} bytes, at most {MOST} are read", path.display(), read.len()));
    }
    String::from_utf8(read).map_err(|_| format!("{}: it is no UTF-8 text", path.display()))
}

async fn call(address: &FeedAddress, headers: &[(String, Secret)]) -> Result<String, Failed> {
    let said = |error: std::io::Error| error.to_string();
    let stream = TcpStream::connect((address.host(), address.port())).await.map_err(said)?;
    if !address.is_tls() {
        return ask(stream, address, headers).await;
    }
    let name = ServerName::try_from(address.host().to_string()).map_err(|error| error.to_string())?;
    let tls = TlsConnector::from(trusting_the_machine()?).connect(name, stream).await.map_err(said)?;
    ask(tls, address, headers).await
}

fn trusting_the_machine() -> Result<Arc<ClientConfig>, Failed> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: &FeedAddress,
    headers: &[(String, Secret)],
) -> Result<String, Failed> {
    let mut request = Request::get(address.path_and_query())
        .header(header::HOST, address.authority())
        .header(header::ACCEPT, "application/json, text/csv")
        .header(header::USER_AGENT, concat!("bellwether/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value.reveal());
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| "a header cannot be sent".to_string())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // It ends with the answer: one request a connection.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| error.to_string())?;
    match status {
        StatusCode::OK => String::from_utf8(body.to_bytes().into()).map_err(|_| "it is no UTF-8 text".into()),
        other => Err(format!("it answered {other}")),
    }
}
