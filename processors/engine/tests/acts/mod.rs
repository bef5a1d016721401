//! Journals from a strategy: acts of a market, its sources and users, written out as records. An act names what it
//! does relative to what was before, so that most ticks are accepted, many within lateness, and some refused.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod hostile;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_schemas::alerts::{
    AlertChanged, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker,
    PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{PriceBasis, Settings, SettingsChanged, SymbolSettings};
use bellwether_schemas::ticks::{BlockSymbol, Spacing, Tick, TickBlock};
use bellwether_schemas::{AlertId, SessionAnchor, TenantId, Timeframe, Timestamp, UserId, price};
use proptest::prelude::*;
use uuid::Uuid;

pub(crate) const SCALE: u8 = 5;
/// The first four are listed from the start, the others may be added; the last is never listed.
pub(crate) const SYMBOLS: [&str; 6] = ["EURUSDm", "GBPUSDm", "USDCHFm", "XAUUSDm", "USDJPYm", "NOSUCH"];
const LISTED: usize = 4;
const KNOWN: usize = SYMBOLS.len() - 1;
/// 2024-03-06T21:30:00Z, a Wednesday, half an hour before a day of the session ends; clocks change on Sunday.
pub(crate) const START: Timestamp = Timestamp(1_709_760_600_000_000);
const MILLI: i64 = 1_000;
const MINUTE: i64 = 60_000 * MILLI;

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Ticks {
        source: u8,
        session: u8,
        wait: i64,
        ticks: Vec<TickAct>,
        repeats: bool,
    },
    Beat {
        source: u8,
        wait: i64,
    },
    History {
        symbol: usize,
        timeframe: Timeframe,
        ahead: i64,
        moves: Vec<i64>,
    },
    Alert {
        number: u8,
        version: i64,
        active: bool,
        deleted: bool,
        wish: Wish,
    },
    Settings {
        revision: i64,
        change: Change,
    },
    /// An operator disables an alert, or enables it again.
    Decide {
        number: u8,
        disables: bool,
    },
}

/// One quote: so many milliseconds after the one before, seen `shift` from there, `points` from the last price.
#[derive(Debug, Clone)]
pub(crate) struct TickAct {
    pub(crate) symbol: usize,
    pub(crate) step: i64,
    pub(crate) shift: i64,
    pub(crate) points: Points,
    pub(crate) spread: i64,
    /// Place in [`KINDS`].
    pub(crate) kind: usize,
}

/// How ticks come about: as quotes, and from rows of bars, judged or not, that long in minutes.
const KINDS: [Option<(bool, i64)>; 5] =
    [None, Some((true, 1)), Some((true, 5)), Some((false, 60)), Some((true, 11))];

/// Every symbol in every way.
fn dictionary() -> Vec<BlockSymbol> {
    let way = |kind: &Option<(bool, i64)>| {
        let (judged, spacing) =
            kind.map_or((false, None), |(judged, minutes)| (judged, Spacing::new(minutes * MINUTE)));
        SYMBOLS.map(|name| BlockSymbol { judged, spacing, ..BlockSymbol::of_quotes(name, SCALE) })
    };
    KINDS.iter().flat_map(way).collect()
}

#[derive(Debug, Clone)]
pub(crate) enum Points {
    Moves(i64),
    /// That many percent of the last price, which stays what it was.
    Absurd(i64),
    Exactly(i64),
}

/// What a user asks for; levels and thresholds are found near where the market is.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Rsi(RsiTracker),
    Pairs(RsiCorrelationTracker),
    Heatmap(HeatmapTracker),
    Turn(HeatmapIndicatorTracker),
    Strength(CurrencyStrengthTracker),
    Price {
        symbol: usize,
        above: Option<i64>,
        below: Option<i64>,
        on: Option<Timeframe>,
        once: bool,
        ends: Option<i64>,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Add(usize),
    Remove(usize),
    Reverse,
    Basis(PriceBasis),
    Anchor(SessionAnchor),
    AlwaysOpen(usize),
    Lateness(i64),
    Idle(i64),
    Band(f64),
    Pairs(Vec<String>, Vec<String>),
    Silence(i64, i64),
    Version(i32),
    MaxAlerts(i64),
}

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

pub(crate) fn origin(source: &str, session: &str) -> Origin {
    let (source, session) = (source.into(), session.into());
    Origin { tenant: tenant(), source, session, played: true, appended_at: START }
}

