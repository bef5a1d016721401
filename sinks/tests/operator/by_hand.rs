//! What people do with mails by hand: look, stop all, say what became of one, send one again, send a test.

use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::SmtpServer;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::MINUTE;
use bellwether_sinks::mail::core::Verdict;
use bellwether_sinks::mail::outbox::Outbox;
use bellwether_sinks::mail::outbox::by_hand::{Done, Fate, Wanted};
use bellwether_sinks::mail::terms::Terms;
use bellwether_sinks::mail::trial::{self, TrialError};

use super::Desk;
use super::smtp::{At, Fault, Smtp};
use super::support::{tenant, user};

/// Mails of the tenant's outbox in those states, each its own occurrence.
async fn owe(desk: &Desk, states: &[&str]) {
    for state in states {
        let due = if *state == "ambiguous" { "'infinity'" } else { "now()" };
        desk.execute(&format!(
            "insert into bellwether.mail_outbox
               (tenant_id, occurrence, kind, message_id, user_id, recipient, content, state, reason, due_at)
             values ('fxlabs', '{state}', 'rsi_tracker', '<{state}@fxlabs.example>', '{}', '0@users.fxlabs.example',
                     convert_to('Subject: x' || e'\r\n\r\nhello\r\n', 'utf8'), '{state}', 'because', {due})",
            user(0)
        ))
        .await;
    }
}

async fn outbox(desk: &Desk) -> Outbox {
    Outbox::new(database::connect(&desk.tenant).await.unwrap(), desk.tenant.id.clone())
}

