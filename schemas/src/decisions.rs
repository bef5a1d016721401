//! What people decide about a journal that cannot be folded on as it is, and about alerts. Such a decision stands in the
//! journal itself, so that whoever folds it again decides the same.

use serde::{Deserialize, Serialize};

use crate::AlertId;
use crate::journal::Origin;

/// Most characters of who decided, and of why.
pub const MAX_WORDS: usize = 500;

/// Somebody decided how a journal is folded on, or whether an alert is watched.
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
    /// From here on the alert is not watched, whatever its user changes.
    DisableAlert {
        /// Which.
        alert_id: AlertId,
    },
    /// The alert, which was disabled, is watched again as its user has it now.
    EnableAlert {
        /// Which.
        alert_id: AlertId,
    },
}

/// The offset of decisions that are about none.
const NO_OFFSET: i64 = -1;

/// The same as it is written: a name, and the offsets that go with it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename = "OperatorDecision")]
struct Wire {
    origin: Origin,
    decision: String,
    offset: i64,
    first_readable: Option<i64>,
    #[serde(default)]
    alert_id: Option<AlertId>,
    who: String,
    why: String,
}

/// The same as version 1 has it, which knows of no alerts.
#[derive(Serialize)]
#[serde(rename = "OperatorDecision")]
pub(crate) struct OfRecords<'a> {
    origin: &'a Origin,
    decision: &'a str,
    offset: i64,
    first_readable: Option<i64>,
    who: &'a str,
    why: &'a str,
}

impl OperatorDecision {
    /// As version 1 has it; none: it is about an alert.
    pub(crate) fn of_records(&self) -> Option<OfRecords<'_>> {
        let Self { origin, decision, who, why } = self;
        let (Some(offset), first_readable) = decision.offsets() else { return None };
        Some(OfRecords { origin, decision: decision.name(), offset, first_readable, who, why })
    }
}

impl Decision {
    /// The record that it is about, of a gap the last one that was folded; and of a gap the first one behind it.
    #[must_use]
    pub const fn offsets(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Skip { offset } | Self::Again { offset } => (Some(offset), None),
            Self::AcceptGap { last_folded, first_readable } => (Some(last_folded), Some(first_readable)),
            Self::DisableAlert { .. } | Self::EnableAlert { .. } => (None, None),
        }
    }

    /// The alert that it is about.
    #[must_use]
    pub const fn alert(self) -> Option<AlertId> {
        match self {
            Self::DisableAlert { alert_id } | Self::EnableAlert { alert_id } => Some(alert_id),
            Self::Skip { .. } | Self::Again { .. } | Self::AcceptGap { .. } => None,
        }
    }

    /// The name that is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip { .. } => "skip",
            Self::Again { .. } => "again",
            Self::AcceptGap { .. } => "accept_gap",
            Self::DisableAlert { .. } => "disable_alert",
            Self::EnableAlert { .. } => "enable_alert",
        }
    }
}

impl From<OperatorDecision> for Wire {
    fn from(decided: OperatorDecision) -> Self {
        let OperatorDecision { origin, decision, who, why } = decided;
        let (offset, first_readable) = decision.offsets();
        let (offset, alert_id) = (offset.unwrap_or(NO_OFFSET), decision.alert());
        Self { origin, decision: decision.name().into(), offset, first_readable, alert_id, who, why }
    }
}

impl TryFrom<Wire> for OperatorDecision {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire { origin, decision, offset, first_readable, alert_id, who, why } = wire;
        let decision = match (decision.as_str(), first_readable, alert_id) {
            ("skip", None, None) => Decision::Skip { offset },
            ("again", None, None) => Decision::Again { offset },
            ("accept_gap", Some(first_readable), None) => {
                Decision::AcceptGap { last_folded: offset, first_readable }
            }
            ("disable_alert", None, Some(alert_id)) => Decision::DisableAlert { alert_id },
            ("enable_alert", None, Some(alert_id)) => Decision::EnableAlert { alert_id },
            (other, ..) => return Err(format!("no decision is called {other:?} and is about that")),
        };
        Ok(Self { origin, decision, who, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_decision_without_what_goes_with_it_is_none() {
        let origin = Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "operator".into(),
            session: String::new(),
            played: false,
            appended_at: Timestamp(0),
        };
        let alert = AlertId(crate::ids::derive("an alert"));
        let read = |decision: &str, first_readable, alert_id| {
            let (who, why) = (String::new(), String::new());
            let wire = Wire {
                origin: origin.clone(),
                decision: decision.into(),
                offset: 7,
                first_readable,
                alert_id,
                who,
                why,
            };
            OperatorDecision::try_from(wire).map(|decided| decided.decision)
        };
        assert_eq!(read("skip", None, None), Ok(Decision::Skip { offset: 7 }));
        let disable = Decision::DisableAlert { alert_id: alert };
        assert_eq!(read("disable_alert", None, Some(alert)), Ok(disable));
        let gap = Decision::AcceptGap { last_folded: 7, first_readable: 12 };
        assert_eq!(read("accept_gap", Some(12), None), Ok(gap));
        for (name, first, alert) in [
            ("skip", Some(8), None),
            ("skip", None, Some(alert)),
            ("accept_gap", None, None),
            ("enable_alert", None, None),
            ("jump", None, None),
            ("", None, None),
        ] {
            assert!(read(name, first, alert).is_err(), "{name} {first:?} {alert:?}");
        }
    }
}
