//! `core_symbols`: what the daily brief begins with.

use std::path::Path;

use bellwether_schemas::Symbol;
use bellwether_schemas::settings::Settings;

use super::File;
use crate::config::ConfigError;

/// What a tenant looks at first unless its file says otherwise, without the suffix.
const USUAL: [&str; 4] = ["EURUSD", "XAUUSD", "USOIL", "BTCUSD"];
/// Most of them: each is a row of the mail's picture.
const MOST: usize = 12;

/// What the file says; without the key those of the usual ones that the tenant watches.
pub(super) fn of(path: &Path, file: &File, settings: &Settings) -> Result<Vec<Symbol>, ConfigError> {
    let listed = |name: &str| {
        settings.symbols.iter().map(|symbol| &symbol.name).find(|symbol| symbol.as_str() == name)
    };
    let Some(given) = &file.core_symbols else {
        let with_suffix = |base: &&str| listed(&format!("{base}{}", settings.symbol_suffix));
        return Ok(USUAL.iter().filter_map(with_suffix).cloned().collect());
    };
    let wrong = |reason: String| Err(ConfigError::value(path, "core_symbols", reason));
    if given.len() > MOST {
        return wrong(format!("lists {} symbols, the limit is {MOST}", given.len()));
    }
    for (place, symbol) in given.iter().enumerate() {
        if listed(symbol.as_str()).is_none() {
            return wrong(format!("{:?} is not in symbols", symbol.as_str()));
        }
        if given[..place].contains(symbol) {
            return wrong(format!("{:?} is listed twice", symbol.as_str()));
        }
    }
    Ok(given.clone())
}

#[cfg(test)]
mod tests {
    fn read(lines: &str) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fxlabs.toml");
        let rest = "revision = 1\nzone = \"Asia/Kolkata\"\nbrand.name = \"FX\"\ndatabase = {}\nmail.from = \"a@fx.example\"";
        std::fs::write(&path, format!("{lines}\n{rest}\n")).unwrap();
        let tenant = crate::config::load_tenant(&path, &|_| None).map_err(|error| error.to_string())?;
        Ok(tenant.core_symbols.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_the_key_they_are_the_usual_ones_that_the_tenant_watches() {
        assert_eq!(read("symbol_suffix = \"m\"").unwrap(), ["EURUSDm", "XAUUSDm", "USOILm", "BTCUSDm"]);
        let some = "symbol_suffix = \"m\"\nsymbols = [\"BTCUSDm\", \"GBPUSDm\", \"EURUSDm\", \"XAUUSD\"]";
        assert_eq!(read(some).unwrap(), ["EURUSDm", "BTCUSDm"]);
        assert_eq!(read("symbols = [\"GBPUSD\"]").unwrap(), [""; 0]);
    }

    #[test]
    fn a_tenant_lists_its_own_in_its_order_or_none() {
        assert_eq!(read("core_symbols = [\"GBPUSD\", \"EURUSD\"]").unwrap(), ["GBPUSD", "EURUSD"]);
        assert_eq!(read("core_symbols = []").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_not_watched_stands_twice_or_is_too_much_is_refused_with_the_key() {
        for (symbols, reason) in [
            ("\"EURUSDm\"", "\"EURUSDm\" is not in symbols"),
            ("\"EURUSD\", \"GBPUSD\", \"EURUSD\"", "\"EURUSD\" is listed twice"),
            (&"\"EURUSD\",".repeat(13), "lists 13 symbols, the limit is 12"),
            ("\"EUR USD\"", "EUR USD"),
        ] {
            let error = read(&format!("core_symbols = [{symbols}]")).unwrap_err();
            assert!(error.contains("fxlabs.toml: core_symbols: ") && error.contains(reason), "{error}");
        }
    }
}
