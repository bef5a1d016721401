//! Where bars of a file begin and end: those of four hours and longer lie on the days of their symbol.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, HOUR, SessionAnchor, Span, Timeframe};

/// Bars of at least this length are cut at the symbol's days.
const LONG: i64 = 4 * HOUR;
/// A week of seven days of 24 hours.
pub(super) const WEEK: i64 = 7 * DAY;

/// The bars of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Their length in microseconds.
    pub(super) spacing: i64,
    anchor: SessionAnchor,
}

impl Grid {
    /// Bars of that length, of a symbol whose days begin there.
    pub(super) const fn new(spacing: i64, anchor: SessionAnchor) -> Self {
        Self { spacing, anchor }
    }

    /// Are they cut at the symbol's days?
    pub(super) const fn is_long(&self) -> bool {
        self.spacing >= LONG
    }

    /// The bar that holds this time.
    fn span(&self, ts: Timestamp) -> Span {
        match self.spacing {
            DAY => self.anchor.span(Timeframe::D1, ts),
            WEEK => self.anchor.span(Timeframe::W1, ts),
            spacing if (LONG..DAY).contains(&spacing) => {
                let day = self.anchor.span(Timeframe::D1, ts);
                let open = day.open.plus(ts.since(day.open) / spacing * spacing);
                Span { open, close: open.plus(spacing).min(day.close) }
            }
            spacing => Span { open: ts, close: ts.plus(spacing) },
        }
    }

    /// The first instant behind a bar that opens there.
    pub(super) fn close(&self, open: Timestamp) -> Timestamp {
        self.span(open).close
    }

    /// Where the symbol's bar that holds this open begins, if it is not there.
    pub(super) fn misses(&self, open: Timestamp) -> Option<Timestamp> {
        let expected = self.span(open).open;
        (self.is_long() && expected != open).then_some(expected)
    }
}

/// A span for people: `1 minute`, `4 hours`.
#[must_use]
pub fn length(micros: i64) -> String {
    let units = [(WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (60_000_000, "minute"), (1_000_000, "second")];
    let unit = units.into_iter().find(|(unit, _)| micros >= *unit && micros % unit == 0);
    match unit {
        Some((unit, name)) if micros == unit => format!("1 {name}"),
        Some((unit, name)) => format!("{} {name}s", micros / unit),
        None => format!("{micros} µs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn bars_of_four_hours_lie_on_the_symbols_day() {
        let fx = Grid::new(4 * HOUR, SessionAnchor::FX);
        assert_eq!(fx.misses(at("2024-01-08T22:00:00Z")), None);
        assert_eq!(fx.misses(at("2024-01-09T00:00:00Z")), Some(at("2024-01-08T22:00:00Z")));
        let utc = Grid::new(4 * HOUR, SessionAnchor::UTC);
        assert_eq!(utc.misses(at("2024-01-09T00:00:00Z")), None);
        // The day on which New York's clocks go forward has 23 hours.
        assert_eq!(fx.close(at("2024-03-10T18:00:00Z")), at("2024-03-10T21:00:00Z"));
    }

    #[test]
    fn days_and_weeks_lie_on_it_and_shorter_bars_anywhere() {
        assert_eq!(Grid::new(DAY, SessionAnchor::UTC).misses(at("2024-01-09T00:00:00Z")), None);
        assert!(Grid::new(DAY, SessionAnchor::FX).misses(at("2024-01-09T00:00:00Z")).is_some());
        assert_eq!(Grid::new(WEEK, SessionAnchor::UTC).misses(at("2024-01-07T00:00:00Z")), None);
        assert!(Grid::new(WEEK, SessionAnchor::UTC).misses(at("2024-01-08T00:00:00Z")).is_some());
        let hours = Grid::new(HOUR, SessionAnchor::FX);
        assert_eq!(hours.misses(at("2024-01-09T00:30:00Z")), None);
        assert_eq!(hours.close(at("2024-01-09T00:30:00Z")), at("2024-01-09T01:30:00Z"));
    }

    #[test]
    fn a_length_is_said_in_its_largest_unit() {
        let said = [60_000_000, 300_000_000, HOUR, 4 * HOUR, DAY, WEEK].map(length);
        assert_eq!(said, ["1 minute", "5 minutes", "1 hour", "4 hours", "1 day", "1 week"]);
    }
}
