//! What is said of a trigger.

use std::fmt::Write as _;

use bellwether_schemas::readings::Bar;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_worker::why::{Around, Priced};
use serde_json::{Value, json};

use super::delivered::{self, Asked};
use super::find::{CausingRecord, Found, Place, Version};

/// Ticks that people are shown one by one.
const SHOWN: usize = 20;

/// Everything that is known of a trigger.
pub(super) struct Told<'a> {
    pub(super) found: &'a Found,
    /// The market around it, or why that cannot be read.
    pub(super) market: &'a Result<Around, String>,
    pub(super) delivered: &'a Asked,
}

impl Told<'_> {
    /// For people, a fact a line.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        let Found { trigger, place, times, version, cause, journal_start } = self.found;
        let mut text = format!("trigger {} of {}\n", trigger.id, trigger.tenant);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<11} {value}");
        };
        line("what", &trigger.sentence_with_symbol("")?);
        line("when", &format!("{} (event time)", trigger.close_time));
        of_line(trigger).iter().for_each(|crossed| line("line", crossed));
        line("alert", &format!("{}, {}, of user {}", trigger.alert_id, trigger.kind, trigger.user_id.0));
        line("version", &of_version(trigger.alert_version, version.as_ref(), *journal_start));
        if let Some(Version { change, .. }) = version {
            line("parameters", &change.parameters.columns()?.to_string());
        }
        line("cause", &of_cause(trigger.cause.to_string().as_str(), cause.as_ref(), *journal_start));
        line(
            "group",
            &format!("{}, {} of {}", trigger.group.id, trigger.group.index + 1, trigger.group.size),
        );
        line("engine", &format!("rules of version {}", trigger.engine_version));
        let again = if *times > 1 { format!(", and {} times more", times - 1) } else { String::new() };
        line(
            "recorded",
            &format!("offset {} of the triggers, at {}{again}", place.offset, place.appended_at),
        );
        of_market(self.market, trigger).iter().for_each(|(name, value)| line(name, value));
        delivered::lines(self.delivered).iter().for_each(|(name, value)| line(name, value));
        Ok(text)
    }

    /// The same as one object and line.
    pub(super) fn json(&self) -> anyhow::Result<String> {
        let Found { trigger, place, times, version, cause, .. } = self.found;
        let version = match version {
            None => Value::Null,
            Some(Version { change, since, until }) => json!({
                "version": change.version, "since": place_json(since),
                "until": until.as_ref().map(place_json), "parameters": change.parameters.columns()?,
            }),
        };
        let cause = cause.as_ref().map(|CausingRecord { place, name, event_time }| {
            json!({ "record": name, "event_time": event_time, "place": place_json(place) })
        });
        let market = match self.market {
            Ok(around) => serde_json::to_value(around)?,
            Err(why) => json!({ "not_read": why }),
        };
        let line = json!({
            "trigger": serde_json::to_value(trigger)?, "sentence": trigger.sentence_with_symbol("")?,
            "recorded": place_json(place), "times": times, "alert_version": version, "cause": cause,
            "market": market, "delivered": delivered::json(self.delivered, trigger),
        });
        Ok(format!("{line}\n"))
    }
}

fn place_json(place: &Place) -> Value {
    json!({ "offset": place.offset, "appended_at": place.appended_at })
}

/// What was crossed, where there is a line.
fn of_line(trigger: &TriggerFired) -> Option<String> {
    let (line, value) = (trigger.threshold?, trigger.value?);
    let before = trigger.previous.map_or_else(String::new, |before| format!("from {before} "));
    Some(format!("{line} was reached {before}to {value}"))
}

/// The bar before, its own and the one after; the ticks that made it.
fn of_market(market: &Result<Around, String>, trigger: &TriggerFired) -> Vec<(&'static str, String)> {
    let around = match market {
        Ok(around) => around,
        Err(why) => return vec![("market", format!("cannot be read: {why}"))],
    };
    let name = |bar: &Bar| match () {
        () if bar.open_time > trigger.open_time && trigger.timeframe.is_some() => "bar after",
        () if bar.close_time <= trigger.open_time => "bar before",
        () if bar.open_time > trigger.close_time => "bar after",
        () => "bar",
    };
    let mut lines: Vec<(&str, String)> = around.bars.iter().map(|bar| (name(bar), of_bar(bar))).collect();
    if around.count > 0 {
        let refused =
            if around.refused > 0 { format!(", {} of them refused", around.refused) } else { String::new() };
        lines.push(("ticks", format!("{}{refused}", around.count)));
    }
    lines.extend(around.ticks.iter().take(SHOWN).map(|tick| ("", of_tick(tick))));
    let more = around.count.saturating_sub(SHOWN as u64);
    lines.extend((more > 0).then(|| ("", format!("and {more} more (--json has a thousand)"))));
    lines
}

fn of_bar(bar: &Bar) -> String {
    let Bar { symbol, timeframe, open_time, open, high, low, close, ticks, .. } = bar;
    format!("{symbol} {timeframe} from {open_time}: {open} {high} {low} {close}, {ticks} ticks")
}

fn of_tick(tick: &Priced) -> String {
    let Priced { ts, symbol, bid, ask, at: (offset, place), refused } = tick;
    let refused = refused.map_or_else(String::new, |why| format!(", refused as {why}"));
    format!("{ts} {symbol} {bid} {ask} (journal {offset}/{place}){refused}")
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
