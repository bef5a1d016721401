//! The first lines of a file, looked at: what separates cells and decimals, and whether there is a header.

use std::io::BufRead;
use std::path::Path;

use super::cells::{Splitter, delimiter_of};
use super::columns::Columns;
use super::forms::Row;
use super::numbers::{DecimalSign, sign_of};
use super::text::Lines;
use crate::error::InputError;

/// Lines that a form is recognised by.
const LOOKED_AT: usize = 60;
/// Names that are known in a line that make it a header.
const HEADER_NAMES: usize = 2;
/// Cells of a line that make it one of data, or of names that nobody knows.
const SEVERAL: usize = 3;
/// Longest piece of a file that an error shows.
const SHOWN: usize = 100;

/// What the first lines of a table look like.
#[derive(Debug)]
pub(super) struct Look {
    /// Name of the file, with that of the one inside it where it is an archive.
    pub(super) file: String,
    /// What separates cells.
    pub(super) delimiter: u8,
    /// What separates decimals.
    pub(super) decimal: DecimalSign,
    /// The header's cells, and the number of its line.
    pub(super) header: Option<(u64, Vec<String>)>,
    /// The first rows, as cells.
    pub(super) rows: Vec<Vec<String>>,
    /// The first line, shortened.
    pub(super) begins: String,
}

impl Look {
    /// Reads the first lines. None where nothing in them is a table of at least two columns.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub(super) fn at(file: String, lines: &mut Lines) -> std::io::Result<Seen> {
        let mut first = Vec::new();
        while first.len() < LOOKED_AT
            && let Some(line) = lines.next_line()?
        {
            if let Ok(text) = line.text {
                first.push((line.number, text.to_vec()));
            }
        }
        let Some((_, begins)) = first.first() else { return Ok(Seen::Nothing) };
        let begins = shortened(begins);
        let texts: Vec<&[u8]> = first.iter().map(|(_, text)| text.as_slice()).collect();
        let Some(delimiter) = delimiter_of(&texts) else { return Ok(Seen::NoTable { begins }) };
        let mut splitter = Splitter::new(delimiter);
        let mut lines: Vec<(u64, Vec<String>)> =
            first.iter().map(|(number, text)| (*number, owned(&mut splitter, text))).collect();
        let header = header_of(&lines);
        let rows = lines.split_off(header.map_or(0, |place| place + 1));
        let header = header.and_then(|_| lines.pop());
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, cells)| cells).collect();
        Ok(Seen::Table(Self {
            file,
            delimiter,
            decimal: sign_of(rows.iter().flatten().map(String::as_bytes)),
            header,
            rows,
            begins,
        }))
    }

    /// What the header's cells mean.
    pub(super) fn columns(&self) -> Option<Columns> {
        self.header.as_ref().map(|(_, cells)| Columns::of_header(cells))
    }

    /// Is there a header of names that are known?
    pub(super) fn has_known_header(&self) -> bool {
        self.columns().is_some_and(|columns| columns.known() > 0)
    }

    /// The header as it stands in the file.
    pub(super) fn header_text(&self) -> String {
        let separator =
            if self.delimiter == b'\t' { " ".into() } else { char::from(self.delimiter).to_string() };
        self.header.as_ref().map(|(_, cells)| cells.join(&separator)).unwrap_or_default()
    }

    /// How many cells most rows have.
    pub(super) fn width(&self) -> usize {
        let mut widths: Vec<usize> = self.rows.iter().map(Vec::len).collect();
        widths.sort_unstable();
        let alike = widths.chunk_by(|a, b| a == b).max_by_key(|alike| alike.len());
        alike.and_then(|alike| alike.first()).copied().unwrap_or(0)
    }

    /// The rows as forms look at them.
    pub(super) fn form_rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { cells, file: &self.file, decimal: self.decimal })
    }
}

/// What was found at the beginning of a file.
#[derive(Debug)]
pub(super) enum Seen {
    /// No line but blank ones.
    Nothing,
    /// Lines that are no table of at least two columns.
    NoTable {
        /// The first, shortened.
        begins: String,
    },
    /// A table.
    Table(Look),
}

/// What a JSON document begins with, if the file is one.
///
/// # Errors
/// The file cannot be read.
pub(super) fn json_start(path: &Path, reader: &mut dyn BufRead) -> Result<Option<Vec<u8>>, InputError> {
    let bytes = reader.fill_buf().map_err(|error| super::io_error(path, &error))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    Ok(bytes.first().is_some_and(|byte| matches!(byte, b'[' | b'{')).then(|| bytes.to_vec()))
}

/// The cells of a line, kept. What is no UTF-8 is taken for Latin-1, the core of Windows' western code page.
pub(super) fn owned(splitter: &mut Splitter, text: &[u8]) -> Vec<String> {
    let kept = |cell: &[u8]| match std::str::from_utf8(cell) {
        Ok(cell) => cell.into(),
        Err(_) => cell.iter().map(|byte| char::from(*byte)).collect(),
    };
    splitter.split(text).iter().map(kept).collect()
}

/// The place of the header: of a line of known names that no row stands before, else of names that nobody knows
/// right before the first row. A header further down is that of a second file put behind the first.
fn header_of(lines: &[(u64, Vec<String>)]) -> Option<usize> {
    let is_row = |cells: &[String]| numbers(cells) >= SEVERAL && !is_header(cells);
    let first_row = lines.iter().position(|(_, cells)| is_row(cells)).unwrap_or(lines.len());
    let known = lines[..first_row].iter().position(|(_, cells)| is_header(cells));
    let before = first_row.checked_sub(1).filter(|_| first_row < lines.len());
    known.or_else(|| before.filter(|place| are_names(&lines[*place].1)))
}

/// Two names that are known, and more of them than cells that begin like a number, as `50 EMA` does.
fn is_header(cells: &[String]) -> bool {
    let known = Columns::of_header(cells).known();
    known >= HEADER_NAMES && known > numbers(cells)
}

/// Several words, and nothing else but empty cells.
fn are_names(cells: &[String]) -> bool {
    let is_word = |cell: &&String| cell.trim_start_matches(['<', '[', '(']).starts_with(char::is_alphabetic);
    let filled = || cells.iter().filter(|cell| !cell.is_empty());
    filled().count() >= SEVERAL && filled().all(|cell| is_word(&cell))
}

/// How many cells begin like a number, or like a time.
fn numbers(cells: &[String]) -> usize {
    let begins =
        |cell: &&String| cell.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
    cells.iter().filter(begins).count()
}

/// As much of a text as an error shows.
pub(super) fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
