//! Days and hours of an alert's triggers as cells with a depth of colour.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;
use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use crate::study::When;

/// Days beyond which months are shown instead.
const MAX_DAYS: i64 = 400;
/// Most months shown.
const MAX_MONTHS: usize = 480;
/// 1970-01-01 was a Thursday; weeks are columns that begin on Monday.
const MONDAY: i64 = 3;

/// A calendar: columns of cells, a label above some.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Calendar {
    /// What one cell is: `day` or `month`.
    pub(super) unit: &'static str,
    pub(super) columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Column {
    pub(super) label: String,
    pub(super) cells: Vec<Cell>,
}

/// One day or month, or the hour of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cell {
    pub(super) title: String,
    /// 0 to 100 of the largest; none outside the run.
    pub(super) depth: Option<u64>,
}

pub(super) fn calendar(when: &When, first: Timestamp, last: Timestamp) -> Calendar {
    let (first, last) = (first.0.div_euclid(DAY), last.0.div_euclid(DAY));
    if last - first < MAX_DAYS { days(when, first, last) } else { months(when, first, last) }
}

fn days(when: &When, first: i64, last: i64) -> Calendar {
    let most = when.days.values().copied().max().unwrap_or(0);
    let monday = first - (first + MONDAY).rem_euclid(7);
    let cell = |day: i64| {
        let count = when.days.get(&day).copied().unwrap_or(0);
        let inside = (first..=last).contains(&day);
        Cell { title: format!("{}: {count}", date(day)), depth: inside.then(|| depth(count, most)) }
    };
    let mut month = 0;
    let column = |week: i64| {
        let begins = date(week.max(first));
        let label = if begins.month() == month { String::new() } else { begins.format("%b %Y").to_string() };
        month = begins.month();
        Column { label, cells: (week..week + 7).map(cell).collect() }
    };
    let weeks = (0..).map(|week| monday + 7 * week).take_while(|monday| *monday <= last);
    Calendar { unit: "day", columns: weeks.map(column).collect() }
}

fn months(when: &When, first: i64, last: i64) -> Calendar {
    let number = |day: i64| i64::from(date(day).year()) * 12 + i64::from(date(day).month0());
    let (first, last) = (number(first), number(last));
    let mut counts = std::collections::BTreeMap::new();
    for (day, count) in &when.days {
        *counts.entry(number(*day)).or_insert(0u64) += count;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let cell = |month: i64| {
        let count = counts.get(&month).copied().unwrap_or(0);
        let inside = (first..=last).contains(&month);
        let title = format!("{}-{:02}: {count}", month.div_euclid(12), month.rem_euclid(12) + 1);
        Cell { title, depth: inside.then(|| depth(count, most)) }
    };
    let years = (first.div_euclid(12)..=last.div_euclid(12)).take(MAX_MONTHS / 12);
    let column = |year: i64| Column {
        label: year.to_string(),
        cells: (12 * year..12 * year + 12).map(cell).collect(),
    };
    Calendar { unit: "month", columns: years.map(column).collect() }
}

/// The 24 hours, from midnight UTC.
pub(super) fn hours(when: &When) -> Vec<Cell> {
    let most = when.hours.iter().copied().max().unwrap_or(0);
    let cell = |(hour, count): (usize, &u64)| Cell {
        title: format!("{hour:02}:00 UTC: {count}"),
        depth: Some(depth(*count, most)),
    };
    when.hours.iter().enumerate().map(cell).collect()
}

/// Whatever is not nothing is seen.
fn depth(count: u64, most: u64) -> u64 {
    (count * 100).checked_div(most).map_or(0, |depth| if count > 0 { depth.max(8) } else { 0 })
}

fn date(day: i64) -> NaiveDate {
    Timestamp(day.saturating_mul(DAY)).utc().date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_days_outside_the_run_have_no_colour() {
        let mut when = When::default();
        when.days.insert(15_371, 4); // Wednesday 2012-02-01
        when.days.insert(15_376, 1); // Monday 2012-02-06
        let at = |day: i64| Timestamp(day * DAY);
        let calendar = calendar(&when, at(15_371), at(15_377));
        let depths: Vec<Vec<Option<u64>>> =
            calendar.columns.iter().map(|week| week.cells.iter().map(|cell| cell.depth).collect()).collect();
        assert_eq!(depths[0], [None, None, Some(100), Some(0), Some(0), Some(0), Some(0)]);
        assert_eq!(depths[1], [Some(25), Some(0), None, None, None, None, None]);
        assert_eq!(calendar.columns[0].label, "Feb 2012");
        assert_eq!(calendar.columns[0].cells[2].title, "2012-02-01: 4");
    }

    #[test]
    fn years_are_shown_by_month() {
        let mut when = When::default();
        when.days.insert(15_371, 4);
        let calendar = calendar(&when, Timestamp(15_000 * DAY), Timestamp(16_000 * DAY));
        assert_eq!((calendar.unit, calendar.columns.len()), ("month", 3));
        assert_eq!(calendar.columns[1].cells[1], Cell { title: "2012-02: 4".into(), depth: Some(100) });
    }
}
