//! ICHIMOKU: the close against the cloud; inside it, Tenkan against Kijun, then the cloud's edges.

use bellwether_schemas::readings::Signal;

use super::View;
use crate::heatmap::events::{Age, Crosses, Events, by_age, concat_by_age};
use crate::heatmap::{Before, Standing, Turn};
use crate::indicators::Cloud;
use crate::snapshot::{Code, Misfit, codes, stored};

/// Crosses of Tenkan over Kijun, and breakouts of the close from the cloud.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct IchimokuCell {
    lines: Crosses,
    place: Option<CloudPlace>,
    breakouts: Events,
}

/// Where a close stands, each against its own bar's cloud. The edge is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloudPlace {
    Above,
    Inside,
    Below,
}

impl CloudPlace {
    #[inline]
    fn of(close: f64, cloud: Cloud) -> Self {
        if close > cloud.a && close > cloud.b {
            Self::Above
        } else if close < cloud.a && close < cloud.b {
            Self::Below
        } else {
            Self::Inside
        }
    }
}

impl IchimokuCell {
    #[inline]
    pub(super) fn update(&mut self, now: &Standing) {
        if let Some((tenkan, kijun)) = now.lines {
            self.lines.update(tenkan, kijun);
        }
        if let Some(cloud) = now.cloud {
            let place = CloudPlace::of(now.close, cloud);
            let before = self.place.replace(place);
            let moved = before.is_some_and(|before| before != place);
            self.breakouts.push(moved && place != CloudPlace::Inside);
        }
    }

    #[inline]
    pub(super) fn view(&self, now: &Standing) -> Option<View> {
        let cloud = now.cloud?;
        let (age, event) = self.latest_event();
        let (signal, reasons) = match self.place? {
            CloudPlace::Above => (Signal::Buy, &ABOVE),
            CloudPlace::Below => (Signal::Sell, &BELOW),
            CloudPlace::Inside => return Some(self.inside(cloud, age)),
        };
        Some(View { signal, age, reason: reasons[event as usize][age] })
    }

    fn inside(&self, cloud: Cloud, age: Age) -> View {
        let cross = self.lines.age();
        let (signal, reason) = match self.lines.latest() {
            Signal::Buy => (Signal::Buy, INSIDE_CROSSED_UP[cross]),
            Signal::Sell => (Signal::Sell, INSIDE_CROSSED_DOWN[cross]),
            Signal::Neutral if cloud.a > cloud.b => (Signal::Buy, INSIDE_RISING[age]),
            Signal::Neutral if cloud.a < cloud.b => (Signal::Sell, INSIDE_FALLING[age]),
            Signal::Neutral => (Signal::Neutral, INSIDE_LINE[age]),
        };
        View { signal, age, reason }
    }

    /// Bars since the later of both events, and which it was; a breakout when both are of one bar.
    #[inline]
    fn latest_event(&self) -> (Age, Event) {
        match (self.breakouts.age(), self.lines.age()) {
            (0, cross) => (cross, Event::Cross),
            (breakout, cross) if cross > 0 && cross < breakout => (cross, Event::Cross),
            (breakout, _) => (breakout, Event::Breakout),
        }
    }

    pub(super) fn turn(&self, now: &Standing, before: &Before) -> Option<Turn> {
        let signal = self.view(now)?.signal;
        Some(Turn { signal, value: Some(now.close), previous: before.close, threshold: None })
    }
}

#[derive(Clone, Copy)]
enum Event {
    Cross,
    Breakout,
}

type Reasons = [&'static str; 4];

/// By event: cross, breakout.
static ABOVE: [Reasons; 2] = [
    by_age!("Tenkan and Kijun crossed"; "close above the cloud"),
    by_age!("broke out"; "close above the cloud"),
];
static BELOW: [Reasons; 2] = [
    by_age!("Tenkan and Kijun crossed"; "close below the cloud"),
    by_age!("broke out"; "close below the cloud"),
];
static INSIDE_CROSSED_UP: Reasons = by_age!("Tenkan crossed above Kijun"; "close inside the cloud");
static INSIDE_CROSSED_DOWN: Reasons = by_age!("Tenkan crossed below Kijun"; "close inside the cloud");
static INSIDE_RISING: Reasons = by_age!("broke out"; "close inside the cloud, which rises");
static INSIDE_FALLING: Reasons = by_age!("broke out"; "close inside the cloud, which falls");
static INSIDE_LINE: Reasons = by_age!("broke out"; "close on the cloud, which is a line");

impl IchimokuCell {
    pub(super) fn store(&self) -> stored::IchimokuCell {
        let Self { lines, place, breakouts } = self;
        stored::IchimokuCell { lines: lines.store(), place: place.map(Code), breakouts: breakouts.store() }
    }

    pub(super) fn restore(stored: &stored::IchimokuCell) -> Result<Self, Misfit> {
        let stored::IchimokuCell { lines, place, breakouts } = stored;
        let place = place.map(|Code(place)| place);
        Ok(Self { lines: Crosses::restore(*lines)?, place, breakouts: Events::restore(*breakouts)? })
    }
}

codes!(CloudPlace { Above = 1, Inside = 2, Below = 3 });
