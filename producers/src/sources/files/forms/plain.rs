//! Tables under a header with the usual names, in any order and from whatever program.

use super::{Form, Header, Kind, Local, Order, Row};
use crate::sources::files::columns::BAR;
use crate::sources::files::columns::Column::{Ask, Bid, Close, High, Low, Open, Price, Time};

/// Quotes.
pub(super) const TICKS: Form = Form {
    name: "ticks",
    title: "ticks under a header (dukascopy-node's too)",
    sample: "ts,bid,ask\n2012-02-01T00:00:00.065Z,1.30660,1.30677",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Bid, Ask], marks: &[] }),
    order: Some(Order { columns: &[Some(Time), Some(Bid), Some(Ask)], looks: |_| false, percent: 5 }),
};

/// Bars of the bid, or of bid and ask.
pub(super) const BARS: Form = Form {
    name: "m1",
    title: "bars under a header, or time, open, high, low and close without one",
    sample: "timestamp,open,high,low,close\n2012-02-01T00:00:00Z,1.30660,1.30660,1.30656,1.30656",
    rows: Kind::Bars,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &BAR, marks: &[] }),
    order: Some(Order {
        columns: &[Some(Time), Some(Open), Some(High), Some(Low), Some(Close)],
        looks: is_bar,
        percent: 90,
    }),
};

/// One price a row.
pub(super) const PRICES: Form = Form {
    name: "prices",
    title: "single prices under a header, each of them bid and ask",
    sample: "time,price\n2012-02-01T00:00:00Z,1.30660",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Price], marks: &[] }),
    order: None,
};

/// Four numbers of which the second is the highest and the third the lowest: no other order of columns looks so in
/// every row.
fn is_bar(row: &Row<'_>) -> bool {
    let at = |place: usize| row.number(place);
    let (Some(open), Some(high), Some(low), Some(close)) = (at(1), at(2), at(3), at(4)) else { return false };
    low <= open.min(close) && high >= open.max(close) && low > 0.0
}
