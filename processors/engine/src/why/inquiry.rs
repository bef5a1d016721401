//! One question: this alert, this span of event time.

use std::collections::BTreeMap;

use bellwether_schemas::time::Span;
use bellwether_schemas::{Timeframe, Timestamp};

use super::answer::{Answer, Finding, Point};
use super::gaps::{Covered, due};
use super::{Held, Look, Seen, Side, Sight, Sighting, Stands, State, Watched};

/// Takes in what a fold saw of one alert, in its order, and answers for one span. What comes before the span only tells how
/// the alert stood.
#[derive(Debug, Clone)]
pub struct Inquiry {
    from: Timestamp,
    to: Timestamp,
    stretch: Stretch,
    off: Vec<Finding>,
    watched: Vec<(Watched, Span)>,
    refused: Vec<Finding>,
    covered: Covered,
    fired: Option<(u64, Point)>,
    held: BTreeMap<&'static str, (Held, u64, Point)>,
    inside: Option<(u64, Point)>,
    nearest: Option<(Point, Option<f64>)>,
    /// Of each subject, what its last look missed; none where it missed nothing.
    warming: BTreeMap<String, Option<(Timeframe, u64)>>,
    undefined: u64,
}

/// How the alert stands, and since when.
#[derive(Debug, Clone)]
struct Stretch {
    state: State,
    since: Option<u64>,
    begins: Timestamp,
}

