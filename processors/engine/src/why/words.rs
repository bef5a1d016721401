//! An answer for people. Times are event time, UTC.

use std::fmt::Write as _;

use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::Condition;

use super::answer::{Answer, Finding, Point};
use super::{Beside, Held};

/// Gaps that are listed one by one.
const LISTED: usize = 12;
/// Subjects that are named.
const NAMED: usize = 4;

impl Held {
    /// The word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Stale => "stale",
            Self::Baseline => "baseline",
            Self::Expired => "expired",
            Self::Cooldown(_) => "cooldown",
            Self::Suppressed(_) => "suppressed",
        }
    }

    fn words(self) -> String {
        match self {
            Self::History => "the bar is history, which fires nothing".into(),
            Self::Stale => "the bar was stale: event time was more than two of its lengths ahead".into(),
            Self::Baseline => "it was the first look after the alert's change, which only records where \
                things stand"
                .into(),
            Self::Expired => "its time was over".into(),
            Self::Cooldown(until) => format!("in cooldown until {}", time(until)),
            Self::Suppressed(until) => {
                format!("the same side is silent until {}, or until the other fires", time(until))
            }
        }
    }
}

impl Answer {
    /// A line a finding, the reason first; without an end of line behind the last.
    #[must_use]
    pub fn text(&self) -> String {
        let is_gap = |finding: &&Finding| matches!(finding, Finding::NoData { .. });
        let gaps = self.findings.iter().filter(is_gap).count();
        let mut told = 0;
        let mut lines = Vec::new();
        for finding in &self.findings {
            told += usize::from(is_gap(&finding));
            if is_gap(&finding) && told > LISTED {
                continue;
            }
            lines.push(finding.text());
        }
        if gaps > LISTED {
            lines.push(format!("and {} more gaps", gaps - LISTED));
        }
        if let Some(reached) = self.reached {
            lines.push(format!("the journal is complete up to {} only", time(reached)));
        }
        lines.join("\n")
    }
}

impl Finding {
    /// In one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Fired { times, first } => {
                format!("it fired: {} at {}{}", reached(first), time(first.at), again(*times, "time"))
            }
            Self::Off { state, reason, since, from, to } => off(state, reason.as_deref(), *since, *from, *to),
            Self::EditRefused { version, reason, offset, at } => format!(
                "version {version} was refused at {}, journal offset {offset}: {reason}; the one before went on",
                time(*at)
            ),
            Self::Held { by, times, last } => {
                format!("{} at {}, but {}{}", reached(last), time(last.at), by.words(), again(*times, "time"))
            }
            Self::Inside { times, last } => format!(
                "{}{} already at {}: it fires on getting there, not while there{}",
                subject(last),
                beyond(last),
                time(last.at),
                again(*times, "look")
            ),
            Self::Nearest { point, distance } => nearest(point, *distance),
            Self::Warming { subject, timeframe, bars } => {
                let of = if subject.is_empty() { String::new() } else { format!(" of {subject}") };
                format!("warming: {bars} bars of {timeframe}{of} missing")
            }
            Self::NoData { subjects, from, to } => {
                format!("no data of {} from {} to {}", named(subjects), time(*from), time(*to))
            }
            Self::Undefined { times } => format!("the value was undefined at {times} looks: nothing moved"),
            Self::NothingDue => "no bar that it looks at ends within the span".into(),
        }
    }
}

fn off(state: &str, reason: Option<&str>, since: Option<u64>, from: Timestamp, to: Timestamp) -> String {
    let what = match state {
        "unknown" => "there was no such alert",
        "refused" => "it was refused",
        "paused" => "paused by its user",
        "deleted" => "deleted by its user",
        "disabled" => "disabled by an operator",
        "spent" => "spent: it was to fire once, and had",
        "expired" => "expired: its time was over",
        _ => "it was not watched",
    };
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let since = since.map_or_else(String::new, |since| format!(", since journal offset {since}"));
    format!("{what}{reason} from {} to {}{since}", time(from), time(to))
}

fn nearest(point: &Point, distance: Option<f64>) -> String {
    let value = value(point);
    let of = subject(point);
    match (point.condition, point.line, distance) {
        (Condition::Strongest | Condition::Weakest, _, Some(distance)) => {
            format!(
                "nobody else led or trailed; {value} came nearest at {}, {distance:.1} from being {}",
                time(point.at),
                point.condition
            )
        }
        (Condition::RsiMismatch, _, Some(distance)) => {
            format!("{of}came to {value} at {}, {distance:.2} from a mismatch", time(point.at))
        }
        (_, Some(line), _) => {
            format!("{of}came to {value} at {}, your line is {}", time(point.at), number(line))
        }
        (_, None, _) => format!("{of}did not turn; it was looked at first at {}", time(point.at)),
    }
}

fn reached(point: &Point) -> String {
    let line = point.line.map_or_else(String::new, |line| format!(", your line is {}", number(line)));
    format!("{}{} with {}{line}", subject(point), point.condition, value(point))
}

fn beyond(point: &Point) -> String {
    match point.line {
        Some(line) => format!("was at {}, beyond your line {},", value(point), number(line)),
        None => format!("was {} with {}", point.condition, value(point)),
    }
}

fn value(point: &Point) -> String {
    let mut text = point.value.map_or_else(|| "no value".into(), number);
    let _ = match point.beside {
        Some(Beside::Other(other)) => write!(text, " and {}", number(other)),
        Some(Beside::Currency(name)) => write!(text, " of {name}"),
        None => Ok(()),
    };
    text
}

fn subject(point: &Point) -> String {
    if point.subject.is_empty() { String::new() } else { format!("{} ", point.subject) }
}

/// So many digits that 69.996 is not told as 70 beside a line of 70, and a price in its points.
fn number(value: f64) -> String {
    let text = match value.abs() {
        small if small < 10.0 => format!("{value:.6}"),
        middle if middle < 1_000.0 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').into()
}

fn named(subjects: &[String]) -> String {
    let names: Vec<&str> = subjects
        .iter()
        .take(NAMED)
        .map(|name| if name.is_empty() { "all currencies" } else { name })
        .collect();
    match subjects.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn again(times: u64, what: &str) -> String {
    match times {
        0 | 1 => String::new(),
        times => format!(" ({times} {what}s in all)"),
    }
}

/// Seconds, where there are no smaller parts.
fn time(time: Timestamp) -> String {
    time.to_string().replace(".000000Z", "Z")
}
