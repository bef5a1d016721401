//! The values of golden/values.json, built by hand.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bellwether_schemas::alerts::{
    AlertChanged, AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker,
    HeatmapTracker, PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::calendar::{CalendarChanged, CalendarItem, Impact};
use bellwether_schemas::dead_letter::{DeadLetter, Header};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::previews::{
    AlertPreview, Followed, Interval, Moved, Preview, PreviewState, RandomBars, UserFollowed, WouldHaveFired,
};
use bellwether_schemas::readings::ReadingRecord;
use bellwether_schemas::settings::{PriceBasis, Settings, SettingsChanged, SymbolSettings};
use bellwether_schemas::snapshots::words::{OwnerWord, Quarantine, Suspect, Word};
use bellwether_schemas::snapshots::{
    Index, LastFolded, LateKept, Manifest, PartEntry, Piece, SnapshotRecord,
};
use bellwether_schemas::ticks::{BlockSymbol, Spacing, Tick, TickBlock};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Condition, Group, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Origin, SessionAnchor, Timeframe, Timestamp, TriggerId, UserId};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Entry(Entry),
    Outcome(Outcome),
    Reading(ReadingRecord),
    DeadLetter(DeadLetter),
    Snapshot(SnapshotRecord),
    Preview(Preview),
}

pub(crate) const NAMES: [&str; 43] = [
    "tick_block",
    "tick_block_of_one",
    "tick_block_empty",
    "bar_block",
    "heartbeat",
    "alert_changed",
    "settings_changed",
    "trigger_fired",
    "trigger_fired_bare",
    "alert_status",
    "alert_status_active",
    "reading",
    "dead_letter",
    "dead_letter_whole",
    "alert_rsi",
    "alert_pairs",
    "alert_heatmap",
    "alert_indicator",
    "alert_strength",
    "alert_price",
    "settings_of_pairs",
    "reading_line",
    "dead_letter_v2",
    "dead_letter_v2_part",
    "tick_block_of_bars",
    "calendar_item",
    "calendar_item_bare",
    "snapshot_part",
    "snapshot_index",
    "snapshot_manifest",
    "snapshot_manifest_index",
    "operator_decision",
    "operator_decision_gap",
    "operator_decision_disable",
    "alert_status_disabled",
    "snapshot_owner",
    "snapshot_suspect",
    "snapshot_quarantine",
    "alert_preview",
    "alert_preview_not_enough",
    "user_followed",
    "user_followed_alone",
    "user_followed_bare",
];

/// Written by versions before this one: read, not written any more.
pub(crate) const OLD: [&str; 8] = [
    "tick_block",
    "tick_block_of_one",
    "tick_block_empty",
    "alert_changed",
    "settings_changed",
    "reading",
    "dead_letter",
    "dead_letter_whole",
];

