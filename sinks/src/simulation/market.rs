//! What two tenants' journals hold: symbols that walk, alerts that are changed and deleted, and records that are of no
//! use. Alerts and users of both have the same ids: what is mixed up shows.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine, RefusalReason};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, UserId, codec};
use uuid::Uuid;

use crate::simulated::Random;

/// Users of each tenant, each with an alert.
pub(super) const USERS: u128 = 3;
/// Five minutes of the market in each journal.
const MINUTES: i64 = 24;
const SYMBOLS: [&str; 2] = ["EURUSDm", "GBPUSDm"];

/// The tenants by their numbers.
pub(super) fn tenant(number: usize) -> TenantId {
    static TENANTS: LazyLock<[TenantId; 2]> =
        LazyLock::new(|| ["fxlabs", "hextech"].map(|id| id.parse().unwrap()));
    TENANTS[number].clone()
}

pub(super) const fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

/// What is appended to the tenant's journal, in groups that come at once.
pub(super) fn journal(number: usize, random: &mut Random) -> Vec<Vec<NewRecord>> {
    let tenant = tenant(number);
    let settings = Settings::with_symbols(SYMBOLS.map(|name| name.parse().unwrap()).to_vec(), "m");
    let origin = origin(&tenant);
    let change = SettingsChanged { origin, revision: 1, engine_version: ENGINE_VERSION, settings };
    let mut first = vec![Entry::Settings(change)];
    first.extend((1..=USERS).map(|user| alert(&tenant, user, 1, false)));
    let mut groups = vec![encoded(&first)];
    let (mut prices, mut steps) = ([100_000_i64; 2], [400_i64; 2]);
    for minute in 0..MINUTES {
        for (price, step) in prices.iter_mut().zip(&mut steps) {
            // Runs up and down, so that a short RSI reaches its lines often.
            if random.below(5) == 0 {
                *step = -*step;
            }
            *price = (*price + *step + random.below(900).cast_signed() - 450).max(50_000);
        }
        let mut entries = quotes(&tenant, minute, prices);
        entries.extend(oddity(&tenant, minute, random));
        groups.push(encoded(&entries));
    }
    for (minute, record) in [(MINUTES / 3, b"nobody can read this".to_vec()), (MINUTES / 2, foreign(&tenant))]
    {
        groups[usize::try_from(minute).unwrap()].push(NewRecord { key: Vec::new(), value: record });
    }
    groups
}

/// A tick of each symbol, and the time.
fn quotes(tenant: &TenantId, minute: i64, prices: [i64; 2]) -> Vec<Entry> {
    let ts = Timestamp(minute * 300_000_000);
    let tick = |symbol: u16| {
        let bid = prices[usize::from(symbol)];
        Tick { ts, symbol, bid, ask: bid + 1 }
    };
    let block = block(tenant, minute, &SYMBOLS, vec![tick(0), tick(1)]);
    let beat = Heartbeat { origin: origin(tenant), ts: ts.plus(301_000_000) };
    vec![block, Entry::Heartbeat(beat)]
}

fn block(tenant: &TenantId, minute: i64, symbols: &[&str], ticks: Vec<Tick>) -> Entry {
    Entry::Ticks(TickBlock {
        origin: origin(tenant),
        ingested_at: Timestamp(minute * 300_000_000),
        first_seq: Some(minute.cast_unsigned() * 2),
        symbols: symbols.iter().map(|name| BlockSymbol::of_quotes(*name, 5)).collect(),
        ticks,
        volumes: Vec::new(),
    })
}

/// Now and then a user changes an alert, or deletes it, or there are ticks that nobody can use.
fn oddity(tenant: &TenantId, minute: i64, random: &mut Random) -> Option<Entry> {
    let user = 1 + u128::from(random.below(USERS as u64));
    match random.below(6) {
        0 => Some(alert(tenant, user, 2 + minute, minute > MINUTES / 2 && random.below(3) == 0)),
        1 => {
            let tick = |symbol, bid, ask| Tick { ts: Timestamp(minute * 300_000_000), symbol, bid, ask };
            let ticks = vec![tick(0, 70_000, 70_001), tick(1, 70_001, 70_000), tick(1, 0, 70_000)];
            Some(block(tenant, minute, &["XAUUSDm", SYMBOLS[1]], ticks))
        }
        _ => None,
    }
}