/// Written when the last of them had closed.
fn of_history(bars: &[HistoryBar]) -> Origin {
    let appended_at = bars.last().map_or(START, |bar| bar.close_time);
    Origin { appended_at, ..origin("source 0", "history") }
}

pub(crate) fn timeframe() -> impl Strategy<Value = Timeframe> {
    use Timeframe::{D1, H1, H4, M1, M5, M15, M30, W1};
    let rest = prop::sample::select(vec![M30, H1, H4, D1, W1]);
    prop_oneof![3 => Just(M1), 10 => Just(M5), 4 => Just(M15), 2 => rest]
}

fn tick() -> impl Strategy<Value = TickAct> {
    let symbol = prop_oneof![60 => 0..LISTED, 2 => LISTED..SYMBOLS.len()];
    let step = prop_oneof![3 => Just(0), 6 => 0..2_000i64, 10 => 5_000..60_000i64];
    let shift = prop_oneof![
        60 => Just(0),
        10 => -1_900..0i64,
        2 => -200_000..-2_000i64,
        1 => Just(3_600_000),
    ];
    let points = prop_oneof![
        60 => (-400..400i64).prop_map(Points::Moves),
        6 => Just(Points::Moves(0)),
        3 => prop::sample::select(vec![-60, -21, -20, 20, 21, 150]).prop_map(Points::Absurd),
        1 => prop::sample::select(vec![0, -1, 1, i64::MAX]).prop_map(Points::Exactly),
    ];
    let spread = prop_oneof![30 => 0..20i64, 1 => Just(-1)];
    let kind = prop_oneof![40 => Just(0), 4 => 1..KINDS.len()];
    (symbol, step, shift, points, spread, kind).prop_map(|(symbol, step, shift, points, spread, kind)| {
        TickAct { symbol, step, shift, points, spread, kind }
    })
}

fn wait() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..3_000i64,
        6 => 20_000..90_000i64,
        4 => Just(300_000),
        2 => 600_000..2_000_000i64,
        1 => 3_600_000..20_000_000i64,
        1 => -5_000..0i64,
    ]
}

fn pairs() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["eurusd", "GBP/USD", "USDCHFm", "xauusd", "USDJPY", "nosuch"]);
    prop::collection::vec(name.prop_map(String::from), 1..4)
}

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let lines = || (5..15i32, 60..72i32, 28..41i32);
    let rsi = (timeframe(), lines()).prop_map(|(timeframe, (rsi_period, rsi_overbought, rsi_oversold))| {
        Wish::Rsi(RsiTracker { timeframe, rsi_period, rsi_overbought, rsi_oversold })
    });
    let mode = prop::sample::select(vec!["rsi_threshold", "real_correlation"]);
    let window = prop::sample::select(vec![20, 50, 90, 120]);
    let pair =
        (timeframe(), mode, lines(), window).prop_map(|(timeframe, mode, lines, correlation_window)| {
            let (rsi_period, rsi_overbought, rsi_oversold) = lines;
            let mode = mode.into();
            Wish::Pairs(RsiCorrelationTracker {
                timeframe,
                mode,
                rsi_period,
                rsi_overbought,
                rsi_oversold,
                correlation_window,
            })
        });
    let style = prop::sample::select(vec!["scalper", "scalper", "swingTrader"]);
    let heatmap = (pairs(), style, 40..66i32, 34..66i32).prop_map(|(pairs, style, buy, sell)| {
        let trading_style = style.into();
        Wish::Heatmap(HeatmapTracker { pairs, trading_style, buy_threshold: buy, sell_threshold: sell })
    });
    let cell = prop::sample::select(vec!["EMA21", "ema50", "EMA200", "macd", "RSI", "UTbot", "ichimokuX"]);
    let turn = (pairs(), timeframe(), cell).prop_map(|(pairs, timeframe, cell)| {
        Wish::Turn(HeatmapIndicatorTracker { pairs, timeframe, indicator: cell.into() })
    });
    let strength = timeframe().prop_map(|timeframe| Wish::Strength(CurrencyStrengthTracker { timeframe }));
    let level = || prop::option::weighted(0.8, -500..500i64);
    let on = prop::option::of(timeframe());
    let ends = prop::option::weighted(0.2, 0..40i64);
    let price = (0..SYMBOLS.len(), level(), level(), on, any::<bool>(), ends).prop_map(
        |(symbol, above, below, on, once, ends)| Wish::Price { symbol, above, below, on, once, ends },
    );
    prop_oneof![3 => rsi, 3 => pair, 3 => heatmap, 3 => turn, 2 => strength, 4 => price]
}

