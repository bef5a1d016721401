//! Records that no sound producer writes: every number and text a record can hold.

use bellwether_engine::ENGINE_VERSION;
use bellwether_schemas::alerts::{
    AlertChanged, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker,
    PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::ticks::{BlockSymbol, Spacing, Tick, TickBlock};
use bellwether_schemas::{AlertId, SessionAnchor, Timeframe, Timestamp, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::{START, SYMBOLS, first_settings, tenant};

fn whole() -> impl Strategy<Value = i64> {
    let edges = vec![i64::MIN, i64::MIN + 1, -1, 0, 1, 2, 1 << 53, i64::MAX - 1, i64::MAX];
    prop_oneof![6 => 1..2_000_000i64, 2 => prop::sample::select(edges), 1 => any::<i64>()]
}

fn small() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..100i32, 1 => prop::sample::select(vec![i32::MIN, -1, i32::MAX])]
}

fn double() -> impl Strategy<Value = f64> {
    let edges = vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 5e-324, f64::MAX, -1.0];
    prop_oneof![3 => 0.1..100.0f64, 2 => prop::sample::select(edges)]
}

/// Mostly near each other, sometimes anywhere.
fn time() -> impl Strategy<Value = Timestamp> {
    let edges = vec![
        i64::MIN,
        i64::MIN + 1,
        -62_135_596_800_000_000,
        -1,
        0,
        Timestamp::MAX.0 - 1,
        Timestamp::MAX.0,
        Timestamp::MAX.0 + 1,
        i64::MAX - 1,
        i64::MAX,
    ];
    let near = (0..20_000i64).prop_map(|seconds| START.0 + seconds * 1_000_000);
    prop_oneof![12 => near, 1 => prop::sample::select(edges), 1 => any::<i64>()].prop_map(Timestamp)
}

fn text() -> impl Strategy<Value = String> {
    let known = SYMBOLS.map(String::from).to_vec();
    let odd = ["", "-", "--", "EUR/USD", "€", "scalper", "rsi", "\u{0}", "ß"].map(String::from).to_vec();
    prop_oneof![8 => prop::sample::select(known), 1 => prop::sample::select(odd), 1 => "\\PC{0,8}"]
}

fn timeframe() -> impl Strategy<Value = Timeframe> {
    prop::sample::select(Timeframe::ALL.to_vec())
}

fn origin() -> impl Strategy<Value = Origin> {
    let name = || prop_oneof![4 => Just(String::from("a")), 1 => "[a-z]{0,3}"];
    (name(), name(), any::<bool>(), time()).prop_map(|(source, session, played, appended_at)| Origin {
        tenant: tenant(),
        source,
        session,
        played,
        appended_at,
    })
}

fn ticks() -> impl Strategy<Value = Entry> {
    let scale = prop_oneof![6 => Just(5u8), 1 => 0..20u8];
    let spacing = prop_oneof![4 => Just(None), 1 => whole().prop_map(Spacing::new)];
    let symbol = (text(), scale, any::<bool>(), spacing)
        .prop_map(|(name, scale, judged, spacing)| BlockSymbol { name, scale, judged, spacing });
    let tick = (time(), 0..6u16, whole(), whole(), any::<bool>())
        .prop_map(|(ts, symbol, bid, ask, same)| Tick { ts, symbol, bid, ask: if same { bid } else { ask } });
    let first = prop::option::of(prop_oneof![4 => 0..1_000u64, 1 => Just(u64::MAX)]);
    (origin(), time(), first, prop::collection::vec(symbol, 0..6), prop::collection::vec(tick, 0..20))
        .prop_map(|(origin, ingested_at, first_seq, symbols, ticks)| {
            Entry::Ticks(TickBlock { origin, ingested_at, first_seq, symbols, ticks, volumes: Vec::new() })
        })
}

