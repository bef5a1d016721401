//! The sinks over tenants whose ids collide.

use std::num::NonZeroU32;
use std::time::Duration;

use bellwether_database::Shape;
use bellwether_local::samples;
use bellwether_local::seed::{self, User};
use bellwether_runtime::config::{SmtpServer, Telemetry, Tenant};
use bellwether_runtime::log::NewRecord;
use bellwether_runtime::secret::Secret;
use bellwether_runtime::telemetry;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::encode_outcome;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired, group_id};
use bellwether_schemas::{AlertId, TenantId, Timestamp, TriggerId, UserId, ids};
use bellwether_sinks::mail;

use crate::judge;
use crate::smtp::Smtp;
use crate::support::*;
use crate::{METRICS, SECRET, VERDICT};

/// Users of each tenant.
pub(crate) const USERS: usize = 20;
/// Of each tenant's triggers at most so many are mailed as well: a mail costs what hundreds of rows do.
const MAILED: usize = 100;
/// Triggers appended for a tenant before the next one's turn.
const TURN: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// What a row adds to that.
const PATIENCE_A_ROW: Duration = Duration::from_millis(3);

/// Tenants of one shape, each with its mailbox.
pub(crate) struct Shops {
    pub(crate) shape: Shape,
    pub(crate) all: Vec<Shop>,
}

pub(crate) struct Shop {
    pub(crate) home: Home,
    pub(crate) smtp: Smtp,
    /// What its users are called.
    users: String,
}

impl Shops {
    async fn new(shape: Shape, ids: &[TenantId]) -> Self {
        let mut all = Vec::new();
        match shape {
            Shape::Dedicated => {
                for id in ids {
                    let home = Home::new("isolation", id.as_str(), USERS).await;
                    all.push(Shop::new(home, "user".into()).await);
                }
            }
            Shape::Shared => {
                let seeded = seed::shared_database(server().await, "isolation", ids).await.unwrap();
                for (seeded, id) in seeded.into_iter().zip(ids) {
                    let mut tenant = tenant(id.as_str(), Some(seeded.pipeline.reveal()));
                    tenant.database.shared = true;
                    let shop = Shop::new(Home { seeded, tenant }, format!("user of {id}")).await;
                    shop.register_users().await;
                    all.push(shop);
                }
            }
        }
        Self { shape, all }
    }

    fn tenants(&self) -> Vec<Tenant> {
        self.all.iter().map(|shop| shop.home.tenant.clone()).collect()
    }

    /// How many tenants' rows lie in one database.
    pub(crate) const fn in_one(&self) -> usize {
        match self.shape {
            Shape::Dedicated => 1,
            Shape::Shared => self.all.len(),
        }
    }
}

impl Shop {
    async fn new(mut home: Home, users: String) -> Self {
        let smtp = Smtp::start().await;
        let tenant = &mut home.tenant;
        let id = tenant.id.clone();
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(smtp.port));
        tenant.mail.password = Some(Secret::new(format!("smtp-password-of-{id}")));
        tenant.mail.alerts_a_user_an_hour = NonZeroU32::MAX;
        tenant.mail.unsubscribe_key = Some(Secret::new(format!("unsubscribe-key-of-{id}")));
        let url = |path: &str| Some(format!("https://www.{id}.example/{path}").parse().unwrap());
        (tenant.brand.site_url, tenant.brand.terms_url) = (url(""), url("terms"));
        (tenant.brand.preferences_url, tenant.brand.unsubscribe_url) = (url("alerts"), url("unsubscribe"));
        tenant.brand.postal = Some(format!("{id}, 12 Example Road").parse().unwrap());
        tenant.brand.disclaimer = Some(format!("{id} gives no advice.").parse().unwrap());
        Self { home, smtp, users }
    }

    /// Auth of a shared database knows each user once, as one tenant's.
    async fn register_users(&self) {
        let id = &self.home.tenant.id;
        let user =
            |who| User { id: self.user(who), email: format!("{who}@users.{id}.example"), confirmed: true };
        let users: Vec<User> = (0..USERS).map(user).collect();
        seed::add_users(&self.home.seeded.admin, &users).await.unwrap();
        let of_tenant = format!(
            "update auth.users set raw_app_meta_data = jsonb_build_object('tenant_id', '{id}')
             where email like '%@users.{id}.example'"
        );
        assert_eq!(self.home.execute(&of_tenant).await, USERS as u64);
    }

    fn user(&self, who: usize) -> UserId {
        UserId(ids::derive(&format!("{} {who}", self.users)))
    }

    /// The trigger with that number: but for what it says of its tenant the same for all.
    pub(crate) fn trigger(&self, number: usize) -> TriggerFired {
        let tenant = &self.home.tenant.id;
        let kind = AlertKind::ALL[number % AlertKind::ALL.len()];
        let who = number / AlertKind::ALL.len() % USERS;
        let alert_id = AlertId(ids::derive(&format!("{kind} of {who}")));
        let sample =
            samples::trigger(tenant, kind, alert_id, self.user(who), u16::try_from(number % 50_000).unwrap());
        let mut group = sample.group.clone();
        let turn = Timestamp(i64::try_from(number).unwrap());
        group.id = group_id(&"anybody".parse().unwrap(), kind, alert_id, 1, turn, None);
        TriggerFired {
            id: TriggerId(ids::derive(&format!("trigger {number}"))),
            cause: Cause { offset: turn.0, index: 0 },
            detail: sample.detail.as_str().replace("a sample", &format!("seen by {tenant}")).into(),
            group,
            ..sample
        }
    }

    /// A number out of the bookkeeping of its database that is its own.
    async fn own_number(&self, select: &str) -> i64 {
        let tenant = &self.home.tenant.id;
        self.home.number(&format!("{select} and tenant_id = '{tenant}'")).await
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
    let mut found = Vec::new();
    for (shape, from) in [(Shape::Dedicated, 0), (Shape::Shared, tenants)] {
        let ids: Vec<TenantId> =
            (from..from + tenants).map(|number| format!("canary{number}z").parse().unwrap()).collect();
        found.push(runtime.block_on(through_the_sinks(shape, &ids, rows / 2 / tenants)));
    }
    println!("\n{METRICS}\n{}", telemetry.render());
    found.iter().for_each(|found| println!("{VERDICT} {found}"));
}

