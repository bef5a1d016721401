//! What comes back about mails: a received mail's own header switches its kind off, over a real Postgres, through the
//! gateway's own role.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;
mod support;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwether_database as database;
use bellwether_gateway::public::{Public, serve};
use bellwether_local::seed::{self, User};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::SmtpServer;
use bellwether_runtime::secret::Secret;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Outcome, group_id};
use bellwether_sinks::mail;
use bellwether_sinks::mail::bounce::{Intake, Noted, Tally};
use mail_parser::MessageParser;
use ring::hmac;
use smtp::Smtp;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// By which the tenant's provider signs.
const HOOK_KEY: [u8; 32] = [7; 32];

/// A tenant with its database, its mail server and its gateway. User 0 is confirmed.
struct Shop {
    home: Home,
    smtp: Smtp,
    gateway: SocketAddr,
}

impl Deref for Shop {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Shop {
    async fn new(test: &str) -> Self {
        let mut home = Home::new(test, "fxlabs", 0).await;
        let someone = User { id: user(0), email: "0@users.example".into(), confirmed: true };
        seed::add_users(&home.seeded.admin, &[someone]).await.unwrap();
        let smtp = Smtp::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let tenant = &mut home.tenant;
        tenant.database.gateway_url = Some(home.seeded.gateway.clone());
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        tenant.mail.unsubscribe_key = Some(Secret::new("a key of links"));
        tenant.mail.bounce_secret = Some(Secret::new(format!("whsec_{}", STANDARD.encode(HOOK_KEY))));
        tenant.brand.unsubscribe_url = Some(format!("http://{gateway}/unsubscribe").parse().unwrap());
        let tenants = watch::channel(Arc::new(vec![tenant.clone()])).1;
        let public = Public::new(tenants, Clock::system(), None).unwrap();
        tokio::spawn(serve(listener, public.router(), Shutdown::new()));
        Self { home, smtp, gateway }
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
        let answer = self.answer(method, target, &format!("Content-Type: {kind}\r\n"), body).await;
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// What the gateway answers to what a provider reports: status and result. `when`: seconds from now.
    async fn report(&self, id: &str, when: i64, body: &str) -> String {
        let sent = Clock::system().now().0 / 1_000_000 + when;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &HOOK_KEY);
        let tag = hmac::sign(&key, format!("{id}.{sent}.{body}").as_bytes());
        let signed = format!(
            "webhook-id: {id}\r\nwebhook-timestamp: {sent}\r\nwebhook-signature: v1,{}\r\n",
            STANDARD.encode(tag)
        );
        let answer = self.answer("POST", "/hooks/mail/fxlabs", &signed, body).await;
        let (head, json) = answer.split_once("\r\n\r\n").unwrap();
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let result = json["result"].as_str().or(json["detail"].as_str()).unwrap();
        format!("{} {result}", head.split(' ').nth(1).unwrap())
    }

