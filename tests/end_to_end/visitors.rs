//! Users who sign up at a brand while all runs, save alerts of every kind as its page does, and wait for rows and mails.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use bellwether_database::tables;
use bellwether_local::seed::{self, Alert, User};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Record, open, scan};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::{AlertKind, AlertParameters};
use bellwether_schemas::ids::{derive, match_key};
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, TenantId, Timestamp, Topic, TopicKind, UserId, codec, price};
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Row};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// From saving an alert to where the pipeline says it stands, where nothing else keeps the machine busy.
pub(crate) const EFFECTIVE: Duration = Duration::from_secs(2);
/// Between two looks at a database.
const LOOK: Duration = Duration::from_millis(200);
/// The newest records of a journal, in which every symbol has a tick.
const NEWEST: u64 = 400;
/// How the tenants' symbols end.
const SUFFIX: &str = "m";

/// Rows of the visitors, whatever the kind.
const ROWS: &str = "select * from (
      select 'rsi_tracker', user_id, alert_id, id, created_at, symbol, timeframe
        from public.rsi_tracker_alert_triggers
      union all select 'rsi_correlation_tracker', user_id, alert_id, id, created_at, pair_key, timeframe
        from public.rsi_correlation_tracker_alert_triggers
      union all select 'heatmap_tracker', user_id, alert_id, id, created_at, symbol, timeframe
        from public.heatmap_tracker_alert_triggers
      union all select 'heatmap_indicator_tracker', user_id, alert_id, id, created_at, symbol, timeframe
        from public.heatmap_indicator_tracker_alert_triggers
      union all select 'currency_strength_tracker', user_id, alert_id, id, created_at, currency, timeframe
        from public.currency_strength_tracker_alert_triggers
      union all select 'price_alert', user_id, alert_id, id, created_at, symbol, timeframe
        from public.price_alert_triggers
    ) as rows (kind, user_id, alert_id, id, created_at, about, timeframe) where user_id = any($1)";

/// From the commit that saved each alert to the one that said where it stands.
const STATUSES: &str = "select s.alert_id, s.kind, s.state, s.reason,
      extract(epoch from s.created_at - a.created_at)::float8 as after
    from public.alert_status s join (
      select id, created_at from public.rsi_tracker_alerts
      union all select id, created_at from public.rsi_correlation_tracker_alerts
      union all select id, created_at from public.heatmap_tracker_alerts
      union all select id, created_at from public.heatmap_indicator_tracker_alerts
      union all select id, created_at from public.currency_strength_tracker_alerts
      union all select id, created_at from public.price_alerts
    ) as a on a.id = s.alert_id where s.user_id = any($1)";

const SENT: &str = "select occurrence, kind, sent_at from bellwether.mail_outbox
    where state = 'sent' and user_id = any($1)";

/// The visitors of one brand.
pub(crate) struct Visitors {
    pub(crate) tenant: TenantId,
    admin: Secret,
    log: String,
    users: Vec<User>,
    alerts: Vec<Alert>,
}

impl Visitors {
    /// Like the sample's people, but others: they watch the same.
    pub(crate) fn of(who: &str, tenant: &str, admin: Secret, log: &str) -> Self {
        let tenant: TenantId = tenant.parse().unwrap();
        let other = |id: Uuid| derive(&format!("{who}|{id}"));
        let (mut users, mut alerts) = seed::sample(&tenant);
        for user in &mut users {
            user.id = UserId(other(user.id.0));
            user.email = format!("{who}-{}", user.email);
        }
        let prices = newest_prices(log, &tenant);
        alerts.extend(seed::price_alerts(&tenant, |symbol| prices.get(&match_key(symbol)).copied()));
        for alert in &mut alerts {
            (alert.id, alert.user_id) = (AlertId(other(alert.id.0)), UserId(other(alert.user_id.0)));
        }
        Self { tenant, admin, log: log.into(), users, alerts }
    }

