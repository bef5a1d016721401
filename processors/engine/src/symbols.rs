//! The tenant's symbols, interned: names become dense places at the edge of the engine.

use std::collections::BTreeMap;

use bellwether_schemas::ids::match_key;
use bellwether_schemas::settings::Settings;

/// Finds a symbol's place by whatever spelling a source uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct SymbolTable {
    by_key: BTreeMap<String, usize>,
    suffix: String,
    /// Those with short keys once more, in the order of their keys.
    short: Vec<(ShortKey, usize)>,
}

impl SymbolTable {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut by_key = BTreeMap::new();
        for (place, symbol) in settings.symbols.iter().enumerate() {
            by_key.entry(match_key(symbol.name.as_str())).or_insert(place);
        }
        let short = |(key, place): (&String, &usize)| Some((ShortKey::default().followed_by(key)?, *place));
        let mut short: Vec<(ShortKey, usize)> = by_key.iter().filter_map(short).collect();
        short.sort_unstable();
        Self { by_key, suffix: match_key(&settings.symbol_suffix), short }
    }

    /// Case, slashes and spaces do not count; a name that is not listed as it is may be with the tenant's suffix.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        if let Some(key) = ShortKey::default().followed_by(name)
            && let Some(suffixed) = key.followed_by(&self.suffix)
        {
            return self.find_short(key).or_else(|| self.find_short(suffixed));
        }
        let mut key = match_key(name);
        if let Some(place) = self.by_key.get(&key) {
            return Some(*place);
        }
        key.push_str(&self.suffix);
        self.by_key.get(&key).copied()
    }

    fn find_short(&self, key: ShortKey) -> Option<usize> {
        let found = self.short.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.short.get(found).map(|(_, place)| *place)
    }
}

/// A [`match_key`] of ASCII, as a number: every block names its symbols, and these are found without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ShortKey(u128);

impl Default for ShortKey {
    /// The empty key. Its one bit stands before all bytes, so that zeros in front count.
    fn default() -> Self {
        Self(1)
    }
}

impl ShortKey {
    /// None where it is no ASCII or gets longer than 15 bytes.
    fn followed_by(self, name: &str) -> Option<Self> {
        let mut key = self.0;
        for byte in name.bytes().filter(|byte| !matches!(byte, b'/' | b' ')) {
            if !byte.is_ascii() || key >> 120 != 0 {
                return None;
            }
            key = key << 8 | u128::from(byte.to_ascii_uppercase());
        }
        Some(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_names_and_those_beyond_ascii_are_found_as_well() {
        let names = ["ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNOP", "STRASSEX", "ABCDEFGHIJKLMx"]
            .map(|name| name.parse().unwrap());
        let table = SymbolTable::new(&Settings::with_symbols(names.to_vec(), "x"));
        for (place, spelling) in
            ["abcdefghijklmno", "abc/defghijklmnop", "straße", "abcdefghijklm"].iter().enumerate()
        {
            assert_eq!(table.find(spelling), Some(place), "{spelling}");
        }
        for unknown in ["\0STRASSEX", "ABCDEFGHIJKLMN", "ABCDEFGHIJKLMNOPQ", ""] {
            assert_eq!(table.find(unknown), None, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn two_names_have_one_short_key_where_they_have_one_key(a in "[a-cA-C/ \0]{0,4}", b in "[a-cA-C/ \0]{0,4}") {
            let short = |name: &str| ShortKey::default().followed_by(name).unwrap();
            prop_assert_eq!(short(&a) == short(&b), match_key(&a) == match_key(&b));
        }
    }

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
