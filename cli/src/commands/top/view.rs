//! Rows as a table, as JSON, and on a terminal.

use std::fmt::Write as _;

use bellwether_runtime::log::LogError;
use bellwether_schemas::TenantId;
use serde_json::json;

use super::sample::Row;

const TITLES: [&str; 7] = ["TENANT", "ROLE", "OWNER", "LAG", "RATE/s", "WATERMARK", "AGE"];

pub(super) fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; 7]> =
        std::iter::once(TITLES.map(String::from)).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3), width(4), width(5), width(6)];
    let [a, b, c, d, e, f, g] = widths;
    let mut text = String::new();
    for [tenant, role, owner, lag, rate, watermark, age] in &cells {
        let _ = writeln!(
            text,
            "{tenant:<a$}  {role:<b$}  {owner:<c$}  {lag:>d$}  {rate:>e$}  {watermark:<f$}  {age:>g$}"
        );
    }
    text
}

fn cells(row: &Row) -> [String; 7] {
    let none = || "-".to_owned();
    [
        row.tenant.to_string(),
        row.role.name().into(),
        row.owner.clone().unwrap_or_else(none),
        (row.end - row.next).to_string(),
        row.rate.map_or_else(none, |rate| format!("{rate:.0}")),
        row.mark.map_or_else(none, |mark| mark.time.to_string()),
        row.age.map_or_else(none, short),
    ]
}

/// A length of time in two or three figures.
fn short(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    match micros / 1_000_000 {
        0..60 => format!("{seconds:.1}s"),
        60..3_600 => format!("{:.0}m", seconds / 60.0),
        3_600..172_800 => format!("{:.0}h", seconds / 3_600.0),
        _ => format!("{:.0}d", seconds / 86_400.0),
    }
}

pub(super) fn lines(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let line = json!({
            "at": row.at, "tenant": row.tenant, "role": row.role.name(), "owner": row.owner,
            "lag": row.end - row.next, "next_offset": row.next, "end_offset": row.end,
            "records_per_second": row.rate, "watermark": row.mark.map(|mark| mark.time),
            "watermark_age_seconds": row.age.map(|micros| micros as f64 / 1e6),
            "played": row.mark.map(|mark| mark.played),
        });
        format!("{line}\n")
    };
    rows.iter().map(line).collect()
}

pub(super) fn failures(failures: &[(TenantId, LogError)], json: bool) -> String {
    failures.iter().map(|(tenant, error)| failure(Some(tenant), error, json)).collect()
}

pub(super) fn failure(tenant: Option<&TenantId>, error: &LogError, json: bool) -> String {
    match (json, tenant) {
        (true, tenant) => format!("{}\n", json!({ "tenant": tenant, "error": error.to_string() })),
        (false, Some(tenant)) => format!("{tenant}: {error}\n"),
        (false, None) => format!("{error}\n"),
    }
}

/// From the terminal's corner on, over what stood there: each line to its end, then whatever is left below.
pub(super) fn in_place(text: &str) -> String {
    format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_two_or_three_figures() {
        let of = |seconds: i64| short(seconds * 1_000_000);
        assert_eq!([of(0), of(59), of(60), of(7_200), of(86_400 * 3)], ["0.0s", "59.0s", "1m", "2h", "3d"]);
    }
}