fn alert() -> impl Strategy<Value = Act> {
    let version = prop_oneof![9 => Just(1i64), 1 => -1..1i64];
    (0..10u8, version, prop::bool::weighted(0.85), prop::bool::weighted(0.1), wish()).prop_map(
        |(number, version, active, deleted, wish)| Act::Alert { number, version, active, deleted, wish },
    )
}

fn ticks() -> impl Strategy<Value = Act> {
    let source = prop_oneof![12 => Just(0u8), 1 => 1..4u8];
    let session = prop_oneof![8 => Just(0u8), 1 => 1..3u8];
    let ticks = prop::collection::vec(tick(), 1..24);
    (source, session, wait(), ticks, prop::bool::weighted(0.05)).prop_map(
        |(source, session, wait, ticks, repeats)| Act::Ticks { source, session, wait, ticks, repeats },
    )
}

fn beat() -> impl Strategy<Value = Act> {
    (prop_oneof![12 => Just(0u8), 1 => 1..4u8], wait()).prop_map(|(source, wait)| Act::Beat { source, wait })
}

fn history() -> impl Strategy<Value = Act> {
    let moves = prop::collection::vec(-300..300i64, 1..12);
    (0..SYMBOLS.len(), timeframe(), -3..4i64, moves)
        .prop_map(|(symbol, timeframe, ahead, moves)| Act::History { symbol, timeframe, ahead, moves })
}

/// Changes of settings after which every symbol that stays keeps its state.
pub(crate) fn gentle_change() -> impl Strategy<Value = Change> {
    const HOUR: i64 = 60 * MINUTE;
    prop_oneof![
        (0..KNOWN).prop_map(Change::Add),
        (0..KNOWN).prop_map(Change::Remove),
        Just(Change::Reverse),
        (0..5i64, 0..30i64).prop_map(|(a, b)| Change::Silence(a * HOUR, b * HOUR)),
        (1..=ENGINE_VERSION).prop_map(Change::Version),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let basis = prop::sample::select(vec![PriceBasis::Bid, PriceBasis::Mid, PriceBasis::Ask]);
    let anchor = prop::sample::select(vec![SessionAnchor::FX, SessionAnchor::UTC]);
    let list = || {
        let pair =
            prop::sample::select(vec!["EURUSD-GBPUSD", "XAUUSD-EURUSD", "USDCHF-USDJPY", "EURUSD-NOSUCH"]);
        prop::collection::vec(pair.prop_map(String::from), 0..4)
    };
    prop_oneof![
        4 => gentle_change(),
        1 => basis.prop_map(Change::Basis),
        1 => anchor.prop_map(Change::Anchor),
        1 => (0..KNOWN).prop_map(Change::AlwaysOpen),
        1 => (0..400_000i64).prop_map(|millis| Change::Lateness(millis * MILLI)),
        1 => (0..400_000i64).prop_map(|millis| Change::Idle(millis * MILLI)),
        1 => (0.0..0.5f64).prop_map(Change::Band),
        2 => (list(), list()).prop_map(|(a, b)| Change::Pairs(a, b)),
        1 => (0..12i64).prop_map(Change::MaxAlerts),
    ]
}

/// A market, alerts that come and go, and operators; without history behind the beginning.
pub(crate) fn asked_acts(count: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        24 => ticks(),
        8 => beat(),
        5 => alert(),
        1 => settings(gentle_change()),
        1 => decision(),
    ];
    // Most alerts are there from the start, so that most questions are about one that is.
    let beginning = prop::collection::vec(alert(), 16);
    (beginning, prop::collection::vec(act, count)).prop_map(|(beginning, acts)| [beginning, acts].concat())
}

pub(crate) fn settings(change: impl Strategy<Value = Change>) -> impl Strategy<Value = Act> {
    let revision = prop_oneof![9 => Just(1i64), 1 => -1..1i64];
    (revision, change).prop_map(|(revision, change)| Act::Settings { revision, change })
}

fn decision() -> impl Strategy<Value = Act> {
    (0..10u8, any::<bool>()).prop_map(|(number, disables)| Act::Decide { number, disables })
}

