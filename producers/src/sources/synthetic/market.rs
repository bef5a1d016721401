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
    /// Decimals of the symbol's prices.
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
    let mut used = Used { seed, places: Vec::new(), factors: Vec::new() };
    let all = symbols.iter().map(|symbol| used.instrument(&match_key(symbol.base(suffix)))).collect();
    (all, used.factors)
}

/// The factors that are walked: only those that some symbol is made of.
struct Used {
    seed: u64,
    places: Vec<Option<usize>>,
    factors: Vec<Factor>,
}

impl Used {
    fn instrument(&mut self, name: &str) -> Instrument {
        let (base, quote) = legs(name).map_or((None, DOLLAR), |(base, quote)| (Some(base), quote));
        let (scale, spread) = (scale(base, quote), spread(base, quote));
        let (base, quote) = (self.place(base, name), self.place(Some(quote), name));
        let volatility = self.factors[base].volatility.max(self.factors[quote].volatility);
        Instrument { seed: named(self.seed, name), base, quote, scale, spread, volatility }
    }

    /// Where the known factor stands among those walked; an unknown one is the symbol's own.
    fn place(&mut self, known: Option<usize>, symbol: &str) -> usize {
        if let Some(place) = self.places.iter().position(|place| place.is_some() && *place == known) {
            return place;
        }
        let (name, level, volatility) = known.map_or((symbol, UNKNOWN.0, UNKNOWN.1), |known| FACTORS[known]);
        self.places.push(known);
        self.factors.push(Factor { seed: named(self.seed, name), level, volatility });
        self.factors.len() - 1
    }
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

fn scale(base: Option<usize>, quote: usize) -> u8 {
    match (name(base), name(Some(quote))) {
        ("XAG" | "OIL", _) | ("USD" | "EUR" | "GBP" | "AUD" | "CAD" | "CHF" | "NZD", "JPY") => 3,
        ("XAU" | "BTC" | "ETH" | "", _) => 2,
        _ => 5,
    }
}

fn spread(base: Option<usize>, quote: usize) -> i64 {
    match (name(base), name(Some(quote))) {
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

/// Empty for a symbol that is not known here.
fn name(place: Option<usize>) -> &'static str {
    place.map_or("", |place| FACTORS[place].0)
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
        assert_eq!((all[0].base, all[0].quote, all[0].scale), (0, 1, 2));
        assert_eq!((all[1].base, all[1].quote, all[1].scale), (2, 1, 5));
        assert_eq!(factors.iter().map(|factor| factor.level).collect::<Vec<_>>(), [100.0, 1.0, 1.16]);
    }
}
