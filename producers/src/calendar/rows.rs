//! Items of the news calendar out of the rows that people and feeds write: CSV with a head, or JSON objects. Names of
//! columns are known in several spellings; a row that cannot be read costs no other.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::{CalendarItem, Impact};
use bellwether_schemas::ids::derive;
use bellwether_schemas::time::resolve_local;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::Value;

/// Where rows come from: what their items carry, and in whose clocks naive times are.
#[derive(Debug, Clone)]
pub(super) struct Reading<'a> {
    pub(super) source: &'a str,
    pub(super) zone: Tz,
}

/// A row that is no item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    /// Its number, from 1: a line of the file below its head, or a place in the list.
    pub(super) row: usize,
    pub(super) reason: String,
}

/// What a text of the calendar holds.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) items: Vec<CalendarItem>,
    pub(super) bad: Vec<BadRow>,
}

/// A row's cells by the names of their columns, in small letters.
type Cells = BTreeMap<String, String>;

const ID: &[&str] = &["id", "event_id", "eventid", "uid"];
const WHEN: &[&str] = &["datetime", "timestamp", "date_time", "time_utc", "dateutc", "date", "when"];
const TIME: &[&str] = &["time", "hour"];
const CURRENCY: &[&str] = &["currency", "ccy", "country", "currencycode", "symbol"];
const TITLE: &[&str] = &["title", "event", "name", "indicator", "description"];
const IMPACT: &[&str] = &["impact", "importance", "volatility"];
const PREVIOUS: &[&str] = &["previous", "prior", "prev"];
const FORECAST: &[&str] = &["forecast", "consensus", "estimate", "expected"];
const ACTUAL: &[&str] = &["actual", "value", "result"];

/// Reads a text as JSON where it begins as such, else as CSV.
///
/// # Errors
/// It is neither, or has no column that says when.
pub(super) fn read(text: &str, reading: &Reading<'_>) -> Result<Rows, String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let rows = if text.starts_with(['[', '{']) { json_rows(text)? } else { csv_rows(text)? };
    let mut found = Rows::default();
    for (at, row) in rows.into_iter().enumerate() {
        match row.and_then(|cells| item(&cells, reading)) {
            Ok(item) => found.items.push(item),
            Err(reason) => found.bad.push(BadRow { row: at + 1, reason }),
        }
    }
    Ok(found)
}

fn csv_rows(text: &str) -> Result<Vec<Result<Cells, String>>, String> {
    let head = text.lines().next().unwrap_or_default();
    let most = |separator: &u8| head.bytes().filter(|byte| byte == separator).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(most).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(|error| error.to_string())?
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    if !names.iter().any(|name| WHEN.iter().chain(TIME).any(|known| known == name)) {
        return Err(format!(
            "its first line has no column {}: it names {}",
            WHEN.join(", "),
            names.join(", ")
        ));
    }
    let cells = |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(|error| error.to_string())?;
        Ok(names.iter().cloned().zip(record.iter().map(|cell| cell.trim().to_string())).collect())
    };
    Ok(reader.records().map(cells).collect())
}

fn json_rows(text: &str) -> Result<Vec<Result<Cells, String>>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(object) => {
            let lists = object.into_iter().filter_map(|(_, value)| match value {
                Value::Array(list) => Some(list),
                _ => None,
            });
            lists.max_by_key(Vec::len).ok_or("it is an object without a list in it")?
        }
        _ => return Err("it is neither a list nor an object with a list in it".into()),
    };
    Ok(list.into_iter().map(json_cells).collect())
}

fn json_cells(row: Value) -> Result<Cells, String> {
    let Value::Object(object) = row else { return Err("it is no object".into()) };
    let cell = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_string(),
        other => other.to_string(),
    };
    Ok(object.into_iter().map(|(name, value)| (name.to_lowercase(), cell(value))).collect())
}

fn item(cells: &Cells, reading: &Reading<'_>) -> Result<CalendarItem, String> {
    let text = |names: &[&str]| find(cells, names).map(String::from);
    let time = time(cells, reading.zone)?;
    let currency = text(CURRENCY).ok_or("it has no currency")?.to_ascii_uppercase();
    let title = text(TITLE).ok_or("it has no title")?;
    let impact = match find(cells, IMPACT) {
        None => Impact::Low,
        Some(word) => {
            Impact::parse(word).ok_or_else(|| format!("{word:?} is no impact: use low, medium or high"))?
        }
    };
    let own = text(ID).map(|id| format!("{}:{id}", reading.source));
    let id = own.unwrap_or_else(|| derived_id(reading.source, &currency, time, &title));
    let [previous, forecast, actual] = [PREVIOUS, FORECAST, ACTUAL].map(text);
    let source = reading.source.to_string();
    Ok(CalendarItem { id, time, currency, title, impact, previous, forecast, actual, source })
}

/// The first of these columns that has something in it.
fn find<'a>(cells: &'a Cells, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| cells.get(*name)).map(String::as_str).filter(|cell| !cell.is_empty())
}

/// Without an id of its own an item is what concerns that currency then under that title, whatever qualifies it.
fn derived_id(source: &str, currency: &str, time: Timestamp, title: &str) -> String {
    derive(&format!("calendar\n{source}\n{currency}\n{time}\n{}", plain(title))).to_string()
}