async fn through_the_sinks(shape: Shape, ids: &[TenantId], each: usize) -> String {
    let shops = Shops::new(shape, ids).await;
    for shop in &shops.all {
        let url = shop.home.seeded.pipeline.reveal();
        println!("\n{SECRET}{}", url.split_once("@").unwrap().0.rsplit_once(':').unwrap().1);
        println!("{SECRET}{}", shop.home.tenant.mail.password.as_ref().unwrap().reveal());
        println!("{SECRET}{}", shop.home.tenant.mail.unsubscribe_key.as_ref().unwrap().reveal());
    }
    let begun = tokio::time::Instant::now();
    write_rows(&shops, each).await;
    let written = begun.elapsed().as_secs_f64();
    let mails = each.min(MAILED);
    send_mails(&shops, mails).await;
    for shop in &shops.all {
        judge::rows(&shops, shop, each).await;
        judge::mails(shop, mails);
    }
    judge::everything(&shops).await;
    let (rows, mails) = (each * ids.len(), mails * ids.len());
    let shape = match shape {
        Shape::Dedicated => "a database each",
        Shape::Shared => "one database for all",
    };
    format!(
        "{rows} triggers of {} tenants with the same ids, {shape}: {rows} rows in {written:.1} s ({:.0}/s) and \
         {mails} mails; 0 in a wrong place, 0 missing, 0 twice, no foreign canary",
        ids.len(),
        rows as f64 / written
    )
}

async fn write_rows(shops: &Shops, each: usize) {
    let mut world = World::new(shops.tenants());
    let sink = Sink::start(&world);
    append(&world, shops, each).await;
    let cursor = "select coalesce(max(next_offset), 0) from bellwether.sink_cursor where sink = 'rows'";
    for shop in &shops.all {
        until(each * shops.all.len(), async || shop.own_number(cursor).await == each as i64).await;
    }
    sink.stop(&mut world).await;
    for shop in &shops.all {
        assert_eq!(world.dead_letters(shop.home.tenant.id.as_str()), []);
    }
}

async fn send_mails(shops: &Shops, each: usize) {
    // The log is another one, and shorter: what the cursors remember of the first would stop every tenant.
    for shop in &shops.all {
        shop.home.execute("delete from bellwether.sink_cursor").await;
    }
    let world = World::new(shops.tenants());
    let sink = tokio::spawn(mail::run(world.context()));
    append(&world, shops, each).await;
    let sent = "select count(*) from bellwether.mail_outbox where state = 'sent'";
    for shop in &shops.all {
        until(100 * each * shops.all.len(), async || shop.own_number(sent).await == each as i64).await;
    }
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}

/// In turns, so that all tenants are under way at once.
async fn append(world: &World, shops: &Shops, each: usize) {
    let record = |trigger: TriggerFired| {
        let outcome = Outcome::Fired(trigger);
        NewRecord { key: outcome.key().into_bytes(), value: encode_outcome(&outcome).unwrap() }
    };
    for from in (0..each).step_by(TURN) {
        for shop in &shops.all {
            let numbers = from..each.min(from + TURN);
            let records = numbers.map(|number| record(shop.trigger(number))).collect();
            world.append_raw(shop.home.tenant.id.as_str(), records).await;
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
