//! How far the market is from what a user's alerts wait for, by the newest readings.

use std::collections::BTreeMap;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::alerts::{
    AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::ids::match_key;
use bellwether_schemas::readings::{Cell, Indicators, Reading};
use bellwether_schemas::{Symbol, Timeframe, Timestamp};

use super::alerts::{UserAlert, short};

type Readings = BTreeMap<String, Reading>;

/// A line for each alert that is switched on.
pub(super) fn tell(tenant: &Tenant, alerts: &[UserAlert], readings: &Readings) -> Vec<Finding> {
    let of = |alert: &UserAlert| {
        let about = format!("{} {}", alert.kind, short(alert.id));
        match distance(tenant, alert.parameters.as_ref()?, readings) {
            Some(found) => Some(Finding::ok(about, found)),
            None => {
                let advice = "it fires on values alone: see the section `log` of `bellwether doctor`";
                Some(Finding::warn(about, "nothing is known yet of what it watches", advice))
            }
        }
    };
    alerts.iter().filter(|alert| alert.active).filter_map(of).collect()
}

fn distance(tenant: &Tenant, parameters: &AlertParameters, readings: &Readings) -> Option<String> {
    match parameters {
        AlertParameters::RsiTracker(rsi) => of_rsi(rsi, readings),
        AlertParameters::RsiCorrelationTracker(pair) => of_pairs(pair, readings),
        AlertParameters::HeatmapTracker(heatmap) => of_heatmap(tenant, heatmap, readings),
        AlertParameters::HeatmapIndicatorTracker(cell) => of_cell(tenant, cell, readings),
        AlertParameters::CurrencyStrengthTracker(strength) => of_strength(strength, readings),
        AlertParameters::PriceAlert(price) => of_price(tenant, price, readings),
    }
}

/// `1M` is read as `5M`.
fn bar_length(timeframe: Timeframe) -> Timeframe {
    if timeframe == Timeframe::M1 { Timeframe::M5 } else { timeframe }
}

fn indicators(readings: &Readings, timeframe: Timeframe) -> impl Iterator<Item = &Indicators> {
    readings.values().filter_map(move |reading| match reading {
        Reading::Indicators(one) if one.timeframe == timeframe => Some(one.as_ref()),
        _ => None,
    })
}

fn rsi_of(indicators: &Indicators, period: i32) -> Option<f64> {
    if period == 14 { indicators.rsi14 } else { *indicators.other_rsi.get(&format!("rsi{period}"))? }
}

/// The symbol that is closest to one of the two lines.
fn of_rsi(rsi: &RsiTracker, readings: &Readings) -> Option<String> {
    let timeframe = bar_length(rsi.timeframe);
    let lines = [("overbought", f64::from(rsi.rsi_overbought)), ("oversold", f64::from(rsi.rsi_oversold))];
    let values = indicators(readings, timeframe).filter_map(|one| Some((one, rsi_of(one, rsi.rsi_period)?)));
    let apart = values.flat_map(|(one, value)| lines.map(|(name, line)| (one, value, name, line)));
    let (one, value, name, line) = apart.min_by(|a, b| (a.1 - a.3).abs().total_cmp(&(b.1 - b.3).abs()))?;
    let side = if value < line { "below" } else { "above" };
    Some(format!(
        "closest: RSI {} of {} on {timeframe} was {value:.2} at {}, {:.2} {side} {name} {line:.0}",
        rsi.rsi_period,
        one.symbol,
        one.close_time,
        (value - line).abs()
    ))
}

fn of_pairs(pair: &RsiCorrelationTracker, readings: &Readings) -> Option<String> {
    let timeframe = bar_length(pair.timeframe);
    if pair.mode != "real_correlation" {
        let known = indicators(readings, timeframe)
            .filter_map(|one| rsi_of(one, pair.rsi_period).map(|_| one.close_time));
        let times: Vec<Timestamp> = known.collect();
        let newest = times.iter().max()?;
        return Some(format!(
            "RSI {} on {timeframe} is known of {} symbols, last at {newest}; it fires when a pair's two are apart",
            pair.rsi_period,
            times.len()
        ));
    }
    let known: Vec<_> = readings
        .values()
        .filter_map(|reading| match reading {
            Reading::Correlation(one)
                if one.timeframe == timeframe && one.window == pair.correlation_window =>
            {
                Some((one.pair.as_ref(), one.value?, one.close_time))
            }
            _ => None,
        })
        .collect();
    let (name, value, at) = known.iter().min_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    Some(format!(
        "{} pairs are known on {timeframe}; the loosest, {name}, had {value:.3} at {at}",
        known.len()
    ))
}

/// The tenant's own name of what a user wrote.
fn symbol<'a>(tenant: &'a Tenant, written: &str) -> Option<&'a Symbol> {
    let settings = &tenant.settings;
    let keys = [match_key(written), match_key(&format!("{written}{}", settings.symbol_suffix))];
    let mut names = settings.symbols.iter().map(|symbol| &symbol.name);
    names.find(|name| keys.contains(&match_key(name.as_str())))
}

