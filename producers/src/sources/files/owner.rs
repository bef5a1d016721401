//! Whose rows a file holds: the symbol it was given for, however a source spells it.

/// The symbol that a file was given for.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner(String);

/// What brokers of the ancestor's tenants add to a name.
const SUFFIX: &str = "m";

impl Owner {
    /// Of a file given for this symbol.
    pub(super) fn new(symbol: &str) -> Self {
        Self(symbol.into())
    }

    /// Does this name mean the symbol? Case, slashes and spaces do not count, and a suffix may be missing.
    pub(super) fn owns(&self, name: &str) -> bool {
        letters(name).eq(letters(&self.0)) || letters(name).chain(letters(SUFFIX)).eq(letters(&self.0))
    }
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !matches!(byte, b'/' | b' ')).map(|byte| byte.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_agrees_without_case_slash_space_and_suffix() {
        let owner = Owner::new("EURUSDm");
        for name in ["EURUSDm", "eur/usd", "EUR USD", "EURUSDM"] {
            assert!(owner.owns(name), "{name}");
        }
        for name in ["GBPUSD", "EURUSDmm", "", "EURUS"] {
            assert!(!owner.owns(name), "{name}");
        }
        assert!(!Owner::new("EURUSD").owns("EURUSDm"), "a suffix is added to a name, never taken off");
    }
}
