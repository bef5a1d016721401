//! A stand-in for the admin API of Supabase Auth that answers as version 2.196 does, and wrongly where it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The JWT of role service_role: its claims are `{"role":"service_role"}`.
pub(crate) const SERVICE_ROLE: &str = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmVk";
/// The new form.
pub(crate) const SECRET: &str = "sb_secret_of_these_tests";

/// What goes wrong with the next page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Its database is away.
    Broken,
    /// It tells another total.
    Total(&'static str),
    /// It answers with this in place of users.
    Body(&'static str),
    /// After this page a user is created, who comes first from then on.
    Created(Value),
    /// The same, and who came last is deleted: there are as many as before.
    Replaced(Value),
    /// After this page the user at that place is deleted.
    Deleted(usize),
    /// The key is not taken.
    Refused(u16, &'static str),
}

#[derive(Default)]
struct Inner {
    users: Vec<Value>,
    faults: VecDeque<Fault>,
    /// For every page once the others are used up.
    always: Option<Fault>,
    asked: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Auth {
    inner: Arc<Mutex<Inner>>,
    pub(crate) port: u16,
}

#[derive(serde::Deserialize)]
struct Asked {
    page: usize,
    per_page: usize,
}

impl Auth {
    pub(crate) async fn start(users: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let auth = Self { port: listener.local_addr().unwrap().port(), ..Self::default() };
        auth.inner.lock().unwrap().users = users;
        let router = Router::new().route("/auth/v1/admin/users", get(list)).with_state(auth.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        auth
    }

    pub(crate) fn once(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn always(&self, fault: Option<Fault>) {
        self.inner.lock().unwrap().always = fault;
    }

    /// A user who signs up now.
    pub(crate) fn sign_up(&self, user: Value) {
        self.inner.lock().unwrap().users.insert(0, user);
    }

    /// Pages that were asked for so far.
    pub(crate) fn asked(&self) -> usize {
        self.inner.lock().unwrap().asked
    }
}

/// Who may list users: the service role as bearer with its key beside it, or a secret key that is no bearer.
fn refusal(headers: &HeaderMap) -> Option<(u16, &'static str)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (header("authorization"), header("apikey")) {
        (None, Some(SECRET)) => None,
        (None, _) => Some((401, "no_authorization")),
        (Some(token), Some(SERVICE_ROLE)) if token == format!("Bearer {SERVICE_ROLE}") => None,
        (Some(_), _) => Some((403, "bad_jwt")),
    }
}

async fn list(State(auth): State<Auth>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let mut inner = auth.inner.lock().unwrap();
    inner.asked += 1;
    let refused = |status: u16, code: &str| {
        let body = json!({"code": status, "error_code": code, "msg": "no"});
        (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
    };
    if let Some((status, code)) = refusal(&headers) {
        return refused(status, code);
    }
    let always = inner.always.clone();
    let fault = inner.faults.pop_front().or(always).unwrap_or(Fault::None);
    let mut total = inner.users.len().to_string();
    let page: Vec<Value> = inner
        .users
        .iter()
        .skip((asked.page.max(1) - 1) * asked.per_page)
        .take(asked.per_page)
        .cloned()
        .collect();
    match fault {
        Fault::None => {}
        Fault::Broken => return refused(500, "unexpected_failure"),
        Fault::Refused(status, code) => return refused(status, code),
        Fault::Total(other) => total = other.into(),
        Fault::Body(body) => return ([("x-total-count", total)], body).into_response(),
        Fault::Created(user) => inner.users.insert(0, user),
        Fault::Replaced(user) => {
            inner.users.insert(0, user);
            inner.users.pop();
        }
        Fault::Deleted(place) => drop(inner.users.remove(place)),
    }
    ([("x-total-count", total)], Json(json!({"users": page, "aud": "authenticated"}))).into_response()
}
