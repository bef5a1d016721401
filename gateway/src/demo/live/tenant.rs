//! One tenant on the page: its values, each with the version it came with.

use std::collections::{HashMap, VecDeque};

use bellwether_schemas::ids::match_key;
use bellwether_schemas::{Symbol, Timeframe, Timestamp};

use super::TenantInfo;
use crate::demo::view::{Counts, MailLine, RowLine, StatusLine, SymbolView, TenantView, TriggerLine};

#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) info: TenantInfo,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) version: u64,
    pub(super) event_time: Option<Changed<Timestamp>>,
    pub(super) symbols: Vec<SymbolState>,
    pub(super) triggers: VecDeque<Changed<TriggerLine>>,
    pub(super) rows: Option<Changed<Vec<RowLine>>>,
    pub(super) statuses: Option<Changed<Vec<StatusLine>>>,
    pub(super) mails: VecDeque<Changed<MailLine>>,
    pub(super) counts: Changed<Counts>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct SymbolState {
    pub(super) bid: Option<Changed<(f64, u8)>>,
    pub(super) closes: VecDeque<Changed<f64>>,
    pub(super) rsi: [Option<Changed<Option<f64>>>; Timeframe::ALL.len()],
}

/// A value and the version it came with.
#[derive(Debug, Clone)]
pub(super) struct Changed<T> {
    pub(super) version: u64,
    pub(super) value: T,
}

impl Tenant {
    pub(super) fn new(info: TenantInfo) -> Self {
        let key = |(place, symbol): (usize, &Symbol)| (match_key(symbol.as_str()), place);
        Self {
            by_name: info.symbols.iter().enumerate().map(key).collect(),
            symbols: vec![SymbolState::default(); info.symbols.len()],
            info,
            // Above 0, which asks for everything.
            version: 1,
            event_time: None,
            triggers: VecDeque::new(),
            rows: None,
            statuses: None,
            mails: VecDeque::new(),
            counts: Changed { version: 0, value: Counts::default() },
        }
    }

    pub(super) const fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// By the name as it stands, or with the tenant's suffix.
    pub(super) fn symbol(&mut self, name: &str) -> Option<&mut SymbolState> {
        let key = match_key(name);
        let place = self.by_name.get(&key).or_else(|| {
            let suffixed = key.clone() + &match_key(&self.info.suffix);
            self.by_name.get(&suffixed)
        })?;
        self.symbols.get_mut(*place)
    }

    /// What came after `seen`, 0 for everything, and the version reached.
    pub(super) fn since(&self, seen: u64) -> (TenantView, u64) {
        let whole = seen == 0;
        let symbols = self.symbols.iter().enumerate().filter_map(|(index, symbol)| {
            let name = whole.then(|| self.info.symbols[index].display(&self.info.suffix));
            symbol.since(seen, index, name)
        });
        let view = TenantView {
            tenant: self.info.id.clone(),
            about: whole.then(|| self.info.about.clone()),
            event_time: newer(self.event_time.as_ref(), seen).map(Into::into),
            symbols: symbols.collect(),
            triggers: newer_of(&self.triggers, seen),
            rows: newer(self.rows.as_ref(), seen),
            statuses: newer(self.statuses.as_ref(), seen),
            mails: newer_of(&self.mails, seen),
            counts: (whole || self.counts.version > seen).then_some(self.counts.value),
        };
        (view, self.version)
    }
}

impl SymbolState {
    fn since(&self, seen: u64, index: usize, name: Option<String>) -> Option<SymbolView> {
        let bid = newer(self.bid.as_ref(), seen);
        let closes = newer_of(&self.closes, seen);
        let readings = Timeframe::ALL.into_iter().zip(&self.rsi);
        let rsi = readings.filter_map(|(timeframe, value)| Some((timeframe, newer(value.as_ref(), seen)?)));
        let (bid, digits) = (bid.map(|bid| bid.0), bid.map(|bid| bid.1));
        let view = SymbolView { index, name, bid, digits, closes, rsi: rsi.collect() };
        let told = view.name.is_some() || bid.is_some() || !view.closes.is_empty() || !view.rsi.is_empty();
        told.then_some(view)
    }
}

fn newer<T: Clone>(changed: Option<&Changed<T>>, seen: u64) -> Option<T> {
    changed.filter(|changed| changed.version > seen).map(|changed| changed.value.clone())
}

fn newer_of<T: Clone>(list: &VecDeque<Changed<T>>, seen: u64) -> Vec<T> {
    let first = list.partition_point(|changed| changed.version <= seen);
    list.range(first..).map(|changed| changed.value.clone()).collect()
}

pub(super) fn push<T>(list: &mut VecDeque<T>, value: T, limit: usize) {
    if list.len() == limit {
        list.pop_front();
    }
    list.push_back(value);
}
