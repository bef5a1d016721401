//! What records of market data do: ticks, heartbeats, and bars of history.

use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::{PriceBasis, Settings};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::Span;
use bellwether_schemas::{Timeframe, Timestamp, price};

use super::{Engine, Step};
use crate::admission::{FUTURE_BOUND, Numbers, is_late};
use crate::bars::{OpenBar, Prices};
use crate::effect::{Effect, Refusal, RefusalReason};
use crate::watermark::LentSource;

/// A symbol of a block's dictionary, as this tenant takes it.
#[derive(Clone, Copy)]
struct Named {
    /// Its place in the settings; none for one that they do not list.
    place: Option<usize>,
    /// Its ticks are not judged again.
    judged: bool,
    /// The shortest timeframe that its ticks make, and with it all longer ones; none where they make none.
    shortest: Option<Timeframe>,
}

/// A tick that passed every check.
#[derive(Clone, Copy)]
struct AcceptedTick {
    ts: Timestamp,
    /// Place of its symbol.
    symbol: usize,
    /// Its price on the tenant's basis.
    basis: f64,
    /// As its symbol's.
    shortest: Option<Timeframe>,
}

impl Engine {
    pub(super) fn ticks(&mut self, block: &TickBlock, step: &mut Step<'_>) {
        let named: Vec<Named> = block.symbols.iter().map(|symbol| self.named(symbol)).collect();
        let mut sequences = std::mem::take(&mut self.sequences);
        let mut numbers = Numbers::new(&mut sequences);
        let mut source = self.watermark.lend(&block.origin.source);
        for (index, tick) in block.ticks.iter().enumerate() {
            let seq = block.first_seq.map(|first| first.wrapping_add(index as u64));
            match self.admit(block, tick, &named, seq.map(|seq| (seq, &mut numbers))) {
                Ok(accepted) => self.tick(&mut source, &accepted, step),
                Err(reason) => {
                    let name = block.symbols.get(usize::from(tick.symbol)).map_or("", |symbol| &symbol.name);
                    step.refuse(index, name, tick.ts, reason);
                }
            }
        }
        self.watermark.give_back(&source);
        self.sequences = sequences;
    }

    fn named(&self, symbol: &BlockSymbol) -> Named {
        Named {
            place: self.table.find(&symbol.name),
            judged: symbol.judged && self.version.judges_rows(),
            shortest: match symbol.spacing.filter(|_| self.version.minds_spacing()) {
                Some(spacing) => Timeframe::ALL.into_iter().find(|timeframe| spacing.makes(*timeframe)),
                None => Some(Timeframe::M1),
            },
        }
    }

    /// Takes an accepted tick in.
    #[inline]
    fn tick(&mut self, source: &mut LentSource<'_>, tick: &AcceptedTick, step: &mut Step<'_>) {
        let AcceptedTick { ts, symbol, basis, shortest } = *tick;
        let Settings { source_idle, lateness_max, .. } = self.settings;
        if self.watermark.observe_lent(source, ts, source_idle, lateness_max) {
            self.pass_instants(step);
        }
        let state = &mut self.symbols[symbol];
        if let Some(shortest) = shortest {
            state.join(shortest, ts, basis);
        }
        self.next_end = self.next_end.min(state.next_end);
        self.tick_alerts(symbol, ts, basis, step);
    }

