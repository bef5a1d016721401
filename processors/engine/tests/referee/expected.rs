//! The answer that a story gives to a span, and the engine's own, in the same words.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::why::{Answer, Finding, Held, Point};
use bellwether_schemas::{SessionAnchor, Timeframe, Timestamp};

use super::{Glance, Line, Stand, Story, What};

const MINUTE: i64 = 60_000_000;

impl Story {
    /// What is found of the span, in the order in which it settles the question.
    pub(crate) fn answer(&self, from: Timestamp, to: Timestamp, watermark: Timestamp) -> Vec<String> {
        let looks: Vec<&Glance> = self.looks.iter().filter(|look| from <= look.at && look.at <= to).collect();
        let lines: Vec<(&Glance, &Line)> = looks
            .iter()
            .flat_map(|look| match &look.saw {
                What::Lines(lines) => lines.iter().map(|line| (*look, line)).collect(),
                _ => Vec::new(),
            })
            .collect();
        let mut found = Vec::new();
        found.extend(fired(&lines));
        found.extend(held(&lines));
        found.extend(inside(&lines));
        found.extend(nearest(&lines));
        let span = (from, to);
        let stretches = self.stretches(from, to);
        found.extend(self.warming(&looks, to));
        let undefined = looks.iter().filter(|look| matches!(look.saw, What::Undefined)).count();
        found.extend((undefined > 0).then(|| format!("undefined {undefined}")));
        for (stand, from, to) in &stretches {
            match stand {
                Some(stand) if stand.state == "watched" => {}
                Some(Stand { state, reason, since, at, .. }) => {
                    let reason = reason.clone().unwrap_or_default();
                    let from = if *at >= span.0 { at } else { from };
                    found.push(format!("off {state} {reason} {:?} {from} {to}", Some(since)));
                }
                None => found.push(format!("off unknown  None {from} {to}")),
            }
        }
        let gaps = gaps(&stretches, &looks, watermark);
        found.extend(gaps);
        if found.is_empty() {
            found.push("nothing due".into());
        }
        let refused = self.refused.iter().filter(|(at, _)| from <= *at && *at <= to);
        found.extend(refused.map(|(at, what)| format!("edit refused {what} {at}")));
        found
    }

    /// How it stood, from when to when, within the span; none: there was no such alert.
    fn stretches(&self, from: Timestamp, to: Timestamp) -> Vec<(Option<&Stand>, Timestamp, Timestamp)> {
        let mut stretches = Vec::new();
        let mut begin = Timestamp(i64::MIN);
        let mut stand = None;
        for next in self.stands.iter().map(Some).chain([None]) {
            let end = next.map_or(to, |next| next.at.min(to));
            if begin.max(from) <= end {
                stretches.push((stand, begin.max(from), end));
            }
            let Some(next) = next else { break };
            begin = Timestamp(next.at.0.saturating_add(1));
            stand = Some(next);
        }
        stretches
    }

    /// The least that the subjects still miss since the alert was last watched anew.
    fn warming(&self, looks: &[&Glance], to: Timestamp) -> Option<String> {
        let renewed = self.stands.iter().filter(|stand| stand.state == "watched" && stand.at < to).count();
        let mut last: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for look in looks.iter().filter(|look| look.renewed >= renewed) {
            let missing = match look.saw {
                What::Warming(missing) => Some(missing),
                _ => None,
            };
            last.insert(&look.subject, missing);
        }
        last.into_values().flatten().min().map(|missing| format!("warming {missing}"))
    }
}

fn point(look: &Glance, line: &Line) -> String {
    format!("{} {:?} {} {:?} {:?}", look.at, look.subject, line.side, line.value, line.line)
}

fn fired(lines: &[(&Glance, &Line)]) -> Option<String> {
    let fired: Vec<_> = lines.iter().filter(|(_, line)| line.fired()).collect();
    // The engine tells the triggers of an instant in their order: of one time any may be the first.
    let at = fired.first()?.0.at;
    Some(format!("fired {} first at {at}", fired.len()))
}

/// Which of two comes later: by time, subject and side.
fn place<'a>((look, line): &(&'a Glance, &'a Line)) -> (Timestamp, &'a str, &'a str) {
    (look.at, &look.subject, line.side)
}

fn held(lines: &[(&Glance, &Line)]) -> Vec<String> {
    const ORDER: [&str; 6] = ["history", "stale", "baseline", "expired", "cooldown", "suppressed"];
    let name = |line: &Line| {
        let held = line.held.as_deref().unwrap_or("baseline");
        held.split(' ').next().unwrap().to_owned()
    };
    let held: Vec<_> =
        lines.iter().filter(|(_, line)| line.is && line.was != Some(true) && !line.fired()).collect();
    let mut all = Vec::new();
    for (order, by) in ORDER.into_iter().enumerate() {
        let of_it: Vec<_> = held.iter().filter(|(_, line)| name(line) == by).collect();
        let Some((look, line)) = of_it.iter().max_by_key(|at| place(at)) else { continue };
        let by = line.held.clone().unwrap_or_else(|| by.into());
        all.push((-look.at.0, order, format!("held {by} {} {}", of_it.len(), point(look, line))));
    }
    all.sort();
    all.into_iter().map(|(.., told)| told).collect()
}