async fn state(outbox: &Outbox, occurrence: &str) -> (String, Vec<String>) {
    let (mail, events) = outbox.show(occurrence).await.unwrap().unwrap();
    let events =
        events.into_iter().map(|event| format!("{}: {}", event.event, event.detail.unwrap_or_default()));
    (mail.state, events.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_mail_is_paused_nothing_of_a_tenant_is_claimed() {
    let desk = Desk::new("paused").await;
    owe(&desk, &["pending"]).await;
    let outbox = outbox(&desk).await;
    assert!(outbox.pause(Some("a flood")).await.unwrap() && !outbox.pause(None).await.unwrap());
    assert_eq!(outbox.paused().await.unwrap().unwrap().1.as_deref(), Some("a flood"));
    let worker = outbox.enlist(Duration::from_secs(10)).await.unwrap();
    assert_eq!(outbox.claim(worker, 10).await.unwrap().len(), 0);
    assert!(outbox.resume().await.unwrap() && !outbox.resume().await.unwrap());
    assert_eq!(outbox.claim(worker, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_found_by_state_kind_user_and_time() {
    let desk = Desk::new("found").await;
    owe(&desk, &["pending", "failed", "sent"]).await;
    let outbox = outbox(&desk).await;
    let all = Wanted { most: 10, ..Wanted::default() };
    let found = async |wanted: Wanted| -> Vec<String> {
        outbox.list(&wanted).await.unwrap().into_iter().map(|mail| mail.occurrence).collect()
    };
    assert_eq!(found(all.clone()).await, ["pending", "failed", "sent"]);
    assert_eq!(found(Wanted { most: 2, ..all.clone() }).await, ["failed", "sent"]);
    assert_eq!(found(Wanted { state: Some("failed".into()), ..all.clone() }).await, ["failed"]);
    assert_eq!(found(Wanted { kind: Some("digest".into()), ..all.clone() }).await, [""; 0]);
    assert_eq!(found(Wanted { user: Some(user(1).0), ..all.clone() }).await, [""; 0]);
    let later = Some(Clock::system().now().plus(MINUTE));
    assert_eq!(found(Wanted { since: later, ..all }).await, [""; 0]);
    assert!(outbox.show("nothing").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_have_arrived_is_resolved_and_it_says_who_and_why() {
    let desk = Desk::new("resolved").await;
    owe(&desk, &["ambiguous", "failed"]).await;
    let outbox = outbox(&desk).await;
    assert_eq!(outbox.resolve("ambiguous", Fate::Sent, "asha: their log has it").await.unwrap(), Done::Yes);
    let expected = ("sent".to_string(), vec!["resolved as sent: asha: their log has it".to_string()]);
    assert_eq!(state(&outbox, "ambiguous").await, expected);
    for occurrence in ["ambiguous", "failed"] {
        let done = outbox.resolve(occurrence, Fate::Failed, "asha").await.unwrap();
        assert!(matches!(done, Done::No(_)), "{occurrence}: {done:?}");
    }
    assert_eq!(outbox.resolve("nothing", Fate::Failed, "asha").await.unwrap(), Done::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_goes_to_allowed_addresses_alone_and_the_servers_words_come_back() {
    let theirs = Smtp::start().await;
    let mut tenant = tenant("fxlabs", None);
    tenant.mail.smtp = Some(SmtpServer::on_this_machine(theirs.port));
    tenant.mail.test_addresses = vec!["Me@fxlabs.example".parse().unwrap()];
    let send = async |to: &str| trial::send(&tenant, &to.parse().unwrap(), "a-host", Timestamp(0)).await;
    assert!(matches!(send("you@fxlabs.example").await, Err(TrialError::NotAllowed(_))));
    assert_eq!(theirs.connections(), 0);
    assert_eq!(send("me@FXLABS.example").await.unwrap(), Verdict::Sent("250 kept as 1".into()));
    let content = String::from_utf8(theirs.arrived()[0].content.clone()).unwrap();
    assert!(content.contains("a-host") && content.contains("Subject: fxlabs: Test mail"), "{content}");
    theirs.once(At::Rcpt, Fault::Say("550 5.1.1 no such user".into()));
    let refused = Verdict::Failed { reason: "550 5.1.1 no such user".into(), address: true };
    assert_eq!(send("me@fxlabs.example").await.unwrap(), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_or_may_have_arrived_is_sent_again_and_a_provider_takes_what_failed_for_another_mail() {
    let mut desk = Desk::new("retried").await;
    desk.home.tenant.mail.idempotency_header = Some("X-Key".parse().unwrap());
    owe(&desk, &["failed", "ambiguous", "sent"]).await;
    let known = "update bellwether.mail_outbox
                 set idempotency = 'X-Key: ambiguous', idempotent_until = now() + interval '1 hour'
                 where occurrence = 'ambiguous'";
    desk.execute(known).await;
    let outbox = outbox(&desk).await.under(Terms::of(&desk.tenant.mail));
    let refused = outbox.send_again("sent", "asha").await.unwrap();
    assert!(matches!(refused, Done::No(_)), "{refused:?}");
    for occurrence in ["failed", "ambiguous"] {
        assert_eq!(outbox.send_again(occurrence, "asha").await.unwrap(), Done::Yes);
        let (now, events) = state(&outbox, occurrence).await;
        assert_eq!((now.as_str(), events), ("pending", vec!["retried by hand: asha".to_string()]));
    }
    let worker = outbox.enlist(Duration::from_secs(10)).await.unwrap();
    let claimed = outbox.claim(worker, 10).await.unwrap();
    let mut keys: Vec<&str> = claimed.iter().filter_map(|mail| mail.idempotency.as_deref()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["X-Key: ambiguous", "X-Key: failed:1"]);

    desk.execute("update bellwether.mail_outbox set state = 'failed' where occurrence = 'failed'").await;
    desk.execute(
        "insert into bellwether.mail_suppression (tenant_id, address, reason)
         values ('fxlabs', '0@users.fxlabs.example', '550 gone')",
    )
    .await;
    let refused = outbox.send_again("failed", "asha").await.unwrap();
    assert!(matches!(&refused, Done::No(why) if why.contains("550 gone")), "{refused:?}");
}