    /// Each signs in, with the role and the claims that a token gives, and saves what they want to know.
    pub(crate) async fn save(&self) {
        seed::add_users(&self.admin, &self.users).await.unwrap();
        for user in &self.users {
            let mut page = self.connect().await;
            let claims = format!(r#"{{"sub":"{}","role":"authenticated"}}"#, user.id);
            sqlx::query("select set_config('role', 'authenticated', false), set_config('request.jwt.claims', $1, false)")
                .bind(claims)
                .execute(&mut page)
                .await
                .unwrap();
            for Alert { id, parameters, .. } in self.alerts.iter().filter(|alert| alert.user_id == user.id) {
                let table = tables::of(parameters.kind());
                table.add_alert(&mut page, *id, user.id, parameters).await.unwrap();
            }
        }
    }

    /// What each alert's user is told, and how long after saving: kind, state, reason, seconds.
    pub(crate) async fn statuses(&self) -> HashMap<AlertId, Told> {
        let rows = self.query(STATUSES).await;
        let told = |row: &PgRow| {
            let (kind, state, reason) = (row.get("kind"), row.get("state"), row.get("reason"));
            (AlertId(row.get("alert_id")), Told { kind, state, reason, after: row.get("after") })
        };
        rows.iter().map(told).collect()
    }

    /// Everybody has been told of every alert.
    pub(crate) async fn all_told(&self) -> bool {
        self.statuses().await.len() == self.alerts.len()
    }

    pub(crate) fn parameters(&self, id: AlertId) -> &AlertParameters {
        &self.alerts.iter().find(|alert| alert.id == id).unwrap().parameters
    }

    pub(crate) fn alert_of(&self, wanted: impl Fn(&AlertParameters) -> bool) -> AlertId {
        self.alerts.iter().find(|alert| wanted(&alert.parameters)).unwrap().id
    }

    /// Every kind has a row of theirs and a mail to one of them.
    pub(crate) async fn all_kinds_delivered(&self) -> bool {
        let kinds = |rows: Vec<PgRow>| rows.iter().map(|row| row.get("kind")).collect::<BTreeSet<String>>();
        let (rows, mails) = (kinds(self.query(ROWS).await), kinds(self.query(SENT).await));
        AlertKind::ALL.iter().all(|kind| rows.contains(kind.name()) && mails.contains(kind.name()))
    }

    /// A row of that alert is about one of these, on that timeframe.
    pub(crate) async fn has_row(&self, alert: AlertId, about: &[&str], timeframe: Option<&str>) -> bool {
        let rows = self.query(ROWS).await;
        rows.iter().any(|row| {
            let (of, is_about, on): (Uuid, String, Option<String>) =
                (row.get("alert_id"), row.get("about"), row.get("timeframe"));
            of == alert.0 && about.contains(&is_about.as_str()) && on.as_deref() == timeframe
        })
    }

    /// Their triggers on the log, each with the append time of the record that caused it.
    fn triggers(&self) -> Vec<(Timestamp, TriggerFired)> {
        let log = open(&self.log, Access::Read, Clock::system()).unwrap();
        let ours = |record: Record| match codec::decode_outcome(&record.value) {
            Ok(Outcome::Fired(trigger)) if self.users.iter().any(|user| user.id == trigger.user_id) => {
                Some(trigger)
            }
            _ => None,
        };
        let topic = Topic::new(&self.tenant, TopicKind::Triggers);
        let fired: Vec<TriggerFired> = scan(log.as_ref(), &topic, 0..u64::MAX)
            .unwrap()
            .filter_map(|record| ours(record.unwrap()))
            .collect();
        let Some(first) = fired.iter().map(|trigger| trigger.cause.offset.unsigned_abs()).min() else {
            return Vec::new();
        };
        let journal = Topic::new(&self.tenant, TopicKind::Journal);
        let appended: HashMap<u64, Timestamp> = scan(log.as_ref(), &journal, first..u64::MAX)
            .unwrap()
            .map(|record| record.map(|record| (record.offset, record.appended_at)).unwrap())
            .collect();
        fired.into_iter().map(|trigger| (appended[&trigger.cause.offset.unsigned_abs()], trigger)).collect()
    }

    /// A line a kind: how long an alert took to be effective, and a trigger from the record that closed its bar, or the
    /// tick, to its row and its mail.
    pub(crate) async fn times(&self) -> String {
        let statuses = self.statuses().await;
        let rows: HashMap<Uuid, DateTime<Utc>> =
            self.query(ROWS).await.iter().map(|row| (row.get("id"), row.get("created_at"))).collect();
        let sent: HashMap<String, DateTime<Utc>> =
            self.query(SENT).await.iter().map(|mail| (mail.get("occurrence"), mail.get("sent_at"))).collect();
        let triggers = self.triggers();
        let mut text = String::new();
        for kind in AlertKind::ALL {
            let of_kind = || triggers.iter().filter(move |(_, trigger)| trigger.kind == kind);
            let since = |from: &Timestamp, to: &DateTime<Utc>| (Timestamp::from(*to).0 - from.0) as f64 / 1e6;
            let to_row = of_kind().filter_map(|(at, trigger)| Some(since(at, rows.get(&trigger.id.0)?)));
            let to_mail = of_kind()
                .filter_map(|(at, trigger)| Some(since(at, sent.get(&trigger.group.id.to_string())?)));
            let effective = statuses.values().filter(|told| told.kind == kind.name()).map(|told| told.after);
            let [effective, to_row, to_mail] = [spread(effective), spread(to_row), spread(to_mail)];
            writeln!(text, "{} {kind}: effective {effective}, row {to_row}, mail {to_mail}", self.tenant)
                .unwrap();
        }
        text
    }

    async fn query(&self, sql: &'static str) -> Vec<PgRow> {
        let users: Vec<Uuid> = self.users.iter().map(|user| user.id.0).collect();
        sqlx::query(sql).bind(users).fetch_all(&mut self.connect().await).await.unwrap()
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.admin.reveal()).await.unwrap()
    }
}

