//! The news calendar in the fold: what becomes a reading, when it goes, and that a stored state knows it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod journal;
mod parts;

use bellwether_engine::Effect;
use bellwether_engine::snapshot::PartKey;
use bellwether_schemas::calendar::{CalendarChanged, CalendarItem, Impact};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::{Entry, Timestamp};
use journal::{Journal, minute, tenant};
use parts::{read, written};

/// Minutes of seven days.
const WEEK: i64 = 7 * 24 * 60;

fn item(id: &str, time: Timestamp) -> CalendarItem {
    CalendarItem {
        id: id.into(),
        time,
        currency: "USD".into(),
        title: "Non-Farm Payrolls".into(),
        impact: Impact::High,
        previous: Some("175K".into()),
        forecast: None,
        actual: None,
        source: "desk".into(),
    }
}

fn learn(journal: &mut Journal, item: &CalendarItem) -> Vec<Effect> {
    let change = CalendarChanged { origin: journal.origin(), item: item.clone() };
    journal.append(Entry::Calendar(change))
}

/// The keys that are forgotten when the watermark passes that minute.
fn forgotten(journal: &mut Journal, at: i64) -> Vec<String> {
    let effects = journal.heartbeat(minute(at));
    let keys = effects.into_iter().filter_map(|effect| match effect {
        Effect::Forgotten(key) => Some(key),
        _ => None,
    });
    keys.collect()
}

#[test]
fn what_is_new_of_an_item_is_a_reading_and_what_is_known_is_none() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let (payrolls, moved) = (item("desk:7", minute(60)), item("desk:7", minute(90)));
    assert_eq!(learn(&mut journal, &payrolls), [Effect::Reading(Reading::Calendar(payrolls.clone()))]);
    assert_eq!(learn(&mut journal, &payrolls), []);
    assert_eq!(learn(&mut journal, &moved), [Effect::Reading(Reading::Calendar(moved.clone()))]);
    assert_eq!(Reading::Calendar(moved).key(), "calendar|desk:7");
}

#[test]
fn an_item_s_reading_goes_seven_days_after_its_time() {
    let mut journal = Journal::new(&["EURUSDm"]);
    learn(&mut journal, &item("desk:8", minute(30)));
    learn(&mut journal, &item("desk:7", minute(30)));
    learn(&mut journal, &item("desk:9", minute(60)));
    assert_eq!(forgotten(&mut journal, 30 + WEEK), [""; 0], "the watermark is behind the newest time");
    assert_eq!(forgotten(&mut journal, 31 + WEEK), ["calendar|desk:7", "calendar|desk:8"]);
    assert_eq!(forgotten(&mut journal, 32 + WEEK), [""; 0], "once");
    assert_eq!(learn(&mut journal, &item("desk:7", minute(30))), [], "nor does it come back");
}

#[test]
fn a_stored_state_knows_the_calendar_and_one_without_items_has_no_part_of_it() {
    let mut journal = Journal::new(&["EURUSDm"]);
    assert!(written(&journal.engine).iter().all(|(key, _)| *key != PartKey::Calendar));
    learn(&mut journal, &item("desk:7", minute(30)));
    let bytes = written(&journal.engine);
    assert!(bytes.iter().any(|(key, _)| *key == PartKey::Calendar));
    let mut copy = journal.copy();
    copy.engine = read(tenant(), &bytes).unwrap();
    assert_eq!(learn(&mut copy, &item("desk:7", minute(30))), [], "it is known");
    assert_eq!(forgotten(&mut copy, 31 + WEEK), ["calendar|desk:7"]);
}
