//! What the chart of an alert shows: a price, lines on it, an indicator below, and the user's levels.

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::{
    AlertParameters, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert, RsiCorrelationTracker,
};
use bellwether_schemas::readings::{Cell, Indicators};

/// One line of a chart by the name of its reading: `rsi14`, `ema21`, `score:MACD`.
pub type Line = String;

/// The panel below the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    /// The kind has no chart: neither candles nor a line.
    Nothing,
    /// Indicators of the symbol; of both symbols where the alert watches pairs.
    Indicators(Vec<Line>),
    /// Buy% of the symbol in a style.
    Heatmap(String),
    /// The pair's coefficient over so many returns.
    Correlation(i32),
    /// The scores of all currencies.
    Strength,
}

/// What the chart of an alert shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The bars everything is taken from.
    pub timeframe: Timeframe,
    /// There is a price to show.
    pub has_price: bool,
    /// Lines on the price.
    pub overlays: Vec<Line>,
    /// Levels on the price.
    pub price_levels: Vec<f64>,
    /// What the panel below the price shows.
    pub below: Below,
    /// Horizontal lines of that panel: the user's own.
    pub levels: Vec<f64>,
    /// Its least and largest value, where they are fixed.
    pub range: Option<(f64, f64)>,
}

impl Picture {
    /// Of an alert with these parameters.
    #[must_use]
    pub fn of(parameters: &AlertParameters) -> Self {
        match parameters {
            AlertParameters::RsiTracker(rsi) => Self {
                levels: vec![rsi.rsi_overbought.into(), rsi.rsi_oversold.into()],
                range: Some((0.0, 100.0)),
                ..Self::below(rsi.timeframe.for_trackers(), Below::Indicators(vec![rsi_name(rsi.rsi_period)]))
            },
            AlertParameters::RsiCorrelationTracker(pairs) => Self::of_pairs(pairs),
            AlertParameters::HeatmapTracker(heatmap) => Self::of_heatmap(heatmap),
            AlertParameters::HeatmapIndicatorTracker(indicator) => Self::of_indicator(indicator),
            AlertParameters::CurrencyStrengthTracker(strength) => Self {
                has_price: false,
                levels: vec![0.0],
                range: Some((-100.0, 100.0)),
                ..Self::below(strength.timeframe.for_trackers(), Below::Strength)
            },
            AlertParameters::PriceAlert(price) => Self::of_price(price),
        }
    }

    const fn below(timeframe: Timeframe, below: Below) -> Self {
        Self {
            timeframe,
            has_price: true,
            overlays: Vec::new(),
            price_levels: Vec::new(),
            below,
            levels: Vec::new(),
            range: None,
        }
    }

    fn of_pairs(pairs: &RsiCorrelationTracker) -> Self {
        let timeframe = pairs.timeframe.for_trackers();
        if pairs.mode == "real_correlation" {
            return Self {
                levels: vec![0.25, -0.15],
                range: Some((-1.0, 1.0)),
                ..Self::below(timeframe, Below::Correlation(pairs.correlation_window))
            };
        }
        Self {
            levels: vec![pairs.rsi_overbought.into(), pairs.rsi_oversold.into()],
            range: Some((0.0, 100.0)),
            ..Self::below(timeframe, Below::Indicators(vec![rsi_name(pairs.rsi_period)]))
        }
    }

    fn of_heatmap(heatmap: &HeatmapTracker) -> Self {
        let is_scalper = heatmap.trading_style.eq_ignore_ascii_case("scalper");
        let (timeframe, style) =
            if is_scalper { (Timeframe::M5, "scalper") } else { (Timeframe::M30, "swingTrader") };
        // Sell% as the same line seen from the buyer's side.
        let sell = heatmap.sell_threshold;
        let sell = if sell >= 50 { 100 - sell } else { sell };
        Self {
            levels: vec![heatmap.buy_threshold.into(), sell.into()],
            range: Some((0.0, 100.0)),
            ..Self::below(timeframe, Below::Heatmap(style.into()))
        }
    }

    fn of_indicator(tracker: &HeatmapIndicatorTracker) -> Self {
        let timeframe = tracker.timeframe.for_trackers();
        let name = tracker.indicator.to_ascii_uppercase();
        let of = |lines: &[&str]| lines.iter().map(|line| (*line).into()).collect();
        match name.as_str() {
            "RSI" => Self {
                levels: vec![50.0],
                range: Some((0.0, 100.0)),
                ..Self::below(timeframe, Below::Indicators(of(&["rsi14"])))
            },
            "MACD" => Self {
                levels: vec![0.0],
                ..Self::below(timeframe, Below::Indicators(of(&["macd", "macd_signal"])))
            },
            "UTBOT" => Self::of_cell(timeframe, "UTBOT", of(&["utbot_long_stop", "utbot_short_stop"])),
            "EMA21" | "EMA50" | "EMA200" => Self::of_cell(timeframe, &name, vec![name.to_ascii_lowercase()]),
            _ => Self::of_cell(timeframe, "ICHIMOKU", of(&["tenkan", "kijun", "senkou_a", "senkou_b"])),
        }
    }

    fn of_cell(timeframe: Timeframe, cell: &str, overlays: Vec<Line>) -> Self {
        Self {
            overlays,
            levels: vec![0.0],
            range: Some((-1.25, 1.25)),
            ..Self::below(timeframe, Below::Indicators(vec![format!("score:{cell}")]))
        }
    }

    fn of_price(price: &PriceAlert) -> Self {
        let levels =
            [price.above, price.below].into_iter().flatten().filter(|level| level.is_finite()).collect();
        Self { price_levels: levels, ..Self::below(price.on_close.unwrap_or(Timeframe::M1), Below::Nothing) }
    }
}

fn rsi_name(period: i32) -> Line {
    format!("rsi{period}")
}

/// The value of a line in a reading.
#[must_use]
pub(super) fn value(reading: &Indicators, line: &str) -> Option<f64> {
    match line {
        "rsi14" => reading.rsi14,
        "ema21" => reading.ema21,
        "ema50" => reading.ema50,
        "ema200" => reading.ema200,
        "macd" => reading.macd,
        "macd_signal" => reading.macd_signal,
        "utbot_long_stop" => reading.utbot_long_stop,
        "utbot_short_stop" => reading.utbot_short_stop,
        "tenkan" => reading.tenkan,
        "kijun" => reading.kijun,
        "senkou_a" => reading.senkou_a,
        "senkou_b" => reading.senkou_b,
        other => match other.strip_prefix("score:") {
            Some(cell) => cell_of(reading, cell).map(|cell| cell.score),
            None => reading.other_rsi.get(other).copied().flatten(),
        },
    }
}

fn cell_of<'a>(reading: &'a Indicators, cell: &str) -> Option<&'a Cell> {
    let cells = &reading.cells;
    let cell = match cell {
        "EMA21" => &cells.ema21,
        "EMA50" => &cells.ema50,
        "EMA200" => &cells.ema200,
        "UTBOT" => &cells.utbot,
        "ICHIMOKU" => &cells.ichimoku,
        _ => return None,
    };
    cell.as_ref()
}
