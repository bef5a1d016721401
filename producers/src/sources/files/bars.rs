//! Rows of bars, played as four ticks each: bars of the bid and, from the same row or a second file, of the ask.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bellwether_engine::RowBand;
use bellwether_schemas::ticks::Spacing;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Price, Timestamp};

use super::FileQuote;
use super::ends;
use super::grid::{Grid, length};
use super::row::{Body, Prices, Row};
use super::rows::Rows;
use crate::error::{InputError, LineError};
use crate::sources::{NOT_OURS, Quote};

/// How long before its end a bar's last tick is played, microseconds.
const BEFORE_END: i64 = 1_000;
/// Farthest step back that a change of clocks makes.
const CLOCKS: i64 = 60 * MINUTE;
/// Ticks of a bar.
const STEPS: usize = 4;

/// The quotes of one symbol's bars.
pub(super) struct Bars {
    bids: Rows,
    asks: Option<Asks>,
    symbol: u16,
    grid: Grid,
    judged: RowBand,
    band: f64,
    steps: VecDeque<FileQuote>,
    watch: Watch,
}

/// What is said about the file when it ends.
struct Watch {
    /// Its times name no zone, and nobody said one.
    zone_assumed: bool,
    newest: Option<Timestamp>,
    twice: Option<(u64, u64)>,
    off_grid: Option<(u64, u64)>,
    pairs: u64,
    below: Option<(u64, u64)>,
    upside_down: Option<(u64, u64)>,
    ended: bool,
}

impl Bars {
    /// Plays the bars of the bid, with those of the ask beside them where there are any.
    pub(super) fn new(
        bids: Rows,
        asks: Option<Rows>,
        symbol: u16,
        grid: Grid,
        band: f64,
        zone_assumed: bool,
    ) -> Self {
        Self {
            bids,
            asks: asks.map(|rows| Asks { rows, ahead: None }),
            symbol,
            grid,
            judged: RowBand::default(),
            band,
            steps: VecDeque::with_capacity(STEPS),
            watch: Watch {
                zone_assumed,
                newest: None,
                twice: None,
                off_grid: None,
                pairs: 0,
                below: None,
                upside_down: None,
                ended: false,
            },
        }
    }

    fn next_quote(&mut self) -> Result<Option<FileQuote>, InputError> {
        while self.steps.is_empty() {
            let Some(row) = self.bids.next_row()? else {
                self.end()?;
                return Ok(None);
            };
            if let Body::Bar(bid, ask) = row.body {
                self.bar(&row, &bid, ask)?;
            }
        }
        Ok(self.steps.pop_front())
    }

    fn bar(&mut self, row: &Row, bid: &Prices, ask: Option<Prices>) -> Result<(), InputError> {
        let close = bid[3].value();
        // What the engine refuses for another reason, as rows of other symbols and what is no price, is no measure.
        let is_judged = row.ours && close > 0.0;
        if is_judged && let Err(before) = self.judged.admit(row.ts, close, self.grid.spacing, self.band) {
            let percent = (self.band * 100.0).to_string();
            let (close, before) = (close.to_string(), before.to_string());
            self.bids.refuse(row.line, LineError::Absurd { close, before, percent });
            return Ok(());
        }
        let ask = match (ask, &mut self.asks) {
            (Some(ask), _) => Some(ask),
            (None, Some(asks)) => asks.at(row.ts)?,
            (None, None) => None,
        };
        self.watch.row(row, bid, &self.grid);
        self.watch.pair(row, bid, ask.as_ref());
        let symbol = if row.ours { self.symbol } else { NOT_OURS };
        let quotes = play(symbol, row.ts, &self.grid, bid, ask.as_ref().unwrap_or(bid));
        self.steps.extend(quotes.map(|quote| FileQuote { quote, line: row.line }));
        Ok(())
    }

    fn end(&mut self) -> Result<(), InputError> {
        if std::mem::replace(&mut self.watch.ended, true) {
            return Ok(());
        }
        ends::say(&self.bids);
        self.watch.say(&self.bids, &self.grid, self.asks.is_some());
        if let Some(asks) = &mut self.asks {
            while asks.rows.next_row()?.is_some() {}
            ends::say(&asks.rows);
        }
        Ok(())
    }
}

impl Iterator for Bars {
    type Item = Result<FileQuote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_quote().transpose()
    }
}

