//! What the price did around the triggers of one side: a chart from 20 bars before to 20 after, what followed beside
//! random bars, and what would give away that a trigger knew more than it should.

use std::fmt::Write as _;

use super::axes::Scale;
use super::chart::{Chart, Drawn, Label, Panel, joined};
use super::numbers::{counted, percent};
use super::view::{Around, Check};
use crate::study::{AlertStudy, Beside, Direction, Followed, REACH, Side, Study};

/// Colours of lines: triggers, and what they are set beside.
pub(super) const OF_TRIGGERS: usize = 1;
pub(super) const OF_RANDOM: usize = 0;
/// A move to the next open that is smaller is not worth a word, in percent.
const SMALLEST: f64 = 0.000_5;

/// A point of the chart: bars from the trigger, percent.
type Dot = (f64, f64);

/// Each side that was measured.
pub(super) fn around(study: &Study, alert: &AlertStudy) -> Vec<Around> {
    let of_side = |(direction, side): (&Direction, &Side)| {
        let beside = study.beside(side);
        let followed = alert
            .followed
            .get(direction)
            .copied()
            .or_else(|| side.followed(&beside, crate::study::COMPARED_AFTER))?;
        Some(Around {
            way: direction.name(),
            title: title(*direction, side, &followed),
            chart: chart(*direction, side, &beside)?,
            says: sentence(&followed),
            is_apart: followed.is_apart(),
            checks: [Some(before(side, &beside)), to_next_open(side), Some(off_close(side))]
                .into_iter()
                .flatten()
                .collect(),
        })
    };
    alert.sides.iter().filter_map(of_side).collect()
}

pub(super) const fn expected(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up expected",
        Direction::Down => "down expected",
        Direction::None => "no way expected",
    }
}

fn title(direction: Direction, side: &Side, followed: &Followed) -> String {
    let triggers = counted(side.fired, "trigger", "triggers");
    let capital = expected(direction);
    format!(
        "{}{}: {triggers} on {}",
        capital[..1].to_uppercase(),
        &capital[1..],
        counted(followed.days, "day", "days")
    )
}

/// `Median move after 5 bars +0.120 % (14 triggers), random bars of the same hours +0.010 %: not enough to tell apart.`
fn sentence(followed: &Followed) -> String {
    let Followed { bars, triggers, median, random_median, difference, .. } = followed;
    let mut text = format!(
        "Median move after {bars} bars {} ({})",
        percent(Some(*median)),
        counted(*triggers, "trigger", "triggers")
    );
    let (Some(random), Some(difference)) = (random_median, difference) else {
        return text + "; the run is too short for random bars to set it beside.";
    };
    let verdict = difference.verdict();
    let _ = write!(text, ", random bars of the same hours {}: {verdict}.", percent(Some(*random)));
    text
}

/// An alert on an indicator of the price follows a move by its nature: whoever looks at its chart sees a move that is over.
fn before(side: &Side, beside: &Beside<'_>) -> Check {
    let first = -(REACH as i32);
    let of_triggers = side.quantile(first, 0.5).map(reversed);
    let Some(moved) = of_triggers else {
        return Check { is_fine: true, text: "The run has nothing before the triggers.".into() };
    };
    let mut text = format!("In the {REACH} bars before, the price moved {}", percent(Some(moved)));
    let usual = [0.25, 0.75].map(|share| beside.quantile(first, share).map(reversed));
    let [Some(one), Some(other)] = usual else {
        return Check { is_fine: true, text: text + "." };
    };
    let random = beside.quantile(first, 0.5).map(reversed);
    let _ = write!(text, " (median), random bars {}: ", percent(random));
    text += if (one.min(other)..=one.max(other)).contains(&moved) {
        "what half of all bars have behind them too."
    } else {
        "the alert follows a move, and that move is over when it fires."
    };
    Check { is_fine: true, text }
}

/// From that price to the trigger's, where the trigger's is 0 and that price lies so many percent from it.
fn reversed(moved: f64) -> f64 {
    100.0 * (1.0 / (1.0 + moved / 100.0) - 1.0)
}

/// None of ticks, whose bar has begun before.
fn to_next_open(side: &Side) -> Option<Check> {
    let moved = side.to_next_open()?;
    let text = if moved.abs() >= SMALLEST {
        format!(
            "{} of what follows, on average, lies between the trigger and the open of the next bar: nobody can have it.",
            percent(Some(moved))
        )
    } else {
        "The next bar opens where the trigger stands: what follows was there to be had, less the spread."
            .into()
    };
    Some(Check { is_fine: true, text })
}

fn off_close(side: &Side) -> Check {
    if side.off_close > 0 {
        let text = format!(
            "{} measured from a price that is not the close of the trigger's own bar: something is wrong here.",
            counted(side.off_close, "trigger is", "triggers are")
        );
        return Check { is_fine: false, text };
    }
    let what = if side.on_ticks > 0 { "the price of its own tick" } else { "the close of its own bar" };
    let text = format!(
        "Every trigger is measured from {what} and by bars that close after it: nothing of what follows was known."
    );
    Check { is_fine: true, text }
}

