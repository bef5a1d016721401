//! What is said of a trigger.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::find::{CausingRecord, Found, Place, Version};

/// For people, a fact a line.
pub(super) fn text(found: &Found) -> anyhow::Result<String> {
    let Found { trigger, place, times, version, cause, journal_start } = found;
    let mut text = format!("trigger {} of {}\n", trigger.id, trigger.tenant);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    line("what", &trigger.sentence_with_symbol("")?);
    line("when", &format!("{} (event time)", trigger.close_time));
    line("alert", &format!("{}, {}, of user {}", trigger.alert_id, trigger.kind, trigger.user_id.0));
    line("version", &of_version(trigger.alert_version, version.as_ref(), *journal_start));
    if let Some(Version { change, .. }) = version {
        line("parameters", &change.parameters.columns()?.to_string());
    }
    line("cause", &of_cause(trigger.cause.to_string().as_str(), cause.as_ref(), *journal_start));
    line("group", &format!("{}, {} of {}", trigger.group.id, trigger.group.index + 1, trigger.group.size));
    line("engine", &format!("rules of version {}", trigger.engine_version));
    let again = if *times > 1 { format!(", and {} times more", times - 1) } else { String::new() };
    line("recorded", &format!("offset {} of the triggers, at {}{again}", place.offset, place.appended_at));
    Ok(text)
}

fn of_version(number: i64, version: Option<&Version>, journal_start: u64) -> String {
    let Some(Version { since, until, .. }) = version else {
        return format!("{number}; since when is not known: the journal begins at offset {journal_start}");
    };
    let Place { offset, appended_at } = since;
    let until = until.map_or_else(
        || "it still is".to_string(),
        |Place { offset, appended_at }| format!("the next came at offset {offset}, at {appended_at}"),
    );
    format!("{number}, in force since journal offset {offset}, at {appended_at}; {until}")
}

fn of_cause(cause: &str, record: Option<&CausingRecord>, journal_start: u64) -> String {
    let Some(CausingRecord { place, name, event_time }) = record else {
        return format!("journal {cause}, which is gone: the journal begins at offset {journal_start}");
    };
    let time = event_time.map_or_else(String::new, |time| format!(" of event time {time}"));
    format!("journal {cause}: a {name}{time}, appended at {}", place.appended_at)
}

/// The same as one object and line.
pub(super) fn json(found: &Found) -> anyhow::Result<String> {
    let Found { trigger, place, times, version, cause, .. } = found;
    let place_json = |place: &Place| json!({ "offset": place.offset, "appended_at": place.appended_at });
    let version = match version {
        None => Value::Null,
        Some(Version { change, since, until }) => json!({
            "version": change.version, "since": place_json(since), "until": until.as_ref().map(place_json),
            "parameters": change.parameters.columns()?,
        }),
    };
    let cause = cause.as_ref().map(|CausingRecord { place, name, event_time }| {
        json!({ "record": name, "event_time": event_time, "place": place_json(place) })
    });
    let line = json!({
        "trigger": serde_json::to_value(trigger)?, "sentence": trigger.sentence_with_symbol("")?,
        "recorded": place_json(place), "times": times, "alert_version": version, "cause": cause,
    });
    Ok(format!("{line}\n"))
}
