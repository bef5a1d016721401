//! Layout 1 of `symbol/<place>`: RSI of still closes was computed like any other, every minute was of all timeframes, and
//! history was not judged.

use bellwether_schemas::Timeframe;
use serde::{Deserialize, Serialize};

use super::{
    Atr, Bar, Cells, Ema, FRAMES, Ichimoku, Indicators, Macd, Minute, PriceBand, RowBand, Rsi, SameTime,
    Seen, Series, SymbolState, Turns, UtBot,
};
use crate::snapshot::Code;

/// As [`SymbolState`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SymbolStateV1 {
    name: String,
    band: PriceBand,
    minutes: Vec<Bar>,
    series: [SeriesV1; FRAMES],
    styles: [Option<Seen>; 2],
    tick: Option<Seen>,
    same_time: SameTime,
    daily_change: Option<f64>,
}

/// As [`Series`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SeriesV1 {
    filling: Option<Bar>,
    last_open: Option<i64>,
    evaluated: Option<u64>,
    turns: [Turns; 7],
    indicators: Option<IndicatorsV1>,
}

/// As [`Indicators`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct IndicatorsV1 {
    bars: u64,
    close: Option<f64>,
    previous_close: Option<f64>,
    rsi: RsiV1,
    ema21: Ema,
    ema50: Ema,
    ema200: Ema,
    macd: Macd,
    atr: Atr,
    utbot: UtBot,
    ichimoku: Ichimoku,
    cells: Cells,
}

/// As [`Rsi`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RsiV1 {
    last_close: Option<f64>,
    changes: u64,
    sum: (f64, f64),
    now: Vec<(f64, f64)>,
    before: Vec<(f64, f64)>,
}

impl From<SymbolStateV1> for SymbolState {
    fn from(stored: SymbolStateV1) -> Self {
        let SymbolStateV1 { name, band, minutes, series, styles, tick, same_time, daily_change } = stored;
        let minutes = minutes.into_iter().map(|bar| Minute { from: Code(Timeframe::M1), bar }).collect();
        let series = series.map(Series::from);
        Self { name, band, minutes, series, styles, tick, same_time, daily_change }
    }
}

impl From<SeriesV1> for Series {
    fn from(stored: SeriesV1) -> Self {
        let SeriesV1 { filling, last_open, evaluated, turns, indicators } = stored;
        let (rows, indicators) = (RowBand::default(), indicators.map(Indicators::from));
        Self { filling, last_open, evaluated, rows, turns, indicators }
    }
}

impl From<IndicatorsV1> for Indicators {
    fn from(stored: IndicatorsV1) -> Self {
        let IndicatorsV1 {
            bars,
            close,
            previous_close,
            rsi,
            ema21,
            ema50,
            ema200,
            macd,
            atr,
            utbot,
            ichimoku,
            cells,
        } = stored;
        let rsi = Rsi::from(rsi);
        Self { bars, close, previous_close, rsi, ema21, ema50, ema200, macd, atr, utbot, ichimoku, cells }
    }
}

impl From<RsiV1> for Rsi {
    fn from(stored: RsiV1) -> Self {
        let RsiV1 { last_close, changes, sum, now, before } = stored;
        Self { last_close, changes, sum, now, before, moved: Vec::new(), stands: false, stood: false }
    }
}