    /// The tick's symbol and price, or why it is refused. The order of the checks is part of the contract.
    #[inline]
    fn admit(
        &mut self,
        block: &TickBlock,
        tick: &Tick,
        named: &[Named],
        seq: Option<(u64, &mut Numbers<'_>)>,
    ) -> Result<AcceptedTick, RefusalReason> {
        let place = usize::from(tick.symbol);
        let scale = block.symbols.get(place).ok_or(RefusalReason::Malformed)?.scale;
        let bid = price::value(tick.bid, scale);
        let ask = || price::value(tick.ask, scale);
        // What is not smaller in units is not smaller as a price either.
        if !(bid > 0.0 && (tick.ask >= tick.bid || ask() >= bid)) {
            return Err(RefusalReason::Malformed);
        }
        let Named { place, judged, shortest } = *named.get(place).ok_or(RefusalReason::UnknownSymbol)?;
        let symbol = place.ok_or(RefusalReason::UnknownSymbol)?;
        if tick.ts.since(block.ingested_at) > FUTURE_BOUND {
            return Err(RefusalReason::Future);
        }
        if let Some((seq, numbers)) = seq {
            admit_seq(numbers.of(&block.origin, self.symbols.len()), symbol, seq)?;
        }
        if is_late(tick.ts, self.watermark.value()) {
            return Err(RefusalReason::Late);
        }
        let band = &mut self.symbols[symbol].band;
        if judged {
            band.accept(tick.ts, bid);
        } else {
            band.admit(tick.ts, bid, self.settings.absurd_band)?;
        }
        let basis = match self.settings.price_basis {
            PriceBasis::Bid => bid,
            PriceBasis::Ask => ask(),
            PriceBasis::Mid => f64::midpoint(bid, ask()),
        };
        Ok(AcceptedTick { ts: tick.ts, symbol, basis, shortest })
    }

    pub(super) fn heartbeat(&mut self, beat: &Heartbeat, step: &mut Step<'_>) {
        let origin = &beat.origin;
        if !origin.played && beat.ts.since(origin.appended_at) > FUTURE_BOUND {
            let refusal =
                Refusal { index: None, symbol: String::new(), ts: beat.ts, reason: RefusalReason::Future };
            step.effects.push(Effect::Refused(refusal));
            return;
        }
        self.observe(&origin.source, beat.ts, step);
    }

    /// Bars of one close time join together before their close is observed, so that they share an instant. A bar that
    /// cannot be says nothing about time.
    pub(super) fn history(&mut self, block: &BarBlock, step: &mut Step<'_>) {
        let source = &block.origin.source;
        let lateness = self.settings.lateness_max;
        let mut sound = Vec::with_capacity(block.bars.len());
        for (index, bar) in block.bars.iter().enumerate() {
            match self.read_history(bar, block.origin.appended_at) {
                Ok((symbol, whole)) => sound.push((index, bar, symbol, whole)),
                Err(reason) => step.refuse(index, &bar.symbol, bar.close_time, reason),
            }
        }
        let mut rest = sound.into_iter().peekable();
        while let Some((index, bar, symbol, whole)) = rest.next() {
            self.observe(source, bar.open_time.plus(lateness), step);
            if let Err(reason) = self.join_history(bar.timeframe, symbol, whole) {
                step.refuse(index, &bar.symbol, bar.close_time, reason);
            }
            if rest.peek().is_none_or(|(_, next, ..)| next.close_time != bar.close_time) {
                self.observe(source, bar.close_time.plus(lateness), step);
                self.pass_instants(step);
            }
        }
    }

    /// The bar and its symbol's place.
    fn read_history(
        &self,
        bar: &HistoryBar,
        appended_at: Timestamp,
    ) -> Result<(usize, OpenBar), RefusalReason> {
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|mantissa| price::value(mantissa, bar.scale));
        if !(low > 0.0 && low <= open.min(close) && high >= open.max(close) && bar.ticks >= 0) {
            return Err(RefusalReason::Malformed);
        }
        let symbol = self.table.find(&bar.symbol).ok_or(RefusalReason::UnknownSymbol)?;
        let span = Span { open: bar.open_time, close: bar.close_time };
        if self.symbols[symbol].anchor.span(bar.timeframe, bar.open_time) != span {
            return Err(RefusalReason::Malformed);
        }
        if self.version.judges_rows() && bar.close_time.since(appended_at) > FUTURE_BOUND {
            return Err(RefusalReason::Future);
        }
        Ok((symbol, OpenBar::of_history(span, Prices { open, high, low, close }, bar.ticks)))
    }

    fn join_history(
        &mut self,
        timeframe: Timeframe,
        symbol: usize,
        bar: OpenBar,
    ) -> Result<(), RefusalReason> {
        // A minute would change longer bars that are closed; a longer bar given as such stands for itself.
        if timeframe == Timeframe::M1 && bar.span.close <= self.watermark.value() {
            return Err(RefusalReason::Late);
        }
        let band = self.version.judges_rows().then_some(self.settings.absurd_band);
        let state = &mut self.symbols[symbol];
        state.join_history(timeframe, bar, band)?;
        self.next_end = self.next_end.min(state.next_end);
        Ok(())
    }
}

#[inline]
fn admit_seq(numbers: &mut [Option<u64>], symbol: usize, seq: u64) -> Result<(), RefusalReason> {
    match numbers.get_mut(symbol) {
        Some(Some(last)) if seq <= *last => Err(RefusalReason::Duplicate),
        Some(last) => {
            *last = Some(seq);
            Ok(())
        }
        None => Err(RefusalReason::UnknownSymbol),
    }
}
