//! The tenant's settings that can change a result: a record like any other, so that a replay agrees.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::Symbol;
use crate::journal::Origin;
use crate::time::{DAY, HOUR, MINUTE, SECOND, SessionAnchor};

/// The symbols a tenant watches unless its file lists others, without the suffix.
pub const DEFAULT_SYMBOLS: [&str; 33] = [
    "EURUSD", "GBPUSD", "USDJPY", "USDCHF", "AUDUSD", "USDCAD", "NZDUSD", "EURGBP", "EURJPY", "EURCHF",
    "EURAUD", "EURCAD", "EURNZD", "GBPJPY", "GBPCHF", "GBPAUD", "GBPCAD", "GBPNZD", "AUDJPY", "AUDCHF",
    "AUDCAD", "AUDNZD", "NZDJPY", "NZDCHF", "NZDCAD", "CADJPY", "CADCHF", "CHFJPY", "XAUUSD", "XAGUSD",
    "USOIL", "BTCUSD", "ETHUSD",
];

/// Which side of a quote bars are built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PriceBasis {
    /// What a seller gets: MT5 draws its charts from it too.
    #[default]
    Bid,
    /// Half way between bid and ask.
    Mid,
    /// What a buyer pays.
    Ask,
}

impl PriceBasis {
    /// The name in files and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Mid => "mid",
            Self::Ask => "ask",
        }
    }
}

impl fmt::Display for PriceBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PriceBasis {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Bid, Self::Mid, Self::Ask].into_iter().find(|basis| basis.name() == text);
        found.ok_or_else(|| format!("{text:?} is not a price basis: use bid, mid or ask"))
    }
}

impl TryFrom<String> for PriceBasis {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PriceBasis> for String {
    fn from(basis: PriceBasis) -> Self {
        basis.name().into()
    }
}

/// One symbol of the tenant's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolSettings {
    /// The tenant's own spelling.
    pub name: Symbol,
    /// Trades around the clock: its days begin at 00:00 UTC instead of the session's anchor.
    pub always_open: bool,
}

/// Everything from the tenant's file that can change a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// In the tenant's order, which is the order within an instant.
    pub symbols: Vec<SymbolSettings>,
    /// Added to a name that is not listed as it stands.
    pub symbol_suffix: String,
    /// Where days, and with them 4H and 1W bars, begin.
    pub session_anchor: SessionAnchor,
    /// What bars are built from.
    pub price_basis: PriceBasis,
    /// How far the watermark stays behind the newest time, microseconds.
    pub lateness_max: i64,
    /// A source this far behind the newest no longer holds the watermark, microseconds.
    pub source_idle: i64,
    /// A tick further than this fraction from the last accepted price is absurd.
    pub absurd_band: f64,
    /// Most alerts of the tenant; one more is refused.
    pub max_alerts: i64,
    /// Pairs expected to move together, `EURUSD-GBPUSD`, names without the suffix.
    #[serde(default = "positive_pairs")]
    pub positive_pairs: Vec<String>,
    /// Pairs expected to move against each other.
    #[serde(default = "negative_pairs")]
    pub negative_pairs: Vec<String>,
    /// After a heatmap trigger nothing fires for its alert and symbol for this long, microseconds.
    #[serde(default = "heatmap_cooldown")]
    pub heatmap_cooldown: i64,
    /// After a heatmap trigger the same side stays silent for this long, unless the other side fires, microseconds.
    #[serde(default = "heatmap_suppression")]
    pub heatmap_suppression: i64,
}

/// Pairs expected to move together unless a tenant lists its own.
pub const POSITIVE_PAIRS: [&str; 13] = [
    "EURUSD-GBPUSD",
    "EURUSD-AUDUSD",
    "EURUSD-NZDUSD",
    "GBPUSD-AUDUSD",
    "AUDUSD-NZDUSD",
    "USDCHF-USDJPY",
    "XAUUSD-XAGUSD",
    "XAUUSD-EURUSD",
    "BTCUSD-ETHUSD",
    "BTCUSD-XAUUSD",
    "USOIL-EURUSD",
    "USOIL-XAGUSD",
    "BTCUSD-USOIL",
];