fn bar() -> impl Strategy<Value = HistoryBar> {
    let spans = (timeframe(), time(), any::<bool>(), time());
    let prices = (whole(), whole(), whole(), whole(), any::<bool>());
    (text(), spans, 0..12u8, prices, whole()).prop_map(|(symbol, spans, scale, prices, ticks)| {
        let (timeframe, open_time, is_span, close_time) = spans;
        let span = SessionAnchor::FX.span(timeframe, open_time);
        let (open_time, close_time) = if is_span { (span.open, span.close) } else { (open_time, close_time) };
        let (open, high, low, close, is_bar) = prices;
        let (low, high) = if is_bar { (open.min(close), open.max(close)) } else { (low, high) };
        HistoryBar { symbol, timeframe, open_time, close_time, scale, open, high, low, close, ticks }
    })
}

fn parameters() -> impl Strategy<Value = AlertParameters> {
    let lines = || (small(), small(), small());
    let rsi = (timeframe(), lines()).prop_map(|(timeframe, (rsi_period, rsi_overbought, rsi_oversold))| {
        AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period, rsi_overbought, rsi_oversold })
    });
    let pairs = (timeframe(), text(), small()).prop_map(|(timeframe, mode, correlation_window)| {
        let rest = RsiCorrelationTracker::default();
        AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
            timeframe,
            mode,
            correlation_window,
            ..rest
        })
    });
    let names = || prop::collection::vec(text(), 0..5);
    let heatmap = (names(), text(), small(), small()).prop_map(|(pairs, trading_style, buy, sell)| {
        let (buy_threshold, sell_threshold) = (buy, sell);
        AlertParameters::HeatmapTracker(HeatmapTracker {
            pairs,
            trading_style,
            buy_threshold,
            sell_threshold,
        })
    });
    let turn = (names(), timeframe(), text()).prop_map(|(pairs, timeframe, indicator)| {
        AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker { pairs, timeframe, indicator })
    });
    let strength = timeframe().prop_map(|timeframe| {
        AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe })
    });
    let level = || prop::option::of(double());
    let ends = prop::option::of(time());
    let price = (text(), level(), level(), prop::option::of(timeframe()), any::<bool>(), ends).prop_map(
        |(symbol, above, below, on_close, once, expires_at)| {
            let fires = if once { "once" } else { "every" }.into();
            AlertParameters::PriceAlert(PriceAlert { symbol, above, below, on_close, fires, expires_at })
        },
    );
    prop_oneof![1 => rsi, 1 => pairs, 1 => heatmap, 1 => turn, 1 => strength, 3 => price]
}

fn alert() -> impl Strategy<Value = Entry> {
    (origin(), 0..30u128, whole(), any::<bool>(), any::<bool>(), parameters()).prop_map(
        |(origin, number, version, active, deleted, parameters)| {
            Entry::Alert(AlertChanged {
                origin,
                alert_id: AlertId(Uuid::from_u128(number)),
                user_id: UserId(Uuid::from_u128(number)),
                version,
                active,
                deleted,
                parameters,
            })
        },
    )
}

fn settings() -> impl Strategy<Value = Entry> {
    let numbers = (whole(), whole(), double(), whole(), whole(), whole());
    (origin(), whole(), -1..=ENGINE_VERSION, numbers, prop::collection::vec(text(), 0..6)).prop_map(
        |(origin, revision, engine_version, numbers, pairs)| {
            let mut settings = first_settings();
            (settings.lateness_max, settings.source_idle, settings.absurd_band, ..) = numbers;
            (.., settings.max_alerts, settings.heatmap_cooldown, settings.heatmap_suppression) = numbers;
            settings.positive_pairs = pairs.iter().map(|name| format!("{name}-{}", SYMBOLS[0])).collect();
            settings.negative_pairs = pairs;
            Entry::Settings(SettingsChanged { origin, revision, engine_version, settings })
        },
    )
}

/// Any record.
pub(crate) fn record() -> impl Strategy<Value = Entry> {
    let beat = (origin(), time()).prop_map(|(origin, ts)| Entry::Heartbeat(Heartbeat { origin, ts }));
    let bars = (origin(), prop::collection::vec(bar(), 0..20))
        .prop_map(|(origin, bars)| Entry::Bars(BarBlock { origin, bars }));
    prop_oneof![8 => ticks(), 3 => beat, 4 => bars, 4 => alert(), 1 => settings()]
}
