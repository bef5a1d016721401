//! Workers that are processes, killed or frozen at a known point of a mail.

use std::process::Stdio;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{SmtpServer, Tls};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_sinks::mail;
use bellwether_sinks::mail::delivery::Timing;
use sqlx::{Connection, PgConnection};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::judge::{self, ROWS, Row};
use crate::place::Place;
use crate::smtp::{At, Fault, Smtp};
use crate::support::{eventually, tenant};

const DATABASE: &str = "MAIL_WORKER_DATABASE";
const PORT: &str = "MAIL_WORKER_PORT";
/// A killed worker's claims are sent by another within this time: its lease, a look at the outbox, and a busy machine.
const SECONDS: Duration = Duration::from_secs(20);

/// Where in its mail a worker is when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// After the claim, while it connects.
    Claimed,
    Mail,
    Rcpt,
    /// Noted that content leaves, and none has left.
    Noted,
    /// The server has read the first line of the content.
    Body,
    /// The server has the mail and has not said so.
    Dot,
    /// The server has said so, and the outbox has not heard of it.
    Sent,
}

impl Point {
    const ALL: [Self; 7] =
        [Self::Claimed, Self::Mail, Self::Rcpt, Self::Noted, Self::Body, Self::Dot, Self::Sent];

    const fn held_at(self) -> At {
        match self {
            Self::Claimed => At::Greeting,
            Self::Mail => At::Mail,
            Self::Rcpt => At::Rcpt,
            Self::Noted | Self::Sent => At::Data,
            Self::Body => At::Body,
            Self::Dot => At::Dot,
        }
    }

    /// Content may have left.
    const fn is_ambiguous(self) -> bool {
        matches!(self, Self::Noted | Self::Body | Self::Dot | Self::Sent)
    }

    /// The server has the mail.
    const fn has_arrived(self) -> bool {
        matches!(self, Self::Dot | Self::Sent)
    }
}

