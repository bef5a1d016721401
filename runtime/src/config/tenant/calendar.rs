//! `[[calendar]]`: where the tenant's news calendar is read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use serde::Deserialize;

use super::secrets::Secrets;
use crate::config::ConfigError;
use crate::config::values::{FeedAddress, Line, optional_duration, zone};
use crate::secret::Secret;

/// Between two looks at an address, unless its source says otherwise.
const EVERY: Duration = Duration::from_secs(30 * 60);
/// The shortest time between two: feeds turn away who asks more often.
const SHORTEST: Duration = Duration::from_secs(60);
/// Between two looks at a file.
const EVERY_FILE: Duration = Duration::from_secs(10);

/// One source of the news calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarSource {
    /// What its items carry, and what tells its ids from those of others.
    pub name: Line<40>,
    /// Where it is read.
    pub place: CalendarPlace,
    /// In whose clocks times without a zone are.
    pub zone: Tz,
    /// Between two looks at it.
    pub every: Duration,
}

/// Where a calendar is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarPlace {
    /// A CSV or JSON file.
    File(PathBuf),
    /// An address that answers with JSON or CSV.
    Url {
        /// What is asked.
        address: FeedAddress,
        /// What is sent with each request, such as a key.
        headers: Vec<(String, Secret)>,
    },
}

/// The keys as they stand in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// What its items carry.
    name: Line<40>,
    /// A CSV or JSON file, relative to the tenant's; or `url`.
    file: Option<PathBuf>,
    /// `https://…`; or `file`.
    url: Option<String>,
    /// A file with a header a line, `Name: value`, sent with each request.
    headers_file: Option<PathBuf>,
    /// In whose clocks times without a zone are; without it UTC.
    #[serde(default = "utc", deserialize_with = "zone")]
    zone: Tz,
    /// Between two looks: 30 minutes for an address, 10 seconds for a file.
    #[serde(default, deserialize_with = "optional_duration")]
    every: Option<Duration>,
}

const fn utc() -> Tz {
    Tz::UTC
}

/// The sources, with what stands beside the file read.
pub(super) fn sources(keys: Vec<Keys>, secrets: &Secrets<'_>) -> Result<Vec<CalendarSource>, ConfigError> {
    let mut sources: Vec<CalendarSource> = Vec::new();
    for keys in keys {
        let source = keys.source(secrets)?;
        if sources.iter().any(|other| other.name == source.name) {
            let reason =
                format!("two sources are called {}: their items could not be told apart", source.name);
            return Err(ConfigError::value(secrets.file, "calendar.name", reason));
        }
        sources.push(source);
    }
    Ok(sources)
}

impl Keys {
    fn source(self, secrets: &Secrets<'_>) -> Result<CalendarSource, ConfigError> {
        let wrong = |key: &str, reason: String| ConfigError::value(secrets.file, key, reason);
        let Self { name, file, url, headers_file, zone, every } = self;
        let (place, usual, shortest) = match (file, url) {
            (Some(path), None) => {
                if headers_file.is_some() {
                    return Err(wrong(
                        "calendar.headers_file",
                        "a file is asked for no headers: take it out".into(),
                    ));
                }
                let path = super::beside(secrets.file, &path);
                (CalendarPlace::File(path), EVERY_FILE, Duration::from_secs(1))
            }
            (None, Some(url)) => {
                let address = url
                    .parse()
                    .map_err(|error: &str| wrong("calendar.url", format!("the address {error}")))?;
                let headers =
                    headers_file.map(|path| headers(&path, secrets)).transpose()?.unwrap_or_default();
                (CalendarPlace::Url { address, headers }, EVERY, SHORTEST)
            }
            _ => return Err(wrong("calendar", format!("{name} needs one of `file` and `url`"))),
        };
        let every = every.unwrap_or(usual);
        if every < shortest {
            let reason = format!("{} s is too often: {} s at least", every.as_secs(), shortest.as_secs());
            return Err(wrong("calendar.every", reason));
        }
        Ok(CalendarSource { name, place, zone, every })
    }
}

fn headers(path: &Path, secrets: &Secrets<'_>) -> Result<Vec<(String, Secret)>, ConfigError> {
    let key = "calendar.headers_file";
    let path = super::beside(secrets.file, path);
    let said =
        |reason: String| ConfigError::value(secrets.file, key, format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| said(error.to_string()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            // The line is not repeated: it holds a secret.
            let parts = line.split_once(':').filter(|(name, _)| !name.trim().is_empty());
            let (name, value) = parts.ok_or_else(|| said(format!("line {} is not `Name: value`", at + 1)))?;
            Ok((name.trim().into(), Secret::new(value.trim())))
        })
        .collect()
}
