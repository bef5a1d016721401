//! What happened when an alert fired, as one word.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::listed::listed;

listed! {
    /// What happened: the word that ids, rows, JSON lines and filters carry. `spec/interface.md` §3 has the list, in this order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Condition {
        /// RSI rose to the user's upper line.
        Overbought = "overbought",
        /// RSI fell to the user's lower line.
        Oversold = "oversold",
        /// A heatmap's reading entered the buy zone, or one indicator of it turned to buy.
        Buy = "buy",
        /// The same for sell.
        Sell = "sell",
        /// The RSI of two symbols contradict what is expected of their pair.
        RsiMismatch = "rsi_mismatch",
        /// The correlation of two symbols left what is expected of their pair.
        RealMismatch = "real_mismatch",
        /// The price rose to the user's level.
        Above = "above",
        /// The price fell to the user's level.
        Below = "below",
        /// Another currency is the strongest.
        Strongest = "strongest",
        /// Another currency is the weakest.
        Weakest = "weakest",
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no condition this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a condition this version knows")]
pub struct UnknownCondition(pub String);

impl FromStr for Condition {
    type Err = UnknownCondition;
    fn from_str(text: &str) -> Result<Self, UnknownCondition> {
        let known = Self::ALL.into_iter().find(|condition| condition.name() == text);
        known.ok_or_else(|| UnknownCondition(text.into()))
    }
}

/// The word itself, in text and in binary formats: the record's schema has a string there.
impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Word)
    }
}

struct Word;

impl Visitor<'_> for Word {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition such as \"overbought\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Condition, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_reads_back_from_its_word_and_no_other_text_does() {
        for condition in Condition::ALL {
            assert_eq!(condition.to_string().parse(), Ok(condition));
            let json = serde_json::to_string(&condition).unwrap();
            assert_eq!(json, format!("{:?}", condition.name()));
            assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
        }
        let error = serde_json::from_str::<Condition>(r#""sideways""#).unwrap_err();
        assert!(error.to_string().starts_with(r#""sideways" is not a condition"#), "{error}");
        assert!("Buy".parse::<Condition>().is_err());
    }
}
