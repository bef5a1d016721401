//! What a tenant's clock owes next, for people who ask.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, scan};
use bellwether_schemas::calendar::{CalendarItem, Impact};
use bellwether_schemas::{Timestamp, Topic};

use super::market::Market;
use super::reminders;
use super::slots::DailyTime;
use crate::follow::Contents;
use crate::mail::kind::MailKind;
use crate::mail::local_time::stamp;

/// Something that is due later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// The kind of the mail that is sent then.
    pub kind: MailKind,
    /// When it is due.
    pub due: Timestamp,
    /// The same by the clocks of the tenant's zone, with the zone's label.
    pub local: String,
    /// What it is about: a day of the tenant's calendar, or an item of the news.
    pub about: String,
}

/// What the readings topic says of the news calendar now. Blocks while it is read.
///
/// # Errors
/// The log is out of reach.
pub fn calendar(log: &dyn Log, topic: &Topic) -> Result<Vec<CalendarItem>, LogError> {
    let market = Market::default();
    market.assigned();
    market.begin(0);
    let bounds = log.bounds(topic)?;
    for record in scan(log, topic, bounds.start..bounds.next)? {
        market.learn_all(&topic.tenant, &[record?]);
    }
    Ok(market.look(|known| known.calendar.values().cloned().collect()).unwrap_or_default())
}

/// What is due after `now`, soonest first: the next brief, and a reminder for each item of high impact.
#[must_use]
pub fn upcoming(tenant: &Tenant, calendar: &[CalendarItem], now: Timestamp) -> Vec<Upcoming> {
    let daily = tenant.daily_brief.map(|time| DailyTime { zone: tenant.zone, time });
    let brief = daily.and_then(|daily| daily.next(now));
    let brief = brief.map(|slot| (MailKind::Brief, slot.due, slot.date.to_string()));
    let high = calendar.iter().filter(|item| item.impact == Impact::High);
    let reminder = |item: &CalendarItem| {
        let about = format!("{} {}", item.currency, item.title);
        (MailKind::Reminder, reminders::due(item.time), about)
    };
    let mut all: Vec<Upcoming> = brief
        .into_iter()
        .chain(high.map(reminder))
        .filter(|(_, due, _)| *due > now)
        .map(|(kind, due, about)| Upcoming { kind, due, local: stamp(tenant.zone, due), about })
        .collect();
    all.sort_by_key(|upcoming| upcoming.due);
    all
}
