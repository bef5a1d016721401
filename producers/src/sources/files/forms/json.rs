//! JSON documents of bars.

use super::{Document, Form, Kind, Local};

/// freqtrade's: an array of arrays.
pub(super) const FREQTRADE: Form = Form {
    name: "freqtrade",
    title: "freqtrade, JSON (also CCXT's OHLCV)",
    sample: "[[1328054400000,1.30660,1.30660,1.30656,1.30656,12.0]]",
    rows: Kind::Json(Document::Arrays),
    local: Local::Utc,
    sparse: false,
    header: None,
    order: None,
};

/// OANDA's: an object with candles of bid, ask or their middle.
pub(super) const OANDA: Form = Form {
    name: "oanda",
    title: "OANDA, candles in JSON",
    sample: "{\"candles\":[{\"complete\":true,\"time\":\"2012-02-01T00:00:00Z\",\
             \"mid\":{\"o\":\"1.30660\",\"h\":\"1.30660\",\"l\":\"1.30656\",\"c\":\"1.30656\"}}]}",
    rows: Kind::Json(Document::Candles),
    local: Local::Utc,
    sparse: false,
    header: None,
    order: None,
};
