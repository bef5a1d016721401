//! Input files: their form, their quotes, and the session that is named after their content.

pub mod dukascopy;
mod fields;
pub mod histdata;
mod input;
pub mod lines;
pub mod m1;
pub mod merge;
pub mod named;
pub mod ticks;
pub mod truefx;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use uuid::Uuid;

use self::lines::{Report, Rows, first_lines, io_error};
use self::merge::Merged;
use self::named::{Named, NamedQuotes, Owner};
use super::Quotes;
use crate::error::{InputError, LineError};

pub use self::input::{Form, Input};

/// Lines a form is recognised by.
const LOOKED_AT: usize = 10;
/// Bytes hashed at a time.
const CHUNK: usize = 64 * 1024;

/// Opens the inputs, merged by time. Nothing is returned unless each has a readable line.
///
/// # Errors
/// A file is missing, of no known form, or without a readable line.
pub fn open(inputs: &[Input], forced: Option<Form>, report: &Report) -> Result<Merged, InputError> {
    let mut sources = Vec::with_capacity(inputs.len());
    for (input, symbol) in inputs.iter().zip(0..) {
        let form = form_of(input, forced)?;
        let mut quotes = open_one(input, form, symbol, report)?.peekable();
        if quotes.peek().is_none() {
            return Err(InputError::NothingReadable {
                file: input.file.clone(),
                unreadable: report.of(&input.file),
                form: form.name(),
            });
        }
        sources.push(Box::new(quotes) as Quotes);
    }
    Merged::new(sources)
}

fn form_of(input: &Input, forced: Option<Form>) -> Result<Form, InputError> {
    let form = match forced {
        Some(form) => form,
        None => recognise(&input.file)?,
    };
    if input.ask.is_some() && form != Form::M1 {
        let given = format!("{}={}+…", input.symbol, input.file.display());
        return Err(InputError::Usage { given, reason: "only one-minute bars have a second file" });
    }
    Ok(form)
}

fn recognise(file: &Path) -> Result<Form, InputError> {
    let lines = first_lines(file, LOOKED_AT)?;
    if let Some(form) = lines.iter().find_map(|line| of_header(line)) {
        return Ok(form);
    }
    if lines.iter().any(|line| histdata::parse(line, &()).is_ok()) {
        return Ok(Form::Histdata);
    }
    if lines.iter().any(|line| truefx::parse(line, &Owner::default()).is_ok()) {
        return Ok(Form::Truefx);
    }
    let begins = lines.first().map_or_else(String::new, |line| line.chars().take(60).collect());
    Err(InputError::Form { file: file.into(), begins })
}

fn of_header(line: &str) -> Option<Form> {
    if m1::is_header(line) {
        Some(Form::M1)
    } else if ticks::header(line).is_some() {
        Some(Form::Ticks)
    } else if dukascopy::is_header(line) {
        Some(Form::Dukascopy)
    } else {
        None
    }
}

fn open_one(input: &Input, form: Form, symbol: u16, report: &Report) -> Result<Quotes, InputError> {
    let named = |parse: fn(&str, &Owner) -> Result<Named, LineError>| {
        // Data begins with a digit, or is TrueFX's, which has no header.
        let skip = |line: &str| !line.starts_with(|c: char| c.is_ascii_digit()) && of_header(line).is_some();
        let rows = Rows::open(&input.file, Owner::new(&input.symbol), parse, skip, report)?;
        Ok(Box::new(NamedQuotes::new(rows, symbol)))
    };
    Ok(match form {
        Form::Histdata => {
            let rows = Rows::open(&input.file, (), histdata::parse, |_| false, report)?;
            Box::new(histdata::Histdata::new(rows, symbol))
        }
        Form::M1 => {
            let rows = |path: &Path| Rows::open(path, (), m1::parse, m1::is_header, report);
            let asks = input.ask.as_deref().map(rows).transpose()?;
            Box::new(m1::M1::new(rows(&input.file)?, asks, symbol))
        }
        Form::Truefx => named(truefx::parse)?,
        Form::Dukascopy => named(dukascopy::parse)?,
        Form::Ticks => {
            let lines = first_lines(&input.file, LOOKED_AT)?;
            match lines.iter().find_map(|line| ticks::header(line)) {
                Some(true) => named(ticks::parse_named)?,
                Some(false) | None => named(ticks::parse)?,
            }
        }
    })
}

/// The session of a run over these inputs: the same content, symbols and forms give the same name, wherever the
/// files lie. A chain of UUIDv5 over the content in pieces.
///
/// # Errors
/// A file is missing or cannot be read.
pub fn session(inputs: &[Input], forced: Option<Form>) -> Result<String, InputError> {
    let mut hash = Uuid::nil();
    for input in inputs {
        let head = format!("{}|{}|{}", input.symbol, form_of(input, forced)?, input.ask.is_some());
        hash = Uuid::new_v5(&hash, head.as_bytes());
        for file in std::iter::once(&input.file).chain(&input.ask) {
            hash = content(hash, file)?;
        }
    }
    Ok(hash.to_string())
}

fn content(mut hash: Uuid, path: &Path) -> Result<Uuid, InputError> {
    let error = |error: std::io::Error| io_error(path, &error);
    let mut file = File::open(path).map_err(error)?;
    let mut piece = Vec::with_capacity(CHUNK);
    while (&mut file).take(CHUNK as u64).read_to_end(&mut piece).map_err(error)? > 0 {
        hash = Uuid::new_v5(&hash, &piece);
        piece.clear();
    }
    Ok(hash)
}