/// Mean with its interval, the middle half, and the mean of random bars.
fn chart(direction: Direction, side: &Side, beside: &Beside<'_>) -> Option<Chart> {
    let every = || -(REACH as i32)..=REACH as i32;
    let mean: Vec<Dot> = side.path().map(|point| (point.bars.into(), point.mean)).collect();
    let ends = side.path().filter_map(|point| Some((f64::from(point.bars), point.interval?)));
    let (low, high): (Vec<Dot>, Vec<Dot>) =
        ends.map(|(bars, (low, high))| ((bars, low), (bars, high))).unzip();
    let quartile = |share| -> Vec<Dot> {
        every().filter_map(|bars| Some((bars.into(), side.quantile(bars, share)?))).collect()
    };
    let (lower, upper) = (quartile(0.25), quartile(0.75));
    let random: Vec<Dot> = every().filter_map(|bars| Some((bars.into(), beside.mean(bars)?))).collect();
    let scale = scale(&[&mean, &lower, &upper, &random]);
    let lines = vec![
        filled("middle half of the triggers", &scale, &lower, &upper),
        filled("95 % interval of the mean", &scale, &low, &high),
        drawn("mean of the triggers", OF_TRIGGERS, &scale, &mean),
        drawn("mean of random bars", OF_RANDOM, &scale, &random),
    ];
    let title = format!("Move of the price in percent, {}", expected(direction));
    let panels = vec![panel(lines, &scale)];
    (!mean.is_empty()).then(|| Chart { title, panels, times: times(), note: String::new() })
}

/// Holds all of the dots, and zero.
fn scale(all: &[&Vec<Dot>]) -> Scale {
    let values = all.iter().copied().flatten().map(|(_, value)| *value);
    let (least, most) =
        values.fold((0.0f64, 0.0f64), |(least, most), value| (least.min(value), most.max(value)));
    Scale::padded(least, most)
}

fn panel(lines: Vec<Drawn>, scale: &Scale) -> Panel {
    let is_there = |line: &Drawn| !line.path.is_empty() || !line.band.is_empty();
    Panel {
        name: "percent".into(),
        is_tall: true,
        lines: lines.into_iter().filter(is_there).collect(),
        grid: labels(scale),
        levels: vec![Label { at: scale.y(0.0), text: String::new() }],
        uprights: vec![500.0],
        marks: Vec::new(),
    }
}

fn times() -> Vec<Label> {
    let half = REACH as i32 / 2;
    let label = |bars: i32| Label {
        at: f64::from(bars + REACH as i32) / (2.0 * REACH as f64) * 100.0,
        text: match bars {
            0 => "trigger".into(),
            bars if bars == 2 * half => format!("{bars:+} bars"),
            bars => format!("{bars:+}").replace('-', "−"),
        },
    };
    [-2 * half, -half, 0, half, 2 * half].map(label).into()
}

fn place(scale: &Scale, (bars, value): Dot) -> (f64, f64) {
    (1000.0 * (bars + REACH as f64) / (2.0 * REACH as f64), scale.y(value))
}

fn drawn(name: &str, colour: usize, scale: &Scale, dots: &[Dot]) -> Drawn {
    let path = joined(dots.iter().map(|dot| place(scale, *dot)));
    Drawn { name: name.into(), colour, path, band: String::new() }
}

fn filled(name: &str, scale: &Scale, low: &[Dot], high: &[Dot]) -> Drawn {
    let around = high.iter().chain(low.iter().rev()).map(|dot| place(scale, *dot));
    let band = if low.is_empty() { String::new() } else { joined(around) + "Z" };
    Drawn { name: name.into(), colour: OF_TRIGGERS, path: String::new(), band }
}

/// A grid line at each round number.
pub(super) fn labels(scale: &Scale) -> Vec<Label> {
    scale.steps().into_iter().map(|value| Label { at: scale.y(value), text: scale.text(value) }).collect()
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::previews::Interval;

    use super::*;

    const FOLLOWED: Followed = Followed {
        bars: 5,
        triggers: 14,
        days: 9,
        median: 0.12,
        random_median: Some(0.01),
        by_chance: Some(0.31),
        difference: Some(Interval { low: -0.02, high: 0.24 }),
    };

    #[test]
    fn what_followed_is_said_beside_random_bars() {
        assert_eq!(
            sentence(&FOLLOWED),
            "Median move after 5 bars +0.120 % (14 triggers), random bars of the same hours +0.010 %: not enough to tell \
             apart."
        );
        let apart = Followed { difference: Some(Interval { low: 0.01, high: 0.2 }), ..FOLLOWED };
        assert!(sentence(&apart).ends_with("+0.010 %: told apart."));
        let alone = Followed { random_median: None, difference: None, triggers: 1, ..FOLLOWED };
        assert!(sentence(&alone).contains("(1 trigger); the run is too short"), "{}", sentence(&alone));
    }

    #[test]
    fn a_move_to_the_trigger_is_measured_from_where_it_began() {
        // From 50 to 100 is up by 100 percent; 50 lies 50 percent below 100.
        assert!((reversed(-50.0) - 100.0).abs() < 1e-12);
    }
}
