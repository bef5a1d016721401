//! HistData's files, as they lie in its archives. All are in EST without daylight saving, by its own definition.

use super::{Form, Kind, Local, Order};
use crate::sources::files::columns::Column::{Ask, Bid, Clock, Close, Date, High, Low, Open, Time};

/// `YYYYMMDD HHMMSSmmm,bid,ask,volume`.
pub(super) const TICKS: Form = Form {
    name: "histdata",
    title: "HistData, ASCII ticks (EST)",
    sample: "20120131 190000123,1.306600,1.306770,0",
    rows: Kind::Ticks,
    local: Local::Est,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Time), Some(Bid), Some(Ask)],
        looks: |row| row.is_like(0, "00000000 000000000") && row.are_numbers(1..3),
        percent: 5,
    }),
};

/// `YYYYMMDD HHMMSS;open;high;low;close;volume`; NinjaTrader's bars are the same.
pub(super) const M1: Form = Form {
    name: "histdata-m1",
    title: "HistData, ASCII or NinjaTrader one-minute bars (EST)",
    sample: "20120131 190000;1.306600;1.306600;1.306560;1.306560;0",
    rows: Kind::Bars,
    local: Local::Est,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Time), Some(Open), Some(High), Some(Low), Some(Close)],
        looks: |row| row.is_like(0, "00000000 000000") && row.are_numbers(1..5),
        percent: 5,
    }),
};

/// What is in the names of HistData's MT files, and of the archives they come in.
const MT_NAMES: [&str; 2] = ["DAT_MT_", "HISTDATA_COM_MT_"];

/// The columns of MetaTrader 4 in HistData's zone: only the name of the file tells the two apart.
pub(super) const MT: Form = Form {
    name: "histdata-mt",
    title: "HistData, MetaTrader bars (EST), known by DAT_MT_ in the file's or archive's name",
    sample: "2012.01.31,19:00,1.306600,1.306600,1.306560,1.306560,0",
    rows: Kind::Bars,
    local: Local::Est,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Date), Some(Clock), Some(Open), Some(High), Some(Low), Some(Close)],
        looks: |row| is_mt(row.file) && row.is_like(0, "0000.00.00") && row.are_numbers(2..6),
        percent: 5,
    }),
};

fn is_mt(file: &str) -> bool {
    let file = file.to_ascii_uppercase();
    MT_NAMES.iter().any(|name| file.contains(name))
}
