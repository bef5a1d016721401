//! What is said about a file when it has been read.

use super::report::{FileCounts, Report};
use super::rows::Rows;

/// Part of a file's lines, in hundredths, that may be left out without a word.
const SILENT_PERCENT: u64 = 1;

/// What was strange about its numbers.
pub(super) fn say(rows: &Rows) {
    let oddities = rows.oddities();
    let notice = |line: u64, text: String| rows.report().notice(rows.path(), Some(line), text);
    if let Some((line, count)) = oddities.shortened {
        let text = "prices with more than 9 decimals are what a program made of doubles: read with 15 digits";
        notice(line, format!("{count} {text}"));
    }
    if let Some((line, count)) = oddities.rounded {
        notice(line, format!("{count} prices with more than 9 decimals are rounded to 9"));
    }
}

/// What share of each file was left out, where it is more than can be passed over, why, and what to do.
pub fn conclude(report: &Report) {
    for file in report.each_file() {
        jumps(report, &file);
        let left_out = file.unreadable + file.refused;
        if left_out * 100 > file.rows * SILENT_PERCENT {
            let (line, text) = loss(&file, left_out);
            report.notice(&file.file, line, text);
        }
    }
}

/// Rows whose time or price jumps are told of however few they are.
fn jumps(report: &Report, file: &FileCounts) {
    for (reason, line, count) in &file.reasons {
        let rows = if *count == 1 { "one row is".into() } else { format!("{count} rows are") };
        let text = match *reason {
            "absurd_time" => {
                format!("time jumps ahead and back: {rows} left out (absurd_time): is a date mistyped?")
            }
            "absurd" => {
                format!("the price jumps: {rows} left out (absurd): --absurd-band X, or off, plays such rows")
            }
            _ => continue,
        };
        report.notice(&file.file, Some(*line), text);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn loss(file: &FileCounts, left_out: u64) -> (Option<u64>, String) {
    let percent = left_out as f64 * 100.0 / file.rows.max(1) as f64;
    let first = file.reasons.iter().map(|(_, line, _)| *line).min();
    let main = file.reasons.iter().max_by_key(|(_, _, count)| *count).map_or("", |(reason, ..)| *reason);
    let text = format!(
        "{left_out} of {} lines ({percent:.1} %) were left out, mostly {main}: {}",
        file.rows,
        advice(main)
    );
    (first, text)
}

/// What probably lies behind a reason, and what to do.
fn advice(reason: &str) -> &'static str {
    match reason {
        "columns" => "lines are cut off, or another table follows: look at the first of them",
        "cut" => "the file is cut off: fetch it again",
        "time" => {
            "these lines are no rows, or their times are written in another way: look at the first of them"
        }
        "zone" => "these times do not exist in that zone: is --zone right?",
        "price" => "these are no prices: look at the first of them",
        "absurd" => "prices jump: are two symbols mixed? --absurd-band widens what is believed",
        "absurd_time" => "times jump ahead and back: two files may have been put together",
        "late" => "lines go back in time: sort the file by time, or say --zone if clocks changed",
        "malformed" => "the ask lies below the bid, or a price is not positive: are bid and ask swapped?",
        "unknown_symbol" => "rows of other symbols: --symbol-column picks each input's own",
        "incomplete" => "candles that go on changing: fetch the file again when they are complete",
        _ => "look at the first of them",
    }
}
