//! The instruments of the synthetic market: which factors a symbol is made of, its decimals and its spread.

use bellwether_schemas::Symbol;
use bellwether_schemas::ids::match_key;

use super::walk::{Factor, mix};

/// Name, usual worth in dollars, deviation of a minute's return in millionths.
const FACTORS: [(&str, f64, i64); 13] = [
    ("USD", 1.0, 50),
    ("EUR", 1.16, 80),
    ("GBP", 1.33, 90),
    ("JPY", 0.0067, 100),
    ("AUD", 0.655, 110),
    ("CAD", 0.72, 70),
    ("CHF", 1.25, 85),
    ("NZD", 0.58, 115),
    ("XAU", 3_350.0, 160),
    ("XAG", 38.0, 290),
    ("OIL", 65.0, 330),
    ("BTC", 108_000.0, 380),
    ("ETH", 3_800.0, 480),
];
const DOLLAR: usize = 0;
/// A symbol whose legs are none of these is worth about this, in dollars.
const UNKNOWN: (f64, i64) = (100.0, 150);

/// One symbol of the market.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// What its own numbers are drawn from.
    pub seed: u64,
    /// Place of the factor that is priced.
    pub base: usize,
    /// Place of the factor it is priced in.
    pub quote: usize,
    /// Decimals.
    pub scale: u8,
    /// Usual spread in millionths of the price.
    pub spread: i64,
    /// Deviation of a minute's return in millionths.
    pub volatility: i64,
}

/// The instruments of these symbols, in their order, and the factors they are made of. The same name has the same
/// prices in every tenant with the same seed.
#[must_use]
pub fn instruments(seed: u64, symbols: &[Symbol], suffix: &str) -> (Vec<Instrument>, Vec<Factor>) {
    let factor =
        |(name, level, volatility): (&str, f64, i64)| Factor { seed: named(seed, name), level, volatility };
    let mut factors: Vec<Factor> = FACTORS.map(factor).to_vec();
    let all = symbols.iter().map(|symbol| {
        let name = match_key(symbol.base(suffix));
        let (base, quote) = legs(&name).unwrap_or_else(|| {
            factors.push(Factor { seed: named(seed, &name), level: UNKNOWN.0, volatility: UNKNOWN.1 });
            (factors.len() - 1, DOLLAR)
        });
        let volatility = factors[base].volatility.max(factors[quote].volatility);
        let scale = scale(base, quote);
        Instrument { seed: named(seed, &name), base, quote, scale, spread: spread(base, quote), volatility }
    });
    let all = all.collect();
    (all, factors)
}

fn legs(name: &str) -> Option<(usize, usize)> {
    if name == "USOIL" {
        return Some((place("OIL")?, DOLLAR));
    }
    let (base, quote) = name.split_at_checked(3)?;
    Some((place(base)?, place(quote)?)).filter(|(base, quote)| base != quote)
}

fn place(name: &str) -> Option<usize> {
    FACTORS.iter().position(|(known, ..)| *known == name)
}

fn scale(base: usize, quote: usize) -> u8 {
    match (name(base), name(quote)) {
        ("XAG" | "OIL", _) | ("USD" | "EUR" | "GBP" | "AUD" | "CAD" | "CHF" | "NZD", "JPY") => 3,
        ("XAU" | "BTC" | "ETH" | "", _) => 2,
        _ => 5,
    }
}

fn spread(base: usize, quote: usize) -> i64 {
    match (name(base), name(quote)) {
        ("XAU", _) => 60,
        ("XAG", _) => 500,
        ("OIL", _) => 300,
        ("BTC", _) => 140,
        ("ETH", _) => 400,
        ("", _) => 200,
        ("USD", _) | (_, "USD") => 70,
        _ => 160,
    }
}

/// Empty for a factor of a symbol that is not known here.
fn name(place: usize) -> &'static str {
    FACTORS.get(place).map_or("", |(name, ..)| name)
}

/// A stream of its own for each name.
fn named(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix([seed, 0, 0, 1]), |hash, byte| mix([hash, u64::from(byte), 0, 2]))
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::settings::DEFAULT_SYMBOLS;

    use super::*;

    #[test]
    fn each_of_the_33_is_made_of_two_known_factors() {
        for symbol in DEFAULT_SYMBOLS {
            assert!(legs(symbol).is_some(), "{symbol}");
        }
        assert_eq!(legs("FOOBAR"), None);
        assert_eq!(legs("US"), None);
    }

    #[test]
    fn a_symbol_that_is_not_known_has_a_factor_of_its_own() {
        let symbols: Vec<Symbol> = ["US30m", "eurusdm"].iter().map(|name| name.parse().unwrap()).collect();
        let (all, factors) = instruments(1, &symbols, "m");
        assert_eq!((all[0].base, all[0].quote, factors.len()), (13, DOLLAR, 14));
        assert_eq!((all[1].base, all[1].quote, all[1].scale), (1, DOLLAR, 5));
    }
}