impl Watch {
    fn row(&mut self, row: &Row, bid: &Prices, grid: &Grid) {
        let repeats = |newest: Timestamp| (1..=CLOCKS).contains(&newest.since(row.ts));
        if self.newest.is_some_and(repeats) {
            super::table::count(&mut self.twice, row.line);
        }
        self.newest = self.newest.max(Some(row.ts));
        if exceeds(bid[2], bid[1]) {
            super::table::count(&mut self.upside_down, row.line);
        }
        if !grid.is_long() && row.ts.floor(grid.spacing.max(1)) != row.ts {
            super::table::count(&mut self.off_grid, row.line);
        }
    }

    fn pair(&mut self, row: &Row, bid: &Prices, ask: Option<&Prices>) {
        let Some(ask) = ask else { return };
        self.pairs += 1;
        if exceeds(bid[3], ask[3]) {
            super::table::count(&mut self.below, row.line);
        }
    }

    fn say(&self, rows: &Rows, grid: &Grid, has_ask_file: bool) {
        let notice = |line: Option<u64>, text: String| rows.report().notice(rows.path(), line, text);
        if let Some((line, count)) = self.twice.filter(|(_, count)| self.zone_assumed && *count > 1) {
            let span = i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(grid.spacing);
            let twice = format!("{} come twice: a change of clocks in a file without a zone", length(span));
            notice(Some(line), format!("{twice}: say --zone Area/City"));
        }
        if let Some((line, count)) = self.off_grid.filter(|_| grid.spacing > MINUTE) {
            let bars = length(grid.spacing);
            let text = format!(
                "{count} bars of {bars} do not open at multiples of {bars}: is the zone right? say --zone"
            );
            notice(Some(line), text);
        }
        if let Some((line, count)) = self.upside_down {
            notice(
                Some(line),
                format!("{count} rows have their high below their low: are columns mixed up?"),
            );
        }
        if let Some((line, count)) = self.below.filter(|(_, count)| count * 100 > self.pairs) {
            let below = format!("the asks lie below the bids in {count} of {} rows", self.pairs);
            let swapped = count * 2 > self.pairs;
            let asked = if swapped { "are the files swapped?" } else { "do the two belong together?" };
            notice(Some(line), format!("{below}: {asked}"));
        }
        if has_ask_file && self.pairs == 0 {
            notice(
                None,
                "no bar of the ask file has the time of one of the bid's: do the two belong together?".into(),
            );
        }
    }
}

/// The bars of the ask, read along with those of the bid.
struct Asks {
    rows: Rows,
    ahead: Option<Row>,
}

impl Asks {
    /// The ask's bar of that time, if it has one.
    fn at(&mut self, ts: Timestamp) -> Result<Option<Prices>, InputError> {
        loop {
            if self.ahead.is_none() {
                self.ahead = self.rows.next_row()?;
            }
            match self.ahead.as_ref().map(|row| row.ts.cmp(&ts)) {
                Some(Ordering::Less) => self.ahead = None,
                Some(Ordering::Equal) => {
                    return Ok(self.ahead.take().and_then(|row| match row.body {
                        Body::Bar(prices, _) => Some(prices),
                        Body::Quote { .. } => None,
                    }));
                }
                Some(Ordering::Greater) | None => return Ok(None),
            }
        }
    }
}

/// The path through a bar: low before high where it rose or stood, at its beginning, after each third of its length,
/// and right before its end. Each step takes the same corner of the ask's bar, raised to the bid where it is below:
/// corners of two bars are not quotes of one moment.
fn play(symbol: u16, open: Timestamp, grid: &Grid, bid: &Prices, ask: &Prices) -> [Quote; STEPS] {
    let rose = exceeds(bid[3], bid[0]) || !exceeds(bid[0], bid[3]);
    let path = |[open, high, low, close]: &Prices| {
        let (second, third) = if rose { (*low, *high) } else { (*high, *low) };
        [*open, second, third, *close]
    };
    let (bids, asks) = (path(bid), path(ask));
    let last = (grid.close(open).since(open) - BEFORE_END).max(0);
    let offsets = [0, grid.spacing / 3, grid.spacing * 2 / 3, last].map(|offset| offset.min(last));
    std::array::from_fn(|step| {
        let mut quote = Quote::new(open.plus(offsets[step]), symbol, bids[step], asks[step]);
        quote.ask = quote.ask.max(quote.bid);
        Spacing::new(grid.spacing).map_or(quote, |spacing| quote.of_bar(spacing))
    })
}

fn exceeds(one: Price, other: Price) -> bool {
    let pair = Quote::new(Timestamp(0), 0, one, other);
    pair.bid > pair.ask
}
