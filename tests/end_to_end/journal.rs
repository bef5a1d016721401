//! A log written by hand, with what no producer of ours would write.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use bellwether_producers::{ProducerContext, settings};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenants};
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::journal::{Heartbeat, Origin};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{
    AlertId, Entry, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec, ids,
};

use crate::support::Place;

/// 2024-01-02T10:00:00Z, where [`quotes`] begins.
const START: Timestamp = Timestamp(1_704_189_600_000_000);
/// The same day ten years later.
const FUTURE: Timestamp = Timestamp(2_019_808_800_000_000);

/// Twelve hours of one symbol, a quote every ten seconds, up and down so that its RSI crosses its lines.
pub(crate) fn quotes() -> Vec<String> {
    let quote = |number: u32| {
        let seconds = number * 10;
        let price = 1.27 + 0.01 * (f64::from(seconds) / 1_900.0).sin();
        let (hour, minute, second) = (5 + seconds / 3_600, seconds / 60 % 60, seconds % 60);
        // HistData's clock: five hours behind.
        format!("20240102 {hour:02}{minute:02}{second:02}000,{price:.5},{:.5},0", price + 0.0001)
    };
    (0..12 * 360).map(quote).collect()
}

/// The log of a place, held for writing; each tenant's journal begins with its settings and one alert.
pub(crate) struct Journal {
    log: Arc<dyn Log>,
    tenants: Vec<Tenant>,
}

impl Journal {
    /// One that was begun before.
    pub(crate) fn again(place: &Place) -> Self {
        let url = format!("embedded:{}", place.path("data/log").display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        Self { log, tenants: load_tenants(&place.path("tenants"), &|_| None).unwrap() }
    }

    pub(crate) fn begin(place: &Place) -> Self {
        let journal = Self::again(place);
        let log = &journal.log;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for tenant in &journal.tenants {
            Topic::all(&tenant.id).into_iter().for_each(|topic| assert!(log.create(&topic).unwrap()));
            let context = ProducerContext::new(Arc::clone(log), Clock::system(), Shutdown::new());
            runtime.block_on(settings::publish(&context, tenant)).unwrap();
            let alert = Entry::Alert(alert(&tenant.id, 1));
            journal.append_to(&tenant.id, codec::encode_entry(&alert).unwrap());
        }
        journal
    }

    pub(crate) fn log(&self) -> &dyn Log {
        self.log.as_ref()
    }

    /// Appends these bytes to the journal of fxlabs.
    pub(crate) fn append(&self, value: &[u8]) {
        self.append_to(&self.tenants[0].id, value.to_vec());
    }

    /// The same under that key.
    pub(crate) fn append_keyed(&self, key: &[u8], value: &[u8]) {
        let topic = Topic::new(&self.tenants[0].id, TopicKind::Journal);
        self.log.append(&topic, vec![NewRecord { key: key.into(), value: value.into() }]).wait().unwrap();
    }

    fn append_to(&self, tenant: &TenantId, value: Vec<u8>) {
        let topic = Topic::new(tenant, TopicKind::Journal);
        self.log.append(&topic, vec![NewRecord { key: b"by hand".to_vec(), value }]).wait().unwrap();
    }

    /// Ours, and sound: of one symbol, received when it was quoted; not one that the tenant has, perhaps.
    pub(crate) fn ticks_of(&self, symbol: &str, count: usize) -> Vec<u8> {
        let block = TickBlock {
            origin: origin(&self.tenants[0].id),
            ingested_at: START,
            first_seq: Some(0),
            symbols: vec![BlockSymbol::of_quotes(symbol, 5)],
            ticks: vec![Tick { ts: START, symbol: 0, bid: 127_000, ask: 127_010 }; count],
            volumes: Vec::new(),
        };
        codec::encode_entry(&Entry::Ticks(block)).unwrap()
    }

    /// Would silence every symbol but one, were it believed.
    pub(crate) fn others_settings(&self) -> Vec<u8> {
        let mut settings = self.tenants[1].settings.clone();
        settings.symbols.truncate(1);
        let change = SettingsChanged {
            origin: origin(&self.tenants[1].id),
            revision: 99,
            engine_version: 1,
            settings,
        };
        codec::encode_entry(&Entry::Settings(change)).unwrap()
    }

    /// Would fire beside the tenant's own.
    pub(crate) fn others_alert(&self) -> Vec<u8> {
        codec::encode_entry(&Entry::Alert(alert(&self.tenants[1].id, 2))).unwrap()
    }

    /// Would close every bar for ten years, and say that the file with that session was played.
    pub(crate) fn others_heartbeat(&self, session: String) -> Vec<u8> {
        let origin = Origin { played: true, source: "file".into(), session, ..origin(&self.tenants[1].id) };
        codec::encode_entry(&Entry::Heartbeat(Heartbeat { origin, ts: FUTURE })).unwrap()
    }

    /// Received today, it says.
    pub(crate) fn tick_of_the_future(&self) -> Vec<u8> {
        let block = TickBlock {
            origin: origin(&self.tenants[0].id),
            ingested_at: START,
            first_seq: Some(0),
            symbols: vec![BlockSymbol::of_quotes("GBPUSD", 5)],
            ticks: vec![Tick { ts: FUTURE, symbol: 0, bid: 127_000, ask: 127_010 }],
            volumes: Vec::new(),
        };
        codec::encode_entry(&Entry::Ticks(block)).unwrap()
    }

    pub(crate) fn heartbeat_of_the_future(&self) -> Vec<u8> {
        let origin = origin(&self.tenants[0].id);
        codec::encode_entry(&Entry::Heartbeat(Heartbeat { origin, ts: FUTURE })).unwrap()
    }
}

fn origin(tenant: &TenantId) -> Origin {
    let (source, session) = ("by hand".into(), "1".into());
    Origin { tenant: tenant.clone(), source, session, played: false, appended_at: START }
}

fn alert(tenant: &TenantId, number: u32) -> AlertChanged {
    let tracker =
        RsiTracker { timeframe: Timeframe::M5, rsi_period: 14, rsi_overbought: 70, rsi_oversold: 30 };
    AlertChanged {
        origin: origin(tenant),
        alert_id: AlertId(ids::derive(&format!("{tenant} alert {number}"))),
        user_id: UserId(ids::derive(&format!("{tenant} user {number}"))),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(tracker),
    }
}
