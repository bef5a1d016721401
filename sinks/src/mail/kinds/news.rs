//! Mails about an item of the news calendar: `news_reminder`, that it is close, and `news_correction`, that it has
//! another time than its reader was told.

use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::time::MINUTE;
use serde::Serialize;

use super::words::{TITLE, VALUE, counted, one_line};
use crate::mail::brand::Look;
use crate::mail::error::ComposeError;
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::local_time;
use crate::mail::render::Rendered;
use crate::mail::scheduled::{Correction, Reminder};

/// Shown where a source gives no value.
const UNKNOWN: &str = "–";

/// An item as a mail says it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Item {
    /// `USD Non-Farm Payrolls`
    pub(super) name: String,
    currency: String,
    /// `18:30 IST`
    pub(super) clock: String,
    /// The same with its day.
    stamp: String,
    impact: &'static str,
    pub(super) previous: String,
    pub(super) forecast: String,
    pub(super) actual: Option<String>,
}

impl Item {
    pub(super) fn new(look: &Look, item: &CalendarItem) -> Self {
        let value = |value: &Option<String>| {
            let said = value.as_deref().map(|value| one_line(value, VALUE));
            said.filter(|said| !said.is_empty())
        };
        let currency = one_line(&item.currency, VALUE);
        Self {
            name: format!("{currency} {}", one_line(&item.title, TITLE)),
            currency,
            clock: local_time::clock(look.zone, item.time),
            stamp: local_time::stamp(look.zone, item.time),
            impact: item.impact.name(),
            previous: value(&item.previous).unwrap_or_else(|| UNKNOWN.into()),
            forecast: value(&item.forecast).unwrap_or_else(|| UNKNOWN.into()),
            actual: value(&item.actual),
        }
    }
}

/// What the templates of these kinds show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    item: Item,
    /// The time that its reader was told.
    told: Option<String>,
}

/// Subject and bodies of a reminder that is composed at `now`.
pub(super) fn reminder(
    setting: Setting<'_>,
    reminder: &Reminder,
    now: Timestamp,
) -> Result<Rendered, ComposeError> {
    let item = Item::new(setting.look, &reminder.item);
    let what = format!("{} {}", item.name, how_soon(reminder.item.time, now, &item.clock));
    let summary = Summary {
        preheader: format!("{}, previous {}, forecast {}", item.clock, item.previous, item.forecast),
        heading: what.clone(),
        what,
        subline: format!("High-impact news at {}", item.stamp),
        because: "reminders of high-impact news are on".into(),
        at: reminder.item.time,
    };
    Ok(setting.render(MailKind::Reminder, summary, &View { item, told: None })?)
}

/// Subject and bodies of a correction.
pub(super) fn correction(setting: Setting<'_>, correction: &Correction) -> Result<Rendered, ComposeError> {
    let zone = setting.look.zone;
    let item = Item::new(setting.look, &correction.item);
    let (now, told) = (correction.item.time, correction.told);
    let day = |time: Timestamp| time.utc().with_timezone(&zone).date_naive();
    let clock = now.utc().with_timezone(&zone).format("%H:%M");
    let moved_to = if day(now) == day(told) { clock.to_string() } else { format!("{clock} on {}", day(now)) };
    let what = format!("{} moved to {moved_to}", item.name);
    let told = local_time::stamp(zone, told);
    let summary = Summary {
        preheader: format!("Comes at {}, you were told {told}", item.stamp),
        heading: what.clone(),
        what,
        subline: format!("You were told {told}"),
        because: "a reminder named another time".into(),
        at: now,
    };
    Ok(setting.render(MailKind::Correction, summary, &View { item, told: Some(told) })?)
}

/// `in 5 minutes`, to the nearest; when it came where that has passed.
fn how_soon(time: Timestamp, now: Timestamp, clock: &str) -> String {
    let left = time.since(now);
    match usize::try_from(left.saturating_add(MINUTE / 2).div_euclid(MINUTE)) {
        _ if left <= 0 => format!("came at {clock}"),
        Ok(0) | Err(_) => "in less than a minute".into(),
        Ok(minutes) => format!("in {}", counted(minutes, "minute", "minutes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_says_how_many_minutes_are_left_to_the_nearest() {
        let time = Timestamp(1_000 * MINUTE);
        let at = |seconds: i64| how_soon(time, time.plus(-seconds * 1_000_000), "18:30 IST");
        for (seconds, said) in [
            (300, "in 5 minutes"),
            (298, "in 5 minutes"),
            (271, "in 5 minutes"),
            (269, "in 4 minutes"),
            (90, "in 2 minutes"),
            (89, "in 1 minute"),
            (29, "in less than a minute"),
            (0, "came at 18:30 IST"),
            (-3_600, "came at 18:30 IST"),
        ] {
            assert_eq!(at(seconds), said, "{seconds} s before");
        }
        assert_eq!(how_soon(Timestamp::MIN, Timestamp(i64::MAX), "then"), "came at then");
        assert!(how_soon(Timestamp(i64::MAX), Timestamp::MIN, "then").starts_with("in "));
    }
}