/// A row of `alert_status`.
#[derive(Debug)]
pub(crate) struct Told {
    kind: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    /// Seconds since the alert was saved.
    pub(crate) after: f64,
}

/// Waits until it is so for every brand; false when that did not come in time.
pub(crate) fn within(
    limit: Duration,
    runtime: &Runtime,
    brands: &[Visitors],
    so: impl AsyncFn(&Visitors) -> bool,
) -> bool {
    let waiting = async {
        for brand in brands {
            while !so(brand).await {
                tokio::time::sleep(LOOK).await;
            }
        }
    };
    runtime.block_on(async { tokio::time::timeout(limit, waiting).await.is_ok() })
}

/// What symbols cost at a journal's end, by their names without suffix.
fn newest_prices(log: &str, tenant: &TenantId) -> HashMap<String, f64> {
    let (topic, mut prices) = (Topic::new(tenant, TopicKind::Journal), HashMap::new());
    let log = open(log, Access::Read, Clock::system()).unwrap();
    let bounds = log.bounds(&topic).unwrap();
    let from = bounds.next.saturating_sub(NEWEST).max(bounds.start);
    let mut costs = |name: &str, units, scale| {
        let name = name.strip_suffix(SUFFIX).unwrap_or(name);
        prices.insert(match_key(name), price::value(units, scale));
    };
    for record in scan(log.as_ref(), &topic, from..bounds.next).unwrap() {
        match codec::decode_entry(&record.unwrap().value) {
            Ok(Entry::Bars(block)) => {
                block.bars.iter().for_each(|bar| costs(&bar.symbol, bar.close, bar.scale))
            }
            Ok(Entry::Ticks(block)) => {
                for tick in &block.ticks {
                    let symbol = &block.symbols[usize::from(tick.symbol)];
                    costs(&symbol.name, tick.bid, symbol.scale);
                }
            }
            _ => {}
        }
    }
    prices
}

/// How many, the middle one and the longest.
fn spread(seconds: impl Iterator<Item = f64>) -> String {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    match seconds.last() {
        Some(longest) => format!("{:.2} to {longest:.2} s of {}", seconds[seconds.len() / 2], seconds.len()),
        None => "never".into(),
    }
}
