//! A line's cells: split at the delimiter, quotes respected, nothing allocated a line.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// What delimits cells, the likeliest first. A comma comes last: it may be a decimal sign.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];

/// Splits the lines of one file.
pub(super) struct Splitter {
    delimiter: u8,
    reader: Reader,
    /// Cells without their quotes, one after the other.
    unquoted: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<usize>,
}

/// The cells of one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    text: &'a [u8],
    ends: &'a [usize],
    /// Bytes between two cells.
    gap: usize,
}

impl Splitter {
    /// Splits at this delimiter. A quote inside quotes is doubled or stands behind a backslash.
    #[must_use]
    pub(super) fn new(delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        // A line has no line feed in it: what ends a record is never met, so that a carriage return is text.
        builder.delimiter(delimiter).escape(Some(b'\\')).terminator(Terminator::Any(b'\n'));
        Self { delimiter, reader: builder.build(), unquoted: Vec::new(), ends: Vec::new() }
    }

    /// The cells of this line. A quote that is not closed takes in the rest of the line and nothing of the next.
    #[inline]
    pub(super) fn split<'a>(&'a mut self, line: &'a [u8]) -> Cells<'a> {
        self.ends.clear();
        let mut quoted = false;
        for (at, byte) in line.iter().enumerate() {
            if *byte == self.delimiter {
                self.ends.push(at);
            }
            quoted |= *byte == b'"';
        }
        if quoted {
            return self.split_quoted(line);
        }
        self.ends.push(line.len());
        Cells { text: line, ends: &self.ends, gap: 1 }
    }

    fn split_quoted(&mut self, line: &[u8]) -> Cells<'_> {
        self.unquoted.resize(line.len().max(self.unquoted.len()), 0);
        self.ends.resize((line.len() + 1).max(self.ends.len()), 0);
        self.reader.reset();
        let (mut at, mut written, mut cells) = (0, 0, 0);
        // The second time nothing is left to read, which ends the record.
        loop {
            let (result, read, wrote, ended) = self.reader.read_record(
                line.get(at..).unwrap_or_default(),
                &mut self.unquoted[written..],
                &mut self.ends[cells..],
            );
            (at, written, cells) = (at + read, written + wrote, cells + ended);
            if result != ReadRecordResult::InputEmpty {
                break;
            }
        }
        Cells { text: &self.unquoted[..written], ends: &self.ends[..cells], gap: 0 }
    }
}

impl<'a> Cells<'a> {
    /// How many there are.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// One cell without the spaces around it.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before] + self.gap);
        let cell = self.text.get(begin..end)?.trim_ascii();
        Some(if self.gap == 0 { unquoted(cell) } else { cell })
    }

    /// All cells in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Without the quotes of a cell that begins with a space, where they are no quotes to the CSV reader.
fn unquoted(cell: &[u8]) -> &[u8] {
    match cell {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => cell,
    }
}

/// What delimits the cells of these lines: it splits most of them into one same number of cells, two or more.
/// Another one that splits nine tenths as many is preferred to a comma.
pub(super) fn delimiter_of(lines: &[&[u8]]) -> Option<u8> {
    let scores = DELIMITERS.map(|delimiter| (delimiter, alike(lines, delimiter)));
    let best = scores.iter().map(|(_, score)| *score).max().filter(|score| *score > 0)?;
    scores.into_iter().find(|(_, score)| score * 10 >= best * 9).map(|(delimiter, _)| delimiter)
}

/// How many of the lines have the number of cells that most have.
fn alike(lines: &[&[u8]], delimiter: u8) -> usize {
    let mut splitter = Splitter::new(delimiter);
    let mut counts: Vec<usize> = lines.iter().map(|line| splitter.split(line).len()).collect();
    counts.retain(|count| *count >= 2);
    counts.sort_unstable();
    counts.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
