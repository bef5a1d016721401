//! Users beside the sample's, with so many alerts that a kill is rarely between two triggers.

use std::collections::BTreeMap;

use bellwether_local::seed::{Alert, User};
use bellwether_producers::sources::synthetic::{Market, Shape};
use bellwether_schemas::alerts::{
    AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, RsiCorrelationTracker,
    RsiTracker,
};
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::ids::match_key;
use bellwether_schemas::settings::DEFAULT_SYMBOLS;
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, UserId, ids, price};

/// What each symbol costs where the ticks begin, by its name without suffix.
pub(crate) fn opening(market: &Market, start: Timestamp, suffix: &str) -> BTreeMap<String, f64> {
    let (_, shapes) = market.minutes(start).next_minute();
    let price = |(name, shape): (String, Shape)| {
        let name = name.strip_suffix(suffix).unwrap_or(&name);
        (match_key(name), price::value(shape.open, shape.scale))
    };
    market.names().into_iter().zip(shapes).map(price).collect()
}

/// Somebody who is told about every swing, so that a kill is rarely between two triggers.
pub(crate) fn busy(tenant: &TenantId, number: u8) -> (User, Vec<Alert>) {
    let id = |what: &str| ids::derive(&format!("chaos|{tenant}|{what}|{number}"));
    let user_id = UserId(id("user"));
    let alert = |parameters: AlertParameters| {
        let name = parameters.kind().name();
        Alert { id: AlertId(id(name)), user_id, parameters }
    };
    let user = User { id: user_id, email: format!("busy{number}@users.{tenant}.example"), confirmed: true };
    (user, watched(number).map(alert).into())
}

/// Trackers of five kinds on the shortest bars, other lines and symbols for each user.
fn watched(number: u8) -> [AlertParameters; 5] {
    let timeframe = Timeframe::M5;
    let symbol = |at: u8| DEFAULT_SYMBOLS[usize::from(3 * number + at)].to_owned();
    let pairs = || vec![symbol(0), symbol(1), symbol(2)];
    let (rsi_overbought, rsi_oversold) = (60 + i32::from(number), 40 - i32::from(number));
    let indicator = match CellName::ALL[usize::from(number) % CellName::ALL.len()] {
        CellName::Ichimoku => "IchimokuClone".to_owned(),
        cell => cell.name().to_owned(),
    };
    let line = 55 + i32::from(number);
    [
        AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period: 5, rsi_overbought, rsi_oversold }),
        AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
            timeframe,
            mode: if number.is_multiple_of(2) { "rsi_threshold" } else { "real_correlation" }.into(),
            rsi_period: 9,
            rsi_overbought,
            rsi_oversold,
            correlation_window: 20,
        }),
        AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs: pairs(),
            trading_style: "scalper".into(),
            buy_threshold: line,
            sell_threshold: line,
        }),
        AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker {
            pairs: pairs(),
            timeframe,
            indicator,
        }),
        AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe }),
    ]
}