fn symbols<'a>(tenant: &'a Tenant, written: &'a [String]) -> impl Iterator<Item = &'a Symbol> {
    written.iter().filter_map(|name| symbol(tenant, name))
}

fn joined(parts: Vec<String>) -> Option<String> {
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn of_heatmap(tenant: &Tenant, heatmap: &HeatmapTracker, readings: &Readings) -> Option<String> {
    let HeatmapTracker { trading_style, buy_threshold, sell_threshold, .. } = heatmap;
    let of = |symbol: &Symbol| match readings.get(&format!("heatmap|{symbol}|{trading_style}"))? {
        Reading::Heatmap(one) => Some(format!(
            "{symbol}: buy {:.1} of {buy_threshold}, sell {:.1} of {sell_threshold}, at {}",
            one.buy_percent, one.sell_percent, one.close_time
        )),
        _ => None,
    };
    joined(symbols(tenant, &heatmap.pairs).filter_map(of).collect())
}

fn of_cell(tenant: &Tenant, alert: &HeatmapIndicatorTracker, readings: &Readings) -> Option<String> {
    let (timeframe, name) = (bar_length(alert.timeframe), CellName::parse(&alert.indicator)?);
    let of = |symbol: &Symbol| match readings.get(&format!("indicators|{symbol}|{timeframe}"))? {
        Reading::Indicators(one) => {
            let cell = cell(one, name)?;
            let (is, at) = (cell.signal.name(), one.close_time);
            Some(format!(
                "{symbol}: {} on {timeframe} was {is} at {at}; it fires when that turns",
                name.name()
            ))
        }
        _ => None,
    };
    joined(symbols(tenant, &alert.pairs).filter_map(of).collect())
}

const fn cell(indicators: &Indicators, name: CellName) -> Option<&Cell> {
    let cells = &indicators.cells;
    match name {
        CellName::Ema21 => cells.ema21.as_ref(),
        CellName::Ema50 => cells.ema50.as_ref(),
        CellName::Ema200 => cells.ema200.as_ref(),
        CellName::Macd => cells.macd.as_ref(),
        CellName::Rsi => cells.rsi.as_ref(),
        CellName::Utbot => cells.utbot.as_ref(),
        CellName::Ichimoku => cells.ichimoku.as_ref(),
    }
}

fn of_strength(alert: &CurrencyStrengthTracker, readings: &Readings) -> Option<String> {
    let timeframe = bar_length(alert.timeframe);
    match readings.get(&format!("strength|{timeframe}"))? {
        Reading::Strength(one) => Some(format!(
            "on {timeframe} {} leads and {} trails, at {}; it fires when another does",
            one.strongest, one.weakest, one.close_time
        )),
        _ => None,
    }
}

fn of_price(tenant: &Tenant, alert: &PriceAlert, readings: &Readings) -> Option<String> {
    let symbol = symbol(tenant, &alert.symbol)?;
    let bars = Timeframe::ALL.into_iter().filter_map(|timeframe| {
        match readings.get(&format!("bar|{symbol}|{timeframe}"))? {
            Reading::Bar(bar) => Some(bar),
            _ => None,
        }
    });
    let bar = bars.max_by_key(|bar| bar.close_time)?;
    let level = |name: &str, level: Option<f64>| {
        level.map(|level| format!("{:.5} from {name} {level}", (bar.close - level).abs()))
    };
    let levels = [level("above", alert.above), level("below", alert.below)];
    let apart: Vec<String> = levels.into_iter().flatten().collect();
    Some(format!("{symbol} closed at {} at {}, {}", bar.close, bar.close_time, apart.join(", ")))
}