/// The user's alert as that version has it.
fn alert(tenant: &TenantId, number: u128, version: i64, deleted: bool) -> Entry {
    let line = 60 + i32::try_from(number).unwrap() + i32::try_from(version % 7).unwrap();
    Entry::Alert(AlertChanged {
        origin: origin(tenant),
        alert_id: AlertId(Uuid::from_u128(number)),
        user_id: user(number),
        version,
        active: true,
        deleted,
        parameters: AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 5,
            rsi_overbought: line,
            rsi_oversold: 40,
        }),
    })
}

/// An alert of the other tenant's.
fn foreign(tenant: &TenantId) -> Vec<u8> {
    let other = self::tenant(usize::from(*tenant == self::tenant(0)));
    codec::encode_entry(&alert(&other, 1, 90, false)).unwrap()
}

/// An operator lets a record out of quarantine.
pub(super) fn again(tenant: &TenantId, offset: i64) -> NewRecord {
    let (who, why) = ("operator".into(), "it was a crash".into());
    let decision = Decision::Again { offset };
    let entry = Entry::Decision(OperatorDecision { origin: origin(tenant), decision, who, why });
    NewRecord { key: Vec::new(), value: codec::encode_entry(&entry).unwrap() }
}

fn origin(tenant: &TenantId) -> Origin {
    Origin {
        tenant: tenant.clone(),
        source: "sim".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

fn encoded(entries: &[Entry]) -> Vec<NewRecord> {
    let record = |entry| NewRecord { key: Vec::new(), value: codec::encode_entry(entry).unwrap() };
    entries.iter().map(record).collect()
}

/// What is kept of input that could not be used: the record, the place in it, and why.
pub(super) type Letter = (i64, Option<i32>, String);

/// The undisturbed twin: what one straight fold of a journal gives.
#[derive(Debug, Default)]
pub(super) struct Twin {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) letters: BTreeSet<Letter>,
}

impl Twin {
    pub(super) fn of(tenant: &TenantId, journal: &[Record]) -> Self {
        let (mut engine, mut twin) = (Engine::new(tenant.clone()), Self::default());
        for record in journal {
            let mut effects = Vec::new();
            match codec::decode_entry(&record.value) {
                Ok(entry) if entry.origin().tenant == *tenant => {
                    engine.apply(record.offset, &entry, &mut effects);
                }
                Ok(_) => twin.keep(record, None, "misrouted"),
                Err(_) => twin.keep(record, None, "undecodable"),
            }
            effects.into_iter().for_each(|effect| twin.take(record, effect));
        }
        twin
    }

    fn take(&mut self, record: &Record, effect: Effect) {
        match effect {
            Effect::Outcome(outcome) => self.outcomes.push(outcome),
            // What was there before is counted and not kept.
            Effect::Refused(refusal) if refusal.reason != RefusalReason::Duplicate => {
                let index = refusal.index.map(|index| i32::try_from(index).unwrap());
                self.keep(record, index, refusal.reason.name());
            }
            _ => {}
        }
    }

    fn keep(&mut self, record: &Record, index: Option<i32>, reason: &str) {
        self.letters.insert((record.offset.cast_signed(), index, reason.into()));
    }
}

/// The versions of alerts that the journal sets, in its order: offset, alert, version; none where it is deleted.
pub(super) fn versions(tenant: &TenantId, journal: &[Record]) -> Vec<(i64, AlertId, Option<i64>)> {
    let version = |record: &Record| match codec::decode_entry(&record.value) {
        Ok(Entry::Alert(change)) if change.origin.tenant == *tenant => {
            let version = (!change.deleted).then_some(change.version);
            Some((record.offset.cast_signed(), change.alert_id, version))
        }
        _ => None,
    };
    journal.iter().filter_map(version).collect()
}
