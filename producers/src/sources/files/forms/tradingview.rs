//! `TradingView`'s chart export: `time,open,high,low,close` and whatever the chart shows besides.

use super::{Form, Header, Kind, Local};
use crate::sources::files::columns::Column::{Close, High, Low, Open, Time};

/// Epoch seconds, or ISO 8601 with an offset.
pub(super) const TRADINGVIEW: Form = Form {
    name: "tradingview",
    title: "TradingView, chart export",
    sample: "time,open,high,low,close,Volume\n1328054400,1.30660,1.30660,1.30656,1.30656,12",
    rows: Kind::Bars,
    local: Local::Utc,
    sparse: false,
    header: Some(Header { needs: &[Time, Open, High, Low, Close], marks: &["time"] }),
    order: None,
};