pub(crate) fn by_name(name: &str) -> Record {
    match name {
        "tick_block" => Record::Entry(Entry::Ticks(tick_block())),
        "tick_block_of_one" => Record::Entry(Entry::Ticks(tick_block_of_one())),
        "tick_block_empty" => Record::Entry(Entry::Ticks(tick_block_empty())),
        "tick_block_of_bars" => Record::Entry(Entry::Ticks(tick_block_of_bars())),
        "bar_block" => Record::Entry(Entry::Bars(bar_block())),
        "heartbeat" => Record::Entry(Entry::Heartbeat(Heartbeat {
            origin: origin(),
            ts: Timestamp(1_328_054_460_000_000),
        })),
        "calendar_item" => Record::Entry(Entry::Calendar(calendar_item(Impact::High, Some("175K")))),
        "calendar_item_bare" => Record::Entry(Entry::Calendar(calendar_item(Impact::Low, None))),
        "alert_changed" | "alert_rsi" => Record::Entry(Entry::Alert(alert_changed(rsi()))),
        "alert_pairs" => Record::Entry(Entry::Alert(alert_changed(pairs()))),
        "alert_heatmap" => Record::Entry(Entry::Alert(alert_changed(heatmap()))),
        "alert_indicator" => Record::Entry(Entry::Alert(alert_changed(indicator()))),
        "alert_strength" => Record::Entry(Entry::Alert(alert_changed(strength()))),
        "alert_price" => Record::Entry(Entry::Alert(alert_changed(price()))),
        "settings_changed" => Record::Entry(Entry::Settings(settings_changed(default_pairs()))),
        "settings_of_pairs" => Record::Entry(Entry::Settings(settings_changed(own_pairs()))),
        "trigger_fired" => Record::Outcome(Outcome::Fired(trigger_fired())),
        "trigger_fired_bare" => Record::Outcome(Outcome::Fired(trigger_fired_bare())),
        "alert_status" => {
            let reason = Some("rsi_overbought is 95, use 60 to 90".into());
            Record::Outcome(Outcome::Status(alert_status(AlertState::Refused, reason, Some(SINCE))))
        }
        "alert_status_active" => {
            Record::Outcome(Outcome::Status(alert_status(AlertState::Active, None, None)))
        }
        "reading" => Record::Reading(reading()),
        "reading_line" => Record::Reading(reading_line()),
        "dead_letter" => Record::DeadLetter(dead_letter()),
        "dead_letter_whole" => Record::DeadLetter(dead_letter_whole()),
        "dead_letter_v2" => Record::DeadLetter(dead_letter_v2()),
        "dead_letter_v2_part" => Record::DeadLetter(dead_letter_v2_part()),
        "snapshot_part" => Record::Snapshot(SnapshotRecord::Piece(Piece {
            tenant: "fxlabs".parse().unwrap(),
            content: vec![0x62, 0x77, 0x70, 1, 1, 0, 0xff, 0x80],
        })),
        "snapshot_index" => Record::Snapshot(SnapshotRecord::Index(Index { parts: part_entries() })),
        "snapshot_manifest" => Record::Snapshot(SnapshotRecord::Manifest(manifest())),
        "snapshot_manifest_index" => Record::Snapshot(SnapshotRecord::Manifest(Manifest {
            watermark: None,
            late: LateKept::default(),
            parts: Vec::new(),
            index: [[4; 32], [5; 32]].concat(),
            ..manifest()
        })),
        "alert_preview" => Record::Preview(Preview::Alert(alert_preview())),
        "alert_preview_not_enough" => Record::Preview(Preview::Alert(not_enough_history())),
        "user_followed" => Record::Preview(Preview::User(user_followed())),
        "user_followed_alone" => Record::Preview(Preview::User(UserFollowed {
            moved: Some(Moved { bars: 5, count: 3, days: 2, median_percent: -0.25, random: None }),
            ..user_followed()
        })),
        "user_followed_bare" => {
            Record::Preview(Preview::User(UserFollowed { triggers: 1, moved: None, ..user_followed() }))
        }
        other => of_operators(other),
    }
}

fn alert_preview() -> AlertPreview {
    let fired = WouldHaveFired {
        at: Timestamp(1_328_054_100_000_000),
        subject: "EURUSDm".into(),
        condition: Condition::Overbought,
        value: Some(71.25),
        price: Some(1.30625),
    };
    let before = WouldHaveFired {
        at: Timestamp(1_328_050_800_000_000),
        subject: String::new(),
        condition: Condition::Strongest,
        value: None,
        price: None,
    };
    AlertPreview {
        tenant: "fxlabs".parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(),
        version: 7,
        offset: 123_456_789,
        state: PreviewState::Answered,
        by_minutes: false,
        from: Some(Timestamp(1_325_462_400_000_000)),
        to: Some(SINCE),
        times: 14,
        per_week: Some(14.0 / 30.0 * 7.0),
        last: vec![fired, before],
        followed: vec![Followed { bars: 5, count: 13, median_percent: -0.0625 }],
    }
}

