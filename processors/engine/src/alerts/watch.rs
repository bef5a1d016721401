//! What an alert watches, checked: columns become types, names become the tenant's spellings, and whatever cannot
//! be is refused with a reason for its user. What a kind makes of its columns stands in its file.

use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::{AlertKind, AlertParameters};

use super::Awaited;
use super::columns::LeftOut;
use super::currency_strength::StrengthWatch;
use super::heatmap_indicator::TurnWatch;
use super::heatmap_tracker::HeatmapWatch;
use super::price::PriceWatch;
use super::reason::Reason;
use super::rsi_correlation::PairWatch;
use super::rsi_tracker::RsiWatch;
use crate::symbols::SymbolTable;

/// What one version of an alert watches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Watch {
    Rsi(RsiWatch),
    Pairs(PairWatch),
    Heatmap(HeatmapWatch),
    Turn(TurnWatch),
    Strength(StrengthWatch),
    Price(Box<PriceWatch>),
}

/// Whether an alert's columns hold by themselves, whatever symbols a tenant has: what can be said of a row before there
/// is an engine to take it.
///
/// # Errors
/// The column, its value and what it must be.
pub fn check_columns(parameters: &AlertParameters) -> Result<(), String> {
    match parameters {
        AlertParameters::RsiTracker(columns) => RsiWatch::parse(columns).map(drop),
        AlertParameters::RsiCorrelationTracker(columns) => PairWatch::parse(columns).map(drop),
        AlertParameters::HeatmapTracker(columns) => HeatmapWatch::check(columns),
        AlertParameters::HeatmapIndicatorTracker(columns) => TurnWatch::check(columns),
        AlertParameters::CurrencyStrengthTracker(_) => Ok(()),
        AlertParameters::PriceAlert(columns) => PriceWatch::check(columns),
    }
}

impl Watch {
    /// What the columns ask for, and what of it is left out; or why it cannot be watched.
    pub(crate) fn parse(
        parameters: &AlertParameters,
        symbols: &SymbolTable,
    ) -> Result<(Self, LeftOut), Reason> {
        Ok(match parameters {
            AlertParameters::RsiTracker(columns) => (Self::Rsi(RsiWatch::parse(columns)?), None),
            AlertParameters::RsiCorrelationTracker(columns) => {
                (Self::Pairs(PairWatch::parse(columns)?), None)
            }
            AlertParameters::HeatmapTracker(columns) => {
                let (watch, left_out) = HeatmapWatch::parse(columns, symbols)?;
                (Self::Heatmap(watch), left_out)
            }
            AlertParameters::HeatmapIndicatorTracker(columns) => {
                let (watch, left_out) = TurnWatch::parse(columns, symbols)?;
                (Self::Turn(watch), left_out)
            }
            AlertParameters::CurrencyStrengthTracker(columns) => {
                (Self::Strength(StrengthWatch::parse(columns)), None)
            }
            AlertParameters::PriceAlert(columns) => {
                (Self::Price(Box::new(PriceWatch::parse(columns, symbols)?)), None)
            }
        })
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
            Self::Rsi(_) | Self::Pairs(_) | Self::Heatmap(_) | Self::Turn(_) | Self::Strength(_) => None,
        }
    }

    /// The first trigger ends the watch.
    pub(crate) const fn fires_once(&self) -> bool {
        match self {
            Self::Price(price) => price.once,
            Self::Rsi(_) | Self::Pairs(_) | Self::Heatmap(_) | Self::Turn(_) | Self::Strength(_) => false,
        }
    }

    /// The values of which one has to exist before there is anything to watch.
    pub(crate) fn awaits(&self, symbols: &SymbolTable) -> Vec<Awaited> {
        match self {
            Self::Rsi(rsi) => rsi.awaits(),
            Self::Pairs(pairs) => pairs.awaits(),
            Self::Heatmap(heatmap) => heatmap.awaits(symbols),
            Self::Turn(turn) => turn.awaits(symbols),
            Self::Strength(strength) => strength.awaits(),
            Self::Price(price) => price.awaits(symbols),
        }
    }
}
