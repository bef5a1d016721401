//! What people decide about a journal that cannot be folded on as it is. Such a decision stands in the journal itself, so
//! that whoever folds it again decides the same.

use serde::{Deserialize, Serialize};

use crate::journal::Origin;

/// Most characters of who decided, and of why.
pub const MAX_WORDS: usize = 500;

/// Somebody decided how a journal is folded on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct OperatorDecision {
    /// Whose journal, and when it was decided.
    pub origin: Origin,
    /// What was decided.
    pub decision: Decision,
    /// Who decided: a login name and a host, or whatever was given.
    pub who: String,
    /// Why, for whoever asks later.
    pub why: String,
}

/// What can be decided. Offsets are the journal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The record at that offset, which stands before the decision, is not folded.
    Skip {
        /// Of the record.
        offset: i64,
    },
    /// The record at that offset, which was under suspicion, is folded after all. It changes no result.
    Again {
        /// Of the record.
        offset: i64,
    },
    /// Records are gone, and the fold goes on behind them with the state it had.
    AcceptGap {
        /// The last record that the state has taken in.
        last_folded: i64,
        /// The first one that can be read.
        first_readable: i64,
    },
}

/// The same as it is written: a name, and the offsets that go with it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename = "OperatorDecision")]
struct Wire {
    origin: Origin,
    decision: String,
    offset: i64,
    first_readable: Option<i64>,
    who: String,
    why: String,
}

impl Decision {
    /// The name that is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip { .. } => "skip",
            Self::Again { .. } => "again",
            Self::AcceptGap { .. } => "accept_gap",
        }
    }
}

impl From<OperatorDecision> for Wire {
    fn from(decided: OperatorDecision) -> Self {
        let OperatorDecision { origin, decision, who, why } = decided;
        let (offset, first_readable) = match decision {
            Decision::Skip { offset } | Decision::Again { offset } => (offset, None),
            Decision::AcceptGap { last_folded, first_readable } => (last_folded, Some(first_readable)),
        };
        Self { origin, decision: decision.name().into(), offset, first_readable, who, why }
    }
}

impl TryFrom<Wire> for OperatorDecision {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire { origin, decision, offset, first_readable, who, why } = wire;
        let decision = match (decision.as_str(), first_readable) {
            ("skip", None) => Decision::Skip { offset },
            ("again", None) => Decision::Again { offset },
            ("accept_gap", Some(first_readable)) => {
                Decision::AcceptGap { last_folded: offset, first_readable }
            }
            (other, _) => return Err(format!("no decision is called {other:?} and has these offsets")),
        };
        Ok(Self { origin, decision, who, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_decision_without_the_offsets_that_go_with_it_is_none() {
        let origin = Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "operator".into(),
            session: String::new(),
            played: false,
            appended_at: Timestamp(0),
        };
        let read = |decision: &str, first_readable| {
            let (who, why) = (String::new(), String::new());
            let wire = Wire {
                origin: origin.clone(),
                decision: decision.into(),
                offset: 7,
                first_readable,
                who,
                why,
            };
            OperatorDecision::try_from(wire).map(|decided| decided.decision)
        };
        assert_eq!(read("skip", None), Ok(Decision::Skip { offset: 7 }));
        let gap = Decision::AcceptGap { last_folded: 7, first_readable: 12 };
        assert_eq!(read("accept_gap", Some(12)), Ok(gap));
        for (name, first) in [("skip", Some(8)), ("accept_gap", None), ("jump", None), ("", None)] {
            assert!(read(name, first).is_err(), "{name} {first:?}");
        }
    }
}
