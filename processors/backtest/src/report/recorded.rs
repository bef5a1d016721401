//! The run beside what was recorded, in numbers and one by one.

use serde::Serialize;

use super::numbers::{count, reading};
use crate::compare::{Compared, Difference, Told, What};

/// Differences with a line of their own on the page.
const ROWS: usize = 200;

#[derive(Serialize)]
pub(super) struct Recorded {
    says: String,
    is_same: bool,
    notes: Vec<String>,
    alerts: Vec<Alert>,
    rows: Vec<Row>,
    left_out: u64,
}

#[derive(Serialize)]
struct Alert {
    name: String,
    known: bool,
    is_same: bool,
    /// Match, other values, missing, extra, at another bar.
    counts: [u64; 5],
}

#[derive(Serialize)]
struct Row {
    at: String,
    at_value: i64,
    what: String,
    alert: String,
    subject: String,
    condition: String,
    recorded: String,
    run: String,
}

pub(super) fn recorded(compared: &Compared) -> Recorded {
    let all = &compared.counts;
    let differing = all.altered + all.missing + all.extra + all.drifted;
    let alerts = compared.alerts.iter().map(|alert| {
        let of = &alert.counts;
        let counts = [of.matching, of.altered, of.missing, of.extra, of.drifted];
        Alert { name: alert.name.clone(), known: alert.known, is_same: of.is_same(), counts }
    });
    let rows: Vec<Row> = compared.differences.iter().take(ROWS).map(|one| row(compared, one)).collect();
    Recorded {
        says: says(compared),
        is_same: compared.same,
        notes: notes(compared),
        alerts: alerts.collect(),
        left_out: differing - rows.len() as u64,
        rows,
    }
}

fn says(compared: &Compared) -> String {
    let all = &compared.counts;
    let matching = count(all.matching);
    if compared.same {
        return format!("The same as recorded: {matching} triggers, each at its instant with its values.");
    }
    let altered = match all.altered {
        0 => String::new(),
        altered => format!(", {} of them with other values", count(altered)),
    };
    format!(
        "{matching} match what was recorded{altered}; {} missing, {} extra, {} at another bar.",
        count(all.missing),
        count(all.extra),
        count(all.drifted)
    )
}

fn notes(compared: &Compared) -> Vec<String> {
    let mut notes = Vec::new();
    if compared.of_others > 0 {
        let others = count(compared.of_others);
        notes.push(format!("{others} recorded triggers are of alerts that the file does not have."));
    }
    if compared.pending > 0 {
        let pending = count(compared.pending);
        notes.push(format!("{pending} triggers are not recorded yet: no worker has got so far."));
    }
    notes.extend(compared.kept_from.map(|from| {
        format!("Triggers caused before journal offset {from} are not kept any more, and not compared.")
    }));
    notes
}

fn row(compared: &Compared, difference: &Difference) -> Row {
    let alert = compared.alerts.iter().find(|alert| alert.id == difference.alert);
    let at = difference.at().unwrap_or_default();
    let what = match difference.what {
        What::Missing => "missing".into(),
        What::Extra => "extra".into(),
        What::Altered => format!("other {}", difference.fields.join(", ")),
        What::Drifted => {
            let by = difference.later_by.unwrap_or(0);
            format!("{} s {}", by.abs(), if by < 0 { "earlier" } else { "later" })
        }
    };
    let timeframe = difference.timeframe.map_or("tick", |timeframe| timeframe.code());
    Row {
        at: minute(at),
        at_value: at.0,
        what,
        alert: alert.map(|alert| alert.name.clone()).unwrap_or_default(),
        subject: format!("{} {timeframe}", difference.subject),
        condition: difference.condition.name().into(),
        recorded: difference.recorded.as_ref().map(told).unwrap_or_default(),
        run: difference.run.as_ref().map(told).unwrap_or_default(),
    }
}

fn told(told: &Told) -> String {
    if told.says.is_empty() { reading(told.value) } else { format!("{} {}", minute(told.at), told.says) }
}

fn minute(time: bellwether_schemas::Timestamp) -> String {
    time.utc().format("%Y-%m-%d %H:%M").to_string()
}
