//! What can stop a producer.

use std::path::PathBuf;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::log::LogError;
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::codec::EncodeError;
use bellwether_schemas::{TenantId, Timestamp};

use crate::sources::files::forms;

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
    /// The journal was cut or replaced, and there is no snapshot by which it could be known what it said.
    #[error(transparent)]
    Snapshot(SnapshotFault),
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
    /// Sources of the news calendar that were to be looked at once cannot be read. What the others say is published.
    #[error("{tenant}: its news calendar cannot be read: {sources}")]
    Calendar {
        /// The tenant whose calendar it is.
        tenant: TenantId,
        /// Each source with what is wrong.
        sources: String,
    },
    /// A background task ended before its work was done.
    #[error("{0} did not finish")]
    Task(&'static str),
}

/// What is wrong with an input file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// An input is not of the form `SYMBOL=FILE`.
    #[error("{given:?}: {reason}: use SYMBOL=FILE, or SYMBOL=BID.csv+ASK.csv for files of one side")]
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
    /// One of a pair of files is not there.
    #[error(
        "{file}: there is no such file; a + stands between the files of bid and ask: rename one that has it in its name"
    )]
    MissingHalf {
        /// Path of the file.
        file: PathBuf,
    },
    /// The first lines are of no form that is known.
    #[error(
        "{file}: form not recognised: give it the columns of one of those below\n  seen: {seen}\n  nearest: {nearest}\n\
         Known forms, each as it begins; --format NAME forces one that has no header:\n{}",
        forms::table()
    )]
    Form {
        /// Path of the file.
        file: PathBuf,
        /// What its first lines look like.
        seen: String,
        /// The form that comes nearest, and why it is not that.
        nearest: String,
    },
    /// The form that was asked for is not what the file says of itself.
    #[error(
        "{file}: has {header}, and --format {asked} begins with {needs}: {}",
        .form.map_or_else(|| "leave --format out, or give another".into(), |form| format!("it is {form}, leave --format out"))
    )]
    Contradiction {
        /// Path of the file.
        file: PathBuf,
        /// The form that was asked for.
        asked: &'static str,
        /// How such a file begins.
        needs: String,
        /// What the file has instead.
        header: String,
        /// What it would be taken for.
        form: Option<&'static str>,
    },
    /// A file that is no text, but something that is known.
    #[error("{file}: is {what}: {advice}")]
    Kind {
        /// Path of the file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// An archive that is damaged, or holds none or several files.
    #[error("{file}: {reason}")]
    Archive {
        /// Path of the archive.
        file: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// There is nothing in it.
    #[error("{file}: no rows: {has}")]
    NoRows {
        /// Path of the file.
        file: PathBuf,
        /// What it has instead.
        has: &'static str,
    },
    /// JSON that holds no bars.
    #[error(
        "{file}: is a JSON document of another shape: what is read is freqtrade's [[milliseconds, open, high, low, \
         close, volume], …] and OANDA's {{\"candles\": […]}}"
    )]
    JsonShape {
        /// Path of the file.
        file: PathBuf,
    },
    /// JSON that cannot be parsed.
    #[error("{file}: is not a whole JSON document: {reason}: fetch it again")]
    Json {
        /// Path of the file.
        file: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// The times are written in a way that is not known.
    #[error(
        "{file}: {text:?} is no time that is known: write 2012-02-01T00:00:00Z, 2012-02-01 00:00:00, or epoch \
         seconds or milliseconds"
    )]
    TimeForm {
        /// Path of the file.
        file: PathBuf,
        /// The time of a row.
        text: String,
    },
    /// The dates can be read in two ways.
    #[error(
        "{file}: {text:?} has the day or the month first, and neither a row nor the steps between them tell \
         which: write 2012-02-01"
    )]
    DayOrMonth {
        /// Path of the file.
        file: PathBuf,
        /// The time of a row.
        text: String,
    },
    /// The times are local, and the file does not say where.
    #[error(
        "{file}: {form}, and the file does not say of which zone: give it with --zone, for most brokers \
         --zone Europe/Athens (UTC+2, in summer UTC+3), else --zone UTC or --zone +02:00"
    )]
    ZoneNeeded {
        /// Path of the file.
        file: PathBuf,
        /// What it is.
        form: &'static str,
    },
    /// No column of that name or number.
    #[error("{file}: --symbol-column {name}: there is no such column, the header is {header:?}")]
    SymbolColumn {
        /// Path of the file.
        file: PathBuf,
        /// The name or number that was given.
        name: String,
        /// The header of the file.
        header: String,
    },
    /// Every row names another symbol than the file was given for.
    #[error("{file}: the file names {names}, you said {given}: give it as {names}=FILE, or another file")]
    OtherSymbol {
        /// Path of the file.
        file: PathBuf,
        /// What its rows name.
        names: String,
        /// What it was given for.
        given: String,
    },
    /// The second file is not what goes with the first.
    #[error("{file}: {reason}")]
    AskFile {
        /// Path of the file of the ask.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Bars that begin elsewhere than the days they are to be part of.
    #[error(
        "{file}:{line}: bars of {spacing} that do not begin where those of {symbol} do: this one opens at {open}, and \
         there is one from {expected}: {advice}"
    )]
    Grid {
        /// Path of the file.
        file: PathBuf,
        /// The first line concerned.
        line: u64,
        /// Length of the bars.
        spacing: String,
        /// The symbol they are given for.
        symbol: String,
        /// Where the bar opens.
        open: Timestamp,
        /// Where one of the symbol's would.
        expected: Timestamp,
        /// What to do.
        advice: String,
    },
    /// Too many rows to turn them round in memory.
    #[error("{file}: stands newest first and has more than {limit} rows: turn it round with tac or sort")]
    TooLongToTurn {
        /// Path of the file.
        file: PathBuf,
        /// How many would do.
        limit: usize,
    },
    /// Not one line could be used.
    #[error("{file}: no readable line, {unreadable} unreadable{}: is it of the form {form}?", first.as_ref().map_or_else(String::new, |first| format!(", the first is line {first}")))]
    NothingReadable {
        /// Path of the file.
        file: PathBuf,
        /// How many lines were refused.
        unreadable: u64,
        /// What it was read as.
        form: &'static str,
        /// Number of the first, and why it was refused.
        first: Option<String>,
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
            Self::Usage { .. } | Self::ZoneNeeded { .. } | Self::SymbolColumn { .. } => 64,
            Self::Missing { .. } | Self::MissingHalf { .. } => 66,
            Self::Io { .. } => 74,
            _ => 65,
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
    /// The last line, without an end and with fewer columns than the others.
    #[error("the file is cut off in this line: fetch it again")]
    Cut,
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
    /// A time that the clocks of the zone left out.
    #[error("{0}: is the zone right?")]
    Zone(String),
    /// A candle that goes on changing.
    #[error("the candle is not complete")]
    Incomplete,
    /// JSON that is no candle.
    #[error("is no candle: {0}")]
    Candle(String),
    /// A time that the rows after it deny.
    #[error("absurd_time: it jumps to {0}, and the rows after it do not")]
    AbsurdTime(Timestamp),
    /// A close too far from the one before.
    #[error("absurd: the close {close} lies further than {percent} % from {before}")]
    Absurd {
        /// Close of the refused bar.
        close: String,
        /// What it was compared with.
        before: String,
        /// The band.
        percent: String,
    },
    /// Longer than any line of data.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
}

impl LineError {
    /// One word for it, in counts.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Columns { .. } => "columns",
            Self::Cut => "cut",
            Self::Time(_) => "time",
            Self::Price { .. } => "price",
            Self::Zone(_) => "zone",
            Self::Incomplete => "incomplete",
            Self::Candle(_) => "candle",
            Self::AbsurdTime(_) => "absurd_time",
            Self::Absurd { .. } => "absurd",
            Self::TooLong(_) => "too long",
        }
    }
}

impl From<SnapshotFault> for ProducerError {
    fn from(fault: SnapshotFault) -> Self {
        match fault {
            SnapshotFault::Log(error) => Self::Log(error),
            other => Self::Snapshot(other),
        }
    }
}
