//! Dukascopy's files, from its web page and from `JForex`. The header says the zone: `Gmt time`, `Time (EET)`, or
//! `Local time` with an offset in every row.

use super::{Form, Header, Kind, Local, Order};
use crate::sources::files::columns::BAR;
use crate::sources::files::columns::Column::{Ask, Bid, Time};

/// How its first column is called.
const MARKS: &[&str] = &["gmt time", "local time", "time ("];

/// Ticks, the ask before the bid.
pub(super) const TICKS: Form = Form {
    name: "dukascopy",
    title: "Dukascopy, ticks",
    sample: "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.02.2012 00:00:00.065,1.30677,1.30660,1.5,0.75",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Bid, Ask], marks: MARKS }),
    order: Some(Order { columns: &[Some(Time), Some(Ask), Some(Bid)], looks: |_| false, percent: 5 }),
};

/// Candles of one side.
pub(super) const CANDLES: Form = Form {
    name: "dukascopy-candles",
    title: "Dukascopy, candles",
    sample: "Gmt time,Open,High,Low,Close,Volume\n01.02.2012 00:00:00.000,1.30660,1.30660,1.30656,1.30656,120.5",
    rows: Kind::Bars,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &BAR, marks: MARKS }),
    order: None,
};
