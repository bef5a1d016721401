//! Forms of bars.

use super::super::dress::Table;
use super::{Bar, Form, Rows, at, four, price};

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
