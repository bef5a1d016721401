//! The rows of one file in order of time: turned round where it stands newest first, in its zone, without those whose
//! time the rows after them deny.

use std::collections::VecDeque;
use std::path::PathBuf;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;

use super::report::Report;
use super::row::{Line, Oddities, Row, Source, WrittenRow};
use super::times::Moment;
use super::zone::{Clock, Direction, Zone};
use crate::error::{InputError, LineError};

/// Rows after one that are asked whether its time can be right.
const ASKED: usize = 10;
/// How far the last row of a file may lie ahead of the one before: no row after it can be asked.
const LAST_AHEAD: i64 = 30 * DAY;
/// Rows that are counted before the report is told.
const TOLD_EVERY: u64 = 4096;
/// Most rows of a file that is turned round.
pub(super) const TURNED: usize = 5_000_000;

/// The rows of one file.
pub(super) struct Rows {
    lines: Lines,
    clock: Clock,
    /// Read ahead, to ask them about the one before them.
    ahead: VecDeque<Row>,
    before: Option<Timestamp>,
    path: PathBuf,
    report: Report,
    counted: u64,
    ended: bool,
}

/// Lines as they come, or from the last to the first.
enum Lines {
    Forward(Box<dyn Source>),
    Turned { lines: Vec<Line>, oddities: Oddities },
}

impl Rows {
    /// The rows of this source. `newest_first` says that it stands newest first.
    pub(super) fn new(
        mut source: Box<dyn Source>,
        zone: Zone,
        newest_first: bool,
        path: PathBuf,
        report: Report,
    ) -> Result<Self, InputError> {
        let lines = if newest_first { turned(source.as_mut(), &path)? } else { Lines::Forward(source) };
        let ahead = VecDeque::with_capacity(ASKED + 1);
        let clock = Clock::new(zone, Direction::Forward);
        Ok(Self { lines, clock, ahead, before: None, path, report, counted: 0, ended: false })
    }

    /// Path of the file.
    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The report that is told of what is left out.
    pub(super) const fn report(&self) -> &Report {
        &self.report
    }

    /// What was strange about numbers and names so far.
    pub(super) fn oddities(&self) -> Oddities {
        match &self.lines {
            Lines::Forward(source) => source.oddities(),
            Lines::Turned { oddities, .. } => oddities.clone(),
        }
    }

    /// Leaves a row out.
    pub(super) fn refuse(&self, line: u64, error: LineError) {
        self.report.unreadable(&self.path, line, error);
    }

    /// The next row that can be used; none at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        loop {
            while self.ahead.len() <= ASKED
                && let Some(row) = self.next_timed()?
            {
                self.ahead.push_back(row);
            }
            let Some(row) = self.ahead.pop_front() else {
                self.end();
                return Ok(None);
            };
            if self.is_absurd_time(&row) {
                self.refuse(row.line, LineError::AbsurdTime(row.ts));
            } else {
                self.before = Some(row.ts);
                return Ok(Some(row));
            }
        }
    }

    /// More than a day ahead of the row before, and one of those after it denies that.
    fn is_absurd_time(&self, row: &Row) -> bool {
        let Some(before) = self.before else { return false };
        let gap = row.ts.since(before);
        if gap <= DAY {
            return false;
        }
        let denied = self.ahead.iter().any(|next| row.ts.since(next.ts) > DAY);
        denied || (self.ahead.is_empty() && gap > LAST_AHEAD)
    }

    fn next_timed(&mut self) -> Result<Option<Row>, InputError> {
        while let Some((line, row)) = self.lines.next()? {
            self.count();
            match row.and_then(|row| self.timed(row)) {
                Ok(row) => return Ok(Some(row)),
                Err(error) => self.refuse(line, error),
            }
        }
        Ok(None)
    }

    fn timed(&mut self, row: WrittenRow) -> Result<Row, LineError> {
        let ts = match row.time {
            Moment::Utc(micros) => micros,
            Moment::Local(micros) => {
                self.clock.utc(micros).map_err(|error| LineError::Zone(error.to_string()))?
            }
        };
        Ok(Row { line: row.line, ts: Timestamp(ts), body: row.body, ours: row.ours })
    }

    fn count(&mut self) {
        self.counted += 1;
        if self.counted == TOLD_EVERY {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.report.row(std::mem::take(&mut self.counted), &self.path);
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.tell();
            self.report.ended(&self.path);
        }
    }
}

impl Lines {
    fn next(&mut self) -> Result<Option<Line>, InputError> {
        match self {
            Self::Forward(source) => source.next_line(),
            Self::Turned { lines, .. } => Ok(lines.pop()),
        }
    }
}

fn turned(source: &mut dyn Source, path: &std::path::Path) -> Result<Lines, InputError> {
    let mut lines = Vec::new();
    while let Some(line) = source.next_line()? {
        lines.push(line);
        if lines.len() > TURNED {
            return Err(InputError::TooLongToTurn { file: path.into(), limit: TURNED });
        }
    }
    Ok(Lines::Turned { lines, oddities: source.oddities() })
}
