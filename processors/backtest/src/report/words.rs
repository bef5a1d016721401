//! What an alert watches, as a sentence.

use bellwether_schemas::alerts::{AlertParameters, HeatmapTracker, PriceAlert, RsiCorrelationTracker};

/// What an alert with these parameters watches.
pub(super) fn describe(parameters: &AlertParameters) -> String {
    match parameters {
        AlertParameters::RsiTracker(rsi) => format!(
            "RSI {} on {} reaching {} or falling to {}, every symbol",
            rsi.rsi_period,
            rsi.timeframe.for_trackers(),
            rsi.rsi_overbought,
            rsi.rsi_oversold
        ),
        AlertParameters::RsiCorrelationTracker(pairs) => of_pairs(pairs),
        AlertParameters::HeatmapTracker(heatmap) => of_heatmap(heatmap),
        AlertParameters::HeatmapIndicatorTracker(tracker) => format!(
            "{} on {} turning, {}",
            tracker.indicator.to_ascii_uppercase(),
            tracker.timeframe.for_trackers(),
            tracker.pairs.join(", ")
        ),
        AlertParameters::CurrencyStrengthTracker(strength) => {
            format!("another currency strongest or weakest on {}", strength.timeframe.for_trackers())
        }
        AlertParameters::PriceAlert(price) => of_price(price),
    }
}

fn of_pairs(pairs: &RsiCorrelationTracker) -> String {
    let timeframe = pairs.timeframe.for_trackers();
    if pairs.mode == "real_correlation" {
        let window = pairs.correlation_window;
        return format!(
            "correlation over {window} bars of {timeframe} leaving what a pair is expected to do"
        );
    }
    let RsiCorrelationTracker { rsi_period, rsi_overbought, rsi_oversold, .. } = pairs;
    format!("pairs whose RSI {rsi_period} on {timeframe} disagree: {rsi_overbought} against {rsi_oversold}")
}

fn of_heatmap(heatmap: &HeatmapTracker) -> String {
    let HeatmapTracker { pairs, trading_style, buy_threshold, sell_threshold } = heatmap;
    let sell = if *sell_threshold >= 50 { *sell_threshold } else { 100 - sell_threshold };
    format!(
        "{trading_style} heatmap: Buy% reaching {buy_threshold} or Sell% reaching {sell}, {}",
        pairs.join(", ")
    )
}

fn of_price(price: &PriceAlert) -> String {
    let side = |word, level: Option<f64>| level.map(|level| format!("{word} {level}"));
    let sides: Vec<String> =
        [side("above", price.above), side("below", price.below)].into_iter().flatten().collect();
    let on = price.on_close.map_or_else(|| "any tick".into(), |timeframe| format!("closes of {timeframe}"));
    format!("{} going {}, {on}, {}", price.symbol, sides.join(" or "), price.fires)
}
