//! Opens a file as text, whether it lies there plain, gzipped or in a zip archive: by content, not by name.

mod member;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::magic::kind_of;
use crate::error::InputError;

/// What a gzip file begins with.
const GZIP: &[u8] = b"\x1f\x8b";
/// What zip archives begin with: with a member, without one, as a part of several.
const ZIPS: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
/// Bytes read at a time.
const BUFFER: usize = 64 * 1024;

/// A file that is ready to be read.
pub(super) struct Opened {
    /// Its text, unpacked.
    pub(super) reader: Box<dyn BufRead + Send>,
    /// Name of the archive's member that is read.
    pub(super) member: Option<String>,
}

/// Opens a file. `bytes` grows by what is read of it, as it lies on disk.
///
/// # Errors
/// It is missing, empty, no text, or an archive that is damaged or holds not exactly one file of data.
pub(super) fn open(path: &Path, bytes: Arc<AtomicU64>) -> Result<Opened, InputError> {
    let mut opened = unpacked(path, bytes)?;
    let begins = opened.reader.fill_buf().map_err(|error| io_error(path, &error))?;
    if begins.is_empty() {
        return Err(InputError::NoRows { file: path.into(), has: "it is empty" });
    }
    match kind_of(begins) {
        Some(kind) => Err(InputError::Kind { file: path.into(), what: kind.what, advice: kind.advice }),
        None => Ok(opened),
    }
}

fn unpacked(path: &Path, bytes: Arc<AtomicU64>) -> Result<Opened, InputError> {
    let failed = |error| io_error(path, &error);
    let mut file = Counted::new(File::open(path).map_err(failed)?, bytes);
    let begins = file.reader.fill_buf().map_err(failed)?;
    if ZIPS.iter().any(|zip| begins.starts_with(zip)) {
        return member::open(path, file);
    }
    if begins.starts_with(GZIP) {
        return Ok(Opened { reader: unpacking(MultiGzDecoder::new(file)), member: None });
    }
    Ok(Opened { reader: Box::new(file), member: None })
}

/// A buffer over a decoder whose errors are the archive's.
fn unpacking(decoder: impl Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER, Unpacking(decoder)))
}

/// A file that counts what is used of it; looking ahead counts nothing.
struct Counted {
    reader: BufReader<File>,
    bytes: Arc<AtomicU64>,
}

impl Counted {
    fn new(file: File, bytes: Arc<AtomicU64>) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, file), bytes }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, used: usize) {
        self.reader.consume(used);
        self.bytes.fetch_add(used as u64, Ordering::Relaxed);
    }
}

/// An archive is not what its author packed.
#[derive(Debug, thiserror::Error)]
#[error("damaged archive: {0}: fetch it again")]
struct Damage(String);

impl Damage {
    fn error(reason: impl Into<String>) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, Self(reason.into()))
    }
}

/// A decoder's output; what the decoder finds wrong becomes [`Damage`], what the disk finds wrong stays as it is.
struct Unpacking<R>(R);

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            _ if is_damage(&error) => error,
            ErrorKind::UnexpectedEof => Damage::error("it ends too early"),
            ErrorKind::InvalidData | ErrorKind::InvalidInput => Damage::error(error.to_string()),
            _ => error,
        })
    }
}

/// Whether reading failed because an archive is damaged, not because of the disk.
pub(super) fn is_damage(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Damage>())
}

/// What a failure to open or to read means for the file.
pub(super) fn io_error(path: &Path, error: &io::Error) -> InputError {
    let file = path.into();
    match error.kind() {
        _ if is_damage(error) => InputError::Archive { file, reason: error.to_string() },
        ErrorKind::IsADirectory => {
            InputError::Kind { file, what: "a directory", advice: "name a file in it" }
        }
        ErrorKind::NotFound => InputError::Missing { file },
        _ => InputError::Io { file, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
