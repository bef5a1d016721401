//! Lines of a file as rows: what cannot be read is counted and shown, the rest is used.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;

use crate::error::{InputError, LineError};
use crate::events::{UnreadableLine, UnreadableLines};

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes read at a time.
const BUFFER: usize = 64 * 1024;
/// Longest line of data.
const MAX_LINE: usize = 4096;
/// Refused lines of a file that are shown one by one; of the others only the number.
pub const SHOWN: u64 = 10;

/// Reads the rows of one file. `C` is what a row is read with, besides its text.
pub struct Rows<T, C = ()> {
    lines: Lines,
    context: C,
    parse: fn(&str, &C) -> Result<T, LineError>,
    skip: fn(&str) -> bool,
    report: Report,
    refused: u64,
}

impl<T, C> Rows<T, C> {
    /// Opens the file. Lines for which `skip` holds, a header, are passed over in silence.
    ///
    /// # Errors
    /// It is missing or cannot be opened.
    pub fn open(
        path: &Path,
        context: C,
        parse: fn(&str, &C) -> Result<T, LineError>,
        skip: fn(&str) -> bool,
        report: &Report,
    ) -> Result<Self, InputError> {
        let lines = Lines::open(path, Arc::clone(&report.bytes))?;
        Ok(Self { lines, context, parse, skip, report: report.clone(), refused: 0 })
    }

    /// The next row that can be read; none at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<T>, InputError> {
        while let Some((number, text)) = self.lines.next_line()? {
            match text.and_then(|text| if (self.skip)(&text) { Ok(None) } else { self.row(&text) }) {
                Ok(Some(row)) => return Ok(Some(row)),
                Ok(None) => {}
                Err(error) => self.refuse(number, error),
            }
        }
        if std::mem::take(&mut self.refused) > SHOWN {
            let file = &self.lines.path;
            UnreadableLines { file, lines: self.report.of(file) }.emit();
        }
        Ok(None)
    }

    fn row(&self, text: &str) -> Result<Option<T>, LineError> {
        (self.parse)(text, &self.context).map(Some)
    }

    fn refuse(&mut self, number: u64, error: LineError) {
        self.refused += 1;
        let shown = self.refused <= SHOWN;
        UnreadableLine { file: &self.lines.path, line: number, error: &error, shown }.emit();
        self.report.add(Unreadable { file: self.lines.path.clone(), line: number, error }, self.refused);
    }
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Path of the file that has the line.
    pub file: PathBuf,
    /// Its number, from 1.
    pub line: u64,
    /// Why the line was left out.
    pub error: LineError,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.error)
    }
}

/// How far a run has read its files, and what was left out of them. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    refused: Arc<Mutex<Refused>>,
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Refused {
    shown: Vec<Unreadable>,
    totals: Vec<(PathBuf, u64)>,
}

impl Report {
    /// Bytes read of all files, as they lie on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The first [`SHOWN`] of each file.
    #[must_use]
    pub fn shown(&self) -> Vec<Unreadable> {
        self.lock().shown.clone()
    }

    /// How many there were in all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().totals.iter().map(|(_, total)| total).sum()
    }

    /// How many there were in this file.
    #[must_use]
    pub fn of(&self, file: &Path) -> u64 {
        self.lock().totals.iter().find(|(path, _)| path == file).map_or(0, |(_, total)| *total)
    }

    fn add(&self, line: Unreadable, refused: u64) {
        let mut all = self.lock();
        match all.totals.iter_mut().find(|(path, _)| *path == line.file) {
            Some((_, total)) => *total = refused,
            None => all.totals.push((line.file.clone(), refused)),
        }
        if refused <= SHOWN {
            all.shown.push(line);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A line's number and its text.
type Line = (u64, Result<String, LineError>);

/// A file line by line, in bounded memory.
struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    number: u64,
}

impl Lines {
    fn open(path: &Path, bytes: Arc<AtomicU64>) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|error| io_error(path, &error))?;
        let mut file = BufReader::with_capacity(BUFFER, Counted { file, bytes });
        let begins = file.fill_buf().map_err(|error| io_error(path, &error))?;
        let reader: Box<dyn BufRead + Send> = if begins.starts_with(&GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { path: path.into(), reader, number: 0 })
    }

    /// The next line that is not blank, with its number.
    fn next_line(&mut self) -> Result<Option<Line>, InputError> {
        loop {
            let Some(bytes) = self.read()? else { return Ok(None) };
            self.number += 1;
            if bytes.len() > MAX_LINE {
                return Ok(Some((self.number, Err(LineError::TooLong(MAX_LINE)))));
            }
            match std::str::from_utf8(&bytes).map(|text| text.trim_start_matches('\u{feff}').trim()) {
                Ok("") => {}
                Ok(text) => return Ok(Some((self.number, Ok(text.into())))),
                Err(_) => return Ok(Some((self.number, Err(LineError::Text)))),
            }
        }
    }

    /// The bytes up to the line's end. One more than [`MAX_LINE`] stands for all of a longer line.
    fn read(&mut self) -> Result<Option<Vec<u8>>, InputError> {
        let limit = MAX_LINE + 1;
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(limit as u64).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| io_error(&self.path, &error))?;
        if read == limit && bytes.last() != Some(&b'\n') {
            self.reader.skip_until(b'\n').map_err(|error| io_error(&self.path, &error))?;
        }
        Ok((read > 0).then_some(bytes))
    }
}

/// The first lines of a file that are text: what its form is recognised by.
///
/// # Errors
/// It is missing or cannot be read.
pub fn first_lines(path: &Path, count: usize) -> Result<Vec<String>, InputError> {
    let mut lines = Lines::open(path, Arc::default())?;
    let mut found = Vec::new();
    for _ in 0..count {
        match lines.next_line()? {
            Some((_, Ok(text))) => found.push(text),
            Some((_, Err(_))) => {}
            None => break,
        }
    }
    Ok(found)
}

pub(crate) fn io_error(path: &Path, error: &std::io::Error) -> InputError {
    match error.kind() {
        ErrorKind::NotFound => InputError::Missing { file: path.into() },
        _ => InputError::Io { file: path.into(), reason: error.to_string() },
    }
}
