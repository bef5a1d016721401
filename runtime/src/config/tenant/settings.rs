//! The keys of a tenant's file that can change a result, as the journal keeps them. [`Settings::by_key`] lists them
//! all; a test below holds that each of them can be set in the file and changes nothing else.

use std::path::Path;

use bellwether_schemas::Symbol;
use bellwether_schemas::settings::{DEFAULT_SYMBOLS, Settings, SymbolSettings};

use super::File;
use crate::config::ConfigError;
use crate::config::values::micros;

/// What the file says, and the documented default where it says nothing.
pub(super) fn settings(path: &Path, file: &File) -> Result<Settings, ConfigError> {
    let symbols = always_open(path, symbols(path, file)?, &file.always_open)?;
    let usual = Settings::with_symbols(Vec::new(), "");
    Ok(Settings {
        symbols,
        symbol_suffix: file.symbol_suffix.clone(),
        session_anchor: file.session_anchor.unwrap_or(usual.session_anchor),
        price_basis: file.price_basis.unwrap_or(usual.price_basis),
        lateness_max: file.lateness_max.map_or(usual.lateness_max, micros),
        source_idle: file.source_idle.map_or(usual.source_idle, micros),
        absurd_band: absurd_band(path, file.absurd_band)?.unwrap_or(usual.absurd_band),
        max_alerts: file.limits.alerts.get().into(),
        positive_pairs: pairs(path, "positive_pairs", &file.positive_pairs)?.unwrap_or(usual.positive_pairs),
        negative_pairs: pairs(path, "negative_pairs", &file.negative_pairs)?.unwrap_or(usual.negative_pairs),
        heatmap_cooldown: file.heatmap_cooldown.map_or(usual.heatmap_cooldown, micros),
        heatmap_suppression: file.heatmap_suppression.map_or(usual.heatmap_suppression, micros),
    })
}

fn symbols(path: &Path, file: &File) -> Result<Vec<Symbol>, ConfigError> {
    let Some(symbols) = &file.symbols else {
        let with_suffix = |base: &&str| format!("{base}{}", file.symbol_suffix).parse();
        let symbols = DEFAULT_SYMBOLS.iter().map(with_suffix).collect::<Result<_, _>>();
        return symbols.map_err(|error| ConfigError::value(path, "symbol_suffix", error));
    };
    if symbols.is_empty() {
        let reason = "the list is empty: leave the key out for the 33 defaults";
        return Err(ConfigError::value(path, "symbols", reason));
    }
    Ok(symbols.clone())
}

/// The symbols with those marked that trade around the clock.
fn always_open(
    path: &Path,
    symbols: Vec<Symbol>,
    open: &[String],
) -> Result<Vec<SymbolSettings>, ConfigError> {
    if let Some(name) = open.iter().find(|name| !symbols.iter().any(|symbol| symbol.as_str() == **name)) {
        return Err(ConfigError::value(path, "always_open", format!("{name:?} is not in symbols")));
    }
    let marked = |name: Symbol| {
        let always_open = open.iter().any(|open| open == name.as_str());
        SymbolSettings { name, always_open }
    };
    Ok(symbols.into_iter().map(marked).collect())
}

fn absurd_band(path: &Path, band: Option<f64>) -> Result<Option<f64>, ConfigError> {
    match band {
        Some(band) if !(band > 0.0 && band.is_finite()) => {
            Err(ConfigError::value(path, "absurd_band", format!("{band} is not a fraction above 0")))
        }
        band => Ok(band),
    }
}

/// A listed pair takes part when both its symbols are listed, so only its form can be wrong.
fn pairs(path: &Path, key: &str, given: &Option<Vec<String>>) -> Result<Option<Vec<String>>, ConfigError> {
    let is_pair = |pair: &String| pair.trim_matches('-').contains('-');
    match given.iter().flatten().find(|pair| !is_pair(pair)) {
        Some(wrong) => {
            Err(ConfigError::value(path, key, format!("{wrong:?} is not a pair such as EURUSD-GBPUSD")))
        }
        None => Ok(given.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A line of a tenant's file for each key, with a value that is not the default.
    const OTHER: [(&str, &str); 13] = [
        ("symbols", "symbols = [\"GBPUSDm\", \"BTCUSDm\"]"),
        ("always_open", "always_open = [\"BTCUSDm\"]"),
        ("symbol_suffix", "symbol_suffix = \"x\""),
        ("session_anchor", "session_anchor = \"00:00 UTC\""),
        ("price_basis", "price_basis = \"mid\""),
        ("lateness_max", "lateness_max = \"3s\""),
        ("source_idle", "source_idle = \"11s\""),
        ("absurd_band", "absurd_band = 0.25"),
        ("limits.alerts", "limits.alerts = 7"),
        ("positive_pairs", "positive_pairs = [\"EURUSD-GBPUSD\"]"),
        ("negative_pairs", "negative_pairs = []"),
        ("heatmap_cooldown", "heatmap_cooldown = \"0s\""),
        ("heatmap_suppression", "heatmap_suppression = \"25h\""),
    ];

    fn read(other: Option<(&str, &str)>) -> Result<Settings, ConfigError> {
        let mut lines = vec![
            "revision = 1",
            "zone = \"Asia/Kolkata\"",
            "brand.name = \"FX\"",
            "database = {}",
            "mail.from = \"a@fx.example\"",
        ];
        let has = |key: &str| other.is_some_and(|(other, _)| other == key);
        lines.extend((!has("symbols")).then_some("symbols = [\"EURUSDm\", \"BTCUSDm\"]"));
        lines.extend((!has("symbol_suffix")).then_some("symbol_suffix = \"m\""));
        lines.extend(other.map(|(_, line)| line));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fxlabs.toml");
        std::fs::write(&path, lines.join("\n")).unwrap();
        super::super::load_tenant(&path, &|_| None).map(|tenant| tenant.settings)
    }

    #[test]
    fn every_key_that_can_change_a_result_can_be_set_in_the_file_and_changes_that_alone() {
        let usual = read(None).unwrap();
        let listed: BTreeSet<&str> = usual.by_key().into_iter().map(|(key, _)| key).collect();
        assert_eq!(listed, OTHER.into_iter().map(|(key, _)| key).collect());
        for other in OTHER {
            let changed = usual.differences(&read(Some(other)).unwrap());
            let keys: Vec<&str> = changed.iter().map(|difference| difference.key).collect();
            assert_eq!(keys, [other.0]);
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_its_key() {
        for (key, line) in [
            ("symbols", "symbols = []"),
            ("symbols", "symbols = [\"EUR USD\"]"),
            ("always_open", "always_open = [\"XAUUSDm\"]"),
            ("session_anchor", "session_anchor = \"25:00 UTC\""),
            ("price_basis", "price_basis = \"last\""),
            ("lateness_max", "lateness_max = \"2\""),
            ("absurd_band", "absurd_band = 0.0"),
            ("limits.alerts", "limits.alerts = 0"),
            ("positive_pairs", "positive_pairs = [\"EURUSD\"]"),
            ("negative_pairs", "negative_pairs = [\"-EURUSD\"]"),
        ] {
            let error = read(Some((key, line))).unwrap_err().to_string();
            assert!(error.contains(&format!("fxlabs.toml: {key}: ")), "{line}: {error}");
        }
    }
}
