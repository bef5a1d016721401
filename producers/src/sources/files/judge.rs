//! A row of bars is judged as a whole, by its close, before any of its prices is played.

use bellwether_schemas::Timestamp;

/// Refused rows in a row of which the last becomes the measure.
const BELIEVED: u8 = 3;

/// Compares each close with the last one that counts.
pub(super) struct Judge {
    band: f64,
    spacing: i64,
    measure: Option<f64>,
    preceding: Option<Timestamp>,
    refused: u8,
}

impl Judge {
    /// Of bars of that length in microseconds. A band of 0 lets everything through.
    pub(super) const fn new(band: f64, spacing: i64) -> Self {
        Self { band, spacing, measure: None, preceding: None, refused: 0 }
    }

    /// The price that this close lies too far from; none where it is accepted. A row that follows on no other by at
    /// most one spacing is not compared.
    pub(super) fn refuses(&mut self, ts: Timestamp, close: f64) -> Option<f64> {
        let preceding = self.preceding.replace(ts);
        let follows = preceding.is_some_and(|preceding| ts.since(preceding) <= self.spacing);
        let measure = self.measure.filter(|_| follows && self.band > 0.0);
        let far = measure.filter(|measure| (close - measure).abs() > self.band * measure);
        match far {
            None => {
                self.measure = Some(close);
                self.refused = 0;
            }
            Some(_) => {
                self.refused += 1;
                if self.refused == BELIEVED {
                    self.measure = Some(close);
                    self.refused = 0;
                }
            }
        }
        far
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::MINUTE;

    use super::*;

    fn verdicts(band: f64, rows: &[(i64, f64)]) -> Vec<bool> {
        let mut judge = Judge::new(band, MINUTE);
        rows.iter()
            .map(|(minute, close)| judge.refuses(Timestamp(minute * MINUTE), *close).is_none())
            .collect()
    }

    #[test]
    fn a_close_beyond_the_band_is_refused_and_the_third_becomes_the_measure() {
        let rows = [(0, 1.0), (1, 1.5), (2, 1.5), (3, 1.5), (4, 1.5), (5, 1.0)];
        assert_eq!(verdicts(0.2, &rows), [true, false, false, false, true, false]);
        assert_eq!(verdicts(0.2, &[(0, 1.0), (1, 1.2), (2, 0.96)]), [true, true, true], "the band's edge");
        assert_eq!(
            verdicts(0.2, &[(0, 1.0), (1, 1.5), (2, 1.0), (3, 1.5), (4, 1.5)]),
            [true, false, true, false, false]
        );
    }

    #[test]
    fn after_a_gap_and_without_a_band_nothing_is_compared() {
        assert_eq!(verdicts(0.2, &[(0, 1.0), (2, 1.5)]), [true, true]);
        assert_eq!(verdicts(0.2, &[(0, 1.0), (1, 1.5), (2, 1.5), (4, 1.5)]), [true, false, false, true]);
        assert_eq!(verdicts(0.0, &[(0, 1.0), (1, 99.0)]), [true, true]);
    }
}
