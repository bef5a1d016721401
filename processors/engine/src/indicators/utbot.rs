//! UT Bot: stops at a distance of the average true range, trailing the trend.

use crate::snapshot::{Code, stored};

/// Average true ranges between EMA50 and a stop.
const DISTANCE: f64 = 3.0;

/// UTBot(50, 10, 3).
///
/// Unit: price. `long = EMA50 − 3·ATR10`, `short = EMA50 + 3·ATR10`, both of the same bar. While the mode before the
/// bar is long, the long stop never falls; while it is short, the short stop never rises. Then a close below the long
/// stop turns to short (unless it is short), one above the short stop to long. Neutral until the close first leaves
/// the band. First value at bar 50. After the script of that name that traders share, with EMA50 for the price.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UtBot {
    mode: Mode,
    stops: Option<Stops>,
}

/// The side of the stop that is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The close never left the band.
    #[default]
    Neutral,
    /// Above a rising stop.
    Long,
    /// Below a falling one.
    Short,
}

/// Both stops at one bar, before the turn they may have caused: on such a bar one of them is the stop that was
/// broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stops {
    /// The stop below the price, which guards a long position.
    pub long: f64,
    /// The stop above the price, which guards a short position.
    pub short: f64,
}

impl UtBot {
    /// Takes the next close in, with both averages of its bar.
    #[inline]
    pub fn update(&mut self, close: f64, ema50: Option<f64>, atr: Option<f64>) {
        let (Some(middle), Some(range)) = (ema50, atr) else { return };
        let now = Stops { long: middle - DISTANCE * range, short: middle + DISTANCE * range };
        let now = self.trailed(now);
        self.stops = Some(now);
        if self.mode != Mode::Short && close < now.long {
            self.mode = Mode::Short;
        } else if self.mode != Mode::Long && close > now.short {
            self.mode = Mode::Long;
        }
    }

    #[inline]
    fn trailed(&self, now: Stops) -> Stops {
        match (self.mode, self.stops) {
            (Mode::Long, Some(before)) => Stops { long: now.long.max(before.long), ..now },
            (Mode::Short, Some(before)) => Stops { short: now.short.min(before.short), ..now },
            _ => now,
        }
    }

    /// Both stops; none before bar 50.
    #[inline]
    #[must_use]
    pub const fn stops(&self) -> Option<Stops> {
        self.stops
    }

    /// The mode after the last bar.
    #[inline]
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }
}

impl UtBot {
    pub(crate) fn store(&self) -> stored::UtBot {
        let Self { mode, stops } = *self;
        stored::UtBot { mode: Code(mode), stops: stops.map(|Stops { long, short }| (long, short)) }
    }

    pub(crate) fn restore(stored: &stored::UtBot) -> Self {
        let stored::UtBot { mode: Code(mode), stops } = *stored;
        Self { mode, stops: stops.map(|(long, short)| Stops { long, short }) }
    }
}
