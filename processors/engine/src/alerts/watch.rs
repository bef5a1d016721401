//! What an alert watches, checked: columns become types, names become the tenant's spellings, and whatever cannot
//! be is refused with a reason for its user.

use std::ops::RangeInclusive;

use bellwether_schemas::alerts::{
    AlertKind, AlertParameters, HeatmapTracker, PriceAlert, RsiCorrelationTracker,
};
use bellwether_schemas::{Timeframe, Timestamp};

use super::Awaited;
use crate::heatmap::{CellName, Style};
use crate::indicators::{MAX_PERIOD, MIN_PERIOD, WINDOWS};
use crate::symbols::SymbolTable;

/// Most symbols a heatmap alert may name.
const MAX_PAIRS: usize = 3;

/// What one version of an alert watches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Watch {
    Rsi(RsiWatch),
    Pairs(PairWatch),
    Heatmap(HeatmapWatch),
    Turn(TurnWatch),
    Strength(Timeframe),
    Price(Box<PriceWatch>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RsiWatch {
    pub(crate) timeframe: Timeframe,
    pub(crate) period: usize,
    pub(crate) overbought: i32,
    pub(crate) oversold: i32,
}

/// How a pair stops moving as it is expected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PairMode {
    RsiThreshold { period: usize, overbought: i32, oversold: i32 },
    RealCorrelation { window: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PairWatch {
    pub(crate) timeframe: Timeframe,
    pub(crate) mode: PairMode,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeatmapWatch {
    pub(crate) symbols: Box<[String]>,
    pub(crate) style: Style,
    /// Buy% at which the buy zone begins.
    pub(crate) buy: i32,
    /// Sell% at which the sell zone begins.
    pub(crate) sell: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnWatch {
    pub(crate) symbols: Box<[String]>,
    pub(crate) timeframe: Timeframe,
    pub(crate) cell: CellName,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceWatch {
    pub(crate) symbol: String,
    pub(crate) above: Option<f64>,
    pub(crate) below: Option<f64>,
    /// None: every tick.
    pub(crate) on_close: Option<Timeframe>,
    pub(crate) once: bool,
    pub(crate) expires_at: Option<Timestamp>,
}

type Parsed = Result<(Watch, Option<String>), String>;

impl Watch {
    /// What the columns ask for, and what of it is left out; or why it cannot be watched.
    pub(super) fn parse(parameters: &AlertParameters, symbols: &SymbolTable) -> Parsed {
        match parameters {
            AlertParameters::RsiTracker(rsi) => {
                let period = lines(rsi.rsi_period, rsi.rsi_overbought, rsi.rsi_oversold)?;
                let timeframe = rsi.timeframe.for_trackers();
                let (overbought, oversold) = (rsi.rsi_overbought, rsi.rsi_oversold);
                Ok((Self::Rsi(RsiWatch { timeframe, period, overbought, oversold }), None))
            }
            AlertParameters::RsiCorrelationTracker(pairs) => pair_watch(pairs),
            AlertParameters::HeatmapTracker(heatmap) => heatmap_watch(heatmap, symbols),
            AlertParameters::HeatmapIndicatorTracker(turn) => {
                let (known, left_out) = known_symbols(&turn.pairs, symbols)?;
                let cell = CellName::parse(&turn.indicator).ok_or_else(|| {
                    not_one_of("indicator", &turn.indicator, &CellName::ALL.map(CellName::name))
                })?;
                let timeframe = turn.timeframe.for_trackers();
                Ok((Self::Turn(TurnWatch { symbols: known, timeframe, cell }), left_out))
            }
            AlertParameters::CurrencyStrengthTracker(strength) => {
                Ok((Self::Strength(strength.timeframe.for_trackers()), None))
            }
            AlertParameters::PriceAlert(price) => price_watch(price, symbols),
        }
    }

    pub(crate) const fn kind(&self) -> AlertKind {
        match self {
            Self::Rsi(_) => AlertKind::RsiTracker,
            Self::Pairs(_) => AlertKind::RsiCorrelationTracker,
            Self::Heatmap(_) => AlertKind::HeatmapTracker,
            Self::Turn(_) => AlertKind::HeatmapIndicatorTracker,
            Self::Strength(_) => AlertKind::CurrencyStrengthTracker,
            Self::Price(_) => AlertKind::PriceAlert,
        }
    }

    /// Not evaluated from this time on.
    pub(super) const fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Price(price) => price.expires_at,
            _ => None,
        }
    }

    /// The values of which one has to exist before there is anything to watch.
    pub(crate) fn awaits(&self, symbols: &SymbolTable) -> Vec<Awaited> {
        let places =
            |names: &[String]| -> Vec<usize> { names.iter().filter_map(|name| symbols.find(name)).collect() };
        match self {
            Self::Rsi(rsi) => vec![Awaited::Rsi(rsi.timeframe, rsi.period)],
            Self::Pairs(PairWatch { timeframe, mode: PairMode::RsiThreshold { period, .. } }) => {
                vec![Awaited::PairRsi(*timeframe, *period)]
            }
            Self::Pairs(PairWatch { timeframe, mode: PairMode::RealCorrelation { window } }) => {
                vec![Awaited::Coefficient(*timeframe, *window)]
            }
            Self::Heatmap(heatmap) => {
                let style = heatmap.style;
                places(&heatmap.symbols).into_iter().map(|place| Awaited::Style(style, place)).collect()
            }
            Self::Turn(turn) => {
                let of = |place| Awaited::Cell(turn.timeframe, place, turn.cell);
                places(&turn.symbols).into_iter().map(of).collect()
            }
            Self::Strength(timeframe) => vec![Awaited::Strength(*timeframe)],
            Self::Price(price) => {
                let place = symbols.find(&price.symbol);
                place.map(|place| Awaited::Price(price.on_close, place)).into_iter().collect()
            }
        }
    }
}

fn pair_watch(pairs: &RsiCorrelationTracker) -> Parsed {
    let (overbought, oversold) = (pairs.rsi_overbought, pairs.rsi_oversold);
    let mode = match pairs.mode.as_str() {
        "rsi_threshold" => PairMode::RsiThreshold {
            period: lines(pairs.rsi_period, overbought, oversold)?,
            overbought,
            oversold,
        },
        "real_correlation" => {
            let window = usize::try_from(pairs.correlation_window).unwrap_or(0);
            if !WINDOWS.contains(&window) {
                let given = pairs.correlation_window;
                return Err(format!("correlation_window is {given}, it must be 20, 50, 90 or 120"));
            }
            PairMode::RealCorrelation { window }
        }
        other => return Err(not_one_of("mode", other, &["rsi_threshold", "real_correlation"])),
    };
    Ok((Watch::Pairs(PairWatch { timeframe: pairs.timeframe.for_trackers(), mode }), None))
}

fn heatmap_watch(heatmap: &HeatmapTracker, symbols: &SymbolTable) -> Parsed {
    let (known, left_out) = known_symbols(&heatmap.pairs, symbols)?;
    let style = Style::parse(&heatmap.trading_style)
        .ok_or_else(|| not_one_of("trading_style", &heatmap.trading_style, &Style::ALL.map(Style::name)))?;
    within("buy_threshold", heatmap.buy_threshold, 0..=100)?;
    within("sell_threshold", heatmap.sell_threshold, 0..=100)?;
    // 30 and 70 are the same line seen from two sides.
    let given = heatmap.sell_threshold;
    let sell = if given >= 50 { given } else { 100 - given };
    Ok((Watch::Heatmap(HeatmapWatch { symbols: known, style, buy: heatmap.buy_threshold, sell }), left_out))
}

fn price_watch(price: &PriceAlert, symbols: &SymbolTable) -> Parsed {
    if symbols.find(&price.symbol).is_none() {
        return Err(format!("symbol {:?} is not one of the tenant's", price.symbol));
    }
    if price.above.is_none() && price.below.is_none() {
        return Err("neither above nor below is given: one level at least".into());
    }
    for (name, level) in [("above", price.above), ("below", price.below)] {
        if level.is_some_and(|level| !(level.is_finite() && level > 0.0)) {
            return Err(format!("{name} is {}, it must be above 0", level.unwrap_or_default()));
        }
    }
    let once = match price.fires.as_str() {
        "once" => true,
        "every" => false,
        other => return Err(not_one_of("fires", other, &["once", "every"])),
    };
    let PriceAlert { above, below, on_close, expires_at, .. } = *price;
    let symbol = price.symbol.clone();
    Ok((Watch::Price(Box::new(PriceWatch { symbol, above, below, on_close, once, expires_at })), None))
}

/// The named symbols that the tenant has, each once; the others are reported and the alert works without them.
fn known_symbols(names: &[String], symbols: &SymbolTable) -> Result<(Box<[String]>, Option<String>), String> {
    if names.is_empty() || names.len() > MAX_PAIRS {
        return Err(format!("pairs has {} symbols, it must have 1 to {MAX_PAIRS}", names.len()));
    }
    let mut known: Vec<String> = Vec::new();
    let mut places = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match symbols.find(name) {
            Some(place) if places.contains(&place) => {}
            Some(place) => {
                places.push(place);
                known.push(name.clone());
            }
            None => unknown.push(format!("{name:?}")),
        }
    }
    let unknown = unknown.join(", ");
    match (known.is_empty(), unknown.is_empty()) {
        (true, _) => Err(format!("none of pairs is one of the tenant's symbols: {unknown}")),
        (false, true) => Ok((known.into(), None)),
        (false, false) => {
            Ok((known.into(), Some(format!("{unknown}: not one of the tenant's symbols, left out"))))
        }
    }
}

fn lines(period: i32, overbought: i32, oversold: i32) -> Result<usize, String> {
    within("rsi_period", period, MIN_PERIOD as i32..=MAX_PERIOD as i32)?;
    within("rsi_overbought", overbought, 60..=90)?;
    within("rsi_oversold", oversold, 10..=40)?;
    Ok(usize::try_from(period).unwrap_or(0))
}

fn within(name: &str, value: i32, range: RangeInclusive<i32>) -> Result<(), String> {
    let text = || format!("{name} is {value}, it must be from {} to {}", range.start(), range.end());
    range.contains(&value).then_some(()).ok_or_else(text)
}

fn not_one_of(name: &str, value: &str, known: &[&str]) -> String {
    format!("{name} is {value:?}, it must be one of {}", known.join(", "))
}
