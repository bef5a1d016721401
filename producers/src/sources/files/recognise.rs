//! Which form a file is of, and how its rows are to be read: by what its columns are called and look like.

use std::path::Path;
use std::sync::Arc;

use super::columns::{Column, Columns, plain, zone_of};
use super::container;
use super::forms::{Document, FORMS, Form, FormRef, Header, Kind, Local, Order};
use super::look::{Look, Seen, json_start, owned};
use super::numbers::DecimalSign;
use super::options::FileOptions;
use super::text::{Lines, decoded};
use super::times::{Moment, Orders, StyleError, TimeStyle, parse, style_of};
use super::zone::Zone;
use crate::error::InputError;

/// How the rows of a file are to be read.
#[derive(Debug)]
pub(super) struct Layout {
    /// What the file is.
    pub(super) form: FormRef,
    /// What its times mean where they name no zone.
    pub(super) zone: Zone,
    /// Nobody said what zone that is: UTC is taken.
    pub(super) zone_assumed: bool,
    /// `--zone` was given, and the form has its own.
    pub(super) zone_unused: bool,
    /// No date tells whether it has the day or the month first: this order makes the steps between rows short.
    pub(super) order_guessed: Option<TimeStyle>,
    /// None for JSON documents.
    pub(super) table: Option<Table>,
}

/// How the lines of a table are to be read.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// What separates cells.
    pub(super) delimiter: u8,
    /// What separates decimals.
    pub(super) decimal: DecimalSign,
    /// What the cells hold.
    pub(super) columns: Columns,
    /// How times are written.
    pub(super) times: TimeStyle,
    /// Rows begin after this line.
    pub(super) header_line: u64,
    /// An empty price is the one before.
    pub(super) sparse: bool,
    /// Rows of other symbols are passed over.
    pub(super) picks_symbol: bool,
    /// Cells of most rows.
    pub(super) width: usize,
}

