//! What is told of files while they are read: what was left out and why, and what is strange about them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::LineError;
use crate::events::{FileNotice, UnreadableLine, UnreadableLines};

/// Refused lines of a file that are shown one by one; of the others only the number.
pub const SHOWN: u64 = 10;

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Path of the file that has the line.
    pub file: PathBuf,
    /// Its number, from 1; in a JSON document the candle's.
    pub line: u64,
    /// Why the line was left out.
    pub error: LineError,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.error)
    }
}

/// Something strange about a file, with what probably lies behind it and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Path of the file.
    pub file: PathBuf,
    /// The first line concerned, where it is about lines.
    pub line: Option<u64>,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.text),
            None => write!(f, "{}: {}", self.file.display(), self.text),
        }
    }
}

/// How far a run has read its files, and what was left out of them. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    told: Arc<Mutex<Told>>,
    bytes: Arc<AtomicU64>,
    /// Of a look ahead: nothing is logged or counted.
    is_silent: bool,
}

#[derive(Debug, Default)]
struct Told {
    shown: Vec<Unreadable>,
    files: Vec<FileCounts>,
    notices: Vec<Notice>,
}

/// What was read of a file.
#[derive(Debug, Clone)]
pub(super) struct FileCounts {
    pub(super) file: PathBuf,
    /// Lines that should have been rows.
    pub(super) rows: u64,
    /// Of them, those that could not be read.
    pub(super) unreadable: u64,
    /// Lines whose ticks the engine refused.
    pub(super) refused: u64,
    last_refused: u64,
    /// Each reason with its first line and how many lines it met.
    pub(super) reasons: Vec<(&'static str, u64, u64)>,
}

impl FileCounts {
    fn new(file: &Path) -> Self {
        let file = file.into();
        Self { file, rows: 0, unreadable: 0, refused: 0, last_refused: 0, reasons: Vec::new() }
    }

    fn add(&mut self, reason: &'static str, line: u64) {
        match self.reasons.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, _, count)) => *count += 1,
            None => self.reasons.push((reason, line, 1)),
        }
    }
}

impl Report {
    /// Of a look at a file before it is read: what it tells goes nowhere.
    pub(super) fn silent() -> Self {
        Self { is_silent: true, ..Self::default() }
    }

    /// Bytes read of all files, as they lie on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn byte_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// The first [`SHOWN`] of each file.
    #[must_use]
    pub fn shown(&self) -> Vec<Unreadable> {
        self.lock().shown.clone()
    }

    /// How many lines could not be read in all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().files.iter().map(|file| file.unreadable).sum()
    }

    /// How many could not be read in this file.
    #[must_use]
    pub fn of(&self, file: &Path) -> u64 {
        self.lock().files.iter().find(|counts| counts.file == file).map_or(0, |counts| counts.unreadable)
    }

    /// What is strange about the files, as far as they have been read.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.lock().notices.clone()
    }

    /// A line that should be a row.
    pub(super) fn row(&self, rows: u64, file: &Path) {
        self.counts(file, |counts| counts.rows += rows);
    }

    /// A line that cannot be read.
    pub(super) fn unreadable(&self, file: &Path, line: u64, error: LineError) {
        let mut unreadable = 0;
        self.counts(file, |counts| {
            counts.unreadable += 1;
            counts.add(error.reason(), line);
            unreadable = counts.unreadable;
        });
        let shown = unreadable <= SHOWN;
        if !self.is_silent {
            UnreadableLine { file, line, error: &error, shown }.emit();
        }
        if shown {
            self.lock().shown.push(Unreadable { file: file.into(), line, error });
        }
    }

    /// A line of which the engine refused something. One of several ticks in a row counts once.
    pub fn refused(&self, file: &Path, line: u64, reason: &'static str) {
        self.counts(file, |counts| {
            if counts.last_refused != line {
                counts.last_refused = line;
                counts.refused += 1;
                counts.add(reason, line);
            }
        });
    }

    /// Says something about a file.
    pub(super) fn notice(&self, file: &Path, line: Option<u64>, text: String) {
        let notice = Notice { file: file.into(), line, text };
        FileNotice { notice: &notice }.emit();
        self.lock().notices.push(notice);
    }

    /// Says how many lines of a file were left out where not all were shown.
    pub(super) fn ended(&self, file: &Path) {
        let lines = self.of(file);
        if lines > SHOWN && !self.is_silent {
            UnreadableLines { file, lines }.emit();
        }
    }

    pub(super) fn each_file(&self) -> Vec<FileCounts> {
        self.lock().files.clone()
    }

    fn counts(&self, file: &Path, change: impl FnOnce(&mut FileCounts)) {
        let mut told = self.lock();
        let place = told.files.iter().position(|counts| counts.file == file);
        let place = place.unwrap_or_else(|| {
            told.files.push(FileCounts::new(file));
            told.files.len() - 1
        });
        change(&mut told.files[place]);
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
