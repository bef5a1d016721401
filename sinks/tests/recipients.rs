//! Recipients out of Supabase Auth: a complete list or none, over a real Postgres and a stand-in for the admin API.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/auth.rs"]
mod auth;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::ops::Deref;

use auth::{Auth, Fault, SECRET, SERVICE_ROLE};
use bellwether_database as database;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{self, AuthKey, Recipients, SmtpServer};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Outcome, group_id};
use bellwether_sinks::mail;
use bellwether_sinks::mail::recipients::Directory;
use serde_json::{Value, json};
use smtp::Smtp;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use support::*;

/// A user as Auth lists them once they have confirmed.
fn confirmed(number: usize) -> Value {
    json!({
        "id": user(number).0, "aud": "authenticated", "role": "authenticated",
        "email": format!("{number}@people.example"), "phone": "", "app_metadata": {}, "user_metadata": {},
        "identities": null, "created_at": "2026-03-04T13:00:00.123456Z", "updated_at": "2026-03-04T13:00:00.123456Z",
        "is_anonymous": false, "email_confirmed_at": "2026-03-04T13:00:00.123456Z"
    })
}

fn with(number: usize, key: &str, value: Value) -> Value {
    let mut user = confirmed(number);
    user[key] = value;
    user
}

/// A tenant whose database knows nobody, and whose Auth knows these.
struct Shop {
    home: Home,
    auth: Auth,
    clock: Clock,
}

impl Deref for Shop {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Shop {
    async fn new(test: &str, users: Vec<Value>) -> Self {
        let mut home = Home::new(test, "fxlabs", 0).await;
        let auth = Auth::start(users).await;
        let tenant = &mut home.tenant;
        tenant.database.recipients = Recipients::AuthApi;
        let url = format!("http://127.0.0.1:{}/auth/v1", auth.port).parse().unwrap();
        tenant.auth = Some(config::Auth { url, key: AuthKey::ServiceRole(Secret::new(SERVICE_ROLE)) });
        Self { home, auth, clock: Clock::manual(Clock::system().now()) }
    }

    async fn open(&self) -> Result<Directory, String> {
        let pool = database::connect(&self.tenant).await.unwrap();
        Directory::open(&self.tenant, pool, self.clock.clone()).await.map_err(|error| error.to_string())
    }

    /// Who may get mail, as everybody who asks is told.
    async fn told(&self) -> Vec<String> {
        let mut pipeline = PgConnection::connect(self.seeded.pipeline.reveal()).await.unwrap();
        let set = "select set_config('app.tenant_id', 'fxlabs', false)";
        sqlx::query(set).execute(&mut pipeline).await.unwrap();
        let sql = "select email from bellwether.recipients order by length(email), email";
        sqlx::query_scalar(sql).fetch_all(&mut pipeline).await.unwrap()
    }

    /// As if the list had been made that long ago.
    async fn aged(&self) {
        let mut admin = PgConnection::connect(self.seeded.admin.reveal()).await.unwrap();
        let sql = "update bellwether.auth_list set complete_at = complete_at - interval '1 hour'";
        sqlx::query(sql).execute(&mut admin).await.unwrap();
        self.clock.advance(3_600_000_000);
    }
}

fn emails(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("{number}@people.example")).collect()
}

#[tokio::test]
async fn every_page_is_read_and_only_who_may_get_mail_is_told() {
    let mut users: Vec<Value> = (0..450).map(confirmed).collect();
    users.extend([
        with(450, "email_confirmed_at", Value::Null),
        with(451, "banned_until", json!("2999-01-01T00:00:00Z")),
        with(452, "banned_until", json!("2020-01-01T00:00:00.123456789Z")),
        with(453, "deleted_at", json!("2026-03-04T13:00:00Z")),
        with(454, "is_anonymous", json!(true)),
        with(455, "email", json!("")),
    ]);
    users[455].as_object_mut().unwrap().remove("email_confirmed_at");
    let shop = Shop::new("pages", users).await;
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails((0..450).chain([452])));
    assert_eq!(shop.auth.asked(), 3);
}

#[tokio::test]
async fn of_a_project_that_tenants_share_only_the_tenants_own_users_are_told() {
    let of = |number, tenant: Value| with(number, "app_metadata", json!({ "tenant_id": tenant }));
    let users = vec![
        of(0, json!("fxlabs")),
        of(1, json!("hextech")),
        of(2, Value::Null),
        of(3, json!(["fxlabs"])),
        with(4, "app_metadata", Value::Null),
        with(5, "user_metadata", json!({ "tenant_id": "fxlabs" })),
        of(6, json!("fxlabs")),
    ];
    let mut shop = Shop::new("metadata", users).await;
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails(0..7), "a project of its own has no other's users");
    shop.aged().await;
    shop.home.tenant.database.shared = true;
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails([0, 6]));
}

#[tokio::test]
async fn users_who_come_and_go_while_pages_are_read_make_it_read_again() {
    let shop = Shop::new("shifts", (0..401).map(confirmed).collect()).await;
    shop.auth.once([Fault::Created(confirmed(500)), Fault::None, Fault::None, Fault::Deleted(0)]);
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails(0..401));
    assert!(shop.auth.asked() > 6, "{} pages", shop.auth.asked());
}

