//! The registry's API, as far as it is needed: one request a connection, there are few.

use std::time::Duration;

use bellwether_schemas::codec::SchemaName;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::config::HttpAddress;

/// Longest a call may take.
const CALL: Duration = Duration::from_secs(3);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 1024 * 1024;
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum CallFailure {
    /// No answer, or one that says to come back: the same call may succeed later.
    Away(String),
    /// It says no, and will again.
    Refused(String),
}

/// The subject of a record: its full name. Topics are a tenant's each and records the same for all, so that a new
/// tenant needs nothing of the registry, and a record has one history.
#[must_use]
pub fn subject(schema: SchemaName) -> String {
    let name = schema.schema().name().map(|name| name.fullname(None));
    name.unwrap_or_else(|| schema.name().into())
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) address: HttpAddress,
}

impl Client {
    /// The schema's id; it is registered if it was not there. A registry that may only be read answers, too.
    pub(super) async fn id_of(&self, schema: SchemaName) -> Result<u32, CallFailure> {
        let path = format!("/subjects/{}", subject(schema));
        let body = json!({ "schema": schema.text() }).to_string();
        let (status, answer) = self.call(Method::POST, &path, body.clone()).await?;
        let answer = match status {
            StatusCode::NOT_FOUND => {
                let (status, answer) = self.call(Method::POST, &format!("{path}/versions"), body).await?;
                accepted(status, answer)?
            }
            status => accepted(status, answer)?,
        };
        let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| CallFailure::Away(format!("its answer has no id: {answer}")))
    }

    /// The text of the schema with this id; none when the registry has no such id.
    pub(super) async fn text_of(&self, id: u32) -> Result<Option<String>, CallFailure> {
        let (status, answer) = self.call(Method::GET, &format!("/schemas/ids/{id}"), String::new()).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        // Another kind of schema is none of ours, and that is known then: Avro is the kind that is not named.
        let answer = accepted(status, answer)?;
        let text =
            answer["schema"].as_str().ok_or_else(|| CallFailure::Away("its answer has no schema".into()))?;
        Ok(Some(text.into()))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Value), CallFailure> {
        let away = |reason: String| CallFailure::Away(reason);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.path()))
            .header(header::HOST, self.address.authority())
            .header(header::ACCEPT, MEDIA_TYPE)
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| CallFailure::Refused(error.to_string()))?;
        match tokio::time::timeout(CALL, self.send(request)).await {
            Ok(answered) => answered.map_err(|error| away(error.to_string())),
            Err(_) => Err(away(format!("no answer within {} s", CALL.as_secs()))),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), BoxError> {
        let stream = TcpStream::connect(self.address.place()).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answered = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await?.to_bytes();
            let answer = serde_json::from_slice(&body);
            Ok((
                status,
                answer.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
            ))
        };
        // The connection ends by itself, or with the answer that was waited for.
        tokio::pin!(answered, connection);
        tokio::select! {
            answer = &mut answered => answer,
            ended = &mut connection => {
                ended?;
                answered.await
            }
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn accepted(status: StatusCode, answer: Value) -> Result<Value, CallFailure> {
    let words =
        || answer["message"].as_str().map_or_else(|| status.to_string(), |text| format!("{status}: {text}"));
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(CallFailure::Away(words())),
        status if status.is_success() => Ok(answer),
        status if status.is_client_error() => Err(CallFailure::Refused(words())),
        _ => Err(CallFailure::Away(words())),
    }
}
