//! The names of the heatmap ("Quantum Analysis"): its seven indicators, and the styles that weigh timeframes. What
//! they mean is the engine's.

use serde::{Deserialize, Serialize};

use crate::listed::listed;
use crate::time::Timeframe::{self, D1, H1, H4, M5, M15, M30};

listed! {
    /// The seven indicators of the heatmap, in the order of the readings.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    pub enum CellName {
        /// The close above or below EMA21.
        Ema21 = "EMA21",
        /// The close above or below EMA50.
        Ema50 = "EMA50",
        /// The close above or below EMA200.
        Ema200 = "EMA200",
        /// Line against signal and zero.
        Macd = "MACD",
        /// RSI14 against 30 and 70.
        Rsi = "RSI",
        /// Close against the trailing stops.
        Utbot = "UTBOT",
        /// Close against the cloud.
        Ichimoku = "ICHIMOKU",
    }
}

impl CellName {
    /// In any letter case; whatever starts with `ichimoku` is Ichimoku.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        if upper.starts_with(Self::Ichimoku.name()) {
            return Some(Self::Ichimoku);
        }
        Self::ALL.into_iter().find(|cell| cell.name() == upper)
    }
}

listed! {
    /// How a trader looks at a symbol, in the order of evaluation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub enum Style {
        /// 5M to 4H; shown as "Intraday".
        Scalper = "scalper",
        /// Days: timeframes from 30M to 1D.
        SwingTrader = "swingTrader",
    }
}

impl Style {
    /// As people read it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Scalper => "Intraday",
            Self::SwingTrader => "Swing trader",
        }
    }

    /// What it looks at, short to long.
    #[must_use]
    pub const fn timeframes(self) -> &'static [Timeframe] {
        match self {
            Self::Scalper => &[M5, M15, M30, H1, H4],
            Self::SwingTrader => &[M30, H1, H4, D1],
        }
    }

    /// The style of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_in_any_case_and_ichimoku_with_any_ending() {
        assert_eq!(CellName::parse("ema200"), Some(CellName::Ema200));
        assert_eq!(CellName::parse("UtBot"), Some(CellName::Utbot));
        assert_eq!(CellName::parse("ichimokuClone"), Some(CellName::Ichimoku));
        assert_eq!(CellName::parse("EMA20"), None);
        assert_eq!(CellName::parse("clone ichimoku"), None);
        assert!(CellName::ALL.iter().all(|cell| CellName::parse(cell.name()) == Some(*cell)));
    }

    #[test]
    fn names_in_json_are_those_of_readings() {
        for cell in CellName::ALL {
            assert_eq!(serde_json::to_string(&cell).unwrap(), format!("{:?}", cell.name()));
        }
        for style in Style::ALL {
            assert_eq!(serde_json::to_string(&style).unwrap(), format!("{:?}", style.name()));
        }
    }
}
