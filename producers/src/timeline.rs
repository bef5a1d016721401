//! A source's ticks with the heartbeats of its played clock between them.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, MINUTE};

use crate::error::InputError;
use crate::resume::Position;
use crate::sources::NumberedQuote;

/// Silence after which the heartbeats of a gap are left out up to its end: by then every bar has closed, the
/// week's too, so they would change nothing, and a line with a wrong year costs no millions of records.
const MAX_SILENCE: i64 = 31 * DAY;

/// What a played source says, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A quote of some source.
    Tick(NumberedQuote),
    /// Its clock passed a full minute.
    Beat(Timestamp),
}

impl Event {
    /// When it is due on the played clock.
    #[must_use]
    pub const fn ts(&self) -> Timestamp {
        match self {
            Self::Tick(tick) => tick.quote.ts,
            Self::Beat(ts) => *ts,
        }
    }
}

/// Puts a heartbeat at each full minute from the first to the last tick, before ticks of that same time, and a
/// last one at the end of the last tick's minute plus `lateness_max`.
pub struct Timeline<I> {
    ticks: I,
    ahead: Option<NumberedQuote>,
    next_minute: Option<Timestamp>,
    newest: Option<Timestamp>,
    lateness_max: i64,
}

impl<I: Iterator<Item = Result<NumberedQuote, InputError>>> Timeline<I> {
    /// The events of these ticks.
    pub const fn new(ticks: I, lateness_max: i64) -> Self {
        Self { ticks, ahead: None, next_minute: None, newest: None, lateness_max }
    }

    /// What is left of it for a producer that stood there: not what the journal has.
    pub fn after(self, position: Position) -> impl Iterator<Item = Result<Event, InputError>> + use<I> {
        self.filter(move |event| event.as_ref().map_or(true, |event| !position.has(event)))
    }

    fn take(&mut self) -> Result<Option<Event>, InputError> {
        if self.ahead.is_none() {
            self.ahead = self.ticks.next().transpose()?;
        }
        let Some(tick) = self.ahead else { return Ok(self.last_beat().map(Event::Beat)) };
        if let Some(minute) = self.minute_before(tick.quote.ts) {
            return Ok(Some(Event::Beat(minute)));
        }
        self.newest = self.newest.max(Some(tick.quote.ts));
        self.ahead = None;
        Ok(Some(Event::Tick(tick)))
    }

    /// The full minute that is to be announced before a tick of that time.
    fn minute_before(&mut self, ts: Timestamp) -> Option<Timestamp> {
        let minute = *self.next_minute.get_or_insert_with(|| ceil(ts));
        if minute > ts {
            return None;
        }
        let silent = self.newest.is_some_and(|newest| minute.since(newest) > MAX_SILENCE);
        let minute = if silent { ts.floor(MINUTE) } else { minute };
        self.next_minute = Some(minute.plus(MINUTE));
        Some(minute)
    }

    fn last_beat(&mut self) -> Option<Timestamp> {
        let newest = self.newest.take()?;
        Some(newest.floor(MINUTE).plus(MINUTE + self.lateness_max))
    }
}

/// The first full minute at or after that time.
#[must_use]
pub const fn ceil(ts: Timestamp) -> Timestamp {
    ts.plus(MINUTE - 1).floor(MINUTE)
}

impl<I: Iterator<Item = Result<NumberedQuote, InputError>>> Iterator for Timeline<I> {
    type Item = Result<Event, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::SECOND;

    use super::*;
    use crate::sources::Quote;

    fn events(seconds: &[i64]) -> Vec<String> {
        let tick = |(seq, second): (u64, &i64)| {
            let ts = Timestamp(second * SECOND);
            Ok(NumberedQuote {
                seq,
                quote: Quote { ts, symbol: 0, bid: 1, ask: 1, scale: 0, judged: false, spacing: None },
                line: None,
            })
        };
        let ticks = (0..).zip(seconds).map(tick);
        let shown = |event| match event {
            Event::Tick(tick) => format!("t{}", tick.quote.ts.0 / SECOND),
            Event::Beat(ts) => format!("b{}", ts.0 / SECOND),
        };
        Timeline::new(ticks, 2 * SECOND).map(|event| shown(event.unwrap())).collect()
    }

    #[test]
    fn heartbeats_stand_at_full_minutes_before_ticks_of_that_time_and_after_the_last_minute() {
        assert_eq!(events(&[61, 119, 120, 300]).join(" "), "t61 t119 b120 t120 b180 b240 b300 t300 b362");
        assert_eq!(events(&[120]).join(" "), "b120 t120 b182");
        assert_eq!(events(&[]).join(" "), "");
    }

    #[test]
    fn a_line_that_goes_back_in_time_takes_no_heartbeat_back() {
        assert_eq!(events(&[61, 185, 70, 190]).join(" "), "t61 b120 b180 t185 t70 t190 b242");
    }

    #[test]
    fn a_line_with_a_wrong_year_costs_a_month_of_heartbeats_and_not_a_century() {
        let century = 100 * 365 * DAY / SECOND;
        assert_eq!(events(&[0, century]).len(), 2 + 2 + 31 * 24 * 60 + 1);
    }
}
