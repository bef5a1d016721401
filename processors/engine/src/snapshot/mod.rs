//! The engine's state in parts: what one engine held at an offset, another goes on with from there, byte for byte.
//!
//! A part is a value of [`stored`], types of their own that say what has to be known and not how memory keeps it: a ring
//! is written oldest first, the largest of a window by how far back it reaches, and nothing that follows from the rest
//! is written at all (names' places, indexes of alerts, anchors, what ends next). So faster structures change no byte,
//! and what did not change has the bytes it had: whoever stores parts under the hash of their content stores it once.
//!
//! | Part | Holds | Changes with |
//! |---|---|---|
//! | `core` | settings, watermark, sequence numbers, how many alerts there are | every record |
//! | `symbol/<place>` | open bars and every series of the symbol at that place of the settings | its ticks and bars |
//! | `pair/<place>` | returns, RSI and coefficients of one listed pair | closes of both symbols |
//! | `leaders` | the last currency strength of each timeframe | closes of currency pairs |
//! | `calendar` | the items of the news calendar; absent where there is none | items |
//! | `disabled` | which alerts an operator disabled; absent where there is none | decisions |
//! | `alerts/<bucket>` | [`BUCKET`] alerts, in the order of their first records | changes, expiry, cooldowns |
//!
//! Every alert that ever was keeps its place, since an old version of it has to stay old: an alert that is edited
//! changes its own bucket, a new one the last.
//!
//! **Bytes.** `bwp`, a byte for the kind, a byte for the version of that kind's layout, and the value in
//! [postcard's wire format](https://postcard.jamesmunns.com/wire-format): fields in the order of the type, integers of
//! more than a byte as LEB128 (signed ones zigzag), doubles as their eight bytes, little end first. They may be cut
//! into pieces anywhere by who stores them; whether they are what was stored is for its checksum to say.
//!
//! **To change a layout**: keep the types of the version before in `stored`, add the new ones, raise the number in
//! [`Kind::version`], let [`Part::decode`] read both, and add golden files beside the old (`tests/golden/state`).

mod code;
mod error;
mod settings;
pub(crate) mod stored;
mod under_way;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use code::{Code, Coded, codes};
pub use error::SnapshotError;
pub(crate) use error::{Misfit, each};
pub(crate) use under_way::{Copied, Due, Stored};

/// Alerts in one part, of which only the last may hold fewer.
pub const BUCKET: usize = 1_024;

const MAGIC: [u8; 3] = *b"bwp";

/// Which part of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKey {
    /// What all of the tenant shares.
    Core,
    /// The symbol at that place of the settings.
    Symbol(u32),
    /// The pair at that place among those whose symbols are both listed: positive ones first.
    Pair(u32),
    /// Who leads the currencies.
    Leaders,
    /// The news calendar; absent where it is empty.
    Calendar,
    /// Which alerts an operator disabled; absent where there is none.
    Disabled,
    /// That bucket of alerts.
    Alerts(u32),
}

impl fmt::Display for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str("core"),
            Self::Symbol(place) => write!(f, "symbol/{place}"),
            Self::Pair(place) => write!(f, "pair/{place}"),
            Self::Leaders => f.write_str("leaders"),
            Self::Calendar => f.write_str("calendar"),
            Self::Disabled => f.write_str("disabled"),
            Self::Alerts(bucket) => write!(f, "alerts/{bucket}"),
        }
    }
}

/// A text that names no part of this build's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no part of a state")]
pub struct UnknownPart(String);

impl FromStr for PartKey {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, UnknownPart> {
        let (kind, place) =
            name.split_once('/').map_or((name, None), |(kind, place)| (kind, place.parse().ok()));
        let key = match (kind, place) {
            ("core", _) => Self::Core,
            ("leaders", _) => Self::Leaders,
            ("calendar", _) => Self::Calendar,
            ("disabled", _) => Self::Disabled,
            ("symbol", Some(place)) => Self::Symbol(place),
            ("pair", Some(place)) => Self::Pair(place),
            ("alerts", Some(bucket)) => Self::Alerts(bucket),
            _ => return Err(UnknownPart(name.into())),
        };
        // One part has one name: no sign or zero before a place makes another.
        if key.to_string() == name { Ok(key) } else { Err(UnknownPart(name.into())) }
    }
}

/// What a part's second word says: which layout follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Core,
    Symbol,
    Pair,
    Leaders,
    Alerts,
    Calendar,
    Disabled,
}

codes!(Kind { Core = 1, Symbol = 2, Pair = 3, Leaders = 4, Alerts = 5, Calendar = 6, Disabled = 7 });

impl Kind {
    /// The layout that this build writes; it reads all up to it.
    const fn version(self) -> u8 {
        match self {
            Self::Core | Self::Pair | Self::Leaders | Self::Alerts | Self::Calendar | Self::Disabled => 1,
            Self::Symbol => 2,
        }
    }
}

