//! One session against a scripted server over a real socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/smtp.rs"]
mod smtp;

use std::time::Duration;

use bellwether_runtime::config::Tls;
use bellwether_runtime::secret::Secret;
use bellwether_sinks::mail::core::Verdict;
use bellwether_sinks::mail::server::Server;
use bellwether_sinks::mail::session::{Deadlines, Letter, Session};
use lettre::Address;
use smtp::{At, CA, Fault, OTHER_CA, PATIENCE, Smtp};

const CONTENT: &[u8] = b"Subject: one\r\n\r\n.dot\r\n..dots\r\nend\r\n";

fn server(smtp: &Smtp, tls: Tls) -> Server {
    Server { host: "127.0.0.1".into(), port: smtp.port, tls, login: None, ca: None }
}

fn deadlines() -> Deadlines {
    Deadlines { connect: PATIENCE, command: PATIENCE, body: PATIENCE }
}

fn from() -> Address {
    "alerts@fxlabs.example".parse().unwrap()
}

async fn send_on(session: &mut Session) -> Option<Verdict> {
    let from = from();
    let letter = Letter { from: &from, to: "user@people.example", content: CONTENT };
    session.send(&letter, async || true, || true).await
}

/// What becomes of one mail on a new connection.
async fn send(smtp: &Smtp, tls: Tls) -> Verdict {
    match Session::open(&server(smtp, tls), deadlines()).await {
        Ok(mut session) => send_on(&mut session).await.unwrap(),
        Err(verdict) => verdict,
    }
}

async fn with(at: At, fault: Fault) -> (Verdict, Smtp) {
    let smtp = Smtp::start().await;
    smtp.once(at, fault);
    (send(&smtp, Tls::None).await, smtp)
}

