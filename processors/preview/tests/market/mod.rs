//! A market of its own for these tests: a random walk of a few symbols, as journal records.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_preview::answer::Request;
use bellwether_preview::fold::Fold;
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::Record;
use bellwether_schemas::alerts::{
    AlertChanged, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker,
    PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::{MINUTE, SECOND};
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Origin, TenantId, Timeframe, Timestamp, UserId, codec};
use uuid::Uuid;

/// 2024-01-01T00:00:00Z, a Monday.
pub(crate) const START: Timestamp = Timestamp(1_704_067_200_000_000);

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

fn origin(tenant: &TenantId) -> Origin {
    Origin {
        tenant: tenant.clone(),
        source: "feed".into(),
        session: "1".into(),
        played: true,
        appended_at: START,
    }
}

/// The symbols, and where their prices begin, in units of five decimals.
const SYMBOLS: [(&str, i64); 4] =
    [("EURUSDm", 110_000), ("GBPUSDm", 127_000), ("USDJPYm", 145_000), ("USDCADm", 134_000)];

pub(crate) fn settings(tenant: &TenantId) -> Entry {
    let symbols = SYMBOLS.iter().map(|(name, _)| name.parse().unwrap()).collect();
    let mut settings = Settings::with_symbols(symbols, "m");
    settings.positive_pairs = vec!["EURUSD-GBPUSD".into()];
    settings.negative_pairs = vec!["EURUSD-USDJPY".into()];
    let origin = origin(tenant);
    Entry::Settings(SettingsChanged { origin, revision: 1, engine_version: ENGINE_VERSION, settings })
}

/// Quotes of every symbol, some times a minute; now and then a symbol says nothing for a while.
pub(crate) struct Market {
    tenant: TenantId,
    random: u64,
    prices: [i64; SYMBOLS.len()],
    silent: [u32; SYMBOLS.len()],
    minute: i64,
    ticks_a_minute: i64,
}

impl Market {
    pub(crate) fn new(tenant: &TenantId, seed: u64, ticks_a_minute: i64) -> Self {
        let (tenant, prices) = (tenant.clone(), SYMBOLS.map(|(_, price)| price));
        Self { tenant, random: seed, prices, silent: [0; SYMBOLS.len()], minute: 0, ticks_a_minute }
    }

    /// Nobody quotes anything for so long.
    pub(crate) fn skip(&mut self, minutes: i64) {
        self.minute += minutes;
    }

    fn draw(&mut self, below: i64) -> i64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.random >> 33).unwrap() % below
    }

    /// The next minute's block, and a heartbeat by which it closes.
    pub(crate) fn minute(&mut self) -> [Entry; 2] {
        let open = START.plus(self.minute * MINUTE);
        self.minute += 1;
        let mut ticks = Vec::new();
        for number in 0..self.ticks_a_minute {
            let ts = open.plus(number * (MINUTE / self.ticks_a_minute) + SECOND);
            for place in 0..SYMBOLS.len() {
                ticks.extend(self.tick(place, ts));
            }
        }
        let symbols = SYMBOLS.map(|(name, _)| BlockSymbol::of_quotes(name, 5)).to_vec();
        let origin = origin(&self.tenant);
        let block = TickBlock {
            origin: origin.clone(),
            ingested_at: open.plus(MINUTE),
            first_seq: None,
            symbols,
            ticks,
            volumes: Vec::new(),
        };
        let beat = Heartbeat { origin, ts: open.plus(MINUTE + 3 * SECOND) };
        [Entry::Ticks(block), Entry::Heartbeat(beat)]
    }

    fn tick(&mut self, place: usize, ts: Timestamp) -> Option<Tick> {
        // Symbols move together in part, so that pairs have something to say.
        let step = self.draw(41) - 20 + (self.minute / 97 % 2) * 3 - 1;
        self.prices[place] = (self.prices[place] + step).max(50_000);
        if self.silent[place] == 0 && self.draw(400) == 0 {
            self.silent[place] = 9;
        }
        self.silent[place] = self.silent[place].saturating_sub(1);
        let bid = self.prices[place];
        (self.silent[place] == 0).then_some(Tick {
            ts,
            symbol: u16::try_from(place).unwrap(),
            bid,
            ask: bid + 2,
        })
    }
}