/// Pairs expected to move against each other unless a tenant lists its own.
pub const NEGATIVE_PAIRS: [&str; 8] = [
    "EURUSD-USDCHF",
    "GBPUSD-USDCHF",
    "USDJPY-EURUSD",
    "USDJPY-GBPUSD",
    "USDCAD-AUDUSD",
    "USDCHF-AUDUSD",
    "XAUUSD-USDJPY",
    "USOIL-USDJPY",
];

fn positive_pairs() -> Vec<String> {
    POSITIVE_PAIRS.map(String::from).into()
}

fn negative_pairs() -> Vec<String> {
    NEGATIVE_PAIRS.map(String::from).into()
}

const fn heatmap_cooldown() -> i64 {
    4 * HOUR
}

const fn heatmap_suppression() -> i64 {
    24 * HOUR
}

impl Settings {
    /// The documented defaults for these symbols.
    #[must_use]
    pub fn with_symbols(symbols: Vec<Symbol>, symbol_suffix: &str) -> Self {
        let listed = |name| SymbolSettings { name, always_open: false };
        Self {
            symbols: symbols.into_iter().map(listed).collect(),
            symbol_suffix: symbol_suffix.into(),
            session_anchor: SessionAnchor::FX,
            price_basis: PriceBasis::Bid,
            lateness_max: 2_000_000,
            source_idle: 10_000_000,
            absurd_band: 0.20,
            max_alerts: 1_000_000,
            positive_pairs: positive_pairs(),
            negative_pairs: negative_pairs(),
            heatmap_cooldown: heatmap_cooldown(),
            heatmap_suppression: heatmap_suppression(),
        }
    }
}

/// A key of a tenant's file that has two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As people write it, with its section: `limits.alerts`.
    pub key: &'static str,
    /// The value in these settings, as the file would spell it.
    pub before: String,
    /// The value in the others, spelled the same way.
    pub after: String,
}

impl Settings {
    /// Every key of a tenant's file that can change a result, with its value as the file would spell it: the one list
    /// of them. A field added here does not compile until it has its key.
    #[must_use]
    pub fn by_key(&self) -> Vec<(&'static str, String)> {
        let Self {
            symbols,
            symbol_suffix,
            session_anchor,
            price_basis,
            lateness_max,
            source_idle,
            absurd_band,
            max_alerts,
            positive_pairs,
            negative_pairs,
            heatmap_cooldown,
            heatmap_suppression,
        } = self;
        let (names, always_open) = by_symbol(symbols);
        vec![
            ("symbols", names),
            ("always_open", always_open),
            ("symbol_suffix", format!("{symbol_suffix:?}")),
            ("session_anchor", format!("\"{session_anchor}\"")),
            ("price_basis", format!("\"{price_basis}\"")),
            ("lateness_max", duration(*lateness_max)),
            ("source_idle", duration(*source_idle)),
            ("absurd_band", format!("{absurd_band:?}")),
            ("limits.alerts", max_alerts.to_string()),
            ("positive_pairs", format!("{positive_pairs:?}")),
            ("negative_pairs", format!("{negative_pairs:?}")),
            ("heatmap_cooldown", duration(*heatmap_cooldown)),
            ("heatmap_suppression", duration(*heatmap_suppression)),
        ]
    }

    /// The keys whose values differ in the other settings.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let both = self.by_key().into_iter().zip(other.by_key());
        let differs = both.filter(|((_, before), (_, after))| before != after);
        differs.map(|((key, before), (_, after))| Difference { key, before, after }).collect()
    }
}

/// The values of `symbols` and `always_open`.
fn by_symbol(symbols: &[SymbolSettings]) -> (String, String) {
    let (mut names, mut always_open) = (Vec::new(), Vec::new());
    for symbol in symbols {
        let SymbolSettings { name, always_open: is_always_open } = symbol;
        names.push(name.as_str());
        always_open.extend(is_always_open.then_some(name.as_str()));
    }
    (format!("{names:?}"), format!("{always_open:?}"))
}