/// A worker that was stopped in the middle of its mail.
struct Victim {
    point: Point,
    occurrence: String,
    smtp: Smtp,
    process: Child,
    /// Keeps the outbox from hearing how it ended.
    lock: Option<PgConnection>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_point_costs_seconds_no_mail_and_no_second_one_that_nobody_may_expect() {
    let place = Place::new("kills").await;
    let mut victims = Vec::new();
    // Each point with a mail of a kind that goes out once more and with one of a kind that is held.
    for point in Point::ALL.into_iter().flat_map(|point| [point; 2]) {
        victims.push(stop_at(&place, point).await);
    }
    let survivor = Smtp::start().await;
    survivor.offer("AUTH PLAIN");
    let worker = place.worker(&survivor, Tls::None, Timing::default());
    let killed = Instant::now();
    for victim in &mut victims {
        victim.process.kill().await.unwrap();
        victim.lock = None;
    }
    eventually("nothing to be claimed by the dead", async || {
        place.count("state in ('claimed', 'data_started', 'pending') or state = 'ambiguous' and due_at < 'infinity'").await == 0
    })
    .await;
    let taken = killed.elapsed();
    worker.stop().await;
    println!(
        "killed at {} points of two kinds; all taken over after {:.1} s",
        Point::ALL.len(),
        taken.as_secs_f64()
    );
    assert!(taken < SECONDS, "{taken:?}");
    let rows: Vec<Row> = place.rows(ROWS).await;
    let ledger = judge::ledger(victims.iter().map(|victim| &victim.smtp).chain([&survivor]));
    for victim in &victims {
        let row = rows.iter().find(|row| row.occurrence == victim.occurrence).unwrap();
        let kept = ledger.get(&row.recipient).map_or(&[][..], Vec::as_slice);
        let told = format!("{:?}: {row:?}", victim.point);
        assert_eq!(judge::one(row, kept, None), Vec::<String>::new(), "{told}");
        assert_eq!(row.ambiguous.len(), usize::from(victim.point.is_ambiguous()), "{told}");
        let held = victim.point.is_ambiguous() && goes_out_once(&victim.occurrence);
        assert_eq!(row.state, if held { "ambiguous" } else { "sent" }, "{told}");
        assert_eq!(kept.len(), usize::from(victim.point.has_arrived()) + usize::from(!held), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stood_still_sends_nothing_of_what_others_took_over() {
    let place = Place::new("frozen").await;
    // A mail of the kind that is held comes first, so that both victims' are of the one that goes out once more.
    place.owe(1).await;
    place.execute("update bellwether.mail_outbox set state = 'failed'").await;
    let before_note = stop_at(&place, Point::Rcpt).await;
    place.owe(1).await;
    place.execute("update bellwether.mail_outbox set state = 'failed' where state = 'pending'").await;
    let after_note = stop_at(&place, Point::Noted).await;
    for victim in [&before_note, &after_note] {
        signal(&victim.process, "STOP").await;
    }
    let survivor = Smtp::start().await;
    survivor.offer("AUTH PLAIN");
    let worker = place.worker(&survivor, Tls::None, Timing::default());
    eventually("both mails to be sent by the other", async || survivor.kept() == 2).await;
    worker.stop().await;
    for victim in [&before_note, &after_note] {
        signal(&victim.process, "CONT").await;
        victim.smtp.release();
    }
    eventually("both to be at work again", async || {
        if place.count("state = 'pending'").await == 0 {
            place.owe(2).await;
        }
        before_note.smtp.kept() > 0 && after_note.smtp.kept() > 0
    })
    .await;
    for victim in [&before_note, &after_note] {
        let to = format!("{}@users.fxlabs.example", victim.occurrence);
        let again = victim.smtp.arrived().iter().filter(|mail| mail.to[0] == to).count();
        assert_eq!(again, 0, "{:?}", victim.point);
    }
}

/// A worker of its own process that owes one more mail and is held at that point of it.
async fn stop_at(place: &Place, point: Point) -> Victim {
    let smtp = Smtp::start().await;
    smtp.once(point.held_at(), Fault::Hold);
    place.owe(1).await;
    let occurrence = format!("m{}", place.count("true").await);
    let process = spawn(place, &smtp);
    eventually(&format!("a worker to come to {point:?}"), async || smtp.holding() == 1).await;
    let state = if point.is_ambiguous() { "data_started" } else { "claimed" };
    let there = format!("occurrence = '{occurrence}' and state = '{state}'");
    assert_eq!(place.count(&there).await, 1, "{point:?}");
    let mut lock = None;
    if point == Point::Sent {
        lock = Some(locked(place, &occurrence).await);
        smtp.release();
        eventually("the server to have it", async || smtp.kept() == 1).await;
        eventually("its worker to wait for the lock", async || waits(place).await).await;
    }
    Victim { point, occurrence, smtp, process, lock }
}

/// Holds the mail's row until the connection is dropped.
async fn locked(place: &Place, occurrence: &str) -> PgConnection {
    let mut connection = place.connection().await;
    sqlx::query("begin").execute(&mut connection).await.unwrap();
    sqlx::query("select from bellwether.mail_outbox where occurrence = $1 for update")
        .bind(occurrence)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.ping().await.unwrap();
    connection
}

async fn waits(place: &Place) -> bool {
    let sql =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%mail_outbox%'";
    let rows: Vec<(i64,)> = place.rows(sql).await;
    rows[0].0 > 0
}

/// Of odd numbers is the kind that is held.
fn goes_out_once(occurrence: &str) -> bool {
    occurrence[1..].parse::<u32>().unwrap() % 2 == 1
}

fn spawn(place: &Place, smtp: &Smtp) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_worker_of_its_own", "--ignored", "--nocapture"])
        .env(DATABASE, place.seeded.pipeline.reveal())
        .env(PORT, smtp.port.to_string())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn signal(process: &Child, name: &str) {
    let id = process.id().unwrap().to_string();
    let status = Command::new("kill").args([format!("-{name}"), id]).status().await.unwrap();
    assert!(status.success());
}

/// Delivers over one connection what the outbox owes, until it is killed.
pub(crate) async fn be_a_worker() {
    let (Ok(database), Ok(port)) = (std::env::var(DATABASE), std::env::var(PORT)) else { return };
    let mut tenant = tenant("fxlabs", Some(Secret::new(database).reveal()));
    tenant.mail.smtp = Some(SmtpServer::on_this_machine(port.parse().unwrap()));
    tenant.mail.connections = std::num::NonZeroU8::MIN;
    assert!(mail::deliver(&tenant, Timing::default(), Clock::system(), Shutdown::new()).await);
}
