//! What the page says, as plain values, and the template that says it.

use bellwether_schemas::Timestamp;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::around::around;
use super::calendar::{calendar, hours};
use super::chart::chart;
use super::comparison::{comparisons, counts};
use super::looks::looks;
use super::numbers::{count, percent, price, reading, share};
use super::recorded::recorded;
use super::view::{Moved, Overview, Page, RowView, Section, Shown, Tile};
use super::{Contents, words};
use crate::alerts::Alert;
use crate::study::{AlertStudy, Followed, HORIZONS, MAX_ROWS, Moves, Row, Sample};
use crate::summary::{AlertSummary, Summary};

const TEMPLATE: &str = include_str!("../../assets/report.html");
const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");
/// Alerts with a section of their own; more are in the tables only.
const MAX_SECTIONS: usize = 60;
/// Charts of one alert: its most frequent symbols.
const MAX_CHARTS: usize = 3;
/// Symbols counted one by one.
const MAX_SUBJECTS: usize = 12;
/// The horizon that stands for an alert in the overview: +5 bars.
const HEADLINE: usize = 1;

/// The page as HTML.
pub(super) fn render(contents: &Contents<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", TEMPLATE)?;
    environment.get_template("report.html")?.render(Serde(page(contents)))
}

fn page<'a>(contents: &Contents<'a>) -> Page<'a> {
    let Contents { alerts, summary, study, provenance } = *contents;
    let sections = alerts.iter().zip(&summary.alerts).zip(&study.alerts).enumerate();
    let sections = sections.filter(|(_, ((_, _), study))| !study.rows.is_empty());
    let sections: Vec<Section> = sections
        .take(MAX_SECTIONS)
        .map(|(place, ((alert, numbers), _))| section(contents, place, alert, numbers))
        .collect();
    let fired = study.alerts.iter().filter(|alert| !alert.rows.is_empty()).count();
    Page {
        style: STYLE,
        script: SCRIPT,
        span: span(summary),
        tiles: tiles(summary),
        overview: overview(contents, &sections),
        looks: looks_at_all(contents),
        recorded: summary.compared.as_ref().map(recorded),
        comparisons: comparisons(contents),
        left_out: fired - sections.len(),
        sections,
        refused_alerts: refused_alerts(summary),
        refused_ticks: summary.refused.iter().map(|(reason, times)| (*reason, count(*times))).collect(),
        unreadable: if summary.unreadable > 0 { count(summary.unreadable) } else { String::new() },
        unreadable_lines: &summary.unreadable_lines,
        notices: &summary.notices,
        stopped: summary.stopped,
        provenance,
    }
}

/// Each side of each alert is one look.
fn looks_at_all(contents: &Contents<'_>) -> String {
    let sides = contents.study.alerts.iter().flat_map(|alert| alert.followed.values());
    let (all, apart) = counts(sides.map(Followed::is_apart));
    looks(all, apart, "sides of alerts")
}

fn span(summary: &Summary) -> String {
    let day = |time: Timestamp| time.utc().format("%Y-%m-%d %H:%M").to_string();
    match (summary.first, summary.last) {
        (Some(first), Some(last)) => format!("{} to {} UTC", day(first), day(last)),
        _ => "no ticks".into(),
    }
}

fn tiles(summary: &Summary) -> Vec<Tile> {
    let tile = |value: u64, label| Tile { value: count(value), label };
    let refused: u64 = summary.refused.values().sum();
    vec![
        tile(summary.triggers, "triggers"),
        tile(summary.alerts.iter().filter(|alert| alert.fired > 0).count() as u64, "alerts that fired"),
        tile(summary.alerts.len() as u64, "alerts"),
        tile(summary.ticks, "ticks"),
        tile(refused + summary.unreadable, "ticks and lines refused"),
    ]
}

fn refused_alerts(summary: &Summary) -> Vec<(String, String)> {
    let reasons = summary.alerts.iter().filter_map(|alert| Some((alert.name.clone(), alert.reason.clone()?)));
    reasons.collect()
}

