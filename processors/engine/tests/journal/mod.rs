//! A journal written by hand: verbs that append one record each and keep what the engine said to it.
#![allow(dead_code, reason = "each test file uses its part")]

use bellwether_engine::{ENGINE_VERSION, Effect, Engine, RefusalReason};
use bellwether_schemas::alerts::{
    AlertChanged, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker,
    PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Spacing, Tick, TickBlock};
use bellwether_schemas::triggers::{AlertStatus, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Price, TenantId, Timeframe, Timestamp, UserId};
use uuid::Uuid;

/// 2024-01-03T00:00:00Z, a Wednesday; minute 0 of every test.
pub(crate) const START: Timestamp = Timestamp(1_704_240_000_000_000);

pub(crate) struct Journal {
    pub(crate) engine: Engine,
    pub(crate) entries: Vec<Entry>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) source: String,
    /// Whose rules its settings name.
    pub(crate) version: i32,
    seq: u64,
}

pub(crate) fn minute(minutes: i64) -> Timestamp {
    START.plus(minutes * 60_000_000)
}

pub(crate) fn second(seconds: i64) -> Timestamp {
    START.plus(seconds * 1_000_000)
}

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

pub(crate) fn settings(symbols: &[&str]) -> Settings {
    Settings::with_symbols(symbols.iter().map(|name| name.parse().unwrap()).collect(), "m")
}

pub(crate) fn alert_id(number: u128) -> AlertId {
    AlertId(Uuid::from_u128(number))
}

pub(crate) fn rsi(timeframe: Timeframe, period: i32, overbought: i32, oversold: i32) -> RsiTracker {
    RsiTracker { timeframe, rsi_period: period, rsi_overbought: overbought, rsi_oversold: oversold }
}

/// What a test may ask an alert to watch.
pub(crate) trait Watched {
    fn parameters(self) -> AlertParameters;
}

macro_rules! watched {
    ($($kind:ident),+) => {
        $(impl Watched for $kind {
            fn parameters(self) -> AlertParameters {
                AlertParameters::$kind(self)
            }
        })+
    };
}

watched!(
    RsiTracker,
    RsiCorrelationTracker,
    HeatmapTracker,
    HeatmapIndicatorTracker,
    CurrencyStrengthTracker,
    PriceAlert
);

impl Watched for AlertParameters {
    fn parameters(self) -> AlertParameters {
        self
    }
}

/// A price of nine decimals.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn exact(price: f64) -> Price {
    Price { mantissa: (price * 1e9).round() as i64, scale: 9 }
}

impl Journal {
    /// With these symbols and the default settings.
    pub(crate) fn new(symbols: &[&str]) -> Self {
        Self::of_version(ENGINE_VERSION, symbols)
    }

    pub(crate) fn of_version(version: i32, symbols: &[&str]) -> Self {
        let mut journal = Self {
            engine: Engine::new(tenant()),
            entries: Vec::new(),
            effects: Vec::new(),
            source: "feed".into(),
            version,
            seq: 0,
        };
        journal.settings(1, settings(symbols));
        journal
    }

