//! Forms of ticks.

use super::super::dress::Table;
use super::{Form, Rows, Side, Tick, at, price};

fn tick_rows(rows: &[Tick], cells: impl Fn(&Tick) -> Vec<String>) -> Vec<Vec<String>> {
    rows.iter().map(cells).collect()
}

macro_rules! ticks {
    ($name:literal, $title:literal, $zone:expr, $free:literal, $delimiter:literal, $header:literal, $cells:expr) => {
        Form {
            name: $name,
            title: $title,
            zone: $zone,
            file: "a.csv",
            free: $free,
            rows: Rows::Ticks(|rows| Table::new($delimiter, $header, tick_rows(rows, $cells))),
        }
    };
}

pub(crate) const TICK_FORMS: &[Form] = &[
    ticks!("histdata", "HistData's ASCII ticks", None, false, ',', "", |tick| vec![
        at(tick.at, -5, "%Y%m%d %H%M%S%3f"),
        price(tick.bid),
        price(tick.ask),
        "0".into()
    ]),
    ticks!("truefx", "TrueFX", None, false, ',', "", |tick| vec![
        "EUR/USD".into(),
        at(tick.at, 0, "%Y%m%d %H:%M:%S%.3f"),
        price(tick.bid),
        price(tick.ask)
    ]),
    ticks!("ticks", "ticks under a header", None, true, ',', "ts,symbol,bid,ask,volume", |tick| vec![
        at(tick.at, 0, "%Y-%m-%dT%H:%M:%S%.6fZ"),
        "EURUSD".into(),
        price(tick.bid),
        price(tick.ask),
        "1".into()
    ]),
    ticks!(
        "ticks",
        "dukascopy-node's ticks",
        None,
        true,
        ',',
        "timestamp,askPrice,bidPrice,askVolume,bidVolume",
        |tick| vec![
            (tick.at / 1_000).to_string(),
            price(tick.ask),
            price(tick.bid),
            "1.5".into(),
            "0.75".into()
        ]
    ),
    ticks!(
        "dukascopy",
        "Dukascopy's ticks",
        None,
        true,
        ',',
        "Gmt time,Ask,Bid,AskVolume,BidVolume",
        |tick| vec![
            at(tick.at, 0, "%d.%m.%Y %H:%M:%S%.3f"),
            price(tick.ask),
            price(tick.bid),
            "1.5".into(),
            "0.75".into()
        ]
    ),
    ticks!(
        "mt5-ticks",
        "MetaTrader 5's ticks",
        Some("UTC"),
        false,
        '\t',
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>",
        |tick| vec![
            at(tick.at, 0, "%Y.%m.%d"),
            at(tick.at, 0, "%H:%M:%S%.3f"),
            price(tick.bid),
            price(tick.ask),
            String::new(),
            String::new(),
            "6".into()
        ]
    ),
    Form {
        name: "ninjatrader",
        title: "NinjaTrader's ticks",
        zone: None,
        file: "DAT_NT_EURUSD_T.csv",
        free: false,
        rows: Rows::Sides(ninjatrader),
    },
    ticks!("prices", "single prices", None, true, ',', "time,price", |tick| vec![
        at(tick.at, 0, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        price(tick.bid)
    ]),
    ticks!("binance-aggtrades", "Binance's aggregated trades", None, false, ',', "", |tick| vec![
        "26129".into(),
        price(tick.bid),
        "4.70443515".into(),
        "27781".into(),
        "27781".into(),
        (tick.at / 1_000).to_string(),
        "true".into(),
        "true".into()
    ]),
    ticks!("binance-trades", "Binance's trades", None, false, ',', "", |tick| vec![
        "51175358".into(),
        price(tick.bid),
        "5.69".into(),
        "101.2".into(),
        (tick.at / 1_000).to_string(),
        "True".into(),
        "True".into()
    ]),
];

fn ninjatrader(rows: &[Tick], side: Side) -> Table {
    let cells = |tick: &Tick| vec![at(tick.at, -5, "%Y%m%d %H%M%S"), price(side(tick)), "0".into()];
    Table::new(';', "", tick_rows(rows, cells))
}
