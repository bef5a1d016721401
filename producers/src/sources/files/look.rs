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
/// Names in a line that make it a header.
const HEADER_NAMES: usize = 2;
/// Longest piece of a file that an error shows.
const SHOWN: usize = 100;

/// What the first lines of a table look like.
#[derive(Debug)]
pub(super) struct Look {
    /// Name of the file, or of the one inside an archive.
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
        let header = lines.iter().position(|(_, cells)| is_header(cells));
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

    /// The header as it stands in the file.
    pub(super) fn header_text(&self) -> String {
        let separator =
            if self.delimiter == b'\t' { " ".into() } else { char::from(self.delimiter).to_string() };
        self.header.as_ref().map(|(_, cells)| cells.join(&separator)).unwrap_or_default()
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

/// The cells of a line, kept.
pub(super) fn owned(splitter: &mut Splitter, text: &[u8]) -> Vec<String> {
    splitter.split(text).iter().map(|cell| String::from_utf8_lossy(cell).into()).collect()
}

/// Two names that are known, and nothing that begins like a number.
fn is_header(cells: &[String]) -> bool {
    let is_data = |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit());
    Columns::of_header(cells).known() >= HEADER_NAMES && !cells.iter().any(is_data)
}

/// As much of a text as an error shows.
pub(super) fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
