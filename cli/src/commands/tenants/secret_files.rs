//! Files that a tenant's file names: written once, readable by their owner alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
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

    /// Writes them in their order. Where one of them is there already or cannot be written, none stays.
    pub(super) fn write(self) -> Result<Vec<PathBuf>, Coded> {
        let mut written = Vec::new();
        for file in &self.files {
            if let Err(error) = file.write() {
                take_back(&written);
                return Err(error);
            }
            written.push(file.path.clone());
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
    fn write(&self) -> Result<(), Coded> {
        let Self { path, text, mode } = self;
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => Coded {
                code: CONFIG,
                message: format!("{} is there already, and nothing is overwritten", path.display()),
            },
            _ => Coded { code: IO, message: format!("{}: {error}", path.display()) },
        };
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            let mode = if *mode == 0o600 { 0o700 } else { 0o755 };
            DirBuilder::new().recursive(true).mode(mode).create(dir).map_err(failed)?;
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(*mode).open(path).map_err(failed)?;
        writeln!(file, "{}", text.reveal()).map_err(failed)
    }
}