impl PartKey {
    const fn kind(self) -> Kind {
        match self {
            Self::Core => Kind::Core,
            Self::Symbol(_) => Kind::Symbol,
            Self::Pair(_) => Kind::Pair,
            Self::Leaders => Kind::Leaders,
            Self::Calendar => Kind::Calendar,
            Self::Disabled => Kind::Disabled,
            Self::Alerts(_) => Kind::Alerts,
        }
    }
}

/// One part of a state: a copy that the engine it was taken from changes no more, so it can be written elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    key: PartKey,
    body: Body,
}

/// What a part holds, decoded, by kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Core(Box<stored::Core>),
    Symbol(Box<stored::SymbolState>),
    Pair(Box<stored::Pair>),
    Leaders(Box<stored::Leaders>),
    Calendar(stored::Calendar),
    Disabled(stored::Disabled),
    Alerts(stored::Bucket),
}

impl Part {
    pub(crate) fn new(key: PartKey, body: Body) -> Self {
        Self { key, body }
    }

    /// Which part of its state it is.
    #[must_use]
    pub const fn key(&self) -> PartKey {
        self.key
    }

    pub(crate) fn into_body(self) -> Body {
        self.body
    }

    /// Its bytes: the same for the same state.
    ///
    /// # Errors
    /// None that is known of: the format writes whatever the types of a part can hold.
    pub fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let body = match &self.body {
            Body::Core(core) => encoded(self.key, core),
            Body::Symbol(symbol) => encoded(self.key, symbol),
            Body::Pair(pair) => encoded(self.key, pair),
            Body::Leaders(leaders) => encoded(self.key, leaders),
            Body::Calendar(calendar) => encoded(self.key, calendar),
            Body::Disabled(disabled) => encoded(self.key, disabled),
            Body::Alerts(bucket) => encoded(self.key, bucket),
        };
        body.map_err(|_| SnapshotError::Unencodable { key: self.key })
    }

    /// The part of that name from its bytes, whoever wrote them.
    ///
    /// # Errors
    /// When they are no part, one of another kind or of a layout that this build cannot read.
    pub fn decode(key: PartKey, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (version, body) = body_of(key, bytes)?;
        let body = match key.kind() {
            Kind::Core => Body::Core(decoded(key, body)?),
            Kind::Symbol if version == 1 => {
                Body::Symbol(Box::new(decoded::<stored::v1::SymbolStateV1>(key, body)?.into()))
            }
            Kind::Symbol => Body::Symbol(decoded(key, body)?),
            Kind::Pair => Body::Pair(decoded(key, body)?),
            Kind::Leaders => Body::Leaders(decoded(key, body)?),
            Kind::Calendar => Body::Calendar(decoded(key, body)?),
            Kind::Disabled => Body::Disabled(decoded(key, body)?),
            Kind::Alerts => Body::Alerts(decoded(key, body)?),
        };
        Ok(Self { key, body })
    }
}

fn encoded<T: Serialize>(key: PartKey, body: &T) -> postcard::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([key.kind().code(), key.kind().version()]);
    postcard::to_extend(body, bytes)
}

/// The layout's version and what stands behind the head of a part, once it is one that can be read.
fn body_of(key: PartKey, bytes: &[u8]) -> Result<(u8, &[u8]), SnapshotError> {
    let head = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk::<2>());
    let Some(([kind, version], body)) = head else { return Err(SnapshotError::NotAPart { key }) };
    if Kind::of(*kind) != Some(key.kind()) {
        return Err(SnapshotError::OtherKind { key, kind: *kind });
    }
    let (version, known) = (*version, key.kind().version());
    match version {
        0 => Err(SnapshotError::NotAPart { key }),
        _ if version <= known => Ok((version, body)),
        _ => Err(SnapshotError::NewerLayout { key, version, known }),
    }
}

fn decoded<T: DeserializeOwned>(key: PartKey, bytes: &[u8]) -> Result<T, SnapshotError> {
    match postcard::take_from_bytes(bytes) {
        Ok((body, [])) => Ok(body),
        Ok(_) => Err(SnapshotError::Damaged { key, why: "there is more behind its end" }),
        Err(_) => Err(SnapshotError::Damaged { key, why: "it is no value of its layout" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_its_name_and_has_no_other() {
        use PartKey::{Alerts, Calendar, Core, Disabled, Leaders, Pair, Symbol};
        for key in [Core, Symbol(0), Symbol(32), Pair(7), Leaders, Calendar, Disabled, Alerts(u32::MAX)] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for other in
            ["", "Core", "core/0", "symbol", "symbol/", "symbol/-1", "symbol/+1", "symbol/01", "other/1"]
        {
            assert!(other.parse::<PartKey>().is_err(), "{other}");
        }
    }
}
