//! Where bars should be and are none.

use std::collections::BTreeMap;

use bellwether_schemas::time::{MINUTE, Span};
use bellwether_schemas::{SessionAnchor, Timeframe, Timestamp};

/// Of each subject, the bars that were looked at: what begins, and where that ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered(BTreeMap<String, BTreeMap<Timestamp, Timestamp>>);

impl Covered {
    pub(super) fn add(&mut self, subject: &str, span: Span) {
        let add = |spans: &mut BTreeMap<Timestamp, Timestamp>| {
            let end = spans.entry(span.open).or_insert(span.close);
            *end = (*end).max(span.close);
        };
        match self.0.get_mut(subject) {
            Some(spans) => add(spans),
            None => add(self.0.entry(subject.into()).or_default()),
        }
    }

    /// The parts of `due` that no bar of the subject covers, in their order.
    pub(super) fn gaps(&self, subject: &str, due: Span) -> Vec<Span> {
        let mut gaps = Vec::new();
        let mut done = due.open;
        for (open, close) in self.0.get(subject).into_iter().flatten() {
            if *open > done && done < due.close {
                gaps.push(Span { open: done, close: (*open).min(due.close) });
            }
            done = done.max(*close);
        }
        if done < due.close {
            gaps.push(Span { open: done, close: due.close });
        }
        gaps
    }
}

/// The bars that end from `from` to `to`, both included, as one span; of ticks, the whole minutes between. Empty where none
/// does.
pub(super) fn due(
    timeframe: Option<Timeframe>,
    anchor: SessionAnchor,
    from: Timestamp,
    to: Timestamp,
) -> Span {
    match timeframe {
        Some(timeframe) => {
            Span { open: anchor.span(timeframe, from.plus(-1)).open, close: anchor.span(timeframe, to).open }
        }
        None => Span { open: from.plus(MINUTE - 1).floor(MINUTE), close: to.floor(MINUTE) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(open: i64, close: i64) -> Span {
        Span { open: Timestamp(open * MINUTE), close: Timestamp(close * MINUTE) }
    }

    #[test]
    fn a_gap_is_what_no_bar_covers() {
        let mut covered = Covered::default();
        for (open, close) in [(0, 5), (10, 15), (10, 25), (20, 25), (40, 45)] {
            covered.add("EURUSD", span(open, close));
        }
        assert_eq!(covered.gaps("EURUSD", span(0, 45)), [span(5, 10), span(25, 40)]);
        assert_eq!(covered.gaps("EURUSD", span(6, 9)), [span(6, 9)]);
        assert_eq!(covered.gaps("EURUSD", span(30, 60)), [span(30, 40), span(45, 60)]);
        assert_eq!(covered.gaps("EURUSD", span(10, 25)), []);
        assert_eq!(covered.gaps("EURUSD", span(25, 25)), []);
        assert_eq!(covered.gaps("GBPUSD", span(0, 9)), [span(0, 9)], "not a single tick");
    }

    #[test]
    fn what_is_due_are_the_bars_that_end_within_the_span() {
        let bars = |from: i64, to: i64| {
            let due = due(Some(Timeframe::M5), SessionAnchor::UTC, Timestamp(from), Timestamp(to));
            (due.open.0 / MINUTE, due.close.0 / MINUTE)
        };
        assert_eq!(bars(10 * MINUTE, 20 * MINUTE), (5, 20), "both ends count");
        assert_eq!(bars(10 * MINUTE + 1, 20 * MINUTE - 1), (10, 15));
        assert_eq!(bars(11 * MINUTE, 14 * MINUTE), (10, 10), "none");
        let ticks = due(None, SessionAnchor::UTC, Timestamp(10 * MINUTE + 1), Timestamp(13 * MINUTE - 1));
        assert_eq!((ticks.open.0 / MINUTE, ticks.close.0 / MINUTE), (11, 12));
    }
}
