//! MetaTrader's exports. Their times are the broker's own, which no file says: they need `--zone`.

use super::{Form, Header, Kind, Local, Order};
use crate::sources::files::columns::BAR;
use crate::sources::files::columns::Column::{Ask, Bid, Clock, Close, Date, High, Low, Open};

/// The history centre of MetaTrader 4, without a header.
pub(super) const MT4: Form = Form {
    name: "mt4",
    title: "MetaTrader 4, history (the broker's time: --zone)",
    sample: "2012.02.01,00:00,1.30660,1.30660,1.30656,1.30656,12",
    rows: Kind::Bars,
    local: Local::Broker,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Date), Some(Clock), Some(Open), Some(High), Some(Low), Some(Close)],
        looks: |row| {
            row.is_like(0, "0000.00.00")
                && (row.is_like(1, "00:00") || row.is_like(1, "00:00:00"))
                && row.are_numbers(2..6)
        },
        percent: 5,
    }),
};

/// Bars of MetaTrader 5; those of a day and longer have no `<TIME>`.
pub(super) const MT5_BARS: Form = Form {
    name: "mt5",
    title: "MetaTrader 5, bars (the broker's time: --zone)",
    sample: "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n\
             2012.02.01\t00:00:00\t1.30660\t1.30660\t1.30656\t1.30656\t12\t0\t10",
    rows: Kind::Bars,
    local: Local::Broker,
    sparse: false,
    header: Some(Header { needs: &BAR, marks: &["<TICKVOL>", "<SPREAD>"] }),
    order: None,
};

/// Ticks of MetaTrader 5; a side that did not move is left empty.
pub(super) const MT5_TICKS: Form = Form {
    name: "mt5-ticks",
    title: "MetaTrader 5, ticks (the broker's time: --zone)",
    sample: "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n\
             2012.02.01\t00:00:00.123\t1.30660\t1.30677\t\t\t6",
    rows: Kind::Ticks,
    local: Local::Broker,
    sparse: true,
    header: Some(Header { needs: &[Bid, Ask], marks: &["<BID>", "<ASK>"] }),
    order: None,
};
