//! A tenant's sample users and what they watch: on the synthetic market each kind of alert has fired after some fifteen
//! bars of five minutes, and symbols are spelled as users spell them.

use bellwether_schemas::alerts::{
    AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::{AlertId, TenantId, Timeframe, UserId, ids};
use uuid::Uuid;

use super::{Alert, User};

/// Name, and whether the address is confirmed: theo has rows, but no mail.
const PEOPLE: [(&str, bool); 6] =
    [("asha", true), ("omar", true), ("lena", true), ("ravi", true), ("noor", true), ("theo", false)];

/// Who waits for the price that a symbol has at the beginning, and how: at its ticks once, at closes every time.
const PRICES: [(&str, &str, Option<Timeframe>); 4] = [
    ("asha", "EUR/USD", None),
    ("omar", "xauusd", Some(Timeframe::M5)),
    ("lena", "BTC/USD", None),
    ("ravi", "GBPUSD", Some(Timeframe::M5)),
];

/// A tenant's sample users with alerts of every kind; of price alerts only one that is refused, for the others have to
/// know what things cost: [`price_alerts`].
#[must_use]
pub fn sample(tenant: &TenantId) -> (Vec<User>, Vec<Alert>) {
    let user = |(name, confirmed): (&str, bool)| User {
        id: UserId(derived(tenant, "user", name)),
        email: format!("{name}@users.{tenant}.example"),
        confirmed,
    };
    let alerts = PEOPLE.iter().flat_map(|(name, _)| {
        watched(name).into_iter().map(|parameters| alert(tenant, name, parameters.kind().name(), parameters))
    });
    (PEOPLE.map(user).into(), alerts.collect())
}

/// Price alerts of the sample users at these prices; without a price there is none.
#[must_use]
pub fn price_alerts(tenant: &TenantId, price: impl Fn(&str) -> Option<f64>) -> Vec<Alert> {
    let alerts = PRICES.into_iter().filter_map(|(name, symbol, on_close)| {
        let level = price(symbol)?;
        let fires = if on_close.is_some() { "every" } else { "once" };
        let parameters = at_price(symbol, level, on_close, fires);
        Some(alert(tenant, name, &format!("{}|{symbol}", AlertKind::PriceAlert), parameters))
    });
    alerts.collect()
}

/// What that person watches, trackers of six kinds between all of them.
fn watched(name: &str) -> Vec<AlertParameters> {
    let m5 = Timeframe::M5;
    match name {
        "asha" => vec![
            rsi(m5),
            zones(["EUR/USD", "XAU/USD", "BTC/USD"], 65),
            turns(["AUD/JPY", "EURCHF", "gbpaud"], m5, "EMA21"),
            strength(Timeframe::M15),
        ],
        "omar" => vec![
            rsi(Timeframe::M15),
            zones(["GBP/USD", "usdjpy", "USOIL"], 70),
            turns(["eurusd", "GBP/USD", "USDJPYm"], m5, "rsi"),
        ],
        "lena" => vec![
            rsi(Timeframe::M30),
            zones(["AUDUSD", "EUR/JPY", "ETH/USD"], 60),
            turns(["NZDJPY", "CAD/CHF", "eurnzd"], m5, "Ema21"),
            coefficients(20),
        ],
        "ravi" => vec![
            rsi(Timeframe::H1),
            zones(["USDCHF", "xagusd", "NZD/USD"], 70),
            turns(["XAU/USD", "btcusd", "EUR/GBP"], Timeframe::M1, "utbot"),
            strength(m5),
        ],
        "noor" => vec![
            rsi(Timeframe::H4),
            zones(["GBPJPY", "USD/CAD", "eurgbp"], 65),
            // Two hundred days are more than there is of the past: this one is still warming.
            turns(["EURUSD", "GBPUSD", "USDJPY"], Timeframe::D1, "EMA200"),
            opposite_rsi(),
            at_price("DOGE/USD", 0.5, None, "once"),
        ],
        _ => vec![
            rsi(m5),
            zones(["EURCHF", "GBPCHF", "AUDJPY"], 70),
            turns(["EURUSD", "AUD/USD", "usdcad"], m5, "RSI"),
        ],
    }
}

fn alert(tenant: &TenantId, name: &str, what: &str, parameters: AlertParameters) -> Alert {
    let (id, user_id) = (AlertId(derived(tenant, what, name)), UserId(derived(tenant, "user", name)));
    Alert { id, user_id, parameters }
}

fn derived(tenant: &TenantId, what: &str, name: &str) -> Uuid {
    ids::derive(&format!("sample|{tenant}|{what}|{name}"))
}

fn rsi(timeframe: Timeframe) -> AlertParameters {
    AlertParameters::RsiTracker(RsiTracker { timeframe, ..RsiTracker::default() })
}

fn coefficients(correlation_window: i32) -> AlertParameters {
    AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
        timeframe: Timeframe::M5,
        mode: "real_correlation".into(),
        correlation_window,
        ..RsiCorrelationTracker::default()
    })
}

fn opposite_rsi() -> AlertParameters {
    AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
        timeframe: Timeframe::M5,
        rsi_overbought: 60,
        rsi_oversold: 40,
        ..RsiCorrelationTracker::default()
    })
}

/// The same line for both sides, as the ancestor's page writes it.
fn zones(pairs: [&str; 3], line: i32) -> AlertParameters {
    AlertParameters::HeatmapTracker(HeatmapTracker {
        pairs: pairs.map(Into::into).into(),
        trading_style: "scalper".into(),
        buy_threshold: line,
        sell_threshold: line,
    })
}

fn turns(pairs: [&str; 3], timeframe: Timeframe, indicator: &str) -> AlertParameters {
    let (pairs, indicator) = (pairs.map(Into::into).into(), indicator.into());
    AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker { pairs, timeframe, indicator })
}

fn strength(timeframe: Timeframe) -> AlertParameters {
    AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe })
}

fn at_price(symbol: &str, level: f64, on_close: Option<Timeframe>, fires: &str) -> AlertParameters {
    AlertParameters::PriceAlert(PriceAlert {
        symbol: symbol.into(),
        above: Some(level),
        below: Some(level),
        on_close,
        fires: fires.into(),
        expires_at: None,
    })
}
