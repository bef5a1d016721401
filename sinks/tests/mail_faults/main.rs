//! Delivery against servers that fail in every way at every verb, and workers that are killed at every point of a mail:
//! what servers kept and what the outbox says are reconciled mail by mail.
//!
//! A short selection runs with the other tests; `make mail-faults` runs 500 faults (`FAULTS`, `SEED`).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it counted"
)]

mod faults;
mod judge;
mod kills;
mod place;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../support/smtp.rs"]
mod smtp;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::config::Tls;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_sinks::mail::delivery::Timing;
use bellwether_sinks::mail::session::Deadlines;
use faults::{Case, plan};
use place::{Place, Worker};
use smtp::{At, Keys, Smtp};
use support::eventually;
use tokio::task::LocalSet;

/// How long a server may take here.
const DEADLINE: Duration = Duration::from_secs(1);
/// Mails that wait while faults are under way, so that each server always has something to refuse.
const BACKLOG: i64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_a_server_loses_a_mail_or_calls_one_sent_that_is_not() {
    run("faults", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_provider_that_knows_its_mails_no_fault_doubles_one() {
    run("idempotent", Some("Provider-Key")).await;
}

async fn run(name: &str, header: Option<&str>) {
    let (count, seed) = (number("FAULTS", 60), number("SEED", 1));
    let mut place = Place::new(name).await;
    place.tenant.mail.idempotency_header = header.map(|header| header.parse().unwrap());
    let place = Arc::new(place);
    let servers = servers(header.map(Keys::of).as_ref()).await;
    let workers: Vec<Worker> = servers.iter().map(|(smtp, tls)| place.worker(smtp, *tls, timing())).collect();
    let over = Shutdown::new();
    let feeding = tokio::spawn(place.clone().keep_busy(BACKLOG, over.clone()));
    let (local, mut drivers, mut at_the_end) = (LocalSet::new(), Vec::new(), Vec::new());
    for (cases, (smtp, _)) in faults::shares(plan(seed, count), &servers).into_iter().zip(&servers) {
        let (quits, others) = cases.into_iter().partition::<Vec<_>, _>(|case| case.at == At::Quit);
        drivers.push(local.spawn_local(drive(smtp.clone(), others)));
        at_the_end.push((smtp.clone(), quits));
    }
    local
        .run_until(async {
            for driver in drivers {
                driver.await.unwrap();
            }
        })
        .await;
    over.raise();
    feeding.await.unwrap();
    place.settled().await;
    drive_goodbyes(&place, at_the_end).await;
    place.settled().await;
    for worker in workers {
        worker.stop().await;
    }
    let servers: Vec<Smtp> = servers.into_iter().map(|(smtp, _)| smtp).collect();
    let judgement = judge::judge(&place, &servers, header).await;
    println!("{name}, seed {seed}:\n{}", judgement.text);
    assert_eq!(judgement.findings, Vec::<String>::new());
}

/// In the clear, after STARTTLS and from the first byte, two of each; all want a password.
async fn servers(keys: Option<&Keys>) -> Vec<(Smtp, Tls)> {
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push((Smtp::start().await, Tls::None));
        servers.push((Smtp::with_starttls().await, Tls::Required));
        servers.push((Smtp::with_tls().await, Tls::Implicit));
    }
    for (smtp, _) in &servers {
        smtp.offer("AUTH PLAIN LOGIN");
        if let Some(keys) = keys {
            smtp.remember(keys);
        }
    }
    servers
}

/// One fault after the other, a mail taken between any two.
async fn drive(smtp: Smtp, cases: Vec<Case>) {
    for case in cases {
        let (hits, kept) = (smtp.hits().len(), smtp.arrived().len());
        if matches!(case.at, At::Greeting | At::Ehlo | At::StartTls | At::Auth) {
            smtp.hang_up();
        }
        smtp.once(case.at, case.fault.clone());
        eventually(&format!("{case:?}"), async || smtp.hits().len() > hits).await;
        eventually(&format!("a mail after {case:?}"), async || smtp.arrived().len() > kept).await;
    }
}

/// Connections that have nothing to carry are closed, with a goodbye that nobody depends on.
async fn drive_goodbyes(place: &Place, servers: Vec<(Smtp, Vec<Case>)>) {
    let longest = servers.iter().map(|(_, cases)| cases.len()).max().unwrap_or(0);
    for round in 0..longest {
        let before: Vec<usize> = servers.iter().map(|(smtp, _)| smtp.hits().len()).collect();
        let met = |number: usize| {
            let (smtp, cases) = &servers[number];
            cases.len() <= round || smtp.hits().len() > before[number]
        };
        for (smtp, cases) in &servers {
            cases.get(round).into_iter().for_each(|case| smtp.once(case.at, case.fault.clone()));
        }
        eventually("every goodbye to fail", async || {
            place.owe(BACKLOG).await;
            place.settled().await;
            tokio::time::sleep(timing().poll * 6).await;
            (0..servers.len()).all(met)
        })
        .await;
    }
}

fn timing() -> Timing {
    let milliseconds = Duration::from_millis;
    Timing {
        deadlines: Deadlines { connect: DEADLINE * 5, command: DEADLINE, body: DEADLINE },
        poll: milliseconds(50),
        pause: Backoff::new(milliseconds(20), milliseconds(200)),
        ..Timing::default()
    }
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// What a killed worker is: a process that does nothing but this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests that kill it"]
async fn a_worker_of_its_own() {
    kills::be_a_worker().await;
}
