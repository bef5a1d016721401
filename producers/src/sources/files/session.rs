//! The session of a run over files, which is named after everything that decides its ticks.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use uuid::Uuid;

use super::io_error;
use super::{FileOptions, Input, OpenFiles};
use crate::error::InputError;

/// Raised when the same bytes are read as other ticks.
const READER_VERSION: u32 = 2;
/// Bytes hashed at a time.
const CHUNK: usize = 64 * 1024;

/// The session of a run over these inputs: the same content, symbols, forms, zone and band give the same name, wherever
/// the files lie. A chain of UUIDv5 over the content in pieces.
///
/// # Errors
/// A file is missing or cannot be read.
pub fn session(inputs: &[Input], options: &FileOptions, opened: &OpenFiles) -> Result<String, InputError> {
    let mut hash = Uuid::nil();
    let zone = options.zone.map(|zone| zone.to_string()).unwrap_or_default();
    let column = options.symbol_column.as_deref().unwrap_or_default();
    for (input, form) in inputs.iter().zip(&opened.forms) {
        let head = format!(
            "{READER_VERSION}|{}|{form}|{}|{zone}|{column}|{}",
            input.symbol,
            input.ask.is_some(),
            options.band()
        );
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