fn inside(lines: &[(&Glance, &Line)]) -> Option<String> {
    let inside: Vec<_> = lines.iter().filter(|(_, line)| line.is && line.was == Some(true)).collect();
    let (look, line) = inside.iter().max_by_key(|at| place(at))?;
    Some(format!("inside {} {}", inside.len(), point(look, line)))
}

fn nearest(lines: &[(&Glance, &Line)]) -> Option<String> {
    let outside = lines.iter().filter(|(_, line)| !line.is);
    let distance = |line: &Line| line.distance.unwrap_or(f64::INFINITY);
    let (look, line) = outside.min_by(|(a, x), (b, y)| {
        let places = (a.at, &a.subject, x.side).cmp(&(b.at, &b.subject, y.side));
        distance(x).total_cmp(&distance(y)).then(places)
    })?;
    Some(format!("nearest {} {:?}", point(look, line), line.distance))
}

/// Each bar that should have ended is looked for; neighbours that are missing are told together.
fn gaps(
    stretches: &[(Option<&Stand>, Timestamp, Timestamp)],
    looks: &[&Glance],
    watermark: Timestamp,
) -> Vec<String> {
    let mut gaps: BTreeSet<(Timestamp, Timestamp, String)> = BTreeSet::new();
    for (stand, from, to) in stretches {
        let Some(stand) = stand.filter(|stand| stand.state == "watched") else { continue };
        for (subject, symbol) in &stand.subjects {
            let of_it: Vec<&&Glance> = looks.iter().filter(|look| look.subject == *subject).collect();
            let mut open: Option<(Timestamp, Timestamp)> = None;
            for (begin, end) in bars_due(stand, symbol, *from, (*to).min(watermark)) {
                if of_it.iter().any(|look| look.open <= begin && end <= look.close) {
                    gaps.extend(open.take().map(|(from, to)| (from, to, subject.clone())));
                } else {
                    open = Some((open.map_or(begin, |(from, _)| from), end));
                }
            }
            gaps.extend(open.map(|(from, to)| (from, to, subject.clone())));
        }
    }
    gaps.into_iter().map(|(from, to, subject)| format!("gap {subject} {from} {to}")).collect()
}

fn bars_due(stand: &Stand, symbol: &str, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut due = Vec::new();
    let Some(timeframe) = stand.timeframe else {
        let mut minute = Timestamp(from.0.div_euclid(MINUTE) * MINUTE);
        while minute.0 + MINUTE <= to.0 {
            if minute >= from {
                due.push((minute, Timestamp(minute.0 + MINUTE)));
            }
            minute = Timestamp(minute.0 + MINUTE);
        }
        return due;
    };
    let mut inside = from.plus(-1);
    loop {
        let span = anchor(stand, symbol).span(timeframe, inside);
        if span.close > to {
            return due;
        }
        due.push((span.open, span.close));
        inside = span.close;
    }
}

fn anchor(stand: &Stand, symbol: &str) -> SessionAnchor {
    let listed = stand.settings.symbols.iter().find(|listed| listed.name.as_str() == symbol);
    if listed.is_some_and(|listed| listed.always_open) {
        SessionAnchor::UTC
    } else {
        stand.settings.session_anchor
    }
}

/// The engine's answer in the same words.
pub(crate) fn told(answer: &Answer) -> Vec<String> {
    let gaps = |finding: &Finding| match finding {
        Finding::NoData { subjects, from, to } => {
            let mut subjects = subjects.clone();
            subjects.sort_unstable();
            subjects.iter().map(|subject| format!("gap {subject} {from} {to}")).collect()
        }
        other => vec![one(other)],
    };
    answer.findings.iter().flat_map(gaps).collect()
}

fn one(finding: &Finding) -> String {
    let point = |Point { at, subject, condition, value, line, .. }: &Point| {
        format!("{at} {subject:?} {condition} {value:?} {line:?}")
    };
    match finding {
        Finding::Fired { times, first } => format!("fired {times} first at {}", first.at),
        Finding::Off { state, reason, since, from, to } => {
            format!("off {state} {} {since:?} {from} {to}", reason.clone().unwrap_or_default())
        }
        Finding::EditRefused { version, reason, at, .. } => format!("edit refused {version} {reason} {at}"),
        Finding::Held { by, times, last } => format!("held {} {times} {}", held_by(*by), point(last)),
        Finding::Inside { times, last } => format!("inside {times} {}", point(last)),
        Finding::Nearest { point: at, distance } => format!("nearest {} {distance:?}", point(at)),
        Finding::Warming { timeframe, bars, .. } => {
            format!("warming {}", i64::try_from(*bars).unwrap() * Timeframe::nominal(*timeframe))
        }
        Finding::Undefined { times } => format!("undefined {times}"),
        Finding::NoData { .. } => String::new(),
        Finding::NothingDue => "nothing due".into(),
    }
}

fn held_by(held: Held) -> String {
    match held {
        Held::Cooldown(until) => format!("cooldown {until}"),
        Held::Suppressed(until) => format!("suppressed {until}"),
        other => other.name().into(),
    }
}
