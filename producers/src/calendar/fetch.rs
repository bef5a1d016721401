//! The text of a calendar: a file's, or what an HTTPS address answers. Plain HTTP is spoken to this machine alone.

use std::path::Path;
use std::time::Duration;

use bellwether_runtime::config::{CalendarPlace, FeedAddress};
use bellwether_runtime::http::{self, Limits, Question, StatusCode};
use bellwether_runtime::secret::Secret;

/// Most bytes of a calendar.
const MOST: usize = 8 * 1024 * 1024;
/// What an address may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(30), bytes: MOST };

/// Why there is no text; in words for the operator, without a secret.
pub(super) type Failed = String;

/// The text as it is now.
pub(super) async fn fetch(place: &CalendarPlace) -> Result<String, Failed> {
    match place {
        CalendarPlace::File(path) => file(path).await,
        CalendarPlace::Url { address, headers } => call(address, headers).await,
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
    let mut question = Question::get(address.path_and_query());
    question.headers.push(("accept", "application/json, text/csv"));
    question.headers.extend(headers.iter().map(|(name, value)| (name.as_str(), value.reveal())));
    let answer = http::ask(address.place(), question, LIMITS).await?;
    match answer.status {
        StatusCode::OK => String::from_utf8(answer.body.into()).map_err(|_| "it is no UTF-8 text".into()),
        other => Err(format!("it answered {other}")),
    }
}
