//! Why an alert is not watched, or not all of it: words for its user.

use crate::Version;

/// What stands in the way of an alert, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The column, what it holds and what it must be.
    Column(String),
    /// The alert's only symbol is none of those that are watched.
    UnknownSymbol(String),
    /// None of its symbols is.
    NoKnownSymbol { named: String },
    /// Some are not; the alert is watched without them.
    LeftOut { named: String },
    /// There are as many alerts as the settings allow.
    Full { limit: i64 },
}

impl From<String> for Reason {
    fn from(column: String) -> Self {
        Self::Column(column)
    }
}

impl Reason {
    /// In the words of that version of the rules: a status is a record, and a journal gives the same again.
    pub(crate) fn told(&self, version: Version) -> String {
        let to_user = version.speaks_to_users();
        match self {
            Self::Column(text) => text.clone(),
            Self::UnknownSymbol(symbol) if to_user => format!("{symbol:?} is no symbol that is watched here"),
            Self::UnknownSymbol(symbol) => format!("symbol {symbol:?} is not one of the tenant's"),
            Self::NoKnownSymbol { named } if to_user => format!("none of the pairs is watched here: {named}"),
            Self::NoKnownSymbol { named } => format!("none of pairs is one of the tenant's symbols: {named}"),
            Self::LeftOut { named } if to_user => format!("left out, as it is not watched here: {named}"),
            Self::LeftOut { named } => format!("{named}: not one of the tenant's symbols, left out"),
            Self::Full { limit } if to_user => {
                format!("no more alerts can be taken: all {limit} places are in use")
            }
            Self::Full { limit } => format!("the tenant's limit of {limit} alerts is reached"),
        }
    }
}
