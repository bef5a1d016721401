//! Files that a tenant's file names: written once, readable by their owner alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bellwether_runtime::secret::Secret;

use crate::exit::{CONFIG, Coded, IO};

/// What is to be written for one tenant: all of it, or nothing.
#[derive(Default)]
pub(super) struct NewFiles {
    files: Vec<NewFile>,
}

struct NewFile {
    path: PathBuf,
    text: Secret,
    mode: u32,
}

impl NewFiles {
    /// A file with a secret: 0600.
    pub(super) fn secret(&mut self, path: PathBuf, text: Secret) {
        self.files.push(NewFile { path, text, mode: 0o600 });
    }

    /// A file that everybody may read.
    pub(super) fn plain(&mut self, path: PathBuf, text: String) {
        self.files.push(NewFile { path, text: Secret::new(text), mode: 0o644 });
    }

    /// Those of them that are there already.
    pub(super) fn existing(&self) -> Vec<&Path> {
        let paths = self.files.iter().map(|file| file.path.as_path());
        paths.filter(|path| path.symlink_metadata().is_ok()).collect()
    }

    /// Writes them in their order. Where one of them is there already or cannot be written whole, none stays.
    pub(super) fn write(self) -> Result<Vec<PathBuf>, Coded> {
        self.write_with(|file, text| writeln!(file, "{text}"))
    }

    fn write_with(self, fill: impl Fn(&mut File, &str) -> io::Result<()>) -> Result<Vec<PathBuf>, Coded> {
        let mut written = Vec::new();
        for file in &self.files {
            let filled = file.create().and_then(|mut created| {
                written.push(file.path.clone());
                fill(&mut created, file.text.reveal()).map_err(|error| file.failed(&error))
            });
            if let Err(error) = filled {
                take_back(&written);
                return Err(error);
            }
        }
        Ok(written)
    }
}

/// Removes what was just written.
pub(super) fn take_back(written: &[PathBuf]) {
    for path in written {
        let _ = std::fs::remove_file(path);
    }
}

impl NewFile {
    /// There, and empty.
    fn create(&self) -> Result<File, Coded> {
        let Self { path, mode, .. } = self;
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            let mode = if *mode == 0o600 { 0o700 } else { 0o755 };
            let made = DirBuilder::new().recursive(true).mode(mode).create(dir);
            made.map_err(|error| self.failed(&error))?;
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(*mode).open(path);
        created.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Coded {
        let path = self.path.display();
        match error.kind() {
            ErrorKind::AlreadyExists => Coded {
                code: CONFIG,
                message: format!("{path} is there already, and nothing is overwritten"),
            },
            _ => Coded { code: IO, message: format!("{path}: {error}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> NewFiles {
        let mut files = NewFiles::default();
        files.secret(dir.join("secrets/one"), Secret::new("swordfish"));
        files.plain(dir.join("two"), "whole".into());
        files
    }

    #[test]
    fn where_one_file_cannot_be_written_whole_none_stays_and_what_was_there_does() {
        let dir = tempfile::tempdir().unwrap();
        let half = |file: &mut File, text: &str| match text {
            "whole" => file.write_all(b"wh").and(Err(io::Error::other("the disk is full"))),
            _ => Ok(()),
        };
        let told = files(dir.path()).write_with(half).unwrap_err().message;
        assert!(told.ends_with("two: the disk is full"), "{told}");
        assert!(!dir.path().join("two").exists() && !dir.path().join("secrets/one").exists());
        std::fs::write(dir.path().join("two"), "before").unwrap();
        files(dir.path()).write().unwrap_err();
        assert_eq!(std::fs::read_to_string(dir.path().join("two")).unwrap(), "before");
        assert!(!dir.path().join("secrets/one").exists());
    }
}
