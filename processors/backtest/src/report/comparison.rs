//! The settings of a sweep side by side: a table, and for lines of a range a chart over them.

use std::collections::BTreeMap;

use super::Contents;
use super::around::{OF_RANDOM, OF_TRIGGERS, expected, labels};
use super::axes::Scale;
use super::chart::{Chart, Drawn, Label, Panel, joined};
use super::looks::looks;
use super::numbers::{count, percent};
use super::page::{moved, visible};
use super::view::{Beside, Compared, Comparison};
use crate::study::{AlertStudy, COMPARED_AFTER, Direction, Followed, HORIZONS};

/// Lines from which on a chart shows more than the table.
const ENOUGH_FOR_A_CHART: usize = 5;
/// Texts below a chart.
const TEXTS: usize = 5;

/// Alerts of one place in the file that a sweep has set differently.
pub(super) fn comparisons(contents: &Contents<'_>) -> Vec<Comparison> {
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, alert) in contents.alerts.iter().enumerate().filter(|(_, alert)| !alert.settings.is_empty())
    {
        places.entry(alert.place).or_default().push(number);
    }
    places.into_values().filter_map(|numbers| comparison(contents, &numbers)).collect()
}

fn comparison(contents: &Contents<'_>, numbers: &[usize]) -> Option<Comparison> {
    let first = &contents.alerts[*numbers.first()?];
    let side = first.swept_side();
    let mut rows: Vec<Compared> = numbers.iter().map(|number| row(contents, *number, side)).collect();
    let most = rows.iter().map(|row| row.fired).max().unwrap_or(0);
    rows.iter_mut().for_each(|row| row.width = (row.fired * 100).checked_div(most).unwrap_or(0));
    let looked = rows.iter().filter_map(|row| row.beside.as_ref());
    let (looked, apart) = counts(looked.map(|beside| beside.is_apart));
    Some(Comparison {
        name: first.name.clone(),
        side: side.map_or("", expected),
        looks: looks(looked, apart, "settings"),
        has_beside: looked > 0,
        chart: side.and_then(|side| chart(contents, numbers, side)),
        rows,
    })
}

/// One setting: of one side only, where the setting is its line.
fn row(contents: &Contents<'_>, number: usize, side: Option<Direction>) -> Compared {
    let (alert, study) = (&contents.alerts[number], &contents.study.alerts[number]);
    let (fired, moves) = match side {
        Some(side) => {
            let side = study.sides.get(&side);
            side.map(|side| (side.fired, side.moves.clone())).unwrap_or_default()
        }
        None => (contents.summary.alerts[number].fired, study.moves()),
    };
    Compared {
        settings: alert.settings.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        fired,
        fired_text: count(fired),
        width: 0,
        moves: (0..HORIZONS.len()).map(|horizon| moved(horizon, &moves)).collect(),
        beside: side.and_then(|side| beside(side, study)),
    }
}

/// How many there are, and how many of them are true.
pub(super) fn counts(all: impl Iterator<Item = bool>) -> (usize, usize) {
    all.fold((0, 0), |(all, held), holds| (all + 1, held + usize::from(holds)))
}

fn beside(side: Direction, alert: &AlertStudy) -> Option<Beside> {
    let followed = alert.followed.get(&side)?;
    let its_way = |moved: Option<f64>| moved.map(|moved| moved * side.sign());
    Some(Beside {
        bars: COMPARED_AFTER,
        median: percent(its_way(Some(followed.median))),
        median_value: visible(its_way(Some(followed.median))),
        random: percent(its_way(followed.random_median)),
        random_value: visible(its_way(followed.random_median)),
        is_apart: followed.is_apart(),
    })
}

/// What followed over the lines of a range: how many triggers, and the mean move beside that of random bars.
fn chart(contents: &Contents<'_>, numbers: &[usize], side: Direction) -> Option<Chart> {
    let line = |number: &usize| {
        let [setting] = contents.alerts[*number].settings.as_slice() else { return None };
        Some((setting.value.as_f64()?, &contents.study.alerts[*number]))
    };
    let mut lines = numbers.iter().filter_map(line).collect::<Vec<_>>();
    lines.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (first, last) = (lines.first()?.0, lines.last()?.0);
    let is_empty = lines.iter().all(|(_, alert)| alert.followed.is_empty());
    if is_empty || lines.len() < ENOUGH_FOR_A_CHART || lines.len() < numbers.len() || first >= last {
        return None;
    }
    let column = &contents.alerts[numbers[0]].settings[0].column;
    let across = |value: f64| 1000.0 * (value - first) / (last - first);
    let fired: Vec<(f64, f64)> =
        lines.iter().map(|(value, alert)| (across(*value), fired(alert, side))).collect();
    let times = (0..TEXTS).filter_map(|step| lines.get(step * (lines.len() - 1) / (TEXTS - 1)));
    let times =
        times.map(|(value, _)| Label { at: across(*value) / 10.0, text: value.to_string() }).collect();
    let dots: Vec<(f64, &AlertStudy)> = lines.iter().map(|(value, alert)| (across(*value), *alert)).collect();
    Some(Chart {
        title: format!("Triggers and what followed, by {column}"),
        panels: vec![count_panel(&fired), moves_panel(&dots, side)],
        times,
        note: String::new(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
fn fired(alert: &AlertStudy, side: Direction) -> f64 {
    alert.sides.get(&side).map_or(0.0, |side| side.fired as f64)
}

fn count_panel(fired: &[(f64, f64)]) -> Panel {
    let most = fired.iter().map(|(_, fired)| *fired).fold(1.0, f64::max);
    let scale = Scale::padded(0.0, most);
    let path = joined(fired.iter().map(|(x, fired)| (*x, scale.y(*fired))));
    let line = Drawn { name: "triggers".into(), colour: OF_TRIGGERS, path, band: String::new() };
    panel("triggers", vec![line], &scale, false)
}

fn moves_panel(lines: &[(f64, &AlertStudy)], side: Direction) -> Panel {
    let followed = |alert: &AlertStudy| alert.followed.get(&side).copied();
    let of = |value: fn(&Followed) -> Option<f64>| -> Vec<(f64, f64)> {
        let dot = |(x, alert): &(f64, &AlertStudy)| Some((*x, value(&followed(alert)?)? * side.sign()));
        lines.iter().filter_map(dot).collect()
    };
    let (median, random) = (of(|followed| Some(followed.median)), of(|followed| followed.random_median));
    let values = median.iter().chain(&random).map(|(_, value)| *value);
    let (least, most) =
        values.fold((0.0f64, 0.0f64), |(least, most), value| (least.min(value), most.max(value)));
    let scale = Scale::padded(least, most);
    let line = |name: &str, colour, dots: &[(f64, f64)]| Drawn {
        name: name.into(),
        colour,
        path: joined(dots.iter().map(|(x, value)| (*x, scale.y(*value)))),
        band: String::new(),
    };
    let name = format!("median move its way after {COMPARED_AFTER} bars, percent");
    let lines = vec![line(&name, OF_TRIGGERS, &median), line("random bars", OF_RANDOM, &random)];
    panel("moves", lines, &scale, true)
}

fn panel(name: &str, lines: Vec<Drawn>, scale: &Scale, is_tall: bool) -> Panel {
    let levels = vec![Label { at: scale.y(0.0), text: String::new() }];
    let (grid, marks, uprights) = (labels(scale), Vec::new(), Vec::new());
    Panel { name: name.into(), is_tall, lines, grid, levels, uprights, marks }
}