/// Whatever a journal may hold.
pub(crate) fn acts(count: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        20 => ticks(),
        6 => beat(),
        2 => history(),
        10 => alert(),
        2 => settings(change()),
        2 => decision(),
    ];
    prop::collection::vec(act, 1..count)
}

/// Without history, and without a change after which state begins again while its symbol stays.
pub(crate) fn live_acts(count: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![20 => ticks(), 6 => beat(), 10 => alert(), 1 => settings(gentle_change())];
    prop::collection::vec(act, 1..count)
}

/// What the acts so far left behind.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) entries: Vec<Entry>,
    now: Timestamp,
    prices: [i64; SYMBOLS.len()],
    sequences: BTreeMap<(u8, u8), u64>,
    versions: BTreeMap<u8, i64>,
    revision: i64,
    version: i32,
    pub(crate) settings: Settings,
}

pub(crate) fn first_settings() -> Settings {
    Settings::with_symbols(SYMBOLS[..LISTED].iter().map(|name| name.parse().unwrap()).collect(), "m")
}

impl Writer {
    pub(crate) fn new() -> Self {
        let mut writer = Self {
            entries: Vec::new(),
            now: START,
            prices: [110_000, 130_000, 90_000, 200_000, 150_000, 100_000],
            sequences: BTreeMap::new(),
            versions: BTreeMap::new(),
            revision: 0,
            version: ENGINE_VERSION,
            settings: first_settings(),
        };
        writer.publish(1);
        writer
    }

