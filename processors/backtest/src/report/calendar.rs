//! Days and hours of an alert's triggers as cells with a depth of colour.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;
use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use crate::study::When;

/// Weeks beyond which months are shown instead.
const MAX_WEEKS: usize = 60;
/// Most years shown, the last ones.
const MAX_YEARS: usize = 40;
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
    /// Time without bars was left out before it.
    pub(super) after_gap: bool,
    pub(super) cells: Vec<Cell>,
}

/// One day or month, or the hour of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cell {
    pub(super) title: String,
    /// 0 to 100 of the largest; none outside the run.
    pub(super) depth: Option<u64>,
}

/// Weeks, or years, that had a bar; what lies between is left out.
pub(super) fn calendar(when: &When, active: &BTreeSet<i64>) -> Calendar {
    let weeks: BTreeSet<i64> = active.iter().map(|day| day - (day + MONDAY).rem_euclid(7)).collect();
    if weeks.len() <= MAX_WEEKS { days(when, active, &weeks) } else { months(when, active) }
}

fn days(when: &When, active: &BTreeSet<i64>, weeks: &BTreeSet<i64>) -> Calendar {
    let most = when.days.values().copied().max().unwrap_or(0);
    let inside = |day: &i64| (active.first() <= Some(day)) && (Some(day) <= active.last());
    let cell = |day: i64| {
        let count = when.days.get(&day).copied().unwrap_or(0);
        Cell { title: format!("{}: {count}", date(day)), depth: inside(&day).then(|| depth(count, most)) }
    };
    let (mut month, mut before) = (0, i64::MAX);
    let column = |week: &i64| {
        // A week belongs to the month of its Thursday, as ISO's weeks belong to years.
        let thursday = date(week + 3);
        let is_new = month != thursday.month() || before.saturating_add(7) < *week;
        let label = if is_new { thursday.format("%b %y").to_string() } else { String::new() };
        let after_gap = before != i64::MAX && before + 7 != *week;
        (month, before) = (thursday.month(), *week);
        Column { label, after_gap, cells: (*week..week + 7).map(cell).collect() }
    };
    Calendar { unit: "day", columns: weeks.iter().map(column).collect() }
}

fn months(when: &When, active: &BTreeSet<i64>) -> Calendar {
    let number = |day: &i64| i64::from(date(*day).year()) * 12 + i64::from(date(*day).month0());
    let active: BTreeSet<i64> = active.iter().map(number).collect();
    let mut counts = BTreeMap::new();
    for (day, count) in &when.days {
        *counts.entry(number(day)).or_insert(0u64) += count;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let cell = |month: i64| {
        let count = counts.get(&month).copied().unwrap_or(0);
        let title = format!("{}-{:02}: {count}", month.div_euclid(12), month.rem_euclid(12) + 1);
        Cell { title, depth: active.contains(&month).then(|| depth(count, most)) }
    };
    let years: BTreeSet<i64> = active.iter().map(|month| month.div_euclid(12)).collect();
    let column = |year: &i64| Column {
        label: year.to_string(),
        after_gap: false,
        cells: (12 * year..12 * year + 12).map(cell).collect(),
    };
    let left_out = years.len().saturating_sub(MAX_YEARS);
    Calendar { unit: "month", columns: years.iter().skip(left_out).map(column).collect() }
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
        let active: BTreeSet<i64> = (15_371..=15_377).chain([18_263]).collect();
        let calendar = calendar(&when, &active);
        let depths: Vec<Vec<Option<u64>>> =
            calendar.columns.iter().map(|week| week.cells.iter().map(|cell| cell.depth).collect()).collect();
        assert_eq!(depths[0], [None, None, Some(100), Some(0), Some(0), Some(0), Some(0)]);
        assert_eq!(depths[1], [Some(25), Some(0), Some(0), Some(0), Some(0), Some(0), Some(0)]);
        assert_eq!(
            depths[2],
            [Some(0), Some(0), Some(0), Some(0), None, None, None],
            "to the last day of all"
        );
        let labels: Vec<(&str, bool)> =
            calendar.columns.iter().map(|week| (week.label.as_str(), week.after_gap)).collect();
        assert_eq!(labels, [("Feb 12", false), ("", false), ("Jan 20", true)]);
        assert_eq!(calendar.columns[0].cells[2].title, "2012-02-01: 4");
    }

    #[test]
    fn years_are_shown_by_month() {
        let mut when = When::default();
        when.days.insert(15_371, 4);
        let calendar = calendar(&when, &(15_000..16_000).collect());
        assert_eq!((calendar.unit, calendar.columns.len()), ("month", 3));
        assert_eq!(calendar.columns[1].cells[1], Cell { title: "2012-02: 4".into(), depth: Some(100) });
    }
}
