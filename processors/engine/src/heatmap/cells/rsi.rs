//! RSI14 against 30 and 70.

use bellwether_schemas::readings::Signal;

use super::View;
use crate::heatmap::events::{Crosses, Events, by_age, concat_by_age};
use crate::heatmap::{Before, Standing, Turn};
use crate::snapshot::{Code, Misfit, codes, stored};

const OVERSOLD: f64 = 30.0;
const OVERBOUGHT: f64 = 70.0;
const MIDDLE: f64 = 50.0;

/// Crosses of 50, and entries and exits of both ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RsiCell {
    middle: Crosses,
    zone: Option<RsiZone>,
    edges: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RsiZone {
    Oversold,
    Between,
    Overbought,
}

impl RsiZone {
    #[inline]
    const fn of(rsi: f64) -> Self {
        if rsi <= OVERSOLD {
            Self::Oversold
        } else if rsi >= OVERBOUGHT {
            Self::Overbought
        } else {
            Self::Between
        }
    }
}

impl RsiCell {
    #[inline]
    pub(super) fn update(&mut self, rsi: Option<f64>) {
        let Some(rsi) = rsi else { return };
        self.middle.update(rsi, MIDDLE);
        let zone = RsiZone::of(rsi);
        let before = self.zone.replace(zone);
        self.edges.push(before.is_some_and(|before| before != zone));
    }

    #[inline]
    pub(super) fn view(&self, rsi: Option<f64>) -> Option<View> {
        let (signal, reasons) = match RsiZone::of(rsi?) {
            RsiZone::Oversold => (Signal::Buy, &LOW),
            RsiZone::Overbought => (Signal::Sell, &HIGH),
            RsiZone::Between => (Signal::Neutral, &BETWEEN),
        };
        // An edge is the stronger news when both happened at one bar.
        let (age, by_event) = match (self.edges.age(), self.middle.age()) {
            (0, middle) => (middle, &reasons.middle),
            (edge, middle) if middle > 0 && middle < edge => (middle, &reasons.middle),
            (edge, _) => (edge, &reasons.edge),
        };
        Some(View { signal, age, reason: by_event[age] })
    }

    pub(super) fn turn(&self, now: &Standing, before: &Before) -> Option<Turn> {
        let value = Some(now.rsi?);
        Some(Turn { signal: self.middle.now(), value, previous: before.rsi, threshold: Some(MIDDLE) })
    }
}

struct Reasons {
    edge: [&'static str; 4],
    middle: [&'static str; 4],
}

static LOW: Reasons = Reasons {
    edge: by_age!("entered or left an end"; "RSI at or below 30"),
    middle: by_age!("crossed 50"; "RSI at or below 30"),
};
static HIGH: Reasons = Reasons {
    edge: by_age!("entered or left an end"; "RSI at or above 70"),
    middle: by_age!("crossed 50"; "RSI at or above 70"),
};
static BETWEEN: Reasons = Reasons {
    edge: by_age!("entered or left an end"; "RSI between 30 and 70"),
    middle: by_age!("crossed 50"; "RSI between 30 and 70"),
};

impl RsiCell {
    pub(super) fn store(&self) -> stored::RsiCell {
        let Self { middle, zone, edges } = self;
        stored::RsiCell { middle: middle.store(), zone: zone.map(Code), edges: edges.store() }
    }

    pub(super) fn restore(stored: &stored::RsiCell) -> Result<Self, Misfit> {
        let stored::RsiCell { middle, zone, edges } = stored;
        let zone = zone.map(|Code(zone)| zone);
        Ok(Self { middle: Crosses::restore(*middle)?, zone, edges: Events::restore(*edges)? })
    }
}

codes!(RsiZone { Oversold = 1, Between = 2, Overbought = 3 });
