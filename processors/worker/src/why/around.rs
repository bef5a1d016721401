//! The market around a trigger: the ticks of its bar, and the bar before and after.

use std::collections::BTreeSet;

use bellwether_engine::Effect;
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::Log;
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{Entry, TenantId, Timeframe, Timestamp, price};
use serde::Serialize;

use super::{Edge, state_before};
use crate::WorkerError;

/// Ticks of a bar that are told one by one.
const TOLD: usize = 1_000;
/// A tick alert is shown within bars of this length.
const OF_TICKS: Timeframe = Timeframe::M1;

/// What the journal has around a trigger.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Around {
    /// Of each symbol that the trigger is about, its bars: the one before, where it ended when the trigger's begins, its
    /// own, and the one after, where it has closed.
    pub bars: Vec<Bar>,
    /// Ticks of these symbols within the trigger's bar, as the journal has them; of more than a thousand the first.
    pub ticks: Vec<Priced>,
    /// How many there are in all.
    pub count: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// A tick.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priced {
    /// Event time.
    pub ts: Timestamp,
    /// As the source spells it.
    pub symbol: String,
    /// What somebody would have paid.
    pub bid: f64,
    /// What somebody would have asked.
    pub ask: f64,
    /// Journal offset of its record, and its place there.
    pub at: (u64, usize),
    /// Why it was not used.
    pub refused: Option<&'static str>,
}

/// The trigger's bar or tick, as a span.
struct Bounds {
    timeframe: Timeframe,
    open: Timestamp,
    close: Timestamp,
}

/// Folds the journal around the trigger's bar. Nothing of a trigger that is about all currencies is told: which symbols
/// took part, its detail says. Blocks while that is read.
///
/// # Errors
/// The log is out of reach, or the journal was cut and there is no state from before the trigger's bar.
pub fn around(log: &dyn Log, tenant: &TenantId, trigger: &TriggerFired) -> Result<Around, WorkerError> {
    let names = names(trigger);
    let bounds = bounds(trigger);
    let mut found = Around::default();
    if names.is_empty() {
        return Ok(found);
    }
    let length = bounds.close.since(bounds.open);
    let state = state_before(log, tenant, Edge::Time(bounds.open.plus(-length)))?;
    // What comes behind the bar after, and a day without any, is not waited for.
    let over = bounds.close.plus(2 * length + HOUR);
    let mut engine = state.engine;
    let mut effects = Vec::new();
    for read in entries_to_fold(log, tenant, state.next_offset..u64::MAX)? {
        let (record, entry) = read?;
        let Ok(entry) = entry else { continue };
        engine.apply(record.offset, &entry, &mut effects);
        let refused = found.take(&mut effects, &names, &bounds);
        if let Entry::Ticks(block) = &entry {
            found.ticks_of(record.offset, block, (&names, &bounds), &refused);
        }
        if engine.watermark().is_some_and(|watermark| watermark > over) {
            break;
        }
    }
    Ok(found)
}

/// Symbols as the tenant spells them, or without its suffix where the trigger has only a pair.
fn names(trigger: &TriggerFired) -> BTreeSet<String> {
    let of_pair = trigger.pair.iter().flat_map(|pair| pair.split('-')).map(str::to_owned);
    trigger.symbol.iter().map(ToString::to_string).chain(of_pair).collect()
}

fn bounds(trigger: &TriggerFired) -> Bounds {
    match trigger.timeframe {
        Some(timeframe) => Bounds { timeframe, open: trigger.open_time, close: trigger.close_time },
        None => {
            let open = trigger.open_time.floor(OF_TICKS.nominal());
            Bounds { timeframe: OF_TICKS, open, close: open.plus(OF_TICKS.nominal()) }
        }
    }
}

fn is_named(names: &BTreeSet<String>, symbol: &str) -> bool {
    let key = symbol.replace(['/', ' '], "").to_uppercase();
    names.iter().any(|name| {
        let name = name.to_uppercase();
        // A suffix is on one side only; six letters are a whole symbol.
        name == key
            || (name.len() >= 6 && key.len() >= 6 && (key.starts_with(&name) || name.starts_with(&key)))
    })
}

impl Around {
    /// Keeps the bars that are asked about; places in the record that were refused, and why.
    fn take(
        &mut self,
        effects: &mut Vec<Effect>,
        names: &BTreeSet<String>,
        bounds: &Bounds,
    ) -> Vec<(usize, &'static str)> {
        let mut refused = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Reading(Reading::Bar(bar))
                    if bar.timeframe == bounds.timeframe && is_named(names, bar.symbol.as_str()) =>
                {
                    let is_before = bar.close_time == bounds.open;
                    let is_after = bar.open_time >= bounds.close && !self.has_after(&bar, bounds);
                    if is_before || bar.open_time == bounds.open || is_after {
                        self.bars.push(bar);
                    }
                }
                Effect::Refused(refusal) => {
                    refused.extend(refusal.index.map(|index| (index as usize, refusal.reason.name())));
                }
                _ => {}
            }
        }
        refused
    }

    fn has_after(&self, bar: &Bar, bounds: &Bounds) -> bool {
        self.bars.iter().any(|known| known.symbol == bar.symbol && known.open_time >= bounds.close)
    }

    fn ticks_of(
        &mut self,
        offset: u64,
        block: &TickBlock,
        (names, bounds): (&BTreeSet<String>, &Bounds),
        refused: &[(usize, &'static str)],
    ) {
        for (place, tick) in block.ticks.iter().enumerate() {
            let Some(symbol) = block.symbols.get(usize::from(tick.symbol)) else { continue };
            if !(bounds.open <= tick.ts && tick.ts < bounds.close && is_named(names, &symbol.name)) {
                continue;
            }
            let why = refused.iter().find(|(at, _)| *at == place).map(|(_, why)| *why);
            self.count += 1;
            self.refused += u64::from(why.is_some());
            if self.ticks.len() < TOLD {
                self.ticks.push(Priced {
                    ts: tick.ts,
                    symbol: symbol.name.clone(),
                    bid: price::value(tick.bid, symbol.scale),
                    ask: price::value(tick.ask, symbol.scale),
                    at: (offset, place),
                    refused: why,
                });
            }
        }
    }
}
