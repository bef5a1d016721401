//! Binance's public files, with the header of the newer and without that of the older ones.

use super::{Form, Header, Kind, Local, Order, Row};
use crate::sources::files::columns::BAR;
use crate::sources::files::columns::Column::{Close, High, Low, Open, Price, Time};

/// Cells of a kline.
const KLINE_CELLS: usize = 12;

/// Klines: open time, four prices, volume, close time and further numbers.
pub(super) const KLINES: Form = Form {
    name: "binance-klines",
    title: "Binance, klines",
    sample: "1637971200000,0.00002853,0.00002854,0.00002851,0.00002854,36304.2,1637971259999,1.035,79,19523.0,0.556,0",
    rows: Kind::Bars,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &BAR, marks: &["close_time", "close time", "closetime"] }),
    order: Some(Order {
        columns: &[Some(Time), Some(Open), Some(High), Some(Low), Some(Close)],
        looks: |row| {
            row.cells.len() == KLINE_CELLS && row.are_numbers(1..6) && is_epoch(row, 0) && is_epoch(row, 6)
        },
        percent: 5,
    }),
};

/// Aggregated trades: each price is bid and ask.
pub(super) const AGG_TRADES: Form = Form {
    name: "binance-aggtrades",
    title: "Binance, aggregated trades",
    sample: "26129,0.01633102,4.70443515,27781,27781,1498793709153,true,true",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Price], marks: &["agg_trade_id", "transact_time"] }),
    order: Some(Order {
        columns: &[None, Some(Price), None, None, None, Some(Time)],
        looks: |row| row.are_numbers(0..5) && is_epoch(row, 5) && is_flag(row, 6),
        percent: 5,
    }),
};

/// Single trades: each price is bid and ask.
pub(super) const TRADES: Form = Form {
    name: "binance-trades",
    title: "Binance, trades",
    sample: "51175358,17.80180000,5.69000000,101.29224200,1583709433583,True,True",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Price], marks: &["quote_qty", "quoteqty", "is_buyer_maker"] }),
    order: Some(Order {
        columns: &[None, Some(Price), None, None, Some(Time)],
        looks: |row| row.are_numbers(0..4) && is_epoch(row, 4) && is_flag(row, 5),
        percent: 5,
    }),
};

/// Milliseconds or microseconds of our time.
fn is_epoch(row: &Row<'_>, place: usize) -> bool {
    row.is_like(place, "0000000000000") || row.is_like(place, "0000000000000000")
}

fn is_flag(row: &Row<'_>, place: usize) -> bool {
    row.cells.get(place).is_some_and(|cell| matches!(cell.to_ascii_lowercase().as_str(), "true" | "false"))
}
