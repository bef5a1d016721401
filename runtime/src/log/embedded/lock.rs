//! The single writer: a locked file that holds its pid.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use super::io;
use crate::log::{LogError, Result};

/// Held as long as this lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of that directory.
    ///
    /// # Errors
    /// Another holder, named by the pid it left in the file.
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(|error| io("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir, &path)),
            Err(TryLockError::Error(error)) => return Err(io("lock", &path, &error)),
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .map_err(|error| io("write", &path, &error))?;
        Ok(Self { _file: file })
    }
}

fn held(dir: &Path, path: &Path) -> LogError {
    let pid = std::fs::read_to_string(path).unwrap_or_default();
    let holder = if pid.is_empty() { "unknown (it is just starting)".into() } else { pid };
    LogError::Held { location: dir.display().to_string(), holder }
}