fn not_enough_history() -> AlertPreview {
    AlertPreview {
        kind: AlertKind::PriceAlert,
        version: 1,
        offset: 3,
        state: PreviewState::NotEnoughHistory,
        by_minutes: true,
        from: None,
        to: None,
        times: 0,
        per_week: None,
        last: Vec::new(),
        followed: Vec::new(),
        ..alert_preview()
    }
}

fn user_followed() -> UserFollowed {
    let random =
        RandomBars { median_percent: 0.0078125, difference: Interval { low: -0.03125, high: 0.21875 } };
    UserFollowed {
        tenant: "fxlabs".parse().unwrap(),
        user_id: user(),
        from: Timestamp(1_325_462_400_000_000),
        to: Timestamp(1_328_054_400_000_000),
        triggers: 14,
        moved: Some(Moved { bars: 5, count: 12, days: 9, median_percent: 0.125, random: Some(random) }),
    }
}

/// What operators decide, and what owners of a tenant tell each other.
fn of_operators(name: &str) -> Record {
    match name {
        "operator_decision" => {
            let words = ("asha@desk-1", "kills the worker: see 7 März");
            decision(Decision::Skip { offset: 1042 }, words)
        }
        "operator_decision_gap" => {
            decision(Decision::AcceptGap { last_folded: 99, first_readable: 300 }, ("", ""))
        }
        "operator_decision_disable" => {
            let alert_id = alert_changed(rsi()).alert_id;
            decision(Decision::DisableAlert { alert_id }, ("asha@desk-1", "floods its user"))
        }
        "alert_status_disabled" => {
            let reason = Some("floods its user".into());
            Record::Outcome(Outcome::Status(alert_status(AlertState::Disabled, reason, Some(SINCE))))
        }
        "snapshot_owner" => Record::Snapshot(SnapshotRecord::Owner(OwnerWord {
            tenant: "fxlabs".parse().unwrap(),
            owner: "desk-1/4711/3".into(),
            word: Word::Took,
            crashes: 2,
            fold_from: 1024,
        })),
        "snapshot_suspect" => {
            let tenant = "fxlabs".parse().unwrap();
            Record::Snapshot(SnapshotRecord::Suspect(Suspect { tenant, offset: 1042 }))
        }
        "snapshot_quarantine" => {
            let tenant = "fxlabs".parse().unwrap();
            let record = Quarantine { tenant, offset: 1042, journal_end: 2000 };
            Record::Snapshot(SnapshotRecord::Quarantine(record))
        }
        other => panic!("no sample {other}"),
    }
}

fn decision(decision: Decision, (who, why): (&str, &str)) -> Record {
    let origin = calendar_item(Impact::Low, None).origin;
    let decided = OperatorDecision { origin, decision, who: who.into(), why: why.into() };
    Record::Entry(Entry::Decision(decided))
}

pub(crate) fn origin() -> Origin {
    Origin {
        tenant: "fxlabs".parse().unwrap(),
        source: "file".into(),
        session: "0f3a".into(),
        played: true,
        appended_at: Timestamp(1_328_054_400_123_456),
    }
}

fn live_origin() -> Origin {
    Origin {
        tenant: "hextech".parse().unwrap(),
        source: "live-β".into(),
        session: String::new(),
        played: false,
        appended_at: Timestamp(0),
    }
}

fn alert() -> AlertId {
    "6b0e4f7a-51c2-4d1e-9a57-0d7a5c3f1e21".parse().unwrap()
}

fn user() -> UserId {
    "c2a1f0de-8b34-4f6d-9e10-7b2f4d5a6c01".parse().unwrap()
}

fn trigger() -> TriggerId {
    "4e584676-6e4d-5cc7-8887-8719ca6b6822".parse().unwrap()
}

fn group(index: i32, size: i32) -> Group {
    let id: GroupId = "9d3c5a10-2b6f-5e47-8f01-a1b2c3d4e5f6".parse().unwrap();
    Group { id, index, size }
}

const CAUSE: Cause = Cause { offset: 123_456_789, index: 3 };