impl Inquiry {
    /// Both ends count. The span has a beginning and an end, whatever was asked for: no time before all others.
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        let stretch = Stretch { state: State::Unknown, since: None, begins: Timestamp::MIN };
        Self {
            from,
            to,
            stretch,
            off: Vec::new(),
            watched: Vec::new(),
            refused: Vec::new(),
            covered: Covered::default(),
            fired: None,
            held: BTreeMap::new(),
            inside: None,
            nearest: None,
            warming: BTreeMap::new(),
            undefined: 0,
        }
    }

    /// How the alert stood before the fold began, and the journal offset that it stood so since: what a state does not tell.
    pub fn stood(&mut self, state: State, since: Option<u64>) {
        self.stretch = Stretch { state, since, begins: Timestamp::MIN };
    }

    /// The span ends there, where it was not known before.
    pub const fn ends(&mut self, to: Timestamp) {
        self.to = to;
    }

    /// Takes in what was seen next.
    pub fn see(&mut self, sighting: &Sighting) {
        let Sighting { offset, at, sight, .. } = sighting;
        let is_within = self.from <= *at && *at <= self.to;
        match sight {
            Sight::Stands(state) => self.change(state, *offset, *at),
            Sight::EditRefused { version, reason } if is_within => {
                let (version, reason) = (*version, reason.clone());
                self.refused.push(Finding::EditRefused { version, reason, offset: *offset, at: *at });
            }
            Sight::Looked(look) if is_within => self.look(look, *at),
            Sight::Fired(point) if is_within => {
                self.fired.get_or_insert_with(|| (0, point.clone())).0 += 1;
            }
            Sight::EditRefused { .. } | Sight::Looked(_) | Sight::Fired(_) => {}
        }
    }

    fn change(&mut self, state: &State, offset: u64, at: Timestamp) {
        self.end_stretch(at);
        if matches!(state, State::Watched(_)) && at < self.to {
            self.warming.clear();
        }
        self.stretch = Stretch { state: state.clone(), since: Some(offset), begins: at.plus(1) };
    }

    /// Keeps what of the present stretch lies within the span.
    fn end_stretch(&mut self, at: Timestamp) {
        let Stretch { state, since, begins } = &self.stretch;
        let (from, to) = (self.from.max(*begins), self.to.min(at));
        if from > to {
            return;
        }
        match state {
            State::Watched(watched) => {
                self.watched.push((watched.clone(), Span { open: from, close: to }));
            }
            off => {
                let reason = match off {
                    State::Refused { reason } => Some(reason.clone()),
                    _ => None,
                };
                // The change itself came an instant before.
                let from = if *begins > self.from { begins.plus(-1) } else { from };
                self.off.push(Finding::Off { state: off.name(), reason, since: *since, from, to });
            }
        }
    }

    fn look(&mut self, Look { subject, span, seen }: &Look, at: Timestamp) {
        self.covered.add(subject, *span);
        let missing = match seen {
            Seen::Warming { timeframe, bars } => Some((*timeframe, *bars)),
            Seen::Nothing | Seen::Sides(_) => None,
        };
        match self.warming.get_mut(subject) {
            Some(known) => *known = missing,
            None => drop(self.warming.insert(subject.clone(), missing)),
        }
        match seen {
            Seen::Warming { .. } => {}
            Seen::Nothing => self.undefined += 1,
            Seen::Sides(sides) => sides.iter().for_each(|side| self.side(side, at, subject)),
        }
    }

    fn side(&mut self, side: &Side, at: Timestamp, subject: &str) {
        match (side.stands, side.held) {
            (Stands::Outside, _) => self.come_near(side, at, subject),
            (Stands::Inside, _) => {
                let point = side.point(at, subject);
                let (times, last) = self.inside.get_or_insert_with(|| (0, point.clone()));
                *times += 1;
                if point.is_later(last) {
                    *last = point;
                }
            }
            (Stands::Reached, Some(by)) => {
                let point = side.point(at, subject);
                let (held, times, last) =
                    self.held.entry(by.name()).or_insert_with(|| (by, 0, point.clone()));
                *times += 1;
                if point.is_later(last) {
                    (*held, *last) = (by, point);
                }
            }
            // It fired, which is told for itself.
            (Stands::Reached, None) => {}
        }
    }

    /// The smallest distance; of equals the first, by the subject and the side.
    fn come_near(&mut self, side: &Side, at: Timestamp, subject: &str) {
        let order = |distance: Option<f64>| distance.unwrap_or(f64::INFINITY);
        let is_nearer = self.nearest.as_ref().is_none_or(|(point, distance)| {
            let place = (at, subject, side.condition.name());
            order(side.distance).total_cmp(&order(*distance)).then(place.cmp(&point.place())).is_lt()
        });
        if is_nearer {
            self.nearest = Some((side.point(at, subject), side.distance));
        }
    }

    /// What was found, once the journal was folded past the span's end or to its own, up to that watermark.
    #[must_use]
    pub fn answer(mut self, watermark: Option<Timestamp>) -> Answer {
        self.end_stretch(self.to);
        let reached = watermark.unwrap_or(Timestamp::MIN);
        let gaps = self.gaps(self.to.min(reached));
        let mut findings = Vec::new();
        findings.extend(self.fired.map(|(times, first)| Finding::Fired { times, first }));
        let mut held: Vec<_> = self.held.into_values().collect();
        held.sort_by(|(a, _, at), (b, _, before)| before.at.cmp(&at.at).then(a.cmp(b)));
        findings.extend(held.into_iter().map(|(by, times, last)| Finding::Held { by, times, last }));
        findings.extend(self.inside.map(|(times, last)| Finding::Inside { times, last }));
        findings.extend(self.nearest.map(|(point, distance)| Finding::Nearest { point, distance }));
        findings.extend(warming(&self.warming));
        findings.extend((self.undefined > 0).then_some(Finding::Undefined { times: self.undefined }));
        findings.extend(self.off);
        findings.extend(gaps);
        if findings.is_empty() {
            findings.push(Finding::NothingDue);
        }
        findings.extend(self.refused);
        let reached = watermark.filter(|watermark| *watermark < self.to);
        Answer { from: self.from, to: self.to, reached, findings }
    }

    /// Bars that were due while the alert was watched and are not there; subjects that miss the same together.
    fn gaps(&self, reached: Timestamp) -> Vec<Finding> {
        let mut gaps: BTreeMap<(Timestamp, Timestamp), Vec<String>> = BTreeMap::new();
        for (watched, Span { open, close }) in &self.watched {
            for (subject, anchor) in watched.subjects.iter() {
                let due = due(watched.timeframe, *anchor, *open, (*close).min(reached));
                for gap in self.covered.gaps(subject, due) {
                    gaps.entry((gap.open, gap.close)).or_default().push(subject.clone());
                }
            }
        }
        gaps.into_iter().map(|((from, to), subjects)| Finding::NoData { subjects, from, to }).collect()
    }
}

/// Of the subjects that still warm, the one that needs the fewest bars.
fn warming(last: &BTreeMap<String, Option<(Timeframe, u64)>>) -> Option<Finding> {
    let missing = last.iter().filter_map(|(subject, missing)| missing.map(|missing| (subject, missing)));
    let time = |(timeframe, bars): (Timeframe, u64)| i128::from(timeframe.nominal()) * i128::from(bars);
    let (subject, (timeframe, bars)) = missing.min_by_key(|(_, missing)| time(*missing))?;
    Some(Finding::Warming { subject: subject.clone(), timeframe, bars })
}
