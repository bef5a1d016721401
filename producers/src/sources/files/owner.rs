//! Whose rows a file holds: the symbol it was given for, however a source spells it.

/// The symbol that a file was given for.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    symbol: String,
    /// What a tenant's names may end in where a file's do not.
    suffix: String,
}

impl Owner {
    /// Of a file given for this symbol.
    pub(super) fn new(symbol: &str, suffix: &str) -> Self {
        Self { symbol: symbol.into(), suffix: suffix.into() }
    }

    /// Does this name mean the symbol? Case, slashes, spaces, dashes and underscores do not count, nor does a market
    /// before a colon, and the suffix may be missing.
    pub(super) fn owns(&self, name: &str) -> bool {
        let name = name.rsplit_once(':').map_or(name, |(_, symbol)| symbol);
        let ours = || letters(&self.symbol);
        letters(name).eq(ours()) || letters(name).chain(letters(&self.suffix)).eq(ours())
    }
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    let is_apart = |byte: &u8| matches!(byte, b'/' | b' ' | b'-' | b'_');
    name.bytes().filter(move |byte| !is_apart(byte)).map(|byte| byte.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_agrees_without_case_slash_space_and_suffix() {
        let owner = Owner::new("EURUSDm", "m");
        for name in ["EURUSDm", "eur/usd", "EUR USD", "EURUSDM", "EUR_USD", "EUR-USD", "FX:EURUSD"] {
            assert!(owner.owns(name), "{name}");
        }
        for name in ["GBPUSD", "EURUSDmm", "", "EURUS", "EURUSD:GBPUSD", "EURUSD."] {
            assert!(!owner.owns(name), "{name}");
        }
        assert!(!Owner::new("EURUSD", "m").owns("EURUSDm"), "a suffix is added to a name, never taken off");
        assert!(Owner::new("EURUSD.x", ".x").owns("EURUSD"), "the tenant's own");
    }
}