fn symbol(name: &str, scale: u8) -> BlockSymbol {
    BlockSymbol::of_quotes(name, scale)
}

fn tick(ts: i64, symbol: u16, bid: i64, ask: i64) -> Tick {
    Tick { ts: Timestamp(ts), symbol, bid, ask }
}

pub(crate) fn tick_block() -> TickBlock {
    TickBlock {
        origin: origin(),
        ingested_at: Timestamp(1_328_054_460_000_000),
        first_seq: Some(4096),
        symbols: vec![symbol("GBPUSD", 5), symbol("eur/usd", 9), symbol("XAUUSDm", 0)],
        ticks: vec![
            tick(1_328_054_400_000_000, 0, 157_597, 157_608),
            tick(1_328_054_420_000_000, 1, 1_308_123_456, 1_308_123_999),
            tick(1_328_054_420_000_000, 0, 157_576, 157_576),
            tick(1_328_054_419_999_999, 2, -3, 9_223_372_036_854_775_000),
            tick(1_328_054_459_999_000, 0, 157_606, 157_600),
        ],
        volumes: vec![0.0, 1.5, -2.25, 1e300, 3.0],
    }
}

fn tick_block_of_one() -> TickBlock {
    TickBlock {
        origin: live_origin(),
        ingested_at: Timestamp(-1),
        first_seq: None,
        symbols: vec![symbol("BTCUSD", 1)],
        ticks: vec![tick(1_262_304_000_000_000, 0, 1_099_875, 1_099_900)],
        volumes: vec![],
    }
}

fn tick_block_empty() -> TickBlock {
    TickBlock {
        origin: live_origin(),
        ingested_at: Timestamp(0),
        first_seq: Some(0),
        symbols: vec![],
        ticks: vec![],
        volumes: vec![],
    }
}

/// The same symbol comes as bars and as quotes.
fn tick_block_of_bars() -> TickBlock {
    let hours = BlockSymbol { judged: true, spacing: Spacing::new(3_600_000_000), ..symbol("GBPUSD", 5) };
    let unjudged = BlockSymbol { spacing: Spacing::new(60_000_000), ..symbol("XAUUSD", 2) };
    TickBlock {
        symbols: vec![hours, symbol("GBPUSD", 4), unjudged],
        ticks: vec![
            tick(1_328_054_400_000_000, 0, 157_597, 157_608),
            tick(1_328_054_400_000_000, 1, 15_761, 15_762),
            tick(1_328_055_600_000_000, 0, 157_576, 157_576),
            tick(1_328_055_600_000_000, 2, 173_350, 173_400),
        ],
        volumes: vec![],
        ..tick_block()
    }
}

fn bar_block() -> BarBlock {
    let minute = HistoryBar {
        symbol: "GBPUSD".into(),
        timeframe: Timeframe::M1,
        open_time: Timestamp(1_328_054_400_000_000),
        close_time: Timestamp(1_328_054_460_000_000),
        scale: 5,
        open: 157_597,
        high: 157_606,
        low: 157_576,
        close: 157_576,
        ticks: 4,
    };
    let week = HistoryBar {
        symbol: "XAUUSDm".into(),
        timeframe: Timeframe::W1,
        open_time: Timestamp(1_327_874_400_000_000),
        close_time: Timestamp(1_328_479_200_000_000),
        scale: 2,
        open: 173_350,
        high: 176_325,
        low: 171_801,
        close: 172_560,
        ticks: 0,
    };
    BarBlock { origin: origin(), bars: vec![minute, week] }
}

fn alert_changed(parameters: AlertParameters) -> AlertChanged {
    AlertChanged {
        origin: origin(),
        alert_id: alert(),
        user_id: user(),
        version: 7,
        active: true,
        deleted: false,
        parameters,
    }
}

fn rsi() -> AlertParameters {
    AlertParameters::RsiTracker(RsiTracker {
        timeframe: Timeframe::M5,
        rsi_period: 14,
        rsi_overbought: 70,
        rsi_oversold: 30,
    })
}

