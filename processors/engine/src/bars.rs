//! Ticks to bars. Ticks join minutes only; a closed minute joins the longer bars, which all begin and end on minutes.

use crate::snapshot::{Misfit, stored};
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::Span;

/// What a quote can be: of two such prices there is always a ratio, and their bits order as they do.
pub(crate) fn is_price(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// A bar that can still change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OpenBar {
    pub(crate) span: Span,
    first: Timestamp,
    last: Timestamp,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) ticks: i64,
    /// Nothing but history is in it.
    pub(crate) history: bool,
}

/// Prices of a bar that comes whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}

impl OpenBar {
    /// A bar of one tick.
    pub(crate) const fn of_tick(span: Span, ts: Timestamp, price: f64) -> Self {
        Self {
            span,
            first: ts,
            last: ts,
            open: price,
            high: price,
            low: price,
            close: price,
            ticks: 1,
            history: false,
        }
    }

    /// A whole bar that may fire.
    pub(crate) const fn of_prices(span: Span, prices: Prices) -> Self {
        let bar = Self::of_history(span, prices, 1);
        Self { history: false, ..bar }
    }

    /// A bar of the past.
    pub(crate) const fn of_history(span: Span, prices: Prices, ticks: i64) -> Self {
        let Prices { open, high, low, close } = prices;
        Self { span, first: span.open, last: span.close, open, high, low, close, ticks, history: true }
    }

    /// A tick of this time is one of its own.
    #[inline]
    pub(crate) fn holds(&self, ts: Timestamp) -> bool {
        self.span.open <= ts && ts < self.span.close
    }

    /// Takes a tick in. Open is the price of the smallest time (ties: the first read), close that of the largest
    /// (ties: the last read), so a tick out of order still finds its place.
    #[inline]
    pub(crate) fn join_tick(&mut self, ts: Timestamp, price: f64) {
        if ts < self.first {
            self.first = ts;
            self.open = price;
        }
        if ts >= self.last {
            self.last = ts;
            self.close = price;
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.ticks = self.ticks.saturating_add(1);
        self.history = false;
    }

    /// Takes the next closed minute in; minutes come in the order of time.
    pub(crate) fn join_minute(&mut self, minute: &Self) {
        self.last = minute.last;
        self.close = minute.close;
        self.high = self.high.max(minute.high);
        self.low = self.low.min(minute.low);
        // A source may say any number.
        self.ticks = self.ticks.saturating_add(minute.ticks);
        self.history &= minute.history;
    }

    /// The longer bar that begins with this minute.
    pub(crate) const fn widened(self, span: Span) -> Self {
        Self { span, ..self }
    }
}

impl OpenBar {
    pub(crate) const fn store(&self) -> stored::Bar {
        let Self { span, first, last, open, high, low, close, ticks, history } = *self;
        let (begin, end) = (span.open.0, span.close.0);
        stored::Bar { begin, end, first: first.0, last: last.0, open, high, low, close, ticks, history }
    }

    pub(crate) fn restore(stored: &stored::Bar) -> Result<Self, Misfit> {
        let stored::Bar { begin, end, first, last, open, high, low, close, ticks, history } = *stored;
        let are_prices = [open, high, low, close].into_iter().all(is_price);
        Misfit::unless(are_prices, "a price of an open bar is none")?;
        let span = Span { open: Timestamp(begin), close: Timestamp(end) };
        let (first, last) = (Timestamp(first), Timestamp(last));
        Ok(Self { span, first, last, open, high, low, close, ticks, history })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { open: Timestamp(0), close: Timestamp(60_000_000) };

    #[test]
    fn open_is_the_smallest_time_and_close_the_largest_whatever_the_order() {
        let mut bar = OpenBar::of_tick(SPAN, Timestamp(20), 2.0);
        bar.join_tick(Timestamp(10), 1.0);
        bar.join_tick(Timestamp(30), 3.0);
        bar.join_tick(Timestamp(25), 9.0);
        assert_eq!((bar.open, bar.high, bar.low, bar.close, bar.ticks), (1.0, 9.0, 1.0, 3.0, 4));
    }

    #[test]
    fn at_one_time_the_first_read_opens_and_the_last_read_closes() {
        let mut bar = OpenBar::of_tick(SPAN, Timestamp(20), 2.0);
        bar.join_tick(Timestamp(20), 5.0);
        assert_eq!((bar.open, bar.close), (2.0, 5.0));
    }
}
