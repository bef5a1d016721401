//! The sinks over tenants whose ids collide.

use std::num::NonZeroU32;
use std::time::Duration;

use bellwether_local::samples;
use bellwether_runtime::config::{SmtpServer, Telemetry};
use bellwether_runtime::secret::Secret;
use bellwether_runtime::telemetry;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired, group_id};
use bellwether_schemas::{AlertId, TenantId, TriggerId, ids};
use bellwether_sinks::mail;

use crate::judge;
use crate::smtp::Smtp;
use crate::support::*;
use crate::{METRICS, SECRET, VERDICT};

/// Users of each tenant.
pub(crate) const USERS: usize = 20;
/// Of each tenant's triggers at most so many are mailed as well: a mail costs what hundreds of rows do.
const MAILED: usize = 200;
/// Triggers appended for a tenant before the next one's turn.
const TURN: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// What a row adds to that.
const PATIENCE_A_ROW: Duration = Duration::from_millis(3);

pub(crate) struct Shop {
    pub(crate) home: Home,
    pub(crate) smtp: Smtp,
}

impl Shop {
    async fn new(id: &str) -> Self {
        let mut home = Home::new("isolation", id, USERS).await;
        let smtp = Smtp::start().await;
        let tenant = &mut home.tenant;
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        tenant.mail.password = Some(Secret::new(format!("smtp-password-of-{id}")));
        tenant.mail.alerts_a_user_an_hour = NonZeroU32::MAX;
        tenant.mail.unsubscribe_key = Some(Secret::new(format!("unsubscribe-key-of-{id}")));
        let url = |path: &str| Some(format!("https://www.{id}.example/{path}").parse().unwrap());
        (tenant.brand.site_url, tenant.brand.terms_url) = (url(""), url("terms"));
        (tenant.brand.preferences_url, tenant.brand.unsubscribe_url) = (url("alerts"), url("unsubscribe"));
        tenant.brand.postal = Some(format!("{id}, 12 Example Road").parse().unwrap());
        tenant.brand.disclaimer = Some(format!("{id} gives no advice.").parse().unwrap());
        Self { home, smtp }
    }
}

/// The trigger with that number: but for what it says of its tenant the same for all.
pub(crate) fn colliding(tenant: &TenantId, number: usize) -> TriggerFired {
    let kind = AlertKind::ALL[number % AlertKind::ALL.len()];
    let who = number / AlertKind::ALL.len() % USERS;
    let alert_id = AlertId(ids::derive(&format!("{kind} of {who}")));
    let sample = samples::trigger(tenant, kind, alert_id, user(who), u16::try_from(number % 50_000).unwrap());
    let mut group = sample.group.clone();
    let turn = bellwether_schemas::Timestamp(i64::try_from(number).unwrap());
    group.id = group_id(&"anybody".parse().unwrap(), kind, alert_id, 1, turn, None);
    TriggerFired {
        id: TriggerId(ids::derive(&format!("trigger {number}"))),
        cause: Cause { offset: turn.0, index: 0 },
        detail: sample.detail.as_str().replace("a sample", &format!("seen by {tenant}")).into(),
        group,
        ..sample
    }
}

fn size(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
#[ignore = "what it logs is judged by the test that runs it"]
fn run() {
    let telemetry =
        telemetry::init(&Telemetry { level: "debug".into(), ..Telemetry::default() }, false).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (tenants, rows) = (size("TENANTS", 10), size("ROWS", 6_000));
    let found = runtime.block_on(through_the_sinks(tenants, rows / tenants));
    println!("\n{METRICS}\n{}\n{VERDICT} {found}", telemetry.render());
}

async fn through_the_sinks(tenants: usize, each: usize) -> String {
    let mut shops = Vec::new();
    for number in 0..tenants {
        shops.push(Shop::new(&format!("canary{number}z")).await);
    }
    for shop in &shops {
        let url = shop.home.seeded.pipeline.reveal();
        println!("\n{SECRET}{}", url.split_once("@").unwrap().0.rsplit_once(':').unwrap().1);
        println!("{SECRET}{}", shop.home.tenant.mail.password.as_ref().unwrap().reveal());
        println!("{SECRET}{}", shop.home.tenant.mail.unsubscribe_key.as_ref().unwrap().reveal());
    }
    let begun = tokio::time::Instant::now();
    write_rows(&shops, each).await;
    let written = begun.elapsed();
    let mails = each.min(MAILED);
    send_mails(&shops, mails).await;
    for shop in &shops {
        judge::rows(&shop.home, each).await;
        judge::everything(&shop.home).await;
        judge::mails(shop, mails);
    }
    let (rows, mails) = (each * tenants, mails * tenants);
    format!(
        "{rows} triggers of {tenants} tenants with the same ids, a database each: {rows} rows in {:.1} s ({:.0}/s) and \
         {mails} mails; 0 in a wrong place, 0 missing, 0 twice, no foreign canary",
        written.as_secs_f64(),
        rows as f64 / written.as_secs_f64()
    )
}

async fn write_rows(shops: &[Shop], each: usize) {
    let mut world = World::new(shops.iter().map(|shop| shop.home.tenant.clone()).collect());
    let sink = Sink::start(&world);
    append(&world, shops, each).await;
    let cursor = "select coalesce(max(next_offset), 0) from bellwether.sink_cursor where sink = 'rows'";
    for Shop { home, .. } in shops {
        until(each * shops.len(), async || home.number(cursor).await == each as i64).await;
    }
    sink.stop(&mut world).await;
    for Shop { home, .. } in shops {
        assert_eq!(world.dead_letters(home.tenant.id.as_str()), []);
    }
}

async fn send_mails(shops: &[Shop], each: usize) {
    let world = World::new(shops.iter().map(|shop| shop.home.tenant.clone()).collect());
    let sink = tokio::spawn(mail::run(world.context()));
    append(&world, shops, each).await;
    let sent = "select count(*) from bellwether.mail_outbox where state = 'sent'";
    for Shop { home, .. } in shops {
        until(100 * each * shops.len(), async || home.number(sent).await == each as i64).await;
    }
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}

/// In turns, so that all tenants are under way at once.
async fn append(world: &World, shops: &[Shop], each: usize) {
    for from in (0..each).step_by(TURN) {
        for Shop { home, .. } in shops {
            let id = &home.tenant.id;
            let outcomes: Vec<Outcome> =
                (from..each.min(from + TURN)).map(|number| Outcome::Fired(colliding(id, number))).collect();
            world.append(id.as_str(), &outcomes).await;
        }
    }
}

async fn until(rows: usize, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE + PATIENCE_A_ROW * u32::try_from(rows).unwrap(), waiting).await.unwrap();
}
