//! Writers of the forms, from what their programs write; nothing of the readers is used.

use chrono::{DateTime, Utc};

use super::dress::{Dress, Table, encode, pack};

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

fn bar_rows(rows: &[Bar], time: impl Fn(i64) -> Vec<String>, rest: &[&str]) -> Vec<Vec<String>> {
    let row = |bar: &Bar| {
        let rest = rest.iter().map(|cell| (*cell).to_owned());
        time(bar.at).into_iter().chain(four(bar)).chain(rest).collect()
    };
    rows.iter().map(row).collect()
}

macro_rules! bars {
    ($name:literal, $title:literal, $zone:expr, $file:literal, $free:literal, $delimiter:literal, $header:literal,
     $time:expr, $rest:expr) => {
        Form {
            name: $name,
            title: $title,
            zone: $zone,
            file: $file,
            free: $free,
            rows: Rows::Bars(|rows| Table::new($delimiter, $header, bar_rows(rows, $time, $rest))),
        }
    };
}

pub(crate) const BAR_FORMS: &[Form] = &[
    bars!(
        "m1",
        "bars under a header",
        None,
        "a.csv",
        true,
        ',',
        "timestamp,open,high,low,close,volume",
        |ts| vec![at(ts, 0, "%Y-%m-%d %H:%M:%S+00:00")],
        &["7"]
    ),
    bars!(
        "m1",
        "a spreadsheet's",
        None,
        "a.csv",
        true,
        ',',
        "Date,Open,High,Low,Close",
        |ts| vec![at(ts, 0, "%Y-%m-%d %H:%M")],
        &[]
    ),
    bars!(
        "m1",
        "date and time in two columns",
        None,
        "a.csv",
        true,
        ',',
        "Date,Time,Open,High,Low,Close",
        |ts| vec![at(ts, 0, "%Y-%m-%d"), at(ts, 0, "%H:%M:%S")],
        &[]
    ),
    bars!(
        "m1",
        "in a place's time",
        Some("Asia/Kolkata"),
        "a.csv",
        true,
        ',',
        "datetime,open,high,low,close",
        |ts| vec![at(ts + 1_800_000_000, 5, "%Y-%m-%dT%H:%M:%S")],
        &[]
    ),
    bars!(
        "m1",
        "dukascopy-node's candles",
        None,
        "a.csv",
        true,
        ',',
        "timestamp,open,high,low,close,volume",
        |ts| vec![(ts / 1_000).to_string()],
        &["120.24"]
    ),
    bars!(
        "m1",
        "Kraken's, without a header",
        None,
        "a.csv",
        false,
        ',',
        "",
        |ts| vec![(ts / 1_000_000).to_string()],
        &["0.5", "3"]
    ),
    bars!(
        "histdata-m1",
        "HistData's ASCII bars",
        None,
        "DAT_ASCII_EURUSD_M1_2024.csv",
        false,
        ';',
        "",
        |ts| vec![at(ts, -5, "%Y%m%d %H%M%S")],
        &["0"]
    ),
    bars!(
        "histdata-mt",
        "HistData's MetaTrader bars",
        None,
        "DAT_MT_EURUSD_M1_2024.csv",
        false,
        ',',
        "",
        |ts| vec![at(ts, -5, "%Y.%m.%d"), at(ts, -5, "%H:%M")],
        &["0"]
    ),
    bars!(
        "mt4",
        "MetaTrader 4",
        Some("+02:00"),
        "EURUSD1.csv",
        false,
        ',',
        "",
        |ts| vec![at(ts, 2, "%Y.%m.%d"), at(ts, 2, "%H:%M")],
        &["12"]
    ),
    bars!(
        "mt5",
        "MetaTrader 5",
        Some("Europe/Athens"),
        "EURUSD_M1.csv",
        false,
        '\t',
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        |ts| vec![at(ts, 2, "%Y.%m.%d"), at(ts, 2, "%H:%M:%S")],
        &["1", "0", "12"]
    ),
    bars!(
        "dukascopy-candles",
        "Dukascopy's page",
        None,
        "a.csv",
        true,
        ',',
        "Gmt time,Open,High,Low,Close,Volume",
        |ts| vec![at(ts, 0, "%d.%m.%Y %H:%M:%S%.3f")],
        &["9899.999999999998"]
    ),
    bars!(
        "dukascopy-candles",
        "Dukascopy's page in local time",
        None,
        "a.csv",
        true,
        ',',
        "Local time,Open,High,Low,Close,Volume",
        |ts| vec![at(ts, 1, "%d.%m.%Y %H:%M:%S%.3f GMT+0100")],
        &["1.5"]
    ),
    bars!(
        "dukascopy-candles",
        "JForex",
        None,
        "a.csv",
        true,
        ',',
        "Time (EET),Open,High,Low,Close,Volume ",
        |ts| vec![at(ts, 2, "%Y.%m.%d %H:%M:%S")],
        &["1.5"]
    ),
    bars!(
        "tradingview",
        "TradingView in seconds",
        None,
        "a.csv",
        false,
        ',',
        "time,open,high,low,close,Volume,Plot,Plot",
        |ts| vec![(ts / 1_000_000).to_string()],
        &["3", "", "NaN"]
    ),
    bars!(
        "tradingview",
        "TradingView in ISO 8601",
        None,
        "a.csv",
        false,
        ',',
        "time,open,high,low,close",
        |ts| vec![at(ts, 1, "%Y-%m-%dT%H:%M:%S+01:00")],
        &[]
    ),
    bars!(
        "binance-klines",
        "Binance in milliseconds",
        None,
        "a.csv",
        false,
        ',',
        "",
        |ts| vec![(ts / 1_000).to_string()],
        &["36304.20000000", "1637971259999", "1.03547608", "79", "19523.00000000", "0.55694227", "0"]
    ),
    bars!(
        "binance-klines",
        "Binance in microseconds, with a header",
        None,
        "a.csv",
        false,
        ',',
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        |ts| vec![ts.to_string()],
        &["36304.20000000", "1637971259999999", "1.03547608", "79", "19523.00000000", "0.55694227", "0"]
    ),
    Form {
        name: "freqtrade",
        title: "freqtrade",
        zone: None,
        file: "a.json",
        free: false,
        rows: Rows::Text(freqtrade),
    },
    Form { name: "oanda", title: "OANDA", zone: None, file: "a.json", free: false, rows: Rows::Text(oanda) },
];

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

fn freqtrade(rows: &[Bar]) -> String {
    let row = |bar: &Bar| format!("[{},{},12.0]", bar.at / 1_000, four(bar).join(","));
    format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(","))
}

fn oanda(rows: &[Bar]) -> String {
    let row = |bar: &Bar| {
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(price);
        let time = at(bar.at, 0, "%Y-%m-%dT%H:%M:%S.000000000Z");
        format!(
            "{{\"complete\":true,\"volume\":31,\"time\":\"{time}\",\
             \"mid\":{{\"o\":\"{open}\",\"h\":\"{high}\",\"l\":\"{low}\",\"c\":\"{close}\"}}}}"
        )
    };
    let candles: Vec<String> = rows.iter().map(row).collect();
    format!("{{\"instrument\":\"EUR_USD\",\"granularity\":\"M1\",\"candles\":[{}]}}", candles.join(","))
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