fn overview(contents: &Contents<'_>, sections: &[Section]) -> Vec<Overview> {
    let numbers = contents.summary.alerts.iter().zip(&contents.study.alerts).enumerate();
    let line = |(place, (alert, study)): (usize, (&AlertSummary, &AlertStudy))| Overview {
        place,
        has_section: sections.iter().any(|section| section.place == place),
        name: alert.name.clone(),
        kind: alert.kind,
        state: alert.state,
        fired: alert.fired,
        fired_text: count(alert.fired),
        move_: moved(HEADLINE, &study.moves()),
    };
    numbers.map(line).collect()
}

/// The moves at one horizon.
pub(super) fn moved(horizon: usize, moves: &Moves) -> Moved {
    let sample: &Sample = &moves.samples()[horizon];
    let shown = sample.share().map(|found| Shown {
        text: share(found.value),
        interval: format!("{:.0}–{:.0} %", 100.0 * found.low, 100.0 * found.high),
        value: 100.0 * found.value,
        low: 100.0 * found.low,
        width: 100.0 * (found.high - found.low),
    });
    Moved {
        bars: HORIZONS[horizon],
        count: sample.count(),
        mean: percent(sample.mean()),
        mean_value: visible(sample.mean()),
        median: percent(sample.median()),
        median_value: visible(sample.median()),
        share: shown,
    }
}

/// What is shown as zero has no colour.
pub(super) fn visible(percent: Option<f64>) -> f64 {
    percent.filter(|percent| percent.abs() >= 0.000_5).unwrap_or(0.0)
}

fn section(contents: &Contents<'_>, place: usize, alert: &Alert, numbers: &AlertSummary) -> Section {
    let study = &contents.study.alerts[place];
    let subjects = by_frequency(study);
    let charts = subjects
        .iter()
        .take(MAX_CHARTS)
        .filter_map(|(subject, _)| chart(study, subject, &contents.study.tracks));
    let left_out = numbers.fired.saturating_sub(study.rows.len() as u64);
    let all = study.moves();
    let moves: Vec<Moved> = (0..HORIZONS.len()).map(|horizon| moved(horizon, &all)).collect();
    Section {
        place,
        name: numbers.name.clone(),
        what: words::describe(&alert.parameters),
        fired: numbers.fired,
        fired_text: count(numbers.fired),
        state: numbers.state,
        charts: charts.collect(),
        subjects: subjects
            .into_iter()
            .filter(|(subject, _)| !subject.is_empty())
            .take(MAX_SUBJECTS)
            .map(|(subject, times)| (subject, count(times)))
            .collect(),
        calendar: calendar(&study.when, contents.study.days.all()),
        hours: hours(&study.when),
        around: around(contents.study, study),
        has_direction: moves.iter().any(|moved| moved.share.is_some()),
        has_moves: moves.iter().any(|moved| moved.count > 0),
        moves,
        rows: study.rows.iter().map(row).collect(),
        rows_left_out: if left_out > 0 {
            format!("the first {MAX_ROWS} at most; {} more are in --triggers", count(left_out))
        } else {
            String::new()
        },
    }
}

/// Its symbols or pairs, the most frequent first.
fn by_frequency(study: &AlertStudy) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> =
        study.subjects.iter().map(|(subject, times)| (subject.clone(), *times)).collect();
    all.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    all
}

fn row(row: &Row) -> RowView {
    RowView {
        at: row.at.utc().format("%Y-%m-%d %H:%M").to_string(),
        at_value: row.at.0,
        subject: row.subject.clone(),
        condition: row.condition.to_string(),
        way: row.direction.name(),
        text: row.text.clone(),
        value: reading(row.value),
        price: price(row.price),
        moves: row.moves.iter().map(|moved| (percent(*moved), visible(*moved))).collect(),
    }
}