pub(crate) fn alert_id(number: u128) -> AlertId {
    AlertId(Uuid::from_u128(number))
}

/// Whose alert of that number is: one of two users.
pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(7 + number % 2))
}

pub(crate) fn change(
    tenant: &TenantId,
    number: u128,
    version: i64,
    parameters: AlertParameters,
) -> AlertChanged {
    AlertChanged {
        origin: origin(tenant),
        alert_id: alert_id(number),
        user_id: user(number),
        version,
        active: true,
        deleted: false,
        parameters,
    }
}

/// An alert of each kind that bars can decide, and of each mode of it.
pub(crate) fn decided_by_bars() -> Vec<AlertParameters> {
    let rsi = RsiTracker { timeframe: Timeframe::M5, rsi_period: 14, rsi_overbought: 65, rsi_oversold: 35 };
    let pairs = RsiCorrelationTracker {
        timeframe: Timeframe::M5,
        mode: "rsi_threshold".into(),
        rsi_period: 7,
        rsi_overbought: 60,
        rsi_oversold: 40,
        correlation_window: 20,
    };
    let real = RsiCorrelationTracker { mode: "real_correlation".into(), ..pairs.clone() };
    let heatmap = HeatmapTracker {
        pairs: vec!["eur/usd".into(), "USDJPY".into()],
        trading_style: "scalper".into(),
        buy_threshold: 60,
        sell_threshold: 60,
    };
    let turn = HeatmapIndicatorTracker {
        pairs: vec!["GBPUSD".into()],
        timeframe: Timeframe::M5,
        indicator: "MACD".into(),
    };
    let level = |on_close: Option<Timeframe>, fires: &str| PriceAlert {
        symbol: "EURUSD".into(),
        above: Some(1.1),
        below: Some(1.0995),
        on_close,
        fires: fires.into(),
        expires_at: None,
    };
    vec![
        AlertParameters::RsiTracker(rsi),
        AlertParameters::RsiCorrelationTracker(pairs),
        AlertParameters::RsiCorrelationTracker(real),
        AlertParameters::HeatmapTracker(heatmap),
        AlertParameters::HeatmapIndicatorTracker(turn),
        AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe: Timeframe::M15 }),
        AlertParameters::PriceAlert(level(Some(Timeframe::M1), "every")),
        AlertParameters::PriceAlert(level(Some(Timeframe::M15), "once")),
    ]
}

pub(crate) fn on_ticks() -> AlertParameters {
    AlertParameters::PriceAlert(PriceAlert {
        symbol: "EURUSD".into(),
        above: Some(1.1),
        below: None,
        on_close: None,
        fires: "every".into(),
        expires_at: None,
    })
}

/// A record of the tenant's journal.
pub(crate) fn record(tenant: &TenantId, offset: u64, entry: &Entry) -> Record {
    Record {
        offset,
        appended_at: START,
        key: tenant.as_str().into(),
        headers: Vec::new(),
        value: codec::encode_entry(entry).unwrap(),
    }
}

pub(crate) fn fold(tenant: &TenantId) -> Fold {
    Fold::new(tenant.clone(), Engine::new(tenant.clone()), 0, Decisions::default())
}

/// An engine that the same records are applied to, live.
pub(crate) struct Twin {
    engine: Engine,
    pub(crate) fired: Vec<TriggerFired>,
}

impl Twin {
    pub(crate) fn new(tenant: &TenantId) -> Self {
        Self { engine: Engine::new(tenant.clone()).without_readings(), fired: Vec::new() }
    }

    pub(crate) fn apply(&mut self, offset: u64, entry: &Entry) {
        let mut effects = Vec::new();
        self.engine.apply(offset, entry, &mut effects);
        self.fired.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Outcome(Outcome::Fired(trigger)) => Some(trigger),
            _ => None,
        }));
    }
}

/// What the fold asks to be answered when this change is folded.
pub(crate) fn asked(fold: &mut Fold, record: &Record) -> Request {
    *fold.apply(record).unwrap().unwrap().asked.unwrap()
}