    /// Another that has read the same and goes its own way.
    pub(crate) fn copy(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            entries: self.entries.clone(),
            effects: Vec::new(),
            source: self.source.clone(),
            version: self.version,
            seq: self.seq,
        }
    }

    pub(crate) fn append(&mut self, entry: Entry) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.engine.apply(self.entries.len() as u64, &entry, &mut effects);
        self.entries.push(entry);
        self.effects.extend(effects.iter().cloned());
        effects
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            tenant: tenant(),
            source: self.source.clone(),
            session: "s".into(),
            played: true,
            appended_at: START,
        }
    }

    pub(crate) fn settings(&mut self, revision: i64, settings: Settings) -> Vec<Effect> {
        let (origin, engine_version) = (self.origin(), self.version);
        self.append(Entry::Settings(SettingsChanged { origin, revision, engine_version, settings }))
    }

    pub(crate) fn alert(&mut self, number: u128, version: i64, parameters: impl Watched) -> Vec<Effect> {
        self.change(number, version, parameters, true, false)
    }

    pub(crate) fn change(
        &mut self,
        number: u128,
        version: i64,
        parameters: impl Watched,
        active: bool,
        deleted: bool,
    ) -> Vec<Effect> {
        let origin = self.origin();
        self.append(Entry::Alert(AlertChanged {
            origin,
            alert_id: alert_id(number),
            user_id: UserId(Uuid::from_u128(number + 1000)),
            version,
            active,
            deleted,
            parameters: parameters.parameters(),
        }))
    }

    pub(crate) fn decide(&mut self, decision: Decision) -> Vec<Effect> {
        let (origin, who, why) = (self.origin(), "asha".into(), "floods its user".into());
        self.append(Entry::Decision(OperatorDecision { origin, decision, who, why }))
    }

    /// One tick with bid and an ask one point above, received when it happened.
    pub(crate) fn tick(&mut self, ts: Timestamp, symbol: &str, bid: &str) -> Vec<Effect> {
        let bid = Price::parse(bid).unwrap();
        self.quote(ts, symbol, bid, bid.mantissa + 1, ts)
    }

    pub(crate) fn quote(
        &mut self,
        ts: Timestamp,
        symbol: &str,
        bid: Price,
        ask: i64,
        received: Timestamp,
    ) -> Vec<Effect> {
        self.tick_of(BlockSymbol::of_quotes(symbol, bid.scale), ts, bid, ask, received)
    }

    /// A corner of a bar that long, in a row that was judged as a whole.
    pub(crate) fn corner(&mut self, ts: Timestamp, symbol: &str, bid: &str, spacing: i64) -> Vec<Effect> {
        let bid = Price::parse(bid).unwrap();
        let spacing = Spacing::new(spacing);
        let symbol = BlockSymbol { judged: true, spacing, ..BlockSymbol::of_quotes(symbol, bid.scale) };
        self.tick_of(symbol, ts, bid, bid.mantissa, ts)
    }

    pub(crate) fn tick_of(
        &mut self,
        symbol: BlockSymbol,
        ts: Timestamp,
        bid: Price,
        ask: i64,
        received: Timestamp,
    ) -> Vec<Effect> {
        self.seq += 1;
        let entry = Entry::Ticks(TickBlock {
            origin: self.origin(),
            ingested_at: received,
            first_seq: Some(self.seq),
            symbols: vec![symbol],
            ticks: vec![Tick { ts, symbol: 0, bid: bid.mantissa, ask }],
            volumes: Vec::new(),
        });
        self.append(entry)
    }

    pub(crate) fn heartbeat(&mut self, ts: Timestamp) -> Vec<Effect> {
        let origin = self.origin();
        self.append(Entry::Heartbeat(Heartbeat { origin, ts }))
    }

    /// One five-minute bar of one tick for each close, beginning at bar `first`, closed by a heartbeat.
    pub(crate) fn five_minute_closes(&mut self, symbol: &str, first: i64, closes: &[i64]) -> Vec<Effect> {
        let before = self.effects.len();
        for (bar, close) in (first..).zip(closes) {
            self.tick(minute(bar * 5), symbol, &close.to_string());
            self.heartbeat(minute(bar * 5 + 5).plus(2_000_000));
        }
        self.effects[before..].to_vec()
    }

    /// The five-minute bar of that number: one tick of each symbol at its beginning, closed by a heartbeat.
    pub(crate) fn five_minutes(&mut self, bar: i64, closes: &[(&str, Price)]) -> Vec<Effect> {
        self.bar_of(5, bar, closes)
    }

    /// The same for bars of so many minutes.
    pub(crate) fn bar_of(&mut self, minutes: i64, bar: i64, closes: &[(&str, Price)]) -> Vec<Effect> {
        let before = self.effects.len();
        let open = minute(bar * minutes);
        for (symbol, bid) in closes {
            self.quote(open, symbol, *bid, bid.mantissa, open);
        }
        self.heartbeat(minute((bar + 1) * minutes).plus(2_000_000));
        self.effects[before..].to_vec()
    }

    /// Closed bars of the past, written when the last of them had closed.
    pub(crate) fn history(&mut self, bars: Vec<HistoryBar>) -> Vec<Effect> {
        let appended_at = bars.iter().map(|bar| bar.close_time).max().unwrap_or(START);
        let origin = Origin { source: "history".into(), appended_at, ..self.origin() };
        self.append(Entry::Bars(BarBlock { origin, bars }))
    }
}

pub(crate) fn history_bar(
    symbol: &str,
    timeframe: Timeframe,
    open: Timestamp,
    close: Timestamp,
    price: i64,
) -> HistoryBar {
    HistoryBar {
        symbol: symbol.into(),
        timeframe,
        open_time: open,
        close_time: close,
        scale: 0,
        open: price,
        high: price,
        low: price,
        close: price,
        ticks: 1,
    }
}

pub(crate) fn fired(effects: &[Effect]) -> Vec<TriggerFired> {
    let fired = |effect: &Effect| match effect {
        Effect::Outcome(Outcome::Fired(trigger)) => Some(trigger.clone()),
        _ => None,
    };
    effects.iter().filter_map(fired).collect()
}

pub(crate) fn statuses(effects: &[Effect]) -> Vec<AlertStatus> {
    let status = |effect: &Effect| match effect {
        Effect::Outcome(Outcome::Status(status)) => Some(status.clone()),
        _ => None,
    };
    effects.iter().filter_map(status).collect()
}

pub(crate) fn closed(effects: &[Effect], timeframe: Timeframe) -> Vec<Bar> {
    let closed = |effect: &Effect| match effect {
        Effect::Reading(Reading::Bar(bar)) if bar.timeframe == timeframe => Some(bar.clone()),
        _ => None,
    };
    effects.iter().filter_map(closed).collect()
}

pub(crate) fn refusals(effects: &[Effect]) -> Vec<RefusalReason> {
    let refusal = |effect: &Effect| match effect {
        Effect::Refused(refusal) => Some(refusal.reason),
        _ => None,
    };
    effects.iter().filter_map(refusal).collect()
}
