//! Writers of the forms, from what their programs write; nothing of the readers is used.

mod bars;
mod ticks;

use chrono::{DateTime, Utc};

use super::dress::{Dress, Table, encode, pack};

pub(crate) use bars::BAR_FORMS;
pub(crate) use ticks::TICK_FORMS;

/// 2024-01-09T00:00:00Z.
pub(crate) const START: i64 = 1_704_758_400_000_000;

/// One bar of a minute; prices in units of 10⁻⁵.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) at: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
}

/// One quote; prices in units of 10⁻⁵.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    pub(crate) at: i64,
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

/// A form as its program writes it.
pub(crate) struct Form {
    /// What it is recognised as.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What has to be said with `--zone`.
    pub(crate) zone: Option<&'static str>,
    /// The file's name, where that matters.
    file: &'static str,
    /// Its columns may stand in any order, in any case, with any delimiter and decimal sign.
    free: bool,
    rows: Rows,
}

enum Rows {
    Bars(fn(&[Bar]) -> Table),
    Ticks(fn(&[Tick]) -> Table),
    /// One file a side; the times in whole seconds.
    Sides(fn(&[Tick], Side) -> Table),
    Text(fn(&[Bar]) -> String),
}

/// One price of a tick.
type Side = fn(&Tick) -> i64;

fn clock(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

fn at(micros: i64, hours: i64, form: &str) -> String {
    clock(micros + hours * 3_600_000_000).format(form).to_string()
}

fn price(units: i64) -> String {
    format!("{}.{:05}", units / 100_000, units % 100_000)
}

fn four(bar: &Bar) -> Vec<String> {
    [bar.open, bar.high, bar.low, bar.close].map(price).to_vec()
}

impl Form {
    pub(crate) fn write_bars(&self, rows: &[Bar], dress: &Dress) -> Vec<(String, Vec<u8>)> {
        match &self.rows {
            Rows::Bars(table) => vec![self.file(&table(rows), dress)],
            // JSON is UTF-8 by its standard.
            Rows::Text(text) => {
                vec![(self.file.into(), pack(text(rows).as_bytes(), dress.packed, self.file))]
            }
            Rows::Ticks(_) | Rows::Sides(..) => unreachable!("a form of ticks"),
        }
    }

    pub(crate) fn write_ticks(&self, rows: &[Tick], dress: &Dress) -> Vec<(String, Vec<u8>)> {
        match &self.rows {
            Rows::Ticks(table) => vec![self.file(&table(rows), dress)],
            Rows::Sides(table) => {
                let (bid, ask) = (table(rows, |tick| tick.bid), table(rows, |tick| tick.ask));
                let ((name, bid), (_, ask)) = (self.file(&bid, dress), self.file(&ask, dress));
                vec![(format!("bid.{name}"), bid), (format!("ask.{name}"), ask)]
            }
            Rows::Bars(_) | Rows::Text(_) => unreachable!("a form of bars"),
        }
    }

    /// What is left of a tick in this form.
    pub(crate) fn keeps(&self, tick: &Tick) -> Tick {
        match (&self.rows, self.name) {
            (Rows::Sides(_), _) => Tick { at: START + (tick.at - START) * 1_000, ..*tick },
            (_, "prices" | "binance-aggtrades" | "binance-trades") => Tick { ask: tick.bid, ..*tick },
            _ => *tick,
        }
    }

    fn file(&self, table: &Table, dress: &Dress) -> (String, Vec<u8>) {
        let text = encode(&table.write(self.free, dress), dress.encoding);
        (self.file.into(), pack(&text, dress.packed, self.file))
    }
}
