//! Lines of a table as rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bellwether_schemas::Price;

use super::cells::{Cells, Splitter};
use super::columns::{ASK_BAR, BAR, Column};
use super::forms::Kind;
use super::numbers::{DecimalSign, Exactness, price};
use super::owner::Owner;
use super::recognise::Table;
use super::row::{Body, Line, Oddities, Prices, Source, WrittenRow};
use super::text::Lines;
use super::times::{Moment, TimeStyle, parse};
use super::{container, io_error};
use crate::error::{InputError, LineError};

/// Names of other symbols that are remembered.
const NAMES_KEPT: usize = 3;

/// The rows of one table.
pub(super) struct TableRows {
    path: PathBuf,
    lines: Lines,
    splitter: Splitter,
    header_line: u64,
    picks_symbol: bool,
    /// Cells of most rows.
    width: usize,
    owner: Owner,
    reader: RowReader,
}

/// Reads the cells of a row.
struct RowReader {
    places: Places,
    times: TimeStyle,
    decimal: DecimalSign,
    /// The quote before, where an empty price stands for it.
    before: Option<[Option<Price>; 2]>,
    joined: Vec<u8>,
    line: u64,
    oddities: Oddities,
}

/// Where in a row everything stands.
struct Places {
    time: TimePlaces,
    symbol: Option<usize>,
    prices: PricePlaces,
}

enum TimePlaces {
    One(usize),
    Two(usize, usize),
}

enum PricePlaces {
    Bar([usize; 4], Option<[usize; 4]>),
    Quote([usize; 2]),
    Single(usize),
}

impl TableRows {
    /// Opens a file. `bytes` is told what is read of it.
    pub(super) fn open(
        path: &Path,
        kind: Kind,
        table: &Table,
        owner: Owner,
        bytes: Arc<AtomicU64>,
    ) -> Result<Self, InputError> {
        let lines =
            Lines::new(container::open(path, bytes)?.reader).map_err(|error| io_error(path, &error))?;
        let unknown =
            || InputError::NoRows { file: path.into(), has: "its columns hold neither bars nor quotes" };
        let places = Places::of(kind, table).ok_or_else(unknown)?;
        Ok(Self {
            path: path.into(),
            lines,
            splitter: Splitter::new(table.delimiter),
            header_line: table.header_line,
            picks_symbol: table.picks_symbol,
            width: table.width,
            owner,
            reader: RowReader {
                places,
                times: table.times,
                decimal: table.decimal,
                before: table.sparse.then_some([None, None]),
                joined: Vec::new(),
                line: 0,
                oddities: Oddities::default(),
            },
        })
    }
}

impl Source for TableRows {
    fn next_line(&mut self) -> Result<Option<Line>, InputError> {
        loop {
            let line = self.lines.next_line().map_err(|error| io_error(&self.path, &error))?;
            let Some(line) = line else { return Ok(None) };
            if line.number <= self.header_line {
                continue;
            }
            let cells = match line.text {
                Ok(text) => self.splitter.split(text),
                Err(_) => return Ok(Some((line.number, Err(LineError::TooLong(super::text::MAX_LINE))))),
            };
            if line.is_open && cells.len() < self.width {
                return Ok(Some((line.number, Err(LineError::Cut))));
            }
            let ours = self.reader.whose(&cells, &self.owner);
            if self.picks_symbol && !ours {
                continue;
            }
            let row = self.reader.row(line.number, &cells);
            return Ok(Some((line.number, row.map(|row| WrittenRow { ours, ..row }))));
        }
    }

    fn oddities(&self) -> Oddities {
        self.reader.oddities.clone()
    }
}

impl Places {
    fn of(kind: Kind, table: &Table) -> Option<Self> {
        let at = |column| table.columns.place(column);
        let four = |columns: [Column; 4]| -> Option<[usize; 4]> {
            Some([at(columns[0])?, at(columns[1])?, at(columns[2])?, at(columns[3])?])
        };
        let prices = match kind {
            Kind::Bars => PricePlaces::Bar(four(BAR)?, four(ASK_BAR)),
            Kind::Ticks => match (at(Column::Bid), at(Column::Ask)) {
                (Some(bid), Some(ask)) => PricePlaces::Quote([bid, ask]),
                _ => PricePlaces::Single(at(Column::Price)?),
            },
            Kind::Json(_) => return None,
        };
        let time = match (at(Column::Time), at(Column::Date), at(Column::Clock)) {
            (Some(time), ..) => TimePlaces::One(time),
            (None, Some(date), Some(clock)) => TimePlaces::Two(date, clock),
            _ => return None,
        };
        Some(Self { time, symbol: at(Column::Symbol), prices })
    }

