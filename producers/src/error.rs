//! What can stop a producer.

use std::path::PathBuf;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::log::LogError;
use bellwether_schemas::TenantId;
use bellwether_schemas::codec::EncodeError;

use crate::sources::Form;

/// Why a producer ended without having done its work.
#[derive(Debug, thiserror::Error)]
pub enum ProducerError {
    /// An input file cannot be read or understood.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The market asked for cannot be made.
    #[error("synthetic market: {0}")]
    Market(String),
    /// The log cannot be written or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A value that a record cannot hold.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The file's settings differ from the journal's under one and the same revision.
    #[error(
        "{tenant}.toml: revision: is {revision}, and the journal has other settings under that number ({differences}): \
         raise it to put these in force, or take the file back"
    )]
    Revision {
        /// The tenant whose file was changed.
        tenant: TenantId,
        /// The revision that file and journal both have.
        revision: i64,
        /// Every key that differs, with both values.
        differences: String,
    },
    /// The journal's settings name rules that this build does not know.
    #[error(
        "{tenant}: its journal follows engine version {version}, this is version {ENGINE_VERSION}: upgrade me"
    )]
    NewerEngine {
        /// The tenant whose journal it is.
        tenant: TenantId,
        /// The version that its settings name.
        version: i32,
    },
    /// A background task ended before its work was done.
    #[error("{0} did not finish")]
    Task(&'static str),
}

/// What is wrong with an input file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// An input is not of the form `SYMBOL=FILE`.
    #[error("{given:?}: {reason}: use SYMBOL=FILE, or SYMBOL=BID.csv+ASK.csv for one-minute bars")]
    Usage {
        /// The text that was given.
        given: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is not there.
    #[error("{file}: there is no such file")]
    Missing {
        /// Path of the file.
        file: PathBuf,
    },
    /// The first lines are of no form that is known.
    #[error(
        "{file}: form not recognised, it begins with {begins:?}: force one with --format {}",
        Form::NAMES
    )]
    Form {
        /// Path of the file.
        file: PathBuf,
        /// Its first line, shortened.
        begins: String,
    },
    /// Not one line could be used.
    #[error("{file}: no readable line, {unreadable} unreadable: is it of the form {form}?")]
    NothingReadable {
        /// Path of the file.
        file: PathBuf,
        /// How many lines were refused.
        unreadable: u64,
        /// What it was read as.
        form: &'static str,
    },
    /// The file system said no.
    #[error("{file}: cannot be read: {reason}")]
    Io {
        /// Path of the file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl InputError {
    /// The exit code a command ends with: 64 usage, 65 bad data, 66 missing, 74 I/O.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 64,
            Self::Form { .. } | Self::NothingReadable { .. } => 65,
            Self::Missing { .. } => 66,
            Self::Io { .. } => 74,
        }
    }
}

/// Why one line of a file is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Fewer columns than the form has.
    #[error("columns: {found} found, {needed} needed")]
    Columns {
        /// How many columns the line has.
        found: usize,
        /// Columns the form has.
        needed: usize,
    },
    /// No time of the form.
    #[error("{0:?} is not a time of this form")]
    Time(String),
    /// A column holds no price.
    #[error("{column}: {reason}")]
    Price {
        /// Name of the column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that are no text.
    #[error("is not UTF-8 text")]
    Text,
    /// Longer than any line of data.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
}
