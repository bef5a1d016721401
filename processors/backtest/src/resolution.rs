//! Which timeframes the inputs can make: bars of a file say nothing about shorter ones.

use bellwether_engine::heatmap::{Style, weights};
use bellwether_producers::sources::Input;
use bellwether_producers::sources::files::length;
use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::ids::match_key;
use bellwether_schemas::ticks::Spacing;

use crate::files::SUFFIX;

/// Weight in hundredths below which a style has no reading.
const LEAST_WEIGHT: i32 = 50;

/// Length of the bars of each input; none for ticks, which make every timeframe.
pub(crate) struct Resolution {
    inputs: Vec<(String, Option<Spacing>)>,
}

impl Resolution {
    /// Of inputs with bars of these lengths in microseconds.
    pub(crate) fn of(inputs: &[Input], spacings: &[Option<i64>]) -> Self {
        let spacings = spacings.iter().map(|spacing| spacing.and_then(Spacing::new));
        Self { inputs: inputs.iter().map(|input| match_key(&input.symbol)).zip(spacings).collect() }
    }

    /// Why an alert with these parameters can never fire; none where it can, as far as bars are concerned.
    pub(crate) fn refuses(&self, parameters: &AlertParameters) -> Option<String> {
        let of_all = |timeframe: Timeframe| self.lacks(&[], timeframe.for_trackers());
        match parameters {
            AlertParameters::RsiTracker(alert) => of_all(alert.timeframe),
            AlertParameters::RsiCorrelationTracker(alert) => of_all(alert.timeframe),
            AlertParameters::CurrencyStrengthTracker(alert) => of_all(alert.timeframe),
            AlertParameters::HeatmapTracker(alert) => {
                Style::parse(&alert.trading_style).and_then(|style| self.lacks_style(&alert.pairs, style))
            }
            AlertParameters::HeatmapIndicatorTracker(alert) => {
                self.lacks(&alert.pairs, alert.timeframe.for_trackers())
            }
            AlertParameters::PriceAlert(alert) => alert
                .on_close
                .and_then(|timeframe| self.lacks(std::slice::from_ref(&alert.symbol), timeframe)),
        }
    }

    /// The shortest timeframe that some input of those symbols, or of all, makes; with its bars' length.
    fn lacks(&self, symbols: &[String], timeframe: Timeframe) -> Option<String> {
        let asked: Vec<Spacing> = self.spacings(symbols).collect::<Option<_>>()?;
        if asked.iter().any(|spacing| spacing.makes(timeframe)) {
            return None;
        }
        let bars = length(asked.iter().min()?.micros());
        Some(format!("timeframe: {timeframe} cannot be made of bars of {bars}: give a file of shorter ones"))
    }

    fn lacks_style(&self, symbols: &[String], style: Style) -> Option<String> {
        let asked: Vec<Spacing> = self.spacings(symbols).collect::<Option<_>>()?;
        let weight = |spacing: &Spacing| -> i32 {
            let made = weights(style).iter().filter(|(timeframe, _)| spacing.makes(*timeframe));
            made.map(|(_, hundredths)| hundredths).sum()
        };
        if asked.iter().any(|spacing| weight(spacing) >= LEAST_WEIGHT) {
            return None;
        }
        let (style, bars) = (style.name(), length(asked.iter().min()?.micros()));
        Some(format!(
            "trading_style: {style} has no reading from bars of {bars}: give a file of shorter ones"
        ))
    }

    /// Of those symbols, or of all where none is named. None among them is a file of ticks.
    fn spacings(&self, symbols: &[String]) -> impl Iterator<Item = Option<Spacing>> {
        let keys: Vec<String> = symbols.iter().map(|name| match_key(name)).collect();
        let suffix = match_key(SUFFIX);
        let is_meant = move |name: &str| {
            keys.is_empty() || keys.iter().any(|key| key == name || format!("{key}{suffix}") == name)
        };
        self.inputs.iter().filter(move |(name, _)| is_meant(name)).map(|(_, spacing)| *spacing)
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::{HeatmapTracker, PriceAlert, RsiTracker};
    use bellwether_schemas::time::{HOUR, MINUTE};

    use super::*;

    fn of(spacings: &[Option<i64>]) -> Resolution {
        let inputs: Vec<Input> = ["EURUSDm=a", "GBPUSD=b"]
            .iter()
            .take(spacings.len())
            .map(|input| input.parse().unwrap())
            .collect();
        Resolution::of(&inputs, spacings)
    }

    fn rsi(timeframe: Timeframe) -> AlertParameters {
        AlertParameters::RsiTracker(RsiTracker { timeframe, ..RsiTracker::default() })
    }

    #[test]
    fn an_alert_below_the_bars_is_refused_and_others_are_not() {
        let hours = of(&[Some(HOUR)]);
        let said = hours.refuses(&rsi(Timeframe::M5)).unwrap();
        assert_eq!(said, "timeframe: 5M cannot be made of bars of 1 hour: give a file of shorter ones");
        assert_eq!(hours.refuses(&rsi(Timeframe::H1)), None);
        assert_eq!(of(&[Some(HOUR), Some(MINUTE)]).refuses(&rsi(Timeframe::M5)), None, "one input makes it");
        assert_eq!(of(&[None]).refuses(&rsi(Timeframe::M1)), None, "ticks make everything");
    }

    #[test]
    fn an_alert_is_asked_about_its_own_symbols() {
        let mixed = of(&[Some(HOUR), Some(MINUTE)]);
        let price = |symbol: &str| {
            let on_close = Some(Timeframe::M5);
            AlertParameters::PriceAlert(PriceAlert {
                symbol: symbol.into(),
                on_close,
                ..PriceAlert::default()
            })
        };
        assert!(mixed.refuses(&price("eur/usd")).is_some(), "with the suffix");
        assert_eq!(mixed.refuses(&price("GBPUSD")), None);
        let on_ticks = PriceAlert { symbol: "EURUSD".into(), ..PriceAlert::default() };
        assert_eq!(mixed.refuses(&AlertParameters::PriceAlert(on_ticks)), None);
    }

    #[test]
    fn a_style_needs_half_of_its_weight() {
        let style = |trading_style: &str| {
            let (pairs, trading_style) = (vec!["EURUSD".into()], trading_style.into());
            AlertParameters::HeatmapTracker(HeatmapTracker {
                pairs,
                trading_style,
                ..HeatmapTracker::default()
            })
        };
        let hours = of(&[Some(HOUR)]);
        assert!(
            hours.refuses(&style("scalper")).unwrap().starts_with("trading_style: scalper has no reading")
        );
        assert_eq!(hours.refuses(&style("swingTrader")), None);
    }
}
