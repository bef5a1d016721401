//! Members of closed sets as one byte each. The numbers are part of the format: none is ever given a second meaning.

use bellwether_schemas::Timeframe;
use bellwether_schemas::readings::Signal;
use bellwether_schemas::settings::PriceBasis;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::heatmap::{CellName, Style};
use crate::indicators::Mode;

/// A set whose members have numbers.
pub(crate) trait Coded: Sized + Copy {
    fn code(self) -> u8;
    fn of(code: u8) -> Option<Self>;
}

/// A member as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code<T>(pub(crate) T);

impl<T: Coded> Serialize for Code<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0.code())
    }
}

impl<'de, T: Coded> Deserialize<'de> for Code<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = u8::deserialize(deserializer)?;
        T::of(code).map(Self).ok_or_else(|| D::Error::custom("no member has this number"))
    }
}

/// Gives every member its number; one that has none does not compile.
macro_rules! codes {
    ($set:ty { $($member:ident = $code:literal),+ }) => {
        impl $crate::snapshot::Coded for $set {
            fn code(self) -> u8 {
                match self {
                    $(Self::$member => $code,)+
                }
            }

            fn of(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$member),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use codes;

codes!(Timeframe { M1 = 1, M5 = 2, M15 = 3, M30 = 4, H1 = 5, H4 = 6, D1 = 7, W1 = 8 });
codes!(Signal { Buy = 1, Sell = 2, Neutral = 3 });
codes!(PriceBasis { Bid = 1, Mid = 2, Ask = 3 });
codes!(Style { Scalper = 1, SwingTrader = 2 });
codes!(CellName { Ema21 = 1, Ema50 = 2, Ema200 = 3, Macd = 4, Rsi = 5, Utbot = 6, Ichimoku = 7 });
codes!(Mode { Neutral = 1, Long = 2, Short = 3 });
