//! The pages for people: the live one, and the inbox.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use bellwether_schemas::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::{Deserialize, Serialize};

use super::App;
use super::mails::{MailHead, MailSource, MailView};

/// Mails on the list page.
const LISTED: usize = 200;

/// A mail is shown in a frame that inherits this: its own styles and inline pictures, nothing else.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn index() -> Html<&'static str> {
    Html(include_str!("../../assets/page.html"))
}

pub(crate) async fn asset(Path(file): Path<String>) -> Response {
    let (kind, text) = match file.as_str() {
        "page.css" => ("text/css; charset=utf-8", include_str!("../../assets/page.css")),
        "inbox.css" => ("text/css; charset=utf-8", include_str!("../../assets/inbox.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/page.js")),
        "parts.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/parts.js")),
        "icon.svg" => ("image/svg+xml", include_str!("../../assets/icon.svg")),
        _ => return nothing("there is no such file"),
    };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The inbox's pages. Names end in `.html`, which escapes every value.
///
/// # Errors
/// A template does not parse.
pub(crate) fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("inbox.html", include_str!("../../assets/inbox.html"))?;
    templates.add_template("mail.html", include_str!("../../assets/mail.html"))?;
    Ok(templates)
}

pub(crate) async fn inbox(State(app): State<App>) -> Response {
    let Some(mails) = &app.site.mails else { return nothing("no inbox is kept here") };
    match read(mails, |mails| mails.list(LISTED)).await {
        Some(mails) => {
            let mails: Vec<Line> = mails.iter().map(Line::of).collect();
            let mails = Value::from(Serde(&mails));
            render(&app, "inbox.html", &context! { mails, listed => LISTED })
        }
        None => broken(),
    }
}

#[derive(Deserialize)]
pub(crate) struct MailQuery {
    view: Option<View>,
}

/// The tabs of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum View {
    Html,
    Text,
    Headers,
    Raw,
}

pub(crate) async fn mail(
    State(app): State<App>,
    Path(id): Path<u64>,
    Query(query): Query<MailQuery>,
) -> Response {
    let Some(mails) = &app.site.mails else { return nothing("no inbox is kept here") };
    match read(mails, move |mails| mails.get(id)).await {
        Some(Some(mail)) => show(&app, mail, query.view),
        Some(None) => nothing("this mail is not kept, or not any more"),
        None => broken(),
    }
}

fn show(app: &App, mail: MailView, view: Option<View>) -> Response {
    let first = if mail.html.is_some() { View::Html } else { View::Text };
    let page = context! {
        mail => Value::from(Serde(Line::of(&mail.head))),
        date => mail.date,
        headers => Value::from(Serde(&mail.headers)),
        text => mail.text,
        html => mail.html,
        raw => mail.raw,
        view => Value::from(Serde(view.unwrap_or(first))),
    };
    let mut response = render(app, "mail.html", &page);
    let policy = header::HeaderValue::from_static(MAIL_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A mail's outside, as the templates show it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: u64,
    subject: &'a str,
    from: &'a str,
    to: &'a str,
    received: String,
}

impl<'a> Line<'a> {
    fn of(head: &'a MailHead) -> Self {
        let subject = if head.subject.is_empty() { "(no subject)" } else { &head.subject };
        Self { id: head.id, subject, from: &head.from, to: &head.to, received: utc(head.received_at) }
    }
}

fn utc(time: Timestamp) -> String {
    time.utc().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Calls the source where it may block; none when that broke.
async fn read<T: Send + 'static>(
    mails: &Arc<dyn MailSource>,
    call: impl FnOnce(&dyn MailSource) -> T + Send + 'static,
) -> Option<T> {
    let mails = Arc::clone(mails);
    tokio::task::spawn_blocking(move || call(&*mails)).await.ok()
}

fn render(app: &App, name: &str, page: &Value) -> Response {
    match app.templates.get_template(name).and_then(|template| template.render(page)) {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(page.name = name, error = %error, "a page could not be rendered");
            broken()
        }
    }
}

fn nothing(why: &'static str) -> Response {
    (StatusCode::NOT_FOUND, why).into_response()
}

fn broken() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made: the log says why").into_response()
}
