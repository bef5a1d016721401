//! What can be wrong with parts.

use super::{PartKey, UnknownPart};

/// Why parts are not the state of an engine. Each names the part it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not written by any version of this program.
    #[error("{key}: these bytes are no part of an engine's state")]
    NotAPart {
        /// What it was taken for.
        key: PartKey,
    },
    /// Bytes of one part under the name of another.
    #[error("{key}: these bytes are a part of another kind ({kind})")]
    OtherKind {
        /// What it was taken for.
        key: PartKey,
        /// The byte that says what it is.
        kind: u8,
    },
    /// Written by a build that knows more.
    #[error("{key}: its layout {version} is newer than this build, which reads up to {known}: upgrade")]
    NewerLayout {
        /// The part that cannot be read.
        key: PartKey,
        /// The layout's version that the part names.
        version: u8,
        /// The newest that is read.
        known: u8,
    },
    /// The head is right and what follows is not.
    #[error("{key}: {why}")]
    Damaged {
        /// The part whose bytes are not its layout.
        key: PartKey,
        /// What is wrong with it, in words.
        why: &'static str,
    },
    /// The core, or the settings in it, ask for a part that is not there.
    #[error("{key} is missing")]
    Missing {
        /// The part that is not there.
        key: PartKey,
    },
    /// Something under a name that no part of a state has.
    #[error(transparent)]
    Unknown(#[from] UnknownPart),
    /// Two parts of one name.
    #[error("{key} is there twice")]
    Twice {
        /// The part that is there twice.
        key: PartKey,
    },
    /// A part that neither the core nor its settings know of.
    #[error("{key} belongs to another state: this one has no such part")]
    Foreign {
        /// The part that nothing asked for.
        key: PartKey,
    },
    /// The state of somebody else.
    #[error("core: this is the state of tenant {found:?}, not of {expected:?}")]
    ForeignTenant {
        /// The tenant whose state it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Rules that this build does not know are in force in it.
    #[error("core: this state follows engine version {version}, this is version {known}: upgrade")]
    NewerEngine {
        /// Version of the rules in force.
        version: i32,
        /// Version of the rules that this engine knows.
        known: i32,
    },
    /// The format could not write a value.
    #[error("{key} cannot be written")]
    Unencodable {
        /// The part that says so.
        key: PartKey,
    },
}

/// A stored value that no engine writes: folding on from it could do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) &'static str);

impl Misfit {
    pub(crate) const fn of(self, key: PartKey) -> SnapshotError {
        SnapshotError::Damaged { key, why: self.0 }
    }

    /// Refuses what is not so.
    pub(crate) fn unless(holds: bool, why: &'static str) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self(why)) }
    }
}

/// Each element of an array restored.
pub(crate) fn each<T, U, const N: usize>(
    array: [T; N],
    restore: impl FnMut(T) -> Result<U, Misfit>,
) -> Result<[U; N], Misfit> {
    let restored: Vec<U> = array.into_iter().map(restore).collect::<Result<_, _>>()?;
    restored.try_into().map_err(|_| Misfit("an array has another length"))
}
