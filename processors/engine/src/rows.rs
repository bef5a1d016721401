//! Rows of bars are judged as a whole: by the close alone, and then all of a row counts or nothing of it. A wick, however
//! long, is part of what happened; a row whose close is beside the row before is another symbol's or a typing error.

use bellwether_schemas::Timestamp;

use crate::bars::is_price;
use crate::snapshot::{Misfit, stored};

/// So many refused rows in a row make the last one's level believed.
const BELIEVE_AFTER: u8 = 3;

/// What one series' rows say about its next one: files and history are judged by the same rule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RowBand {
    /// The close that the next row is compared with: the last accepted one, or one that was believed.
    measure: Option<f64>,
    /// When the row before opened, refused or not.
    before: Option<Timestamp>,
    /// Refused rows since the last that was accepted or believed.
    refused: u8,
}

impl RowBand {
    /// Takes the next row in. A band of 0 judges nothing.
    ///
    /// # Errors
    /// The measure, where the row does not count: its close lies further from it than `band`, a fraction of it, while
    /// the row before opened at most one `spacing` (microseconds) earlier.
    pub fn admit(&mut self, open: Timestamp, close: f64, spacing: i64, band: f64) -> Result<(), f64> {
        let follows = self.before.replace(open).is_some_and(|before| open.since(before) <= spacing);
        let is_far = |measure: &f64| (close - measure).abs() > band * measure;
        let Some(measure) = self.measure.filter(|measure| band > 0.0 && follows && is_far(measure)) else {
            (self.measure, self.refused) = (Some(close), 0);
            return Ok(());
        };
        self.refused += 1;
        if self.refused == BELIEVE_AFTER {
            (self.measure, self.refused) = (Some(close), 0);
        }
        Err(measure)
    }

    pub(crate) fn store(&self) -> stored::RowBand {
        let Self { measure, before, refused } = *self;
        stored::RowBand { measure, before: before.map(|time| time.0), refused }
    }

    pub(crate) fn restore(stored: stored::RowBand) -> Result<Self, Misfit> {
        let stored::RowBand { measure, before, refused } = stored;
        Misfit::unless(measure.is_none_or(is_price), "the close that rows are compared with is no price")?;
        Misfit::unless(refused < BELIEVE_AFTER, "more rows were refused than are disbelieved")?;
        Ok(Self { measure, before: before.map(Timestamp), refused })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// Whether each row of (hour, close) counts, with a band of a fifth.
    fn admitted(rows: &[(i64, f64)]) -> Vec<bool> {
        let mut band = RowBand::default();
        rows.iter()
            .map(|(hour, close)| band.admit(Timestamp(hour * HOUR), *close, HOUR, 0.2).is_ok())
            .collect()
    }

    #[test]
    fn a_close_beyond_the_band_of_the_one_before_is_refused_and_one_on_it_is_not() {
        assert_eq!(admitted(&[(0, 1.0), (1, 1.2), (2, 1.5), (3, 1.25)]), [true, true, false, true]);
    }

    #[test]
    fn behind_a_hole_any_close_counts() {
        assert_eq!(admitted(&[(0, 1.0), (2, 9.0), (3, 9.1)]), [true, true, true]);
    }

    #[test]
    fn a_refused_row_leaves_no_hole() {
        assert_eq!(admitted(&[(0, 1.0), (1, 9.0), (2, 9.0)]), [true, false, false]);
    }

    #[test]
    fn the_third_refused_row_in_a_row_becomes_the_measure_and_is_refused_itself() {
        let rows = [(0, 1.0), (1, 9.0), (2, 5.0), (3, 2.0), (4, 2.1), (5, 1.0)];
        assert_eq!(admitted(&rows), [true, false, false, false, true, false]);
    }

    #[test]
    fn an_accepted_row_ends_the_run() {
        let rows = [(0, 1.0), (1, 9.0), (2, 9.0), (3, 1.0), (4, 9.0), (5, 9.0)];
        assert_eq!(admitted(&rows), [true, false, false, true, false, false]);
    }

    #[test]
    fn a_band_of_zero_judges_nothing() {
        let mut band = RowBand::default();
        let closes = [1.0, 100.0, 0.01];
        assert!(
            (0..)
                .zip(closes)
                .all(|(hour, close)| band.admit(Timestamp(hour * HOUR), close, HOUR, 0.0).is_ok())
        );
    }
}