/// Finds out what this file is.
///
/// # Errors
/// It is of no known form, or not of the one that was asked for, or its zone has to be said.
pub(super) fn recognise(path: &Path, options: &FileOptions) -> Result<Layout, InputError> {
    let opened = container::open(path, Arc::default())?;
    let error = |error: std::io::Error| super::io_error(path, &error);
    let mut reader = decoded(opened.reader).map_err(error)?;
    if let Some(begins) = json_start(path, reader.as_mut())? {
        return json(path, &begins, options);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = opened.member.map_or_else(|| name.clone().into(), |member| format!("{name}/{member}"));
    match Lines::new(reader).and_then(|mut lines| Look::at(file, &mut lines)).map_err(error)? {
        Seen::Nothing => Err(InputError::NoRows { file: path.into(), has: "it is empty" }),
        Seen::NoTable { begins } => Err(unknown(
            path,
            format!("no columns, it begins with {begins:?}"),
            "none of them has one column",
        )),
        Seen::Table(look) => of_table(path, &look, options),
    }
}

fn json(path: &Path, begins: &[u8], options: &FileOptions) -> Result<Layout, InputError> {
    let compact: Vec<u8> = begins.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let document = if compact.starts_with(b"[[") {
        Document::Arrays
    } else if compact.starts_with(b"{") && compact.windows(9).any(|part| part == b"\"candles\"") {
        Document::Candles
    } else {
        return Err(InputError::JsonShape { file: path.into() });
    };
    let found = FORMS.iter().find(|form| form.rows == Kind::Json(document));
    let form = found.ok_or_else(|| InputError::JsonShape { file: path.into() })?;
    if let Some(asked) = options.form
        && asked != FormRef(form)
    {
        let needs = needs(asked.0);
        let (file, header) = (path.into(), "a JSON document".into());
        return Err(InputError::Contradiction {
            file,
            asked: asked.name(),
            needs,
            header,
            form: Some(form.name),
        });
    }
    Ok(in_zone(form, &[], options))
}

fn of_table(path: &Path, look: &Look, options: &FileOptions) -> Result<Layout, InputError> {
    let fits: Vec<Result<Columns, Misfit>> = FORMS.iter().map(|form| fit(form, look)).collect();
    let fitting = || FORMS.iter().zip(&fits).find(|(_, fit)| fit.is_ok()).map(|(form, _)| form);
    let (form, columns) = match options.form {
        Some(asked) => (asked.0, forced(path, asked.0, look, fitting())?),
        None => FORMS
            .iter()
            .zip(&fits)
            .find_map(|(form, fit)| Some((form, fit.as_ref().ok()?.clone())))
            .ok_or_else(|| not_recognised(path, look, &fits))?,
    };
    if look.rows.is_empty() {
        return Err(InputError::NoRows { file: path.into(), has: "it has a header and nothing else" });
    }
    let columns = with_symbol(path, columns, look, options)?;
    let texts: Vec<String> = look.rows.iter().filter_map(|cells| time_text(cells, &columns)).collect();
    let (times, order_guessed) = times(path, look, &columns, &texts)?;
    let has_local_times = texts.iter().any(|text| matches!(parse(times, text), Some(Moment::Local(_))));
    let header = look.header.as_ref().map_or(&[][..], |(_, cells)| cells);
    let layout = in_zone(form, header, options);
    if layout.zone_assumed && is_local(form, header) && has_local_times {
        return Err(InputError::ZoneNeeded { file: path.into(), form: form.title });
    }
    let table = Table {
        delimiter: look.delimiter,
        decimal: look.decimal,
        columns,
        times,
        header_line: look.header.as_ref().map_or(0, |(line, _)| *line),
        sparse: form.sparse,
        picks_symbol: options.symbol_column.is_some(),
        width: look.width(),
    };
    Ok(Layout { table: Some(table), order_guessed: order_guessed.then_some(times), ..layout })
}

/// Why a file is not of a form, and how near it comes.
struct Misfit {
    near: usize,
    why: String,
}

fn fit(form: &Form, look: &Look) -> Result<Columns, Misfit> {
    match (look.columns(), &form.header, &form.order) {
        (Some(columns), Some(header), _) => fits_header(columns, header, look),
        (None, _, Some(order)) => fits_order(order, look),
        (Some(_), None, _) => Err(Misfit { near: 0, why: "it has no header, and the file has one".into() }),
        (None, _, None) => Err(Misfit { near: 0, why: "it has a header, and the file has none".into() }),
    }
}

fn fits_header(columns: Columns, header: &Header, look: &Look) -> Result<Columns, Misfit> {
    let missing: Vec<&str> =
        header.needs.iter().filter(|column| !columns.has(&[**column])).map(|column| column.name()).collect();
    let near = 2 * (header.needs.len() - missing.len()) + usize::from(columns.has_time());
    if !missing.is_empty() {
        let why = format!("there is no column for {}: call one so", missing.join(", "));
        return Err(Misfit { near, why });
    }
    if !columns.has_time() {
        return Err(Misfit { near, why: "there is no column for the time: call one so".into() });
    }
    let names = look.header.iter().flat_map(|(_, cells)| cells);
    let is_marked = |name: &String| header.marks.iter().any(|mark| is_mark(name, mark));
    if !header.marks.is_empty() && !names.clone().any(is_marked) {
        let why = format!("none of the columns is called {}", header.marks.join(" or "));
        return Err(Misfit { near, why });
    }
    Ok(columns)
}

/// The name is the mark, or begins with it where that ends with a bracket.
fn is_mark(name: &str, mark: &str) -> bool {
    let begins = name.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    begins && (name.len() == mark.len() || mark.ends_with('('))
}

/// Enough rows look like it, whatever one of them does: what is wrong with others is said line by line.
fn fits_order(order: &Order, look: &Look) -> Result<Columns, Misfit> {
    let alike = look.form_rows().filter(|row| (order.looks)(row)).count();
    if alike > 0 && (alike + 1) * 100 > look.rows.len() * order.percent {
        return Ok(Columns::in_order(order.columns));
    }
    let cells = look.rows.first().map_or(0, Vec::len);
    let near = usize::from(cells >= order.columns.len()) + alike.min(2);
    Err(Misfit { near, why: "its rows look different".into() })
}

/// The form that was asked for: what the file's header says must not be against it.
fn forced(
    path: &Path,
    form: &Form,
    look: &Look,
    other: Option<&'static Form>,
) -> Result<Columns, InputError> {
    let columns = match (fit(form, look), &form.order) {
        (Ok(columns), _) => Some(columns),
        (Err(_), Some(order)) if !look.has_known_header() => Some(Columns::in_order(order.columns)),
        (Err(_), _) => None,
    };
    columns.ok_or_else(|| InputError::Contradiction {
        file: path.into(),
        asked: form.name,
        needs: needs(form),
        header: match look.header {
            Some(_) => format!("the header {:?}", look.header_text()),
            None => format!("no header and begins with {:?}", look.begins),
        },
        form: other.map(|form| form.name),
    })
}

/// What a form is known by, for people.
fn needs(form: &Form) -> String {
    format!("{:?}", form.sample.lines().next().unwrap_or_default())
}

fn not_recognised(path: &Path, look: &Look, fits: &[Result<Columns, Misfit>]) -> InputError {
    let separator = match look.delimiter {
        b'\t' => "tabs".into(),
        other => format!("{:?}", char::from(other)),
    };
    let row =
        look.rows.first().map_or_else(String::new, |cells| format!(", a first row {:?}", cells.join(" ")));
    let seen = match &look.header {
        Some(_) => format!("a header {:?}{row}, separated by {separator}", look.header_text()),
        None => format!("no header, columns separated by {separator}{row}"),
    };
    let misfits = FORMS.iter().zip(fits).filter_map(|(form, fit)| Some((form, fit.as_ref().err()?)));
    let nearest = misfits.filter(|(_, misfit)| misfit.near > 0).max_by_key(|(_, misfit)| misfit.near);
    let nearest = match nearest {
        Some((form, misfit)) => format!("{}, but {}", form.name, misfit.why),
        None if look.header.is_some() => {
            "none: no name is known: call the columns time, open, high, low, close, or time, bid, ask".into()
        }
        None => "none comes near".into(),
    };
    unknown(path, seen, &nearest)
}

fn unknown(path: &Path, seen: String, nearest: &str) -> InputError {
    InputError::Form { file: path.into(), seen, nearest: nearest.into() }
}

/// The column that the command line names, as the one of the symbol.
fn with_symbol(
    path: &Path,
    mut columns: Columns,
    look: &Look,
    options: &FileOptions,
) -> Result<Columns, InputError> {
    let Some(name) = &options.symbol_column else { return Ok(columns) };
    let named =
        look.header.as_ref().and_then(|(_, cells)| cells.iter().position(|cell| plain(cell) == plain(name)));
    let numbered = || name.parse::<usize>().ok()?.checked_sub(1);
    let place = named.or_else(numbered).filter(|place| look.rows.iter().any(|row| row.len() > *place));
    let none =
        || InputError::SymbolColumn { file: path.into(), name: name.clone(), header: look.header_text() };
    columns.set(place.ok_or_else(none)?, Column::Symbol);
    Ok(columns)
}

/// How times are written, and whether that is a guess.
fn times(
    path: &Path,
    look: &Look,
    columns: &Columns,
    texts: &[String],
) -> Result<(TimeStyle, bool), InputError> {
    match style_of(texts.iter().map(String::as_str)) {
        Ok(style) => Ok((style, false)),
        Err(StyleError::Unknown(text)) => Err(InputError::TimeForm { file: path.into(), text }),
        Err(StyleError::DayOrMonthFirst(text)) => decided(path, look, columns, text),
    }
}

/// The whole file is asked where the first rows leave open whether the day or the month comes first: a row may tell,
/// else one of the two makes far shorter steps between rows.
fn decided(
    path: &Path,
    look: &Look,
    columns: &Columns,
    text: String,
) -> Result<(TimeStyle, bool), InputError> {
    let mut steps = Orders::default();
    let error = |error: std::io::Error| super::io_error(path, &error);
    let mut lines = Lines::new(container::open(path, Arc::default())?.reader).map_err(error)?;
    let mut splitter = super::cells::Splitter::new(look.delimiter);
    while let Some(line) = lines.next_line().map_err(error)? {
        let Ok(text) = line.text else { continue };
        let Some(text) = time_text(&owned(&mut splitter, text), columns) else { continue };
        if let Ok(style @ (TimeStyle::DayFirst | TimeStyle::MonthFirst)) =
            style_of(std::iter::once(text.as_str()))
        {
            return Ok((style, false));
        }
        steps.add(&text);
    }
    let open = || InputError::DayOrMonth { file: path.into(), text };
    steps.shorter().map(|style| (style, true)).ok_or_else(open)
}

/// The time of a row, date and clock joined where they are two columns.
fn time_text(cells: &[String], columns: &Columns) -> Option<String> {
    let cell = |column| columns.place(column).and_then(|place| cells.get(place));
    match (cell(Column::Time), cell(Column::Date), cell(Column::Clock)) {
        (Some(time), ..) => Some(time.clone()),
        (None, Some(date), Some(clock)) => Some(format!("{date} {clock}")),
        _ => None,
    }
}

/// The zone of times that name none: the form's, the header's, the one that was said, else UTC.
fn in_zone(form: &'static Form, header: &[String], options: &FileOptions) -> Layout {
    let layout = |zone, zone_assumed, zone_unused| Layout {
        form: FormRef(form),
        zone,
        zone_assumed,
        zone_unused,
        order_guessed: None,
        table: None,
    };
    let said = header.iter().find_map(|cell| zone_of(cell)).and_then(|name| name.parse::<Zone>().ok());
    match (form.local, said, options.zone) {
        (Local::Est, _, asked) => layout(Zone::EST, false, asked.is_some()),
        (_, Some(zone), asked) => layout(zone, false, asked.is_some()),
        (_, None, Some(zone)) => layout(zone, false, false),
        (_, None, None) => layout(Zone::UTC, true, false),
    }
}

/// The file says that its times are of some zone, and not of which.
fn is_local(form: &Form, header: &[String]) -> bool {
    form.local == Local::Broker || header.iter().any(|cell| plain(cell) == "localtime")
}
