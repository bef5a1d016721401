//! One alert and one trigger of each kind, for whoever needs some: alike in nothing but their tenant and user.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bellwether_schemas::alerts::{
    AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::heatmap::{CellName, Style};
use bellwether_schemas::readings::Signal;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{
    Cause, Condition, Detail, DetailText, Expected, Group, IndicatorTurned, LeaderChanged, LevelReached,
    RealMismatch, RsiReached, Strength, TriggerFired, ZoneEntered, group_id,
};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TriggerId, UserId, ids};

/// 2012-02-01, where the first trigger's bar begins.
const BEGIN: Timestamp = Timestamp(1_328_054_400_000_000);

/// What an alert of that kind may watch, spelled as users spell it.
#[must_use]
pub fn parameters(kind: AlertKind) -> AlertParameters {
    let timeframe = Timeframe::M5;
    match kind {
        AlertKind::RsiTracker => {
            AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period: 9, ..RsiTracker::default() })
        }
        AlertKind::RsiCorrelationTracker => AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
            timeframe,
            mode: "real_correlation".into(),
            correlation_window: 20,
            ..RsiCorrelationTracker::default()
        }),
        AlertKind::HeatmapTracker => AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs: vec!["BTC/USD".into(), "eurusd".into()],
            trading_style: "scalper".into(),
            buy_threshold: 70,
            sell_threshold: 70,
        }),
        AlertKind::HeatmapIndicatorTracker => {
            let (pairs, indicator) = (vec!["EURUSDm".into()], "utbot".into());
            AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker { pairs, timeframe, indicator })
        }
        AlertKind::CurrencyStrengthTracker => {
            AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe })
        }
        AlertKind::PriceAlert => AlertParameters::PriceAlert(PriceAlert {
            symbol: "eur/usd".into(),
            above: Some(1.3155),
            below: Some(1.2),
            on_close: Some(timeframe),
            fires: "every".into(),
            expires_at: Some(BEGIN),
        }),
    }
}

/// What an alert of that kind fires, of the journal's record with that number. Bars of five minutes follow each other.
#[must_use]
pub fn trigger(
    tenant: &TenantId,
    kind: AlertKind,
    alert_id: AlertId,
    user_id: UserId,
    number: u16,
) -> TriggerFired {
    let open_time = BEGIN.plus(i64::from(number) * 5 * MINUTE);
    let common = TriggerFired {
        id: TriggerId(ids::derive(&format!("{tenant}|{kind}|{alert_id}|{number}"))),
        tenant: tenant.clone(),
        kind,
        alert_id,
        alert_version: 1,
        user_id,
        symbol: None,
        pair: None,
        timeframe: Some(Timeframe::M5),
        open_time,
        close_time: open_time.plus(5 * MINUTE),
        condition: Condition::Buy,
        value: None,
        previous: None,
        threshold: None,
        price: None,
        detail: DetailText::default(),
        cause: Cause { offset: i64::from(number), index: 0 },
        engine_version: 1,
        group: Group { id: group_id(tenant, kind, alert_id, 1, open_time, None), index: 0, size: 1 },
    };
    let (of_kind, detail) = of_kind(common);
    TriggerFired { detail: DetailText::new(&detail, "a sample"), ..of_kind }
}

/// With what is the kind's own.
fn of_kind(common: TriggerFired) -> (TriggerFired, Detail) {
    let on_symbol = |common: TriggerFired| TriggerFired {
        symbol: "EURUSDm".parse().ok(),
        price: Some(1.31415),
        ..common
    };
    let valued = |common: TriggerFired, condition, [previous, value]: [f64; 2], threshold| TriggerFired {
        condition,
        value: Some(value),
        previous: Some(previous),
        threshold,
        ..common
    };
    match common.kind {
        AlertKind::RsiTracker => {
            let fired = valued(on_symbol(common), Condition::Overbought, [69.0, 71.256], Some(70.0));
            (fired, Detail::Rsi(RsiReached { rsi_period: 9, overbought: 70.0, oversold: 30.0 }))
        }
        AlertKind::RsiCorrelationTracker => {
            let fired = valued(common, Condition::RealMismatch, [0.3, 0.2126], Some(0.25));
            let (expected, strength) = (Expected::Together, Strength::Weak);
            let detail = RealMismatch { expected, correlation_window: 20, strength };
            (TriggerFired { pair: Some("EURUSD-GBPUSD".into()), ..fired }, Detail::RealMismatch(detail))
        }
        AlertKind::HeatmapTracker => {
            let fired = valued(on_symbol(common), Condition::Sell, [61.0, 72.126], Some(70.0));
            (fired, Detail::Heatmap(zone()))
        }
        AlertKind::HeatmapIndicatorTracker => {
            let (indicator, signal) = (CellName::Utbot, Signal::Buy);
            (on_symbol(common), Detail::Turn(IndicatorTurned { indicator, signal }))
        }
        AlertKind::CurrencyStrengthTracker => {
            let role = Condition::Weakest;
            let fired = valued(common, role, [-40.0, -100.0], None);
            (
                fired,
                Detail::Leader(LeaderChanged {
                    role,
                    from: "JPY".into(),
                    to: "USD".into(),
                    scores: Some(scores()),
                }),
            )
        }
        AlertKind::PriceAlert => {
            let (side, level) = (Condition::Below, 1.3155);
            let fired = valued(on_symbol(common), side, [1.3161, 1.31415], Some(level));
            (fired, Detail::Price(LevelReached { side, level, on_close: Some(Timeframe::M5) }))
        }
    }
}

/// Of eight currencies evenly apart.
fn scores() -> BTreeMap<Cow<'static, str>, Option<f64>> {
    let from_the_weakest = ["USD", "JPY", "CHF", "CAD", "EUR", "NZD", "AUD", "GBP"];
    let score = |place: u8| Some(f64::from(place) * 200.0 / 7.0 - 100.0);
    (0..).zip(from_the_weakest).map(|(place, currency)| (currency.into(), score(place))).collect()
}

fn zone() -> ZoneEntered {
    ZoneEntered {
        trading_style: Style::Scalper,
        final_score: -44.252,
        buy_percent: 27.874,
        sell_percent: 72.126,
        coverage: 1.0,
        cells: BTreeMap::new(),
    }
}
