//! Inputs opened: each looked at as a whole first, so that what is wrong with it is said before anything is played.

use std::path::Path;

use bellwether_schemas::ticks::Spacing;
use bellwether_schemas::time::{DAY, HOUR, MINUTE, SessionAnchor};
use bellwether_schemas::{Timeframe, Timestamp};

use super::bars::Bars;
use super::document::DocumentRows;
use super::forms::{FormRef, Kind};
use super::grid::{Grid, WEEK, length};
use super::merge::Merged;
use super::owner::Owner;
use super::quotes::Ticks;
use super::recognise::{Layout, recognise};
use super::report::Report;
use super::row::Source;
use super::rows::Rows;
use super::survey::{Survey, survey};
use super::table::TableRows;
use super::times::TimeStyle;
use super::zone::Zone;
use super::{FileOptions, FileQuotes, Input};
use crate::error::InputError;

/// Inputs that can be read, and what they turned out to be.
pub struct OpenFiles {
    /// Their quotes, merged by time.
    pub quotes: Merged,
    /// Form of each input.
    pub forms: Vec<FormRef>,
    /// Length in microseconds of the bars of each input; none for ticks.
    pub spacings: Vec<Option<i64>>,
}

/// A file that was looked at as a whole.
struct Surveyed<'a> {
    path: &'a Path,
    layout: Layout,
    survey: Survey,
}

/// Opens the inputs, merged by time. Nothing is returned unless each has a readable line.
///
/// # Errors
/// A file is missing, of no known form, without a readable line, or contradicts what is said of it.
pub fn open(inputs: &[Input], options: &FileOptions, report: &Report) -> Result<OpenFiles, InputError> {
    let (mut sources, mut forms, mut spacings) = (Vec::new(), Vec::new(), Vec::new());
    for (input, symbol) in inputs.iter().zip(0..) {
        let (quotes, form, spacing) = open_one(input, symbol, options, report)?;
        sources.push(quotes);
        forms.push(form);
        spacings.push(spacing);
    }
    Ok(OpenFiles { quotes: Merged::new(sources)?, forms, spacings })
}

type One = (FileQuotes, FormRef, Option<i64>);

fn open_one(input: &Input, symbol: u16, options: &FileOptions, report: &Report) -> Result<One, InputError> {
    let owner = options.owner(input);
    let look = |path| surveyed(path, input, &owner, options).map_err(|error| of_pair(input, error));
    let file = look(input.file.as_path())?;
    let ask = input.ask.as_deref().map(look).transpose()?;
    file.say(report);
    if let Some(ask) = &ask {
        ask.say(report);
        ask.goes_with(&file, report)?;
    }
    let asks = ask.as_ref().map(|ask| ask.rows(&owner, report)).transpose()?;
    let rows = file.rows(&owner, report)?;
    let form = file.layout.form;
    if file.is_ticks() {
        let quotes = first(Box::new(Ticks::new(rows, asks, symbol)), &file, report)?;
        return Ok((quotes, form, None));
    }
    let spacing = file.survey.spacing.unwrap_or(MINUTE);
    let grid = Grid::new(spacing, options.anchor(symbol));
    file.lies_on(&grid, input, &owner)?;
    file.say_what_it_lacks(spacing, report);
    let zone_assumed = file.layout.zone_assumed && file.survey.has_local_times;
    let bars = Bars::new(rows, asks, symbol, grid, options.band(), zone_assumed);
    Ok((first(Box::new(bars), &file, report)?, form, Some(spacing)))
}

/// Quotes of which there is at least one.
fn first(quotes: FileQuotes, file: &Surveyed<'_>, report: &Report) -> Result<FileQuotes, InputError> {
    let mut quotes = quotes.peekable();
    if quotes.peek().is_none() {
        return Err(file.nothing(report.of(file.path)));
    }
    Ok(Box::new(quotes))
}

/// A name with a + in it is taken for two.
fn of_pair(input: &Input, error: InputError) -> InputError {
    match error {
        InputError::Missing { file } if input.ask.is_some() => InputError::MissingHalf { file },
        other => other,
    }
}

fn surveyed<'a>(
    path: &'a Path,
    input: &Input,
    owner: &Owner,
    options: &FileOptions,
) -> Result<Surveyed<'a>, InputError> {
    let layout = recognise(path, options)?;
    let mut source = line_source(path, &layout, owner, &Report::default())?;
    let survey = survey(source.as_mut(), layout.form.kind())?;
    let file = Surveyed { path, layout, survey };
    if file.survey.ours == 0 && !file.survey.oddities.others.is_empty() {
        let names = file.survey.oddities.others.join(", ");
        return Err(InputError::OtherSymbol { file: path.into(), names, given: input.symbol.clone() });
    }
    if file.survey.rows == 0 {
        return Err(file.nothing(file.survey.unreadable));
    }
    Ok(file)
}

fn line_source(
    path: &Path,
    layout: &Layout,
    owner: &Owner,
    report: &Report,
) -> Result<Box<dyn Source>, InputError> {
    let bytes = report.byte_counter();
    Ok(match (layout.form.kind(), &layout.table) {
        (Kind::Json(document), _) => Box::new(DocumentRows::open(path, document, owner, bytes)?),
        (kind, Some(table)) => Box::new(TableRows::open(path, kind, table, owner.clone(), bytes)?),
        (_, None) => return Err(InputError::NoRows { file: path.into(), has: "it is no table" }),
    })
}

