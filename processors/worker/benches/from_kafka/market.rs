//! The job's market: 33 symbols that walk, as records of one tick or of 256.

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::log::{Log, MAX_BATCH_BYTES, NewRecord};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::settings::{DEFAULT_SYMBOLS, Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{
    AlertId, Entry, Origin, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec,
};
use bellwether_tests::reference::{self, Market, Quote};
use uuid::Uuid;

use crate::Outcome;

/// 2024-01-08T00:00:00Z, a Monday.
const START: Timestamp = Timestamp(1_704_672_000_000_000);
const SCALE: u8 = 5;
/// Records before the first tick: settings and the alert.
pub(crate) const PREAMBLE: u64 = 2;
const ALERT: Uuid = Uuid::from_u128(1);
const USER: Uuid = Uuid::from_u128(2);

/// Ticks of all symbols in turn by lot, evenly spaced.
pub(crate) struct Walk {
    x: u32,
    bids: [i64; DEFAULT_SYMBOLS.len()],
    at: i64,
    step: i64,
}

impl Walk {
    pub(crate) fn new(ticks_a_minute: i64) -> Self {
        let step = MINUTE / (ticks_a_minute * DEFAULT_SYMBOLS.len() as i64);
        Self { x: 42, bids: [110_000; DEFAULT_SYMBOLS.len()], at: START.0, step }
    }

    fn draw(&mut self) -> u32 {
        self.x = self.x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.x >> 16
    }
}

impl Iterator for Walk {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let symbol = self.draw() as usize % DEFAULT_SYMBOLS.len();
        let step = i64::from(self.draw() % 21) - 10 - (self.bids[symbol] - 110_000) / 1000;
        self.bids[symbol] += step;
        self.at += self.step;
        let bid = self.bids[symbol];
        Some(Tick { ts: Timestamp(self.at), symbol: u16::try_from(symbol).ok()?, bid, ask: bid + 12 })
    }
}

fn origin(tenant: &TenantId) -> Origin {
    Origin {
        tenant: tenant.clone(),
        source: "synthetic".into(),
        session: "seed 7 from 2024-01-08".into(),
        played: true,
        appended_at: START,
    }
}

/// Creates the tenant's topics and appends so many ticks, `block` of them a record.
pub(crate) fn write(log: &dyn Log, tenant: &TenantId, rate: i64, ticks: usize, block: usize) -> Outcome<()> {
    for topic in Topic::all(tenant) {
        log.create(&topic)?;
    }
    let mut out =
        Appender { log, topic: Topic::new(tenant, TopicKind::Journal), records: Vec::new(), bytes: 0 };
    preamble(tenant).iter().try_for_each(|entry| out.push(entry))?;
    let mut walk = Walk::new(rate);
    for first in (0..ticks).step_by(block) {
        let ticks = walk.by_ref().take(block.min(ticks - first)).collect();
        out.push(&Entry::Ticks(as_block(tenant, first as u64, ticks)))?;
    }
    out.send()
}

fn preamble(tenant: &TenantId) -> [Entry; 2] {
    let symbols = DEFAULT_SYMBOLS.iter().filter_map(|name| name.parse().ok()).collect();
    let settings = Settings::with_symbols(symbols, "");
    let change =
        SettingsChanged { origin: origin(tenant), revision: 1, engine_version: ENGINE_VERSION, settings };
    let tracker =
        RsiTracker { timeframe: Timeframe::M5, rsi_period: 14, rsi_overbought: 70, rsi_oversold: 30 };
    let alert = AlertChanged {
        origin: origin(tenant),
        alert_id: AlertId(ALERT),
        user_id: UserId(USER),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(tracker),
    };
    [Entry::Settings(change), Entry::Alert(alert)]
}

/// With a dictionary of the symbols that are in it, as a producer writes it.
fn as_block(tenant: &TenantId, first: u64, mut ticks: Vec<Tick>) -> TickBlock {
    let mut places: Vec<u16> = Vec::new();
    for tick in &mut ticks {
        let known = places.iter().position(|place| *place == tick.symbol);
        let place = known.unwrap_or(places.len());
        if known.is_none() {
            places.push(tick.symbol);
        }
        tick.symbol = u16::try_from(place).unwrap_or(0);
    }
    let name = |place: u16| DEFAULT_SYMBOLS[usize::from(place)];
    TickBlock {
        origin: origin(tenant),
        ingested_at: ticks.last().map_or(START, |tick| tick.ts),
        first_seq: Some(first),
        symbols: places.into_iter().map(|place| BlockSymbol::of_quotes(name(place), SCALE)).collect(),
        ticks,
        volumes: Vec::new(),
    }
}

struct Appender<'a> {
    log: &'a dyn Log,
    topic: Topic,
    records: Vec<NewRecord>,
    bytes: usize,
}

impl Appender<'_> {
    fn push(&mut self, entry: &Entry) -> Outcome<()> {
        let record = NewRecord { key: self.topic.tenant.as_str().into(), value: codec::encode_entry(entry)? };
        self.bytes += record.value.len() + 100;
        self.records.push(record);
        if self.bytes > MAX_BATCH_BYTES / 2 { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Outcome<()> {
        self.bytes = 0;
        self.log.append(&self.topic, std::mem::take(&mut self.records)).wait()?;
        Ok(())
    }
}

/// What the first ticks must give, by plain loops that share no code with the engine: the triggers' ids, sorted.
pub(crate) fn expected(tenant: &TenantId, rate: i64, ticks: usize) -> Outcome<Vec<Uuid>> {
    let price = |mantissa: i64| mantissa as f64 / 10_f64.powi(i32::from(SCALE));
    let quote = |tick: Tick| Quote {
        ts: tick.ts.0,
        symbol: DEFAULT_SYMBOLS[usize::from(tick.symbol)].into(),
        bid: price(tick.bid),
        ask: price(tick.ask),
    };
    let mut market = Market::new(tenant.as_str(), Walk::new(rate).take(ticks).map(quote).collect());
    let last = market.quotes.last().map_or(START.0, |quote| quote.ts);
    market.closed_until = Some(last - market.lateness);
    let alert = reference::RsiAlert {
        id: ALERT,
        version: 1,
        user_id: USER,
        timeframe: "5M".into(),
        period: 14,
        overbought: 70.0,
        oversold: 30.0,
    };
    let triggers = reference::triggers(&market, &[alert]).map_err(|error| error.to_string())?;
    let mut ids: Vec<Uuid> = triggers.into_iter().map(|trigger| trigger.id).collect();
    ids.sort_unstable();
    Ok(ids)
}