/// The title in small letters, without what stands in brackets and words that tell one edition of it from another.
fn plain(title: &str) -> String {
    const QUALIFIERS: [&str; 12] = [
        "m/m",
        "y/y",
        "q/q",
        "mom",
        "yoy",
        "qoq",
        "prelim",
        "preliminary",
        "flash",
        "final",
        "revised",
        "advance",
    ];
    let mut depth = 0_u32;
    let outside = title.chars().filter(|letter| match letter {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    let outside: String = outside.collect::<String>().to_lowercase();
    let words = outside.split_whitespace().filter(|word| !QUALIFIERS.contains(&word.trim_matches('.')));
    words.collect::<Vec<_>>().join(" ")
}

/// One cell with a date and a time, or two.
fn time(cells: &Cells, zone: Tz) -> Result<Timestamp, String> {
    let when = find(cells, WHEN).or_else(|| find(cells, TIME)).ok_or("it does not say when")?;
    if let Ok(time) = when.parse() {
        return Ok(time);
    }
    let whole = match find(cells, TIME) {
        Some(time) if date(when).is_some() => format!("{when} {time}"),
        _ => when.to_string(),
    };
    let naive = naive(&whole).ok_or_else(|| format!("{whole:?} is no time such as 2026-03-06 13:30"))?;
    Ok(resolve_local(zone, naive))
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    let (day, clock) = text.trim().split_once([' ', 'T'])?;
    Some(date(day)?.and_time(clock_time(clock)?))
}

fn date(text: &str) -> Option<NaiveDate> {
    ["%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok())
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    let text = text.trim().to_ascii_uppercase();
    let spaced = text.replace("AM", " AM").replace("PM", " PM").replace("  ", " ");
    ["%H:%M:%S", "%H:%M", "%I:%M %p"].iter().find_map(|form| NaiveTime::parse_from_str(&spaced, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Rows {
        read(text, &Reading { source: "desk", zone: chrono_tz::America::New_York }).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_table_with_its_own_ids_and_naive_times() {
        let found = rows(
            "id,date,time,currency,event,impact,previous,forecast,actual\n\
             7,2026-03-06,08:30,usd,Non-Farm Payrolls,High,175K,180K,\n\
             8,2026-03-09,8:30am,EUR,\"Sentix, Investors\",Low,,,\n",
        );
        assert_eq!(found.bad, []);
        let [payrolls, sentix] = &found.items[..] else { panic!("{found:?}") };
        assert_eq!((payrolls.id.as_str(), payrolls.currency.as_str()), ("desk:7", "USD"));
        assert_eq!((payrolls.time, payrolls.impact), (at("2026-03-06T13:30:00Z"), Impact::High));
        assert_eq!((payrolls.previous.as_deref(), payrolls.actual.as_deref()), (Some("175K"), None));
        assert_eq!((sentix.time, sentix.title.as_str()), (at("2026-03-09T12:30:00Z"), "Sentix, Investors"));
    }

    #[test]
    fn a_feed_of_objects_whose_times_have_their_zone() {
        let text = r#"[{"title":"CPI m/m","country":"USD","date":"2026-03-11T08:30:00-04:00","impact":"High",
            "forecast":"0.3%","previous":"0.2%"},
            {"title":"Bank Holiday","country":"JPY","date":"2026-03-20T00:00:00+09:00","impact":"Holiday"}]"#;
        let found = rows(text);
        assert_eq!(found.items[0].time, at("2026-03-11T12:30:00Z"));
        assert_eq!((found.items[0].forecast.as_deref(), found.items[1].impact), (Some("0.3%"), Impact::Low));
        let wrapped = rows(&format!("{{\"status\":\"ok\",\"events\":{text}}}"));
        assert_eq!(wrapped.items, found.items);
    }

    #[test]
    fn without_an_id_the_title_s_qualifiers_do_not_make_another_item() {
        let id = |title: &str, time: &str| {
            rows(&format!("date,currency,title\n{time},USD,{title}\n")).items.remove(0).id
        };
        let of = |title: &str| id(title, "2026-03-11 08:30");
        assert_eq!(of("CPI m/m"), of("CPI (MoM) (Feb)"));
        assert_eq!(of("GDP Prelim. q/q"), of("gdp final q/q"));
        assert_ne!(of("CPI"), of("Core CPI"));
        assert_ne!(of("CPI"), id("CPI", "2026-03-12 08:30"));
    }

    #[test]
    fn a_row_that_cannot_be_read_says_why_and_costs_no_other() {
        let found = rows(
            "date;time;currency;title;impact\n2026-03-06;All Day;USD;Election;High\n2026-03-06;08:30;;CPI;High\n\
             2026-03-06;08:30;USD;;High\n2026-03-06;08:30;USD;CPI;huge\n2026-03-06;08:30;USD;CPI;2\n",
        );
        let reasons: Vec<(usize, &str)> =
            found.bad.iter().map(|bad| (bad.row, bad.reason.as_str())).collect();
        assert_eq!(
            reasons,
            [
                (1, "\"2026-03-06 All Day\" is no time such as 2026-03-06 13:30"),
                (2, "it has no currency"),
                (3, "it has no title"),
                (4, "\"huge\" is no impact: use low, medium or high"),
            ]
        );
        assert_eq!(found.items.len(), 1);
    }

    #[test]
    fn what_is_no_calendar_is_refused_as_a_whole() {
        let refused = |text: &str| {
            read(text, &Reading { source: "desk", zone: Tz::UTC }).map(|rows| rows.items.len()).unwrap_err()
        };
        assert!(refused("<html><body>Sign in</body></html>").contains("has no column"));
        assert!(refused("{\"error\":\"no key\"}").contains("without a list"));
        assert!(refused("[{").contains("no JSON"));
    }
}
