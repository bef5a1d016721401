//! A text file line by line, whatever its encoding and line ends, in bounded memory.

mod utf16;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use utf16::Utf16;
pub(super) use utf16::byte_order;

/// Longest line of data in bytes of UTF-8, without its end.
pub(super) const MAX_LINE: usize = 4096;
/// Bytes at a file's beginning by which its encoding and its line ends are known.
const BEGIN: u64 = 64 * 1024;
/// What a UTF-8 file may begin with.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// One line that is not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Its number in the file, from 1; blank lines have numbers, too.
    pub(super) number: u64,
    /// Its bytes without the line's end. They are UTF-8 but for files in Windows' code pages.
    pub(super) text: Result<&'a [u8], TooLong>,
    /// It has no end: the last line of a file, whole or cut off.
    pub(super) is_open: bool,
}

/// A line of more than [`MAX_LINE`] bytes, which no file of market data has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is longer than {MAX_LINE} bytes")]
pub(super) struct TooLong;

/// The lines of a reader.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// The last byte of a line's end.
    end: u8,
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    /// Looks at the beginning for a byte order mark, UTF-16 and the kind of line ends.
    ///
    /// # Errors
    /// The reader's own.
    pub(super) fn new(reader: Box<dyn BufRead + Send>) -> io::Result<Self> {
        let (begin, reader) = peek(decoded(reader)?)?;
        Ok(Self { reader, end: end_of(&begin), number: 0, line: Vec::with_capacity(MAX_LINE + 2) })
    }

    /// The next line that is not blank; none at the end.
    ///
    /// # Errors
    /// The reader's own.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some(whole) = self.read()? else { return Ok(None) };
            self.number += 1;
            if !whole || text_of(&self.line).len() > MAX_LINE {
                return Ok(Some(Line { number: self.number, text: Err(TooLong), is_open: false }));
            }
            if !text_of(&self.line).trim_ascii().is_empty() {
                break;
            }
        }
        let is_open = self.line.last() != Some(&self.end);
        Ok(Some(Line { number: self.number, text: Ok(text_of(&self.line)), is_open }))
    }

    /// Reads up to the line's end, which takes one or two bytes. Of a longer line the rest is passed over and
    /// `false` returned.
    fn read(&mut self) -> io::Result<Option<bool>> {
        let limit = MAX_LINE + BOM.len() + 2;
        self.line.clear();
        let read = (&mut self.reader).take(limit as u64).read_until(self.end, &mut self.line)?;
        let whole = read < limit || self.line.last() == Some(&self.end);
        if !whole {
            self.reader.skip_until(self.end)?;
        }
        Ok((read > 0).then_some(whole))
    }
}

/// The reader's text as UTF-8, whatever it is in.
///
/// # Errors
/// The reader's own.
pub(super) fn decoded(reader: Box<dyn BufRead + Send>) -> io::Result<Box<dyn BufRead + Send>> {
    let (begin, reader) = peek(reader)?;
    Ok(match byte_order(&begin) {
        Some(order) => Box::new(BufReader::new(Utf16::new(reader, order))),
        None => reader,
    })
}

/// The line without its end and without a byte order mark, which files put together have in their middle.
fn text_of(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [rest @ .., b'\r' | b'\n'] = line {
        line = rest;
    }
    while let [b'\n', rest @ ..] = line {
        line = rest;
    }
    line.strip_prefix(BOM).unwrap_or(line)
}

/// The beginning of what the reader has, and a reader that still has it.
fn peek(mut reader: Box<dyn BufRead + Send>) -> io::Result<(Vec<u8>, Box<dyn BufRead + Send>)> {
    let mut begin = Vec::new();
    (&mut reader).take(BEGIN).read_to_end(&mut begin)?;
    let whole = Cursor::new(begin.clone()).chain(reader);
    Ok((begin, Box::new(whole)))
}

/// The byte that ends a line: CR only where no line feed is to be seen.
fn end_of(begin: &[u8]) -> u8 {
    if begin.contains(&b'\r') && !begin.contains(&b'\n') { b'\r' } else { b'\n' }
}

#[cfg(test)]
mod tests;