fn pairs() -> AlertParameters {
    AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
        timeframe: Timeframe::H1,
        mode: "real_correlation".into(),
        rsi_period: 21,
        rsi_overbought: 75,
        rsi_oversold: 25,
        correlation_window: 120,
    })
}

fn heatmap() -> AlertParameters {
    AlertParameters::HeatmapTracker(HeatmapTracker {
        pairs: vec!["BTC/USD".into(), "eurusd".into()],
        trading_style: "scalper".into(),
        buy_threshold: 70,
        sell_threshold: 30,
    })
}

fn indicator() -> AlertParameters {
    AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker {
        pairs: vec!["XAUUSD".into()],
        timeframe: Timeframe::H4,
        indicator: "IchimokuClone".into(),
    })
}

fn strength() -> AlertParameters {
    AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe: Timeframe::D1 })
}

fn price() -> AlertParameters {
    AlertParameters::PriceAlert(PriceAlert {
        symbol: "EURUSD".into(),
        above: Some(1.125),
        below: None,
        on_close: None,
        fires: "every".into(),
        expires_at: Some(Timestamp(1_328_054_460_000_000)),
    })
}

/// What a writer before pairs meant: the documented defaults.
fn default_pairs() -> Settings {
    Settings::with_symbols(Vec::new(), "m")
}

fn own_pairs() -> Settings {
    Settings {
        positive_pairs: vec!["EURUSD-GBPUSD".into()],
        negative_pairs: Vec::new(),
        heatmap_cooldown: 1,
        heatmap_suppression: 86_400_000_000,
        ..default_pairs()
    }
}

fn settings_changed(pairs: Settings) -> SettingsChanged {
    let listed = |name: &str, always_open| SymbolSettings { name: name.parse().unwrap(), always_open };
    SettingsChanged {
        origin: origin(),
        revision: 3,
        engine_version: 1,
        settings: Settings {
            symbols: vec![listed("EURUSDm", false), listed("BTCUSDm", true)],
            symbol_suffix: "m".into(),
            session_anchor: SessionAnchor::FX,
            price_basis: PriceBasis::Bid,
            lateness_max: 2_000_000,
            source_idle: 10_000_000,
            absurd_band: 0.2,
            max_alerts: 1_000_000,
            ..pairs
        },
    }
}

fn trigger_fired() -> TriggerFired {
    TriggerFired {
        id: trigger(),
        tenant: "fxlabs".parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(),
        alert_version: 7,
        user_id: user(),
        symbol: Some("GBPUSD".parse().unwrap()),
        pair: Some("EURUSD-GBPUSD".into()),
        timeframe: Some(Timeframe::M5),
        open_time: Timestamp(1_328_054_700_000_000),
        close_time: Timestamp(1_328_055_000_000_000),
        condition: Condition::Overbought,
        value: Some(71.2),
        previous: Some(69.8),
        threshold: Some(70.0),
        price: Some(1.57597),
        detail: r#"{"rsi_period":14}"#.into(),
        cause: CAUSE,
        engine_version: 1,
        group: group(1, 2),
    }
}

fn trigger_fired_bare() -> TriggerFired {
    TriggerFired {
        alert_version: 1,
        symbol: None,
        pair: None,
        timeframe: None,
        open_time: Timestamp(0),
        close_time: Timestamp(0),
        condition: Condition::Above,
        value: None,
        previous: None,
        threshold: None,
        price: None,
        detail: "{}".into(),
        cause: Cause { offset: 0, index: 0 },
        group: group(0, 1),
        ..trigger_fired()
    }
}

const SINCE: Timestamp = Timestamp(1_328_054_398_000_000);

fn calendar_item(impact: Impact, value: Option<&str>) -> CalendarChanged {
    let item = CalendarItem {
        id: "nfp-2026-03".into(),
        time: Timestamp(1_772_803_800_000_000),
        currency: "USD".into(),
        title: "Non-Farm Payrolls".into(),
        impact,
        previous: value.map(Into::into),
        forecast: value.map(|_| "180K".into()),
        actual: None,
        source: "desk".into(),
    };
    CalendarChanged { origin: origin(), item }
}