    /// Addresses that nothing is sent to, and why.
    async fn suppressed(&self) -> Vec<(String, String)> {
        let sql = "select address, reason from bellwether.mail_suppression order by 1";
        sqlx::query_as(sql).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// What happened to mails, but for what the sink did.
    async fn events(&self) -> Vec<String> {
        let sql = "select event from bellwether.mail_event where report is not null order by id";
        sqlx::query_scalar(sql).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// A mail that was sent to user 0.
    async fn sent(&self, occurrence: &str) -> String {
        let id = format!("<{occurrence}@fxlabs.example>");
        sqlx::query(
            "insert into bellwether.mail_outbox (occurrence, kind, user_id, recipient, message_id, state, sent_at)
             values ($1, 'rsi_tracker', $2, '0@Users.example', $3, 'sent', now())",
        )
        .bind(occurrence)
        .bind(user(0).0)
        .bind(&id)
        .execute(&mut self.admin().await)
        .await
        .unwrap();
        id
    }

    async fn intake(&self) -> Intake {
        Intake::new(database::connect(&self.tenant).await.unwrap(), self.tenant.id.clone())
    }

    async fn answer(&self, method: &str, target: &str, headers: &str, body: &str) -> String {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.gateway);
        let rest = format!("{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.gateway).await.unwrap();
        stream.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
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

/// A delivery report about that mail.
fn dsn(number: usize, message_id: &str, recipient: &str, action: &str, status: &str) -> Vec<u8> {
    let mail = format!(
        "Message-ID: <dsn-{number}@mx.example>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; \
         mx.example\n\nFinal-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: \
         smtp; 550 {status} said so\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n--b--\n"
    );
    mail.into_bytes()
}

#[tokio::test]
async fn a_mail_that_came_back_stops_the_next_one_to_its_address() {
    let shop = Shop::new("came_back").await;
    let world = World::new(vec![shop.tenant.clone()]);
    let sink = tokio::spawn(mail::run(world.context()));
    world.append("fxlabs", &[group(0)]).await;
    eventually("the mail", async || shop.smtp.arrived().len() == 1).await;
    let content = &shop.smtp.arrived()[0].content;
    let id = MessageParser::new().parse(content).unwrap().message_id().unwrap().to_string();
    let mut intake = shop.intake().await;
    intake.take(&dsn(1, &format!("<{id}>"), "0@users.example", "failed", "5.1.1")).await.unwrap();
    world.append("fxlabs", &[group(1)]).await;
    eventually("the next is decided", async || shop.outbox().await.len() == 2).await;
    let reason =
        "the address is suppressed: bounced: no such mailbox (5.1.1; smtp; 550 5.1.1 said so)".to_string();
    assert_eq!(shop.outbox().await[1], ("suppressed".into(), Some(reason)));
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_class_of_report_has_its_effect_once_and_a_forged_one_has_none() {
    let shop = Shop::new("classes").await;
    let id = shop.sent("one").await;
    let mut intake = shop.intake().await;
    let asha = "0@users.example";
    for mail in [
        dsn(1, &id, "stranger@elsewhere.example", "failed", "5.1.1"),
        dsn(2, "<two@fxlabs.example>", asha, "failed", "5.1.1"),
        dsn(3, "<one@elsewhere.example>", asha, "failed", "5.1.1"),
        dsn(4, &id, asha, "relayed", "2.0.0"),
        b"Subject: away\n\nuntil Monday".to_vec(),
        dsn(5, &id, asha, "delayed", "4.4.1"),
        dsn(5, &id, asha, "delayed", "4.4.1"),
        dsn(6, &id, asha, "failed", "4.4.7"),
    ] {
        intake.take(&mail).await.unwrap();
        assert_eq!(shop.suppressed().await, []);
    }
    let expected = Tally {
        mails: 8,
        no_report: 1,
        on_its_way: 1,
        noted: [(Noted::Noted, 2), (Noted::Repeated, 1), (Noted::UnknownMail, 3)].into(),
    };
    assert_eq!(*intake.tally(), expected);
    assert_eq!(shop.events().await, ["delayed", "bounced"]);
    intake.take(&dsn(7, &id, "0@USERS.example", "failed", "5.1.1")).await.unwrap();
    let reason = "bounced: no such mailbox (5.1.1; smtp; 550 5.1.1 said so)".to_string();
    assert_eq!(shop.suppressed().await, [(asha.to_string(), reason)]);
}

#[tokio::test]
async fn a_full_mailbox_is_given_up_at_its_third_mail() {
    let shop = Shop::new("full").await;
    let mut intake = shop.intake().await;
    for (number, mail) in ["one", "one", "two", "three"].into_iter().enumerate() {
        assert_eq!(shop.suppressed().await, [], "{mail} is not the third mail");
        let id = if number == 1 { "<one@fxlabs.example>".into() } else { shop.sent(mail).await };
        intake.take(&dsn(number, &id, "0@users.example", "failed", "5.2.2")).await.unwrap();
    }
    let suppressed = shop.suppressed().await;
    assert!(suppressed.len() == 1 && suppressed[0].1.contains("the mailbox is full"), "{suppressed:?}");
}

#[tokio::test]
async fn what_a_provider_reports_counts_once_and_only_if_it_signed_it() {
    let shop = Shop::new("hook").await;
    let (first, second) = (shop.sent("one").await, shop.sent("two").await);
    let report = |kind: &str, id: &str, to: &str, more: &str| {
        let id = id.trim_matches(['<', '>']);
        format!(r#"{{"type":"mail.{kind}","data":{{"message_id":"{id}","recipient":"{to}"{more}}}}}"#)
    };
    let soft = report("bounced", &first, "0@users.example", r#","status":"4.2.2""#);
    assert_eq!(shop.report("1", 0, &soft).await, "200 noted");
    assert_eq!(shop.report("1", 0, &soft).await, "200 repeated");
    assert_eq!(shop.report("2", 301, &soft).await, "401 not signed by whom this tenant knows");
    assert_eq!(shop.report("3", -302, &soft).await, "401 not signed by whom this tenant knows");
    let stranger = report("complained", &first, "stranger@elsewhere.example", "");
    assert_eq!(shop.report("4", 0, &stranger).await, "200 unknown");
    assert_eq!(shop.report("5", 0, r#"{"type":"mail.opened","data":{}}"#).await, "200 ignored");
    assert!(
        shop.report("6", 0, r#"{"type":"mail.bounced","data":{}}"#)
            .await
            .starts_with("400 mail.bounced needs")
    );
    assert!(shop.report("7", 0, "[]").await.starts_with("400 no JSON object"));
    assert_eq!(shop.suppressed().await, []);
    let complaint = report("complained", &second, "0@users.example", "");
    assert_eq!(shop.report("8", 0, &complaint).await, "200 suppressed");
    let (address, reason) = shop.suppressed().await.remove(0);
    assert_eq!(address, "0@users.example");
    assert!(reason.starts_with("complained"), "{reason}");
    for target in ["/hooks/mail/fxlabs", "/hooks/mail/nobody", "/hooks/mail/%00"] {
        assert_eq!(shop.ask("POST", target, "application/json", &soft).await, 401, "{target}");
    }
    assert_eq!(shop.events().await, ["bounced", "complained"]);
}
