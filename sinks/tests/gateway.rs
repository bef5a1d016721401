//! What comes back about mails: a received mail's own header switches its kind off, over a real Postgres, through the
//! gateway's own role.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use bellwether_gateway::public::{Public, serve};
use bellwether_local::postgres::Postgres;
use bellwether_local::seed::{self, Seeded, User};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{SmtpServer, Tenant};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Outcome, group_id};
use bellwether_sinks::mail;
use mail_parser::MessageParser;
use smtp::Smtp;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OnceCell, watch};

static SERVER: OnceCell<Postgres> = OnceCell::const_new();

/// One server for all tests; it ends with the process.
async fn server() -> &'static Postgres {
    SERVER.get_or_init(async || Postgres::temporary().await.unwrap()).await
}

/// A tenant with its database, its mail server and its gateway. User 0 is confirmed.
struct Shop {
    seeded: Seeded,
    tenant: Tenant,
    smtp: Smtp,
    gateway: SocketAddr,
}

impl Shop {
    async fn new(test: &str) -> Self {
        let id = "fxlabs";
        let seeded =
            seed::database(server().await, &format!("{test}_{id}"), &id.parse().unwrap()).await.unwrap();
        let someone = User { id: user(0), email: "0@users.example".into(), confirmed: true };
        seed::add_users(&seeded.admin, &[someone]).await.unwrap();
        let smtp = Smtp::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let mut tenant = tenant(id, Some(seeded.pipeline.reveal()));
        tenant.database.gateway_url = Some(seeded.gateway.clone());
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        tenant.mail.unsubscribe_key = Some(Secret::new("a key of links"));
        tenant.brand.unsubscribe_url = Some(format!("http://{gateway}/unsubscribe").parse().unwrap());
        let tenants = watch::channel(Arc::new(vec![tenant.clone()])).1;
        let public = Public::new(tenants, Clock::system(), None).unwrap();
        tokio::spawn(serve(listener, public.router(), Shutdown::new()));
        Self { seeded, tenant, smtp, gateway }
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(self.seeded.admin.reveal()).await.unwrap()
    }

    /// Every mail owed, oldest first: its state, and why where there is a reason.
    async fn outbox(&self) -> Vec<(String, Option<String>)> {
        let sql = "select state, reason from bellwether.mail_outbox order by appended_at, occurrence";
        sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// What users chose: kind, and whether they want it.
    async fn preferences(&self) -> Vec<(String, bool)> {
        let sql = "select kind, email from public.notification_preferences order by kind";
        sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// The answer to a request at the gateway: its status.
    async fn ask(&self, method: &str, target: &str, kind: &str, body: &str) -> u16 {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.gateway);
        let rest = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.gateway).await.unwrap();
        stream.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// A group of one trigger for user 0.
fn group(number: usize) -> Outcome {
    let mut trigger = trigger("fxlabs", number);
    trigger.detail = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into();
    trigger.group.id =
        group_id(&trigger.tenant, AlertKind::RsiTracker, alert(0), 1, trigger.close_time, None);
    Outcome::Fired(trigger)
}

/// What a mail program would ask for: the path and query of the header's https form, and the form it posts.
fn one_click(content: &[u8]) -> (String, String) {
    let mail = MessageParser::new().parse(content).unwrap();
    let header = |name: &str| mail.header_raw(name).unwrap().split_whitespace().collect::<String>();
    let links = header("List-Unsubscribe");
    let link = links.split(['<', '>']).find(|link| link.starts_with("http")).unwrap();
    let target = link.splitn(4, '/').nth(3).unwrap();
    (format!("/{target}"), header("List-Unsubscribe-Post"))
}

#[tokio::test]
async fn a_received_mails_own_header_stops_the_next_one_of_its_kind() {
    let shop = Shop::new("one_click").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = tokio::spawn(mail::run(world.context()));
    world.append("fxlabs", &[group(0)]).await;
    eventually("the first mail", async || shop.smtp.arrived().len() == 1).await;
    let (target, form) = one_click(&shop.smtp.arrived()[0].content);
    assert_eq!(form, "List-Unsubscribe=One-Click");

    assert_eq!(shop.ask("GET", &target, "", "").await, 200);
    assert_eq!(shop.preferences().await, [], "whoever only looks changes nothing");
    world.append("fxlabs", &[group(1)]).await;
    eventually("the second mail", async || shop.smtp.arrived().len() == 2).await;

    for _ in 0..2 {
        assert_eq!(shop.ask("POST", &target, "application/x-www-form-urlencoded", &form).await, 200);
        assert_eq!(shop.preferences().await, [("rsi_tracker".to_string(), false)]);
    }
    world.append("fxlabs", &[group(2)]).await;
    eventually("the third is decided", async || shop.outbox().await.len() == 3).await;
    let third = shop.outbox().await.pop().unwrap();
    assert_eq!(third, ("suppressed".into(), Some("switched off by the user".into())));
    assert_eq!(shop.smtp.arrived().len(), 2);
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_button_is_pressed_as_multipart_too_keeps_other_choices_and_serves_who_is_gone() {
    let shop = Shop::new("button").await;
    let mut admin = shop.admin().await;
    let chosen = "insert into public.notification_preferences (user_id, kind, email, quiet_from, quiet_to)
                  values ($1, 'digest', true, '22:00', '07:00')";
    sqlx::query(chosen).bind(user(0).0).execute(&mut admin).await.unwrap();
    let link = |number| {
        let link = mail::unsubscribe::Unsubscribe {
            tenant: shop.tenant.id.clone(),
            user: user(number),
            kind: mail::kind::MailKind::Digest,
        };
        let token = link.token(shop.tenant.mail.unsubscribe_key.as_ref().unwrap());
        format!("/unsubscribe?tenant=fxlabs&user={}&kind=digest&token={token}", link.user)
    };
    let body =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    assert_eq!(shop.ask("POST", &link(0), "multipart/form-data; boundary=b", body).await, 200);
    let kept: (bool, String) =
        sqlx::query_as("select email, quiet_from::text from public.notification_preferences")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    assert_eq!(kept, (false, "22:00:00".into()));
    assert_eq!(shop.ask("POST", &link(7), "multipart/form-data; boundary=b", body).await, 200);
    assert_eq!(shop.preferences().await, [("digest".to_string(), false)], "nothing of who does not exist");
}