    pub(crate) fn write(&mut self, acts: &[Act]) {
        acts.iter().for_each(|act| self.act(act));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Ticks { source, session, wait, ticks, repeats } => {
                self.now = self.now.plus(wait * MILLI);
                self.ticks((*source, *session), ticks, *repeats);
            }
            Act::Beat { source, wait } => {
                self.now = self.now.plus(wait * MILLI);
                let origin = origin(&format!("source {source}"), "s");
                self.entries.push(Entry::Heartbeat(Heartbeat { origin, ts: self.now }));
            }
            Act::History { symbol, timeframe, ahead, moves } => {
                self.history(*symbol, *timeframe, *ahead, moves)
            }
            Act::Alert { number, version, active, deleted, wish } => {
                self.alert(*number, *version, (*active, *deleted), wish);
            }
            Act::Settings { revision, change } => {
                self.change(change);
                self.publish(*revision);
            }
            Act::Decide { number, disables } => self.decide(*number, *disables),
        }
    }

    /// Twenty sources that were never there before, and sixty new sessions of one that was.
    pub(crate) fn flood(&mut self, round: usize) {
        let source = |number: usize| (format!("flood {round}/{number}"), String::from("s"));
        let session = |number: usize| (String::from("source 0"), format!("flood {round}/{number}"));
        for (source, session) in (0..20).map(source).chain((0..60).map(session)) {
            let tick = Tick { ts: self.now, symbol: 0, bid: self.prices[0], ask: self.prices[0] };
            self.entries.push(Entry::Ticks(TickBlock {
                origin: origin(&source, &session),
                ingested_at: self.now,
                first_seq: Some(0),
                symbols: vec![BlockSymbol::of_quotes(SYMBOLS[0], SCALE)],
                ticks: vec![tick],
                volumes: Vec::new(),
            }));
        }
    }

    fn ticks(&mut self, (source, session): (u8, u8), acts: &[TickAct], repeats: bool) {
        let mut ticks = Vec::new();
        for TickAct { symbol, step, shift, points, spread, kind } in acts {
            self.now = self.now.plus(step * MILLI);
            let last = &mut self.prices[*symbol];
            let bid = match points {
                Points::Moves(points) => {
                    *last = (*last + points).max(20_000);
                    *last
                }
                Points::Absurd(percent) => *last + *last * percent / 100,
                Points::Exactly(bid) => *bid,
            };
            let ts = self.now.plus(shift * MILLI);
            let symbol = u16::try_from(kind * SYMBOLS.len() + symbol).unwrap();
            ticks.push(Tick { ts, symbol, bid, ask: bid.saturating_add(*spread) });
        }
        let next = self.sequences.entry((source, session)).or_default();
        let first = if repeats { next.saturating_sub(5) } else { *next };
        *next += ticks.len() as u64;
        self.entries.push(Entry::Ticks(TickBlock {
            origin: origin(&format!("source {source}"), &format!("session {session}")),
            ingested_at: self.now,
            first_seq: Some(first),
            symbols: dictionary(),
            ticks,
            volumes: Vec::new(),
        }));
    }

    fn history(&mut self, symbol: usize, timeframe: Timeframe, ahead: i64, moves: &[i64]) {
        let mut bars = Vec::new();
        let mut open = self.now.plus(ahead * timeframe.nominal());
        for points in moves {
            let span = self.settings.session_anchor.span(timeframe, open);
            let (before, close) = (self.prices[symbol], (self.prices[symbol] + points).max(20_000));
            bars.push(HistoryBar {
                symbol: SYMBOLS[symbol].into(),
                timeframe,
                open_time: span.open,
                close_time: span.close,
                scale: SCALE,
                open: before,
                high: before.max(close) + 10,
                low: before.min(close) - 10,
                close,
                ticks: 3,
            });
            self.prices[symbol] = close;
            open = span.close;
        }
        self.now = self.now.max(open);
        self.entries.push(Entry::Bars(BarBlock { origin: of_history(&bars), bars }));
    }

    fn alert(&mut self, number: u8, version: i64, (active, deleted): (bool, bool), wish: &Wish) {
        let known = self.versions.entry(number).or_default();
        *known += version;
        let version = *known;
        let parameters = self.parameters(wish);
        self.entries.push(Entry::Alert(AlertChanged {
            origin: origin("alerts", "s"),
            alert_id: AlertId(Uuid::from_u128(number.into())),
            user_id: UserId(Uuid::from_u128(1_000 + u128::from(number))),
            version,
            active,
            deleted,
            parameters,
        }));
    }

    fn decide(&mut self, number: u8, disables: bool) {
        let alert_id = AlertId(Uuid::from_u128(number.into()));
        let decision = match disables {
            true => Decision::DisableAlert { alert_id },
            false => Decision::EnableAlert { alert_id },
        };
        let (who, why) = ("somebody".into(), "a reason".into());
        let origin = origin("operator", "");
        self.entries.push(Entry::Decision(OperatorDecision { origin, decision, who, why }));
    }

    fn parameters(&self, wish: &Wish) -> AlertParameters {
        match wish.clone() {
            Wish::Rsi(rsi) => AlertParameters::RsiTracker(rsi),
            Wish::Pairs(pairs) => AlertParameters::RsiCorrelationTracker(pairs),
            Wish::Heatmap(heatmap) => AlertParameters::HeatmapTracker(heatmap),
            Wish::Turn(turn) => AlertParameters::HeatmapIndicatorTracker(turn),
            Wish::Strength(strength) => AlertParameters::CurrencyStrengthTracker(strength),
            Wish::Price { symbol, above, below, on, once, ends } => {
                let level = |points: i64| price::value(self.prices[symbol] + points, SCALE);
                AlertParameters::PriceAlert(PriceAlert {
                    symbol: SYMBOLS[symbol].to_lowercase(),
                    above: above.map(level),
                    below: below.map(level),
                    on_close: on,
                    fires: if once { "once" } else { "every" }.into(),
                    expires_at: ends.map(|minutes| self.now.plus(minutes * MINUTE)),
                })
            }
        }
    }

    fn change(&mut self, change: &Change) {
        let settings = &mut self.settings;
        let name = |symbol: usize| SYMBOLS[symbol].parse().unwrap();
        match change.clone() {
            Change::Add(symbol) => {
                if settings.symbols.iter().all(|listed| listed.name != name(symbol)) {
                    settings.symbols.push(SymbolSettings { name: name(symbol), always_open: false });
                }
            }
            Change::Remove(symbol) => settings.symbols.retain(|listed| listed.name != name(symbol)),
            Change::Reverse => settings.symbols.reverse(),
            Change::Basis(basis) => settings.price_basis = basis,
            Change::Anchor(anchor) => settings.session_anchor = anchor,
            Change::AlwaysOpen(symbol) => {
                for listed in settings.symbols.iter_mut().filter(|listed| listed.name == name(symbol)) {
                    listed.always_open ^= true;
                }
            }
            Change::Lateness(lateness) => settings.lateness_max = lateness,
            Change::Idle(idle) => settings.source_idle = idle,
            Change::Band(band) => settings.absurd_band = band,
            Change::Pairs(positive, negative) => {
                (settings.positive_pairs, settings.negative_pairs) = (positive, negative);
            }
            Change::Silence(cooldown, suppression) => {
                (settings.heatmap_cooldown, settings.heatmap_suppression) = (cooldown, suppression);
            }
            Change::Version(version) => self.version = version,
            Change::MaxAlerts(alerts) => settings.max_alerts = alerts,
        }
    }

    fn publish(&mut self, step: i64) {
        self.revision += step;
        self.entries.push(Entry::Settings(SettingsChanged {
            origin: origin("alerts", "s"),
            revision: self.revision,
            engine_version: self.version,
            settings: self.settings.clone(),
        }));
    }
}

