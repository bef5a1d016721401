//! From an address to a log.

use std::sync::Arc;

use super::{Log, LogError, Result, embedded, kafka};
use crate::clock::Clock;
use crate::config::Kafka;

/// How a command wants the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To append as well as to read.
    Write,
    /// To read only: another process may be writing.
    Read,
}

/// Opens the log at `url`: `embedded:DIR` or `kafka://HOST:PORT[,HOST:PORT]`.
///
/// # Errors
/// The address names no log, or the log cannot be opened that way.
pub fn open(url: &str, access: Access, clock: Clock) -> Result<Arc<dyn Log>> {
    open_with(url, access, clock, &Kafka::default())
}

/// As [`open`], speaking to brokers as `security` says.
///
/// # Errors
/// As [`open`].
pub fn open_with(url: &str, access: Access, clock: Clock, security: &Kafka) -> Result<Arc<dyn Log>> {
    match url.split_once(':') {
        Some(("embedded", dir)) if !dir.is_empty() => {
            Ok(Arc::new(embedded::EmbeddedLog::open(dir.as_ref(), access, clock)?))
        }
        Some(("kafka", rest)) if rest.starts_with("//") => {
            let options = kafka::Options { security: security.clone(), ..kafka::Options::default() };
            Ok(Arc::new(kafka::KafkaLog::open_with(&rest[2..], access, options)?))
        }
        _ => Err(LogError::Address { url: url.into() }),
    }
}

/// The address is a directory of this machine: whoever writes there makes the topics it needs.
#[must_use]
pub fn is_embedded(url: &str) -> bool {
    url.starts_with("embedded:")
}