    /// How many cells a row needs.
    fn needed(&self) -> usize {
        let time = match self.time {
            TimePlaces::One(place) => place,
            TimePlaces::Two(date, clock) => date.max(clock),
        };
        let last = match &self.prices {
            PricePlaces::Bar(bid, ask) => bid.iter().chain(ask.iter().flatten()).copied().max(),
            PricePlaces::Quote(both) => both.iter().copied().max(),
            PricePlaces::Single(place) => Some(*place),
        };
        last.max(Some(time)).unwrap_or_default() + 1
    }
}

impl RowReader {
    /// Does the row name the file's symbol, or none?
    fn whose(&mut self, cells: &Cells<'_>, owner: &Owner) -> bool {
        let Some(name) = self.places.symbol.and_then(|place| cells.get(place)) else { return true };
        let name = String::from_utf8_lossy(name);
        let ours = owner.owns(&name);
        let others = &mut self.oddities.others;
        if !ours && others.len() < NAMES_KEPT && others.iter().all(|other| *other != name) {
            others.push(name.into());
        }
        ours
    }

    fn row(&mut self, line: u64, cells: &Cells<'_>) -> Result<WrittenRow, LineError> {
        self.line = line;
        let needed = self.places.needed();
        if cells.len() < needed {
            return Err(LineError::Columns { found: cells.len(), needed });
        }
        let time = self.time(cells)?;
        let body = match self.places.prices {
            PricePlaces::Bar(bid, ask) => {
                let bid = self.bar(cells, bid, BAR)?;
                Body::Bar(bid, ask.map(|ask| self.bar(cells, ask, ASK_BAR)).transpose()?)
            }
            PricePlaces::Quote(both) => self.quote(cells, both)?,
            PricePlaces::Single(place) => {
                let price = self.price(cells, place, Column::Price)?;
                Body::Quote { bid: price, ask: price }
            }
        };
        Ok(WrittenRow { line, time, body, ours: true })
    }

    fn time(&mut self, cells: &Cells<'_>) -> Result<Moment, LineError> {
        let cell = |place| cells.get(place).unwrap_or_default();
        let text = match self.places.time {
            TimePlaces::One(place) => cell(place),
            TimePlaces::Two(date, clock) => {
                self.joined.clear();
                self.joined.extend_from_slice(cell(date));
                self.joined.push(b' ');
                self.joined.extend_from_slice(cell(clock));
                &self.joined
            }
        };
        parse(self.times, text).ok_or_else(|| LineError::Time(super::look::shortened(text)))
    }

    fn bar(&mut self, cells: &Cells<'_>, at: [usize; 4], columns: [Column; 4]) -> Result<Prices, LineError> {
        let mut price = |step: usize| self.price(cells, at[step], columns[step]);
        Ok([price(0)?, price(1)?, price(2)?, price(3)?])
    }

    fn quote(&mut self, cells: &Cells<'_>, [bid, ask]: [usize; 2]) -> Result<Body, LineError> {
        let bid = self.side(cells, bid, Column::Bid, 0)?;
        let ask = self.side(cells, ask, Column::Ask, 1)?;
        Ok(Body::Quote { bid, ask })
    }

    /// One side of a quote; an empty one is that before, in forms that write only what moved.
    fn side(
        &mut self,
        cells: &Cells<'_>,
        place: usize,
        column: Column,
        side: usize,
    ) -> Result<Price, LineError> {
        let is_empty = cells.get(place).is_none_or(<[u8]>::is_empty);
        if is_empty && let Some(price) = self.before.and_then(|before| before[side]) {
            return Ok(price);
        }
        let price = self.price(cells, place, column)?;
        if let Some(before) = &mut self.before {
            before[side] = Some(price);
        }
        Ok(price)
    }

    fn price(&mut self, cells: &Cells<'_>, place: usize, column: Column) -> Result<Price, LineError> {
        let found = price(cells.get(place).unwrap_or_default(), self.decimal);
        let (price, exactness) =
            found.map_err(|error| LineError::Price { column: column.name(), reason: error.to_string() })?;
        match exactness {
            Exactness::Exact => {}
            Exactness::Shortened => count(&mut self.oddities.shortened, self.line),
            Exactness::Rounded => count(&mut self.oddities.rounded, self.line),
        }
        Ok(price)
    }
}

pub(super) fn count(seen: &mut Option<(u64, u64)>, line: u64) {
    let (_, total) = seen.get_or_insert((line, 0));
    *total += 1;
}
