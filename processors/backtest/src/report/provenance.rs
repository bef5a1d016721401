//! How to get the same result again: the command, what went in, and the version.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ring::digest::{Context, SHA256};
use serde::Serialize;

use crate::BacktestError;

/// Bytes hashed at a time.
const CHUNK: usize = 64 * 1024;

/// What a result came from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Provenance {
    /// The command line, without secrets.
    pub command: String,
    /// The files, or the journal.
    pub sources: Vec<Ingredient>,
    /// Version of the program.
    pub version: String,
    /// Version of the engine's rules.
    pub engine: i32,
}

/// One thing that went in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ingredient {
    /// Path of the file, as it was given.
    pub name: String,
    /// Its size in bytes, or records of a journal.
    pub size: String,
    /// Of its content, in hexadecimal.
    pub sha256: String,
}

/// A file that went in, named by its content.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of(path: &Path) -> Result<Ingredient, BacktestError> {
    let failed = |error: std::io::Error| BacktestError::Io { file: path.into(), reason: error.to_string() };
    let mut file = File::open(path).map_err(failed)?;
    let (mut context, mut size) = (Context::new(&SHA256), 0);
    let mut piece = vec![0; CHUNK];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            break;
        }
        context.update(&piece[..read]);
        size += read;
    }
    Ok(Ingredient { name: path.display().to_string(), size: format!("{size} bytes"), sha256: hex(context) })
}

pub(crate) fn hex(context: Context) -> String {
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command line as one would type it, without what may be a password in a URL.
#[must_use]
pub fn redact(arguments: &[String]) -> String {
    let shown = arguments.iter().skip(1).map(|argument| quoted(&without_credentials(argument)));
    std::iter::once("bellwether".into()).chain(shown).collect::<Vec<_>>().join(" ")
}

fn without_credentials(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else { return argument.into() };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}"),
        None => argument.into(),
    }
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+./:,@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.into();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed_without_credentials() {
        let arguments =
            ["bellwether", "--log", "kafka://me:swordfish@broker:9092", "--alerts", "it's mine.json"];
        let shown = redact(&arguments.map(String::from));
        assert_eq!(shown, r"bellwether --log 'kafka://…@broker:9092' --alerts 'it'\''s mine.json'");
    }

    #[test]
    fn a_file_is_named_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix B.1
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(&path).unwrap().sha256, expected);
    }
}
