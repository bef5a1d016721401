//! What has to be known of a file before its first row is used: which way its times run, how long its bars are, and
//! whether it is about the symbol at all. Bars are read through for that, of ticks only the beginning.

use std::collections::HashMap;

use super::forms::Kind;
use super::row::{Oddities, Source, WrittenRow};
use super::times::Moment;
use crate::error::{InputError, LineError};

/// Rows of ticks that are looked at.
const TICKS: u64 = 5_000;
/// Longest wait for a first row of the symbol, in rows of ticks.
const FOREIGN: u64 = 1_000_000;

/// Different steps between rows that are counted: the commonest is one of the first.
const GAPS: usize = 10_000;

/// What a file looks like as a whole.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Rows that can be read.
    pub(super) rows: u64,
    /// Of them, those of the file's symbol.
    pub(super) ours: u64,
    /// Lines that cannot be read, with the first of them.
    pub(super) unreadable: u64,
    /// The first that cannot be read.
    pub(super) first_unreadable: Option<(u64, LineError)>,
    /// Its times mostly go back.
    pub(super) newest_first: bool,
    /// The commonest difference between two rows, microseconds.
    pub(super) spacing: Option<i64>,
    /// One of its times names no zone.
    pub(super) has_local_times: bool,
    /// What is strange about numbers and names.
    pub(super) oddities: Oddities,
}

/// Counts while rows pass.
#[derive(Default)]
struct Counts {
    survey: Survey,
    before: Option<i64>,
    back: u64,
    ahead: u64,
    gaps: HashMap<i64, u64>,
}

/// Reads a source as far as needed.
///
/// # Errors
/// The file cannot be read on.
pub(super) fn survey(source: &mut dyn Source, kind: Kind) -> Result<Survey, InputError> {
    let mut counts = Counts::default();
    while !counts.is_enough(kind)
        && let Some((line, row)) = source.next_line()?
    {
        match row {
            Ok(row) => counts.row(&row, kind),
            Err(error) => counts.unreadable(line, error),
        }
    }
    Ok(counts.done(source.oddities()))
}

impl Counts {
    fn is_enough(&self, kind: Kind) -> bool {
        let rows = self.survey.rows;
        kind == Kind::Ticks && rows >= TICKS && (self.survey.ours > 0 || rows >= FOREIGN)
    }

    fn row(&mut self, row: &WrittenRow, kind: Kind) {
        self.survey.rows += 1;
        self.survey.ours += u64::from(row.ours);
        let micros = match row.time {
            Moment::Utc(micros) => micros,
            Moment::Local(micros) => {
                self.survey.has_local_times = true;
                micros
            }
        };
        if let Some(before) = self.before.replace(micros) {
            let gap = micros.saturating_sub(before);
            self.back += u64::from(gap < 0);
            self.ahead += u64::from(gap > 0);
            let is_told = self.gaps.len() < GAPS || self.gaps.contains_key(&gap.saturating_abs());
            if kind != Kind::Ticks && gap != 0 && is_told {
                *self.gaps.entry(gap.saturating_abs()).or_default() += 1;
            }
        }
    }

    fn unreadable(&mut self, line: u64, error: LineError) {
        self.survey.unreadable += 1;
        self.survey.first_unreadable.get_or_insert((line, error));
    }

    fn done(self, oddities: Oddities) -> Survey {
        // Of two that are equally common the shorter: the longer ones are gaps.
        let common = self.gaps.into_iter().max_by_key(|(gap, count)| (*count, -gap));
        Survey {
            newest_first: self.back > self.ahead,
            spacing: common.map(|(gap, _)| gap),
            oddities,
            ..self.survey
        }
    }
}
