//! The report: one page that needs nothing but itself.

mod around;
mod axes;
mod calendar;
mod chart;
mod comparison;
mod looks;
pub(crate) mod numbers;
mod page;
mod provenance;
mod recorded;
mod view;
mod words;

use std::path::Path;

use crate::BacktestError;
use crate::alerts::Alert;
use crate::study::Study;
use crate::summary::Summary;

pub(crate) use provenance::hex;
pub use provenance::{Ingredient, Provenance, redact, sha256_of};

/// Everything the page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The alerts of the run.
    pub alerts: &'a [Alert],
    /// The run's numbers, as the terminal shows them.
    pub summary: &'a Summary,
    /// What was gathered on the way.
    pub study: &'a Study,
    /// How to get the same again.
    pub provenance: &'a Provenance,
}

/// Creates the file, so that a place that cannot be written is known before the run.
///
/// # Errors
/// The file cannot be created.
pub fn reserve(file: &Path) -> Result<(), BacktestError> {
    let failed = |error: std::io::Error| BacktestError::Io { file: file.into(), reason: error.to_string() };
    std::fs::File::create(file).map(drop).map_err(failed)
}

/// Writes the page.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path, contents: &Contents<'_>) -> Result<(), BacktestError> {
    let page = page::render(contents).map_err(|error| BacktestError::Page(format!("{error:#}")))?;
    let failed = |error: std::io::Error| BacktestError::Io { file: file.into(), reason: error.to_string() };
    std::fs::write(file, page).map_err(failed)
}