#[tokio::test]
async fn users_who_take_the_place_of_others_while_pages_are_read_are_noticed_though_the_total_stays() {
    let shop = Shop::new("replaced", (0..401).map(confirmed).collect()).await;
    shop.auth.once([Fault::Replaced(confirmed(500))]);
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails((0..400).chain([500])));
}

#[tokio::test]
async fn a_part_of_a_list_is_none_and_the_one_before_stays() {
    let shop = Shop::new("parts", (0..250).map(confirmed).collect()).await;
    for (faults, word) in [
        (vec![Fault::None, Fault::Broken], "answered 500 to page 2"),
        (vec![Fault::Total("many")], "page 1 cannot be read: no number in x-total-count"),
        (vec![Fault::Body("<html>")], "page 1 cannot be read: line 1"),
        (vec![Fault::Body(r#"{"users":[{"email":"x@people.example"}]}"#)], "page 1 cannot be read"),
        (vec![Fault::Refused(403, "not_admin")], "refuses the key with 403 not_admin"),
        (vec![Fault::Refused(403, "bad_jwt")], "refuses the key with 403 bad_jwt"),
        (vec![Fault::Total("251"); 12], "changed while it was read"),
        (vec![Fault::Total("99999999")], "at most 1000000"),
    ] {
        shop.auth.once(faults);
        let error = shop.open().await.unwrap_err();
        assert!(error.contains(word) && !error.contains("eyJ"), "{error}");
        assert_eq!(shop.told().await, [""; 0]);
        while shop.open().await.is_err() {}
        let mut admin = PgConnection::connect(shop.seeded.admin.reveal()).await.unwrap();
        sqlx::query("delete from bellwether.auth_list").execute(&mut admin).await.unwrap();
    }
    let directory = shop.open().await.unwrap();
    shop.auth.sign_up(confirmed(250));
    shop.aged().await;
    shop.auth.always(Some(Fault::Broken));
    directory.prepare(&[]).await.unwrap();
    assert_eq!(shop.told().await, emails(0..250), "the last complete list is used");
    shop.auth.always(None);
    directory.prepare(&[]).await.unwrap();
    assert_eq!(shop.told().await, emails(0..250), "not asked again at once");
    shop.aged().await;
    directory.prepare(&[]).await.unwrap();
    assert_eq!(shop.told().await, emails(0..251));
}

#[tokio::test]
async fn who_is_due_and_not_on_the_list_is_asked_for_at_once_but_not_over_and_over() {
    let shop = Shop::new("signed_up", vec![confirmed(0)]).await;
    let directory = shop.open().await.unwrap();
    let asked = shop.auth.asked();
    directory.prepare(&[user(0)]).await.unwrap();
    assert_eq!(shop.auth.asked(), asked, "who is known needs no asking");
    shop.auth.sign_up(confirmed(1));
    for _ in 0..5 {
        directory.prepare(&[user(1), user(2)]).await.unwrap();
    }
    assert_eq!(shop.told().await, emails(0..2));
    assert_eq!(shop.auth.asked(), asked + 1);
}

#[tokio::test]
async fn a_secret_key_is_shown_as_the_api_key_alone_and_a_wrong_key_lists_nobody() {
    let mut shop = Shop::new("keys", vec![confirmed(0)]).await;
    let mut key = async |key| {
        shop.home.tenant.auth.as_mut().unwrap().key = key;
        shop.open().await.map(drop)
    };
    let wrong = key(AuthKey::ServiceRole(Secret::new("eyJ.of.another"))).await.unwrap_err();
    assert!(wrong.contains("403 bad_jwt") && !wrong.contains("another"), "{wrong}");
    let wrong = key(AuthKey::Secret(Secret::new("sb_secret_another"))).await.unwrap_err();
    assert!(wrong.contains("401 no_authorization") && !wrong.contains("another"), "{wrong}");
    key(AuthKey::Secret(Secret::new(SECRET))).await.unwrap();
    assert_eq!(shop.told().await, emails([0]));
}

#[tokio::test]
async fn alerts_wait_until_auth_has_told_and_are_mailed_where_it_says() {
    let mut shop = Shop::new("waits", vec![confirmed(0)]).await;
    let smtp = Smtp::start().await;
    shop.home.tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
    shop.auth.always(Some(Fault::Broken));
    let mut admin = PgConnection::connect(shop.seeded.admin.reveal()).await.unwrap();
    let world = World::new(vec![shop.tenant.clone()]);
    let mut trigger = trigger("fxlabs", 0);
    trigger.detail = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into();
    trigger.group.id =
        group_id(&trigger.tenant, AlertKind::RsiTracker, alert(0), 1, trigger.close_time, None);
    let sink = tokio::spawn(mail::run(world.context()));
    world.append("fxlabs", &[Outcome::Fired(trigger)]).await;
    eventually("Auth is asked again", async || shop.auth.asked() >= 2).await;
    let owed: i64 = sqlx::query_scalar("select count(*) from bellwether.mail_outbox")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(owed, 0, "nothing is decided while nobody knows");
    shop.auth.always(None);
    eventually("the mail", async || smtp.arrived().len() == 1).await;
    assert_eq!(smtp.arrived()[0].to, emails([0]));
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_tenant_that_goes_back_to_its_database_is_told_by_it() {
    let mut shop = Shop::new("back", vec![confirmed(0)]).await;
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, emails([0]));
    shop.home.tenant.database.recipients = Recipients::Database;
    shop.open().await.unwrap();
    assert_eq!(shop.told().await, [""; 0]);
}
