//! Where times and values lie on a chart, and the texts beside it.

use std::collections::BTreeSet;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;

use super::chart::Label;
use crate::study::Track;

/// Lines across a panel, about.
const GRID: f64 = 4.0;
/// Texts below the chart.
const TIMES: usize = 5;
/// Space above and below the values, as a part of their range.
const MARGIN: f64 = 0.06;

/// Time from left to right by bars, so that nights and weekends without any take no space.
pub(super) struct Axis {
    times: Vec<Timestamp>,
}

impl Axis {
    /// Every time of any of these; none without any.
    pub(super) fn of(tracks: &[&Track]) -> Option<Self> {
        let all: BTreeSet<Timestamp> =
            tracks.iter().flat_map(|track| track.buckets()).map(|bucket| bucket.at).collect();
        (!all.is_empty()).then(|| Self { times: all.into_iter().collect() })
    }

    /// A time's place across the chart, 0 (left) to 1000 (right).
    #[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let after = self.times.partition_point(|time| *time < at);
        let last = self.times.len().saturating_sub(1).max(1);
        let place =
            match (after.checked_sub(1).and_then(|before| self.times.get(before)), self.times.get(after)) {
                (Some(before), Some(next)) => {
                    (after - 1) as f64 + at.since(*before) as f64 / next.since(*before).max(1) as f64
                }
                _ => after.min(last) as f64,
            };
        1000.0 * place / last as f64
    }

    pub(super) fn labels(&self) -> Vec<Label> {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else { return Vec::new() };
        let form = match last.since(*first) {
            short if short <= 2 * DAY => "%d %b %H:%M",
            some if some <= 400 * DAY => "%d %b",
            _ => "%b %Y",
        };
        let places =
            (0..TIMES).filter_map(|step| self.times.get(step * (self.times.len() - 1) / (TIMES - 1)));
        let label =
            |time: &Timestamp| Label { at: self.x(*time) / 10.0, text: time.utc().format(form).to_string() };
        let mut labels: Vec<Label> = places.map(label).collect();
        labels.dedup_by(|next, before| next.text == before.text);
        labels
    }
}

/// Values from bottom to top.
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Holds all of the lines, and the levels that are not far from them.
    pub(super) fn around(lines: &[(String, &Track)], levels: &[f64]) -> Self {
        let buckets = lines.iter().flat_map(|(_, track)| track.buckets());
        let (low, high) = buckets.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), bucket| {
            (low.min(bucket.low), high.max(bucket.high))
        });
        let reach = high - low;
        let near = levels.iter().copied().filter(|level| (low - reach..=high + reach).contains(level));
        let (low, high) = near.fold((low, high), |(low, high), level| (low.min(level), high.max(level)));
        Self::padded(low, high)
    }

    pub(super) fn padded(low: f64, high: f64) -> Self {
        let margin = if high > low { (high - low) * MARGIN } else { (low.abs() * 1e-3).max(1e-6) };
        Self { low: low - margin, high: high + margin }
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// 0 at the top to 100 at the bottom.
    pub(super) fn y(&self, value: f64) -> f64 {
        100.0 * (self.high - value) / (self.high - self.low)
    }

    /// The distance of grid lines: 1, 2 or 5 times a power of ten.
    fn step(&self) -> f64 {
        let rough = (self.high - self.low) / GRID;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0].into_iter().map(|times| times * power);
        steps.rev().find(|step| *step <= rough).unwrap_or(power)
    }

    pub(super) fn steps(&self) -> Vec<f64> {
        let step = self.step();
        let first = (self.low / step).ceil();
        let values = (0..20u32).map(|place| (first + f64::from(place)) * step);
        values.take_while(|value| *value < self.high - step * 0.2).collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of decimals, 0 to 9"
    )]
    pub(super) fn text(&self, value: f64) -> String {
        let decimals = (-self.step().log10().floor()).clamp(0.0, 9.0) as usize;
        let text = format!("{value:.decimals$}");
        if text.trim_start_matches('-').bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            return "0".into();
        }
        text.replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_are_round_numbers_inside() {
        let scale = Scale { low: 1.5662, high: 1.5938 };
        let texts: Vec<String> = scale.steps().into_iter().map(|value| scale.text(value)).collect();
        assert_eq!(texts, ["1.570", "1.575", "1.580", "1.585", "1.590"]);
        let texts: Vec<String> =
            Scale::padded(-100.0, 100.0).steps().iter().map(|value| format!("{value}")).collect();
        assert_eq!(texts, ["-100", "-50", "0", "50", "100"]);
    }

    #[test]
    fn silence_takes_no_space() {
        let axis = Axis { times: [0, 10, 20, 1000, 1010].map(Timestamp).to_vec() };
        let places: Vec<f64> = [0, 15, 20, 510, 1010, 5000].map(|at| axis.x(Timestamp(at))).to_vec();
        assert_eq!(places, [0.0, 375.0, 500.0, 625.0, 1000.0, 1000.0]);
    }

    #[test]
    fn a_flat_line_lies_in_the_middle() {
        let mut track = Track::default();
        track.push(Timestamp(0), 1.5);
        let scale = Scale::around(&[("flat".into(), &track)], &[]);
        assert!((scale.y(1.5) - 50.0).abs() < 1e-6);
    }
}
