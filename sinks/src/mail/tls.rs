//! Whom TLS trusts: the machine's roots, and what the tenant's file adds to them. From the first byte on (`smtps`) the
//! handshake is ours; after STARTTLS it is lettre's, by the same trust.

use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};

/// Shakes hands with a server that one of the roots vouches for under that name.
pub(super) async fn wrap(
    tcp: TcpStream,
    host: &str,
    ca: Option<&str>,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(config(ca)?).connect(name, tcp).await;
    stream.map_err(|error| format!("TLS with {host}: {error}"))
}

/// The same trust for the handshake after STARTTLS.
pub(super) fn parameters(host: &str, ca: Option<&str>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    for certificate in certificates(ca)? {
        let certificate = Certificate::from_der(certificate.to_vec());
        builder = builder.add_root_certificate(certificate.map_err(|error| error.to_string())?);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

fn config(ca: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| format!("mail.ca_file: {error}"))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn certificates(ca: Option<&str>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(text) = ca else { return Ok(Vec::new()) };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("mail.ca_file holds no certificate (PEM)".into()),
        Err(error) => Err(format!("mail.ca_file: {error}")),
    }
}
