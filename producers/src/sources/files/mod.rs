//! Input files: their form, their quotes, and the session that is named after their content.

mod bars;
mod cells;
mod columns;
mod container;
mod document;
mod ends;
pub mod forms;
mod grid;
mod input;
mod look;
mod magic;
pub mod merge;
mod numbers;
mod open;
mod options;
mod owner;
mod quotes;
mod recognise;
pub mod report;
mod row;
mod rows;
mod session;
mod survey;
mod table;
mod text;
mod times;
mod zone;

use super::Quote;
use crate::error::InputError;

use self::container::io_error;
pub use self::ends::conclude;
pub use self::forms::FormRef;
pub use self::grid::length;
pub use self::input::Input;
pub use self::open::{OpenFiles, open};
pub use self::options::FileOptions;
pub use self::session::session;
pub use self::zone::Zone;

/// A quote with the line of the file that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileQuote {
    /// The quote.
    pub quote: Quote,
    /// Number of its line, from 1.
    pub line: u64,
}

/// The quotes of one file, in its order.
pub type FileQuotes = Box<dyn Iterator<Item = Result<FileQuote, InputError>> + Send>;
