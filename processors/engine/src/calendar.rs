//! What is known of the news calendar: the newest state of each item, until a while after its time.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::{CalendarItem, Impact, KEPT};

use crate::snapshot::{Misfit, stored};

/// The items of the calendar, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    items: BTreeMap<String, CalendarItem>,
}

impl Calendar {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes an item in; false where it is known so already, or too old by now to be kept.
    pub(crate) fn learn(&mut self, item: &CalendarItem, watermark: Timestamp) -> bool {
        if is_over(item, watermark) || self.items.get(&item.id) == Some(item) {
            return false;
        }
        self.items.insert(item.id.clone(), item.clone());
        true
    }

    /// Forgets the items that are over, in the order of their ids.
    pub(crate) fn forget(&mut self, watermark: Timestamp) -> Vec<CalendarItem> {
        let over: Vec<CalendarItem> =
            self.items.values().filter(|item| is_over(item, watermark)).cloned().collect();
        for item in &over {
            self.items.remove(&item.id);
        }
        over
    }

    pub(crate) fn store(&self) -> stored::Calendar {
        let Self { items } = self;
        let item = |item: &CalendarItem| {
            let CalendarItem { id, time, currency, title, impact, previous, forecast, actual, source } =
                item.clone();
            let (time, impact) = (time.0, impact as u8);
            stored::CalendarItem { id, time, currency, title, impact, previous, forecast, actual, source }
        };
        stored::Calendar { items: items.values().map(item).collect() }
    }

    pub(crate) fn restore(stored: stored::Calendar) -> Result<Self, Misfit> {
        let item = |stored: stored::CalendarItem| {
            let stored::CalendarItem {
                id,
                time,
                currency,
                title,
                impact,
                previous,
                forecast,
                actual,
                source,
            } = stored;
            let known = Impact::ALL.get(usize::from(impact)).copied();
            Misfit::unless(known.is_some(), "an item's impact is none that is known")?;
            let (time, impact) = (Timestamp(time), known.unwrap_or(Impact::Low));
            let item = CalendarItem { id, time, currency, title, impact, previous, forecast, actual, source };
            Ok((item.id.clone(), item))
        };
        Ok(Self { items: stored.items.into_iter().map(item).collect::<Result<_, Misfit>>()? })
    }
}

const fn is_over(item: &CalendarItem, watermark: Timestamp) -> bool {
    watermark.0 >= item.time.plus(KEPT).0
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::DAY;

    use super::*;

    fn item(id: &str, day: i64) -> CalendarItem {
        CalendarItem {
            id: id.into(),
            time: Timestamp(day * DAY),
            currency: "USD".into(),
            title: "CPI".into(),
            impact: Impact::High,
            previous: None,
            forecast: Some("2.1%".into()),
            actual: None,
            source: "desk".into(),
        }
    }

    #[test]
    fn only_what_is_new_of_an_item_is_news() {
        let mut calendar = Calendar::default();
        assert!(calendar.learn(&item("a", 3), Timestamp::MIN));
        assert!(!calendar.learn(&item("a", 3), Timestamp::MIN));
        assert!(calendar.learn(&item("a", 4), Timestamp::MIN), "it was moved");
        assert!(calendar.learn(&item("b", 4), Timestamp::MIN));
    }

    #[test]
    fn an_item_is_forgotten_seven_days_after_its_time_and_not_learned_again() {
        let mut calendar = Calendar::default();
        calendar.learn(&item("a", 3), Timestamp::MIN);
        calendar.learn(&item("b", 9), Timestamp::MIN);
        assert_eq!(calendar.forget(Timestamp(10 * DAY - 1)), []);
        assert_eq!(calendar.forget(Timestamp(10 * DAY)), [item("a", 3)]);
        assert!(!calendar.learn(&item("a", 3), Timestamp(10 * DAY)));
        assert!(!calendar.is_empty());
    }

    #[test]
    fn a_calendar_is_the_same_once_it_was_stored() {
        let mut calendar = Calendar::default();
        calendar.learn(&item("a", 3), Timestamp::MIN);
        calendar.learn(&item("b", 9), Timestamp::MIN);
        assert_eq!(Calendar::restore(calendar.store()).unwrap(), calendar);
        let mut strange = calendar.store();
        strange.items[0].impact = 3;
        assert!(Calendar::restore(strange).is_err());
    }
}