fn say(text: &str) -> Fault {
    Fault::Say(text.into())
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_and_the_connection_carries_the_next() {
    let smtp = Smtp::start().await;
    let mut session = Session::open(&server(&smtp, Tls::None), deadlines()).await.ok().unwrap();
    for _ in 0..3 {
        assert_eq!(send_on(&mut session).await, Some(Verdict::Sent("250 kept as 1".into())));
    }
    session.quit().await;
    let arrived = smtp.arrived();
    assert_eq!((arrived.len(), smtp.connections()), (3, 1));
    assert_eq!(arrived[2].content, CONTENT);
    assert_eq!((arrived[2].from.as_str(), arrived[2].to.len()), ("alerts@fxlabs.example", 1));
    assert_eq!(smtp.commands().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn no_content_leaves_that_was_not_noted() {
    let smtp = Smtp::start().await;
    let mut session = Session::open(&server(&smtp, Tls::None), deadlines()).await.ok().unwrap();
    let from = from();
    let letter = Letter { from: &from, to: "user@people.example", content: CONTENT };
    assert_eq!(session.send(&letter, async || false, || true).await, None);
    assert!(!smtp.commands().contains(&"DATA".to_string()));
}

#[tokio::test]
async fn temporary_refusals_anywhere_are_tried_again() {
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data, At::Dot] {
        let (verdict, _) = with(at, say("451 4.3.0 later")).await;
        assert!(
            matches!(&verdict, Verdict::Retry { reason, .. } if reason.contains("451")),
            "{at:?}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_address_is_told_from_a_refused_mail() {
    let (verdict, _) = with(At::Rcpt, say("550-5.1.1 no such user\r\n550 here")).await;
    let Verdict::Failed { reason, address: true } = verdict else { panic!("{verdict:?}") };
    assert!(reason.starts_with("550 ") && reason.contains("no such user"), "{reason}");
    for at in [At::Mail, At::Data, At::Dot] {
        let (verdict, _) = with(at, say("554 5.7.1 policy")).await;
        assert!(matches!(verdict, Verdict::Failed { address: false, .. }), "{at:?}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_or_silent_before_the_content_is_certain_and_after_it_ambiguous() {
    for fault in [Fault::Drop, Fault::Stall, Fault::Flood] {
        for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data] {
            let (verdict, smtp) = with(at, fault.clone()).await;
            assert!(matches!(verdict, Verdict::Retry { .. }), "{at:?} {fault:?}: {verdict:?}");
            assert!(smtp.arrived().is_empty());
        }
        let (verdict, smtp) = with(At::Dot, fault.clone()).await;
        assert!(matches!(verdict, Verdict::Ambiguous(_)), "{fault:?}: {verdict:?}");
        assert_eq!(smtp.arrived().len(), 1);
    }
}

#[tokio::test]
async fn replies_out_of_step_are_never_taken_for_a_yes() {
    let (verdict, _) = with(At::Dot, say("354 go")).await;
    assert!(matches!(verdict, Verdict::Ambiguous(_)), "{verdict:?}");
    for (at, reply) in
        [(At::Data, "250 fine"), (At::Mail, "354 go"), (At::Rcpt, "220 hello"), (At::Mail, "blah")]
    {
        let (verdict, smtp) = with(at, say(reply)).await;
        assert!(matches!(verdict, Verdict::Retry { .. }), "{at:?} {reply}: {verdict:?}");
        assert!(smtp.arrived().is_empty());
    }
    // One reply too many: everything after is one behind, and the content is not sent.
    let (verdict, smtp) = with(At::Mail, say("250 sender\r\n250 twice")).await;
    assert!(matches!(verdict, Verdict::Retry { .. }), "{verdict:?}");
    assert!(smtp.arrived().is_empty());
}

#[tokio::test]
async fn nobody_listening_is_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Server { host: "127.0.0.1".into(), port: free, tls: Tls::None, login: None, ca: None };
    let verdict = Session::open(&nobody, deadlines()).await.err().unwrap();
    assert!(matches!(verdict, Verdict::Retry { server: true, .. }), "{verdict:?}");
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_sent_without_it() {
    let smtp = Smtp::start().await;
    let verdict = send(&smtp, Tls::Required).await;
    assert!(matches!(&verdict, Verdict::Retry { reason, .. } if reason.contains("no TLS")), "{verdict:?}");
    // Offered and then refused, by a server or by somebody in between.
    smtp.offer("STARTTLS");
    assert!(matches!(send(&smtp, Tls::Required).await, Verdict::Retry { .. }));
    smtp.once(At::StartTls, say("220 go\r\n250-injected\r\n250 AUTH PLAIN"));
    assert!(matches!(send(&smtp, Tls::Required).await, Verdict::Retry { .. }));
    assert!(matches!(send(&smtp, Tls::Implicit).await, Verdict::Retry { .. }));
    assert!(!smtp.commands().iter().any(|command| command.starts_with("MAIL")));
}

#[tokio::test]
async fn opportunistic_tls_goes_on_in_the_clear_where_none_is_offered() {
    let smtp = Smtp::start().await;
    assert!(matches!(send(&smtp, Tls::Opportunistic).await, Verdict::Sent(_)));
}

#[tokio::test]
async fn a_refused_password_is_neither_the_mails_fault_nor_the_servers() {
    let smtp = Smtp::start().await;
    smtp.offer("AUTH PLAIN LOGIN");
    let login = Some(("apikey".to_string(), Secret::new("pass")));
    let server = Server { login, ..server(&smtp, Tls::None) };
    let mut session = Session::open(&server, deadlines()).await.ok().unwrap();
    assert!(matches!(send_on(&mut session).await, Some(Verdict::Sent(_))));
    smtp.once(At::Auth, say("535 5.7.8 no"));
    let verdict = Session::open(&server, deadlines()).await.err().unwrap();
    assert!(matches!(&verdict, Verdict::AuthRefused(reason) if reason.contains("535")), "{verdict:?}");
    // base64 of \0apikey\0pass
    assert!(smtp.commands().contains(&"AUTH PLAIN AGFwaWtleQBwYXNz".to_string()));
}

#[tokio::test]
async fn many_mails_a_second_leave_over_one_connection() {
    let smtp = Smtp::start().await;
    let mut session = Session::open(&server(&smtp, Tls::None), deadlines()).await.ok().unwrap();
    let started = tokio::time::Instant::now();
    for _ in 0..200 {
        assert!(matches!(send_on(&mut session).await, Some(Verdict::Sent(_))));
    }
    // Content and final dot written apart wait 40 ms for each other: 8 s for these.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// The server under a name of its own, trusted by that authority.
fn named(smtp: &Smtp, host: &str, tls: Tls, ca: Option<&str>) -> Server {
    Server { host: host.into(), port: smtp.port, tls, login: None, ca: ca.map(Into::into) }
}

fn patient() -> Deadlines {
    let long = Duration::from_secs(10);
    Deadlines { connect: long, command: long, body: long }
}

async fn send_to(server: &Server) -> Verdict {
    match Session::open(server, patient()).await {
        Ok(mut session) => send_on(&mut session).await.unwrap(),
        Err(verdict) => verdict,
    }
}

#[tokio::test]
async fn a_mail_leaves_encrypted_from_the_first_byte_on_and_after_starttls() {
    for (smtp, tls) in [(Smtp::with_tls().await, Tls::Implicit), (Smtp::with_starttls().await, Tls::Required)]
    {
        smtp.offer("AUTH LOGIN PLAIN");
        let login = Some(("apikey".to_string(), Secret::new("pass")));
        let server = Server { login, ..named(&smtp, "localhost", tls, Some(CA)) };
        let mut session = Session::open(&server, patient()).await.ok().unwrap();
        for _ in 0..2 {
            assert!(matches!(send_on(&mut session).await, Some(Verdict::Sent(_))), "{tls:?}");
        }
        session.quit().await;
        assert_eq!(smtp.arrived()[1].content, CONTENT);
        let commands = smtp.commands();
        let place = |verb: &str| commands.iter().position(|command| command.starts_with(verb));
        assert!(place("STARTTLS") < place("AUTH"), "{commands:?}");
        assert_eq!(place("STARTTLS").is_some(), tls == Tls::Required);
    }
}

#[tokio::test]
async fn a_server_under_another_name_or_vouched_for_by_nobody_we_trust_gets_no_mail() {
    for (smtp, tls) in [(Smtp::with_tls().await, Tls::Implicit), (Smtp::with_starttls().await, Tls::Required)]
    {
        for (host, ca) in [
            ("127.0.0.1", Some(CA)),
            ("localhost", Some(OTHER_CA)),
            ("localhost", None),
            ("localhost", Some("x")),
        ] {
            let verdict = send_to(&named(&smtp, host, tls, ca)).await;
            let Verdict::Retry { reason, server: true } = verdict else { panic!("{host}: {verdict:?}") };
            assert!(!reason.is_empty(), "{host}");
        }
        assert!(!smtp.commands().iter().any(|command| command.starts_with("MAIL")));
    }
}

#[tokio::test]
async fn a_mail_larger_than_the_server_takes_is_not_offered() {
    let smtp = Smtp::start().await;
    smtp.offer(&format!("SIZE {}", CONTENT.len()));
    assert!(matches!(send(&smtp, Tls::None).await, Verdict::Sent(_)));
    let said = format!("MAIL FROM:<alerts@fxlabs.example> SIZE={}", CONTENT.len());
    assert!(smtp.commands().contains(&said), "{:?}", smtp.commands());
    let smaller = Smtp::start().await;
    smaller.offer(&format!("SIZE {}", CONTENT.len() - 1));
    let Verdict::Failed { reason, address: false } = send(&smaller, Tls::None).await else { panic!() };
    assert!(reason.contains(&format!("{} bytes at most", CONTENT.len() - 1)), "{reason}");
    assert!(!smaller.commands().iter().any(|command| command.starts_with("MAIL")));
}

#[tokio::test]
async fn a_yes_that_was_said_before_the_question_is_none() {
    // All that a mail needs, in one breath: content would leave, and count as sent unread.
    let (verdict, smtp) = with(At::Rcpt, say("250 recipient\r\n354 go\r\n250 kept")).await;
    assert!(
        matches!(&verdict, Verdict::Retry { reason, .. } if reason.contains("before it was asked")),
        "{verdict:?}"
    );
    assert!(smtp.arrived().is_empty());
    // One too many behind a mail that was taken spoils the connection, not the next mail.
    let smtp = Smtp::start().await;
    smtp.once(At::Dot, say("250 kept\r\n250 kept"));
    let mut session = Session::open(&server(&smtp, Tls::None), deadlines()).await.ok().unwrap();
    assert!(matches!(send_on(&mut session).await, Some(Verdict::Sent(_))));
    assert!(matches!(send_on(&mut session).await, Some(Verdict::Retry { server: true, .. })));
    assert_eq!(smtp.arrived().len(), 1);
}

#[tokio::test]
async fn a_worker_that_finds_its_lease_over_after_354_sends_no_content() {
    let smtp = Smtp::start().await;
    let mut session = Session::open(&server(&smtp, Tls::None), deadlines()).await.ok().unwrap();
    let from = from();
    let letter = Letter { from: &from, to: "user@people.example", content: CONTENT };
    assert_eq!(session.send(&letter, async || true, || false).await, None);
    assert_eq!(smtp.commands().last().unwrap(), "DATA");
    drop(session);
    assert!(smtp.arrived().is_empty());
}

#[tokio::test]
async fn too_many_mails_in_a_short_time_are_told_apart() {
    for at in [At::Greeting, At::Mail, At::Rcpt, At::Data, At::Dot] {
        let (verdict, _) = with(at, say("421 4.7.0 too many messages")).await;
        assert!(matches!(verdict, Verdict::Limited(_)), "{at:?}: {verdict:?}");
    }
}