/// A journal's beginning, folded once: what cases go on from.
pub(crate) struct Beginning {
    pub(crate) writer: Writer,
    pub(crate) engine: Engine,
    pub(crate) effects: Vec<Effect>,
}

impl Beginning {
    fn of(writer: Writer) -> Self {
        let (mut engine, mut effects) = (Engine::new(tenant()), Vec::new());
        for (offset, entry) in (0..).zip(&writer.entries) {
            engine.apply(offset, entry, &mut effects);
        }
        Self { writer, engine, effects }
    }

    /// The records after the beginning, and the offset of the first.
    pub(crate) fn go_on(&self, acts: &[Act]) -> (u64, Vec<Entry>) {
        let mut writer = self.writer.clone();
        let first = writer.entries.len();
        writer.write(acts);
        (first as u64, writer.entries.split_off(first))
    }
}

/// With every indicator warm: three days of minutes of each symbol, and 4H bars of the time before.
pub(crate) fn warm() -> &'static Beginning {
    static WARM: OnceLock<Beginning> = OnceLock::new();
    WARM.get_or_init(|| {
        let mut writer = Writer::new();
        let mut moves = walk();
        let start = START;
        let minutes = 3 * 24 * 60;
        deep_history(&mut writer, start.plus(-minutes * MINUTE), &mut moves);
        for block in 0..minutes / 30 {
            let first = writer.entries.len();
            for symbol in 0..LISTED {
                writer.now = start.plus((block * 30 - minutes) * MINUTE);
                let moves: Vec<i64> = moves.by_ref().take(30).collect();
                writer.history(symbol, Timeframe::M1, 0, &moves);
            }
            merge(&mut writer, first);
        }
        assert_eq!(writer.now, START);
        Beginning::of(writer)
    })
}

/// With nothing but settings.
pub(crate) fn cold() -> &'static Beginning {
    static COLD: OnceLock<Beginning> = OnceLock::new();
    COLD.get_or_init(|| Beginning::of(Writer::new()))
}

fn deep_history(writer: &mut Writer, until: Timestamp, moves: &mut impl Iterator<Item = i64>) {
    let until = writer.settings.session_anchor.span(Timeframe::H4, until).open;
    for bars in (1..=80).rev() {
        let first = writer.entries.len();
        for symbol in 0..LISTED {
            writer.now = until.plus(-bars * Timeframe::H4.nominal());
            let points = moves.next().unwrap() * 8;
            writer.history(symbol, Timeframe::H4, 0, &[points]);
        }
        merge(writer, first);
    }
}

/// The blocks from `first` on as one, by close time over all symbols, as producers write them.
fn merge(writer: &mut Writer, first: usize) {
    let mut bars = Vec::new();
    for entry in writer.entries.drain(first..) {
        let Entry::Bars(block) = entry else { panic!("history only") };
        bars.extend(block.bars);
    }
    bars.sort_by_key(|bar| bar.close_time);
    writer.entries.push(Entry::Bars(BarBlock { origin: of_history(&bars), bars }));
}

fn walk() -> impl Iterator<Item = i64> {
    let mut x = 2_024_u32;
    std::iter::from_fn(move || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(i64::from(x >> 16) % 201 - 100)
    })
}

/// What each record brought.
pub(crate) fn fold(engine: &mut Engine, first: u64, entries: &[Entry]) -> Vec<Vec<Effect>> {
    let apply = |(offset, entry): (u64, &Entry)| {
        let mut effects = Vec::new();
        engine.apply(offset, entry, &mut effects);
        effects
    };
    (first..).zip(entries).map(apply).collect()
}
