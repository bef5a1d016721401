//! The tenant's symbols, interned: names become dense places at the edge of the engine.

use std::collections::BTreeMap;

use bellwether_schemas::ids::match_key;
use bellwether_schemas::settings::Settings;

/// Finds a symbol's place by whatever spelling a source uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct SymbolTable {
    by_key: BTreeMap<String, usize>,
    suffix: String,
}

impl SymbolTable {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut by_key = BTreeMap::new();
        for (place, symbol) in settings.symbols.iter().enumerate() {
            by_key.entry(match_key(symbol.name.as_str())).or_insert(place);
        }
        Self { by_key, suffix: match_key(&settings.symbol_suffix) }
    }

    /// Case, slashes and spaces do not count; a name that is not listed as it is may be with the tenant's suffix.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let mut key = match_key(name);
        if let Some(place) = self.by_key.get(&key) {
            return Some(*place);
        }
        key.push_str(&self.suffix);
        self.by_key.get(&key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_matched_as_it_is_or_with_the_suffix() {
        let names = ["EURUSDm", "US500"].map(|name| name.parse().unwrap()).to_vec();
        let table = SymbolTable::new(&Settings::with_symbols(names, "m"));
        for spelling in ["EURUSDm", "eurusd", "EUR/USD", "eur usdM"] {
            assert_eq!(table.find(spelling), Some(0), "{spelling}");
        }
        assert_eq!(table.find("us500"), Some(1));
        assert_eq!(table.find("EURUSDmm"), None);
        assert_eq!(table.find("GBPUSD"), None);
    }
}
