//! When the alerts come in: at the start, or so that the first evaluation at or after a time is their baseline.

use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert};
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Entry, Timestamp};

/// The alerts that wait for their time.
///
/// Every instant is a full minute and no two heartbeats are further apart than a minute while bars are open, so one
/// record brings the watermark past at most one instant. Alerts on bars therefore come in right before the first
/// record that can bring it to the first instant at or after the time: all before are done, none after is. Alerts on
/// ticks are evaluated as ticks are read, and come in before the first tick at or after the time.
pub(crate) struct Entrance {
    on_ticks: Waiting,
    on_bars: Waiting,
    lateness_max: i64,
}

struct Waiting {
    until: Timestamp,
    alerts: Vec<AlertChanged>,
}

impl Entrance {
    /// Alerts that come in at event time `from`; all at once, before everything, where there is none.
    pub(crate) fn new(alerts: Vec<AlertChanged>, from: Option<Timestamp>) -> Self {
        let Some(from) = from else {
            let none = Waiting { until: Timestamp::MIN, alerts: Vec::new() };
            return Self {
                on_ticks: Waiting { until: Timestamp::MIN, alerts },
                on_bars: none,
                lateness_max: 0,
            };
        };
        let first_instant = from.plus(MINUTE - 1).floor(MINUTE);
        let (on_ticks, on_bars) = alerts.into_iter().partition(|alert| is_on_ticks(&alert.parameters));
        Self {
            on_ticks: Waiting { until: from, alerts: on_ticks },
            on_bars: Waiting { until: first_instant, alerts: on_bars },
            lateness_max: 0,
        }
    }

    /// Only those for which it holds are left.
    pub(crate) fn retain(&mut self, mut holds: impl FnMut(&AlertChanged) -> bool) {
        self.on_ticks.alerts.retain(&mut holds);
        self.on_bars.alerts.retain(&mut holds);
    }

    /// How far the watermark stays behind the newest time.
    pub(crate) const fn set_lateness(&mut self, micros: i64) {
        self.lateness_max = micros;
    }

    /// Must something come in before an event of that time?
    #[inline]
    pub(crate) fn is_due(&self, ts: Timestamp) -> bool {
        self.on_ticks.is_due(ts) || self.on_bars.is_due(ts.plus(-self.lateness_max))
    }

    /// What still waits, whatever its time.
    pub(crate) fn take_rest(&mut self) -> Vec<Entry> {
        let rest = std::mem::take(&mut self.on_bars.alerts).into_iter();
        rest.chain(std::mem::take(&mut self.on_ticks.alerts)).map(Entry::Alert).collect()
    }

    /// What comes in before an event of that time, in the file's order.
    pub(crate) fn take(&mut self, ts: Timestamp) -> Vec<Entry> {
        let watermark = ts.plus(-self.lateness_max);
        let due = self.on_ticks.take(ts).into_iter().chain(self.on_bars.take(watermark));
        due.map(Entry::Alert).collect()
    }
}

impl Waiting {
    fn take(&mut self, ts: Timestamp) -> Vec<AlertChanged> {
        if self.is_due(ts) { std::mem::take(&mut self.alerts) } else { Vec::new() }
    }

    fn is_due(&self, ts: Timestamp) -> bool {
        !self.alerts.is_empty() && ts >= self.until
    }
}

const fn is_on_ticks(parameters: &AlertParameters) -> bool {
    matches!(parameters, AlertParameters::PriceAlert(PriceAlert { on_close: None, .. }))
}
