//! NinjaTrader's ticks as HistData offers them: one side a file, `YYYYMMDD HHMMSS;price;volume`, in EST.

use super::{Form, Kind, Local, Order};
use crate::sources::files::columns::Column::{Price, Time};

/// Cells of a row: more are bars.
const CELLS: usize = 3;

/// Ticks of the bid, the ask or the last price; a file of the ask may be given beside one of the bid.
pub(super) const TICKS: Form = Form {
    name: "ninjatrader",
    title: "NinjaTrader ticks of one side, as from HistData (EST); BID.csv+ASK.csv gives both",
    sample: "20120131 190003;1.306600;0",
    rows: Kind::Ticks,
    local: Local::Est,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Time), Some(Price)],
        looks: |row| {
            row.cells.len() == CELLS && row.is_like(0, "00000000 000000") && row.are_numbers(1..CELLS)
        },
        percent: 5,
    }),
};