/// In the largest unit that holds it whole. A file cannot spell the last one, but a record can hold any number.
fn duration(micros: i64) -> String {
    const UNITS: [(i64, &str); 5] =
        [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (SECOND / 1_000, "ms")];
    let whole = UNITS.into_iter().find(|(unit, _)| micros != 0 && micros % unit == 0);
    match whole {
        Some((unit, name)) => format!("\"{}{name}\"", micros / unit),
        None if micros == 0 => "\"0s\"".into(),
        None => format!("\"{micros}us\""),
    }
}

/// The settings from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsChanged {
    /// The producer that published the settings, and when.
    pub origin: Origin,
    /// The file's revision; a lower one is ignored, and an equal one unless it names a newer engine version.
    pub revision: i64,
    /// Whose rules hold from here on; an engine that does not know them stops.
    pub engine_version: i32,
    /// Everything of the tenant's file that can change a result.
    pub settings: Settings,
}

impl SettingsChanged {
    /// Whether it takes the place of the settings in force: of a higher revision, or the same one by newer rules.
    #[must_use]
    pub fn is_news_after(&self, known: &Self) -> bool {
        let is_upgrade = self.revision == known.revision && self.engine_version > known.engine_version;
        self.revision > known.revision || is_upgrade
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Settings {
        let symbols = ["EURUSDm", "BTCUSDm"].map(|name| name.parse().unwrap());
        Settings::with_symbols(symbols.into(), "m")
    }

    /// A key, how it changes, and its values before and after.
    type Change<'a> = (&'static str, fn(&mut Settings), &'a str, &'a str);

    #[test]
    fn a_change_of_one_key_is_told_by_that_key_and_both_its_values() {
        let changes: [Change; 13] = [
            ("symbols", |to| to.symbols.swap(0, 1), r#"["EURUSDm", "BTCUSDm"]"#, r#"["BTCUSDm", "EURUSDm"]"#),
            ("always_open", |to| to.symbols[1].always_open = true, "[]", r#"["BTCUSDm"]"#),
            ("symbol_suffix", |to| to.symbol_suffix.clear(), r#""m""#, r#""""#),
            (
                "session_anchor",
                |to| to.session_anchor = SessionAnchor::UTC,
                r#""17:00 America/New_York""#,
                r#""00:00 UTC""#,
            ),
            ("price_basis", |to| to.price_basis = PriceBasis::Ask, r#""bid""#, r#""ask""#),
            ("lateness_max", |to| to.lateness_max += 1, r#""2s""#, r#""2000001us""#),
            ("source_idle", |to| to.source_idle = 1_500_000, r#""10s""#, r#""1500ms""#),
            ("absurd_band", |to| to.absurd_band = 0.3, "0.2", "0.3"),
            ("limits.alerts", |to| to.max_alerts = 5, "1000000", "5"),
            (
                "positive_pairs",
                |to| to.positive_pairs.truncate(1),
                &format!("{POSITIVE_PAIRS:?}"),
                r#"["EURUSD-GBPUSD"]"#,
            ),
            ("negative_pairs", |to| to.negative_pairs.clear(), &format!("{NEGATIVE_PAIRS:?}"), "[]"),
            ("heatmap_cooldown", |to| to.heatmap_cooldown = 0, r#""4h""#, r#""0s""#),
            ("heatmap_suppression", |to| to.heatmap_suppression = 2 * DAY, r#""1d""#, r#""2d""#),
        ];
        let listed: Vec<&str> = usual().by_key().into_iter().map(|(key, _)| key).collect();
        assert_eq!(listed, changes.map(|(key, ..)| key));
        for (key, change, before, after) in changes {
            let mut changed = usual();
            change(&mut changed);
            let (before, after) = (before.into(), after.into());
            assert_eq!(usual().differences(&changed), [Difference { key, before, after }]);
        }
    }

    #[test]
    fn equal_settings_have_no_differences() {
        assert_eq!(usual().differences(&usual()), []);
    }
}
