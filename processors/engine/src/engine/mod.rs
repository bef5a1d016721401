//! The order of an instant, and of what leads to one.

mod changes;
mod intake;

use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{TenantId, Timestamp};

use crate::admission::Sequences;
use crate::alerts::{Alerts, Draft, Order, fire};
use crate::effect::{Effect, Refusal, RefusalReason};
use crate::series::{Closed, SymbolState};
use crate::symbols::SymbolTable;
use crate::watermark::Watermark;

/// The fold of one tenant's journal.
#[derive(Debug, Clone)]
pub struct Engine {
    tenant: TenantId,
    revision: Option<i64>,
    settings: Settings,
    table: SymbolTable,
    symbols: Vec<SymbolState>,
    sequences: Sequences,
    watermark: Watermark,
    alerts: Alerts,
    /// The smallest end of an open bar of any symbol: nothing is due before the watermark reaches it.
    next_end: Timestamp,
    halted: bool,
}

/// The record being applied, and what it has brought so far.
struct Step<'a> {
    offset: u64,
    outcomes: i32,
    effects: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn refuse(&mut self, index: usize, symbol: &str, ts: Timestamp, reason: RefusalReason) {
        let index = u32::try_from(index).ok();
        self.effects.push(Effect::Refused(Refusal { index, symbol: symbol.into(), ts, reason }));
    }

    fn cause(&self) -> Cause {
        Cause { offset: self.offset.cast_signed(), index: self.outcomes }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.outcomes += 1;
        self.effects.push(Effect::Outcome(outcome));
    }
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            revision: None,
            settings: Settings::with_symbols(Vec::new(), ""),
            table: SymbolTable::default(),
            symbols: Vec::new(),
            sequences: Sequences::default(),
            watermark: Watermark::default(),
            alerts: Alerts::default(),
            next_end: Timestamp::MAX,
            halted: false,
        }
    }

    /// Applies the journal record at `offset`; adds its effects, in their order. Total: whatever cannot be used
    /// becomes a [`Effect::Refused`].
    pub fn apply(&mut self, offset: u64, entry: &Entry, effects: &mut Vec<Effect>) {
        if self.halted {
            return;
        }
        let mut step = Step { offset, outcomes: 0, effects };
        match entry {
            Entry::Ticks(block) => self.ticks(block, &mut step),
            Entry::Bars(block) => self.history(block, &mut step),
            Entry::Heartbeat(beat) => self.heartbeat(beat, &mut step),
            Entry::Alert(change) => self.alert(change, &mut step),
            Entry::Settings(change) => self.settings(change, &mut step),
        }
    }

    /// The event time up to which the log is complete; none before the first.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        Some(self.watermark.value()).filter(|time| *time > Timestamp::MIN)
    }

    /// Event time moves; instants that it passes are processed in their order.
    #[inline]
    fn observe(&mut self, source: &str, time: Timestamp, step: &mut Step<'_>) {
        let Settings { source_idle, lateness_max, .. } = self.settings;
        if self.watermark.observe(source, time, source_idle, lateness_max) {
            self.pass_instants(step);
        }
    }

    fn pass_instants(&mut self, step: &mut Step<'_>) {
        while self.next_end <= self.watermark.value() {
            self.instant(self.next_end, step);
        }
    }

    /// One instant: all bars that end there, then their indicators, then the alerts. Never a mix of times.
    fn instant(&mut self, instant: Timestamp, step: &mut Step<'_>) {
        let mut closed = Vec::new();
        for (place, state) in self.symbols.iter_mut().enumerate() {
            if state.next_end == instant {
                state.close_at(instant, place, step.offset, &mut closed);
            }
        }
        self.next_end = self.symbols.iter().map(|state| state.next_end).min().unwrap_or(Timestamp::MAX);
        for closed in &closed {
            let reading = self.reading(closed);
            step.effects.push(Effect::Reading { reading, history: closed.bar.history });
        }
        for closed in &closed {
            self.report_warmed(closed, step);
        }
        let drafts = self.drafts(&closed);
        for outcome in fire(&self.tenant, &self.alerts, &drafts, instant, step.offset, step.outcomes) {
            step.outcome(outcome);
        }
    }

    fn reading(&self, closed: &Closed) -> Reading {
        let Closed { symbol, timeframe, bar, .. } = closed;
        Reading::Bar(Bar {
            symbol: self.symbols[*symbol].name.clone(),
            timeframe: *timeframe,
            open_time: bar.span.open,
            close_time: bar.span.close,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            ticks: bar.ticks,
        })
    }

    /// What the instant's bars hit: symbols in the tenant's order, timeframes short to long, alerts by first record.
    fn drafts(&self, closed: &[Closed]) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let mut hits = Vec::new();
        for closed in closed.iter().filter(|closed| self.may_fire(closed)) {
            let state = &self.symbols[closed.symbol];
            let bank = &state.series[closed.timeframe.index()].indicators.rsi;
            self.alerts.rsi.crossings(closed.timeframe, bank, &mut hits);
            hits.sort_unstable_by_key(|hit| hit.order);
            let past_baseline = hits.drain(..).filter(|hit| self.is_past_baseline(hit.order, closed));
            drafts.extend(past_baseline.map(|hit| Draft {
                hit,
                symbol: state.name.clone(),
                timeframe: closed.timeframe,
                bar: closed.bar,
            }));
        }
        drafts
    }

    /// Bars of history and stale bars move state and fire nothing.
    fn may_fire(&self, closed: &Closed) -> bool {
        let behind = self.watermark.value().since(closed.bar.span.close);
        !closed.bar.history && behind <= 2 * closed.timeframe.nominal()
    }

    /// The first evaluation after an alert took effect only records where things stand: the bar before this one
    /// must have been evaluated with the alert in place.
    fn is_past_baseline(&self, order: Order, closed: &Closed) -> bool {
        let effective = self.alerts.get(order).map(|alert| alert.effective);
        matches!((closed.evaluated_before, effective), (Some(before), Some(effective)) if before > effective)
    }
}