fn alert_status(state: AlertState, reason: Option<String>, since: Option<Timestamp>) -> AlertStatus {
    AlertStatus {
        tenant: "fxlabs".parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(),
        user_id: user(),
        version: 7,
        state,
        reason,
        since,
        cause: CAUSE,
    }
}

/// The first form gave values by name; they become the members of a line.
fn reading() -> ReadingRecord {
    ReadingRecord {
        tenant: "fxlabs".parse().unwrap(),
        key: "indicators|GBPUSD|5M".into(),
        close_time: Timestamp(1_328_055_000_000_000),
        body: concat!(
            r#"{"close":1.57597,"close_time":"2012-02-01T00:10:00.000000Z","ema200":null,"#,
            r#""open_time":"2012-02-01T00:05:00.000000Z","rsi14":57.658611353151834,"symbol":"GBPUSD","#,
            r#""timeframe":"5M","type":"indicators"}"#
        )
        .into(),
    }
}

fn reading_line() -> ReadingRecord {
    ReadingRecord {
        tenant: "fxlabs".parse().unwrap(),
        key: "strength|1H".into(),
        close_time: Timestamp(1_328_055_000_000_000),
        body: r#"{"type":"strength"}"#.into(),
    }
}

fn dead_letter() -> DeadLetter {
    DeadLetter {
        tenant: "fxlabs".parse().unwrap(),
        topic: "fxlabs.journal.v1".into(),
        offset: 42,
        index: Some(17),
        reason: "malformed".into(),
        detail: "ask below bid".into(),
        ts: Some(Timestamp(1_328_054_400_000_000)),
        key: b"fxlabs".to_vec(),
        original: vec![0, 0, 0, 0, 0xff, 0x80],
        headers: Vec::new(),
        size: None,
        sha256: None,
    }
}

fn dead_letter_whole() -> DeadLetter {
    DeadLetter {
        offset: 43,
        index: None,
        reason: "undecodable".into(),
        detail: String::new(),
        ts: None,
        key: vec![],
        original: vec![1],
        ..dead_letter()
    }
}

fn dead_letter_v2() -> DeadLetter {
    let header = |name: &str, value: &[u8]| Header { name: name.into(), value: value.into() };
    DeadLetter {
        offset: 44,
        index: Some(3),
        reason: "unknown_symbol".into(),
        detail: "NOSUCH".into(),
        headers: vec![header("trace", &[0, 0xff]), header("empty", &[])],
        size: Some(6),
        sha256: Some("0f".repeat(32)),
        ..dead_letter()
    }
}

fn dead_letter_v2_part() -> DeadLetter {
    DeadLetter {
        index: Some(4),
        ts: Some(Timestamp(1_328_054_400_000_001)),
        key: Vec::new(),
        original: Vec::new(),
        headers: Vec::new(),
        size: None,
        sha256: None,
        ..dead_letter_v2()
    }
}

fn part_entries() -> Vec<PartEntry> {
    vec![
        PartEntry { name: "core".into(), size: 300, hashes: vec![1; 32] },
        PartEntry { name: "alerts/0".into(), size: 130_817, hashes: [[2; 32], [3; 32]].concat() },
    ]
}

fn manifest() -> Manifest {
    Manifest {
        tenant: "fxlabs".parse().unwrap(),
        format: 1,
        next_offset: 123_456_790,
        last: LastFolded {
            offset: 123_456_789,
            appended_at: Timestamp(1_328_054_400_123_456),
            sha256: vec![0xab; 32],
        },
        watermark: Some(SINCE),
        engine_version: 3,
        late: LateKept { minute: Timestamp(1_328_054_340_000_000), kept: 101 },
        parts: part_entries(),
        index: Vec::new(),
    }
}