impl Surveyed<'_> {
    fn is_ticks(&self) -> bool {
        self.layout.form.kind() == Kind::Ticks
    }

    fn rows(&self, owner: &Owner, report: &Report) -> Result<Rows, InputError> {
        let source = line_source(self.path, &self.layout, owner, report)?;
        Rows::new(source, self.layout.zone, self.survey.newest_first, self.path.into(), report.clone())
    }

    fn nothing(&self, unreadable: u64) -> InputError {
        InputError::NothingReadable {
            file: self.path.into(),
            unreadable,
            form: self.layout.form.name(),
            first: self.survey.first_unreadable.as_ref().map(|(line, error)| format!("{line}: {error}")),
        }
    }

    /// What is strange about it, as far as that is known before it is read.
    fn say(&self, report: &Report) {
        if self.survey.newest_first {
            report.notice(self.path, None, "newest first: it is read from the end".into());
        }
        if self.layout.zone_unused {
            let form = self.layout.form;
            let text =
                format!("--zone is not used: the times of {form} are of {} by definition", self.layout.zone);
            report.notice(self.path, None, text);
        }
        if let Some(order) = self.layout.order_guessed {
            let first = if order == TimeStyle::MonthFirst { "month" } else { "day" };
            let text = format!(
                "no date tells whether the day or the month is first: read with the {first} first, so that rows follow \
                 closely; write 2012-02-01 if that is wrong"
            );
            report.notice(self.path, None, text);
        }
    }

    /// Which timeframes get nothing from bars of that length.
    fn say_what_it_lacks(&self, spacing: i64, report: &Report) {
        let makes =
            |timeframe: &Timeframe| Spacing::new(spacing).is_some_and(|spacing| spacing.makes(*timeframe));
        let lacking: Vec<&str> = Timeframe::ALL
            .iter()
            .filter(|timeframe| !makes(timeframe))
            .map(|timeframe| timeframe.code())
            .collect();
        if !lacking.is_empty() {
            let (bars, names) = (length(spacing), lacking.join(", "));
            let text = format!("bars of {bars}: alerts and readings of {names} get nothing from it");
            report.notice(self.path, None, text);
        }
    }

    /// A file of the ask must be of the same kind and spacing as that of the bid.
    fn goes_with(&self, bid: &Self, report: &Report) -> Result<(), InputError> {
        let (ours, theirs) = (self.layout.form, bid.layout.form);
        let wrong = |reason: String| Err(InputError::AskFile { file: self.path.into(), reason });
        if bid.is_ticks() != self.is_ticks() {
            return wrong(format!(
                "the ask file is of another form: {ours} beside {theirs}: give two of one form"
            ));
        }
        if bid.is_ticks() && !(bid.has_one_side() && self.has_one_side()) {
            let file = bid.path.display();
            return wrong(format!("{file} has bid and ask already: give one file"));
        }
        if let (Some(asks), Some(bids)) = (self.survey.spacing, bid.survey.spacing)
            && asks != bids
        {
            let (asks, bids) = (length(asks), length(bids));
            return wrong(format!(
                "the ask file has bars of {asks}, the bid file of {bids}: give two of one length"
            ));
        }
        if ours != theirs {
            report.notice(
                self.path,
                None,
                format!("the ask file is of another form: {ours} beside {theirs}"),
            );
        }
        Ok(())
    }

    /// One price a row.
    fn has_one_side(&self) -> bool {
        let columns = self.layout.table.as_ref().map(|table| &table.columns);
        columns.is_some_and(|columns| columns.place(super::columns::Column::Price).is_some())
    }

    /// Bars of four hours and longer begin where those of their symbol do.
    fn lies_on(&self, grid: &Grid, input: &Input, owner: &Owner) -> Result<(), InputError> {
        if !grid.is_long() {
            return Ok(());
        }
        let mut rows = self.rows(owner, &Report::silent())?;
        while let Some(row) = rows.next_row()? {
            if let Some(expected) = grid.misses(row.ts) {
                let advice = self.advice(grid, row.ts, expected, input);
                return Err(InputError::Grid {
                    file: self.path.into(),
                    line: row.line,
                    spacing: length(grid.spacing),
                    symbol: input.symbol.clone(),
                    open: row.ts,
                    expected,
                    advice,
                });
            }
        }
        Ok(())
    }

    /// What to do about a bar that opens at another time than expected.
    fn advice(&self, grid: &Grid, open: Timestamp, expected: Timestamp, input: &Input) -> String {
        let symbol = &input.symbol;
        if Grid::new(grid.spacing, SessionAnchor::UTC).misses(open).is_none() {
            return format!("its days begin at 00:00 UTC, say --anchor-utc {symbol}");
        }
        if grid.spacing == WEEK && open.since(expected) <= 2 * DAY {
            return "weeks begin on Sunday here: give a file of days, of which weeks are made".into();
        }
        match self.layout.zone {
            Zone::Area(zone) if open.since(expected) == HOUR || expected.since(open) == HOUR => format!(
                "clocks of {zone} and of New York change on other days; give a file of hours or shorter bars, of which \
                 these are made"
            ),
            _ => format!("say --zone, or --anchor-utc {symbol} for days from 00:00 UTC"),
        }
    }
}
