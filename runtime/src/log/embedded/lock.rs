//! The single writer: a locked file that holds its pid.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use super::io;
use crate::log::{LogError, Result};

/// Held as long as this lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
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
            Err(TryLockError::WouldBlock) => return Err(held(dir)),
            Err(TryLockError::Error(error)) => return Err(io("lock", &path, &error)),
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .map_err(|error| io("write", &path, &error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing alone is not enough: a process being started has a copy of the file until it begins its program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// The pid of who holds the directory, or held it last.
pub(super) fn holder(dir: &Path) -> Option<String> {
    std::fs::read_to_string(dir.join("lock")).ok().filter(|pid| !pid.is_empty())
}

fn held(dir: &Path) -> LogError {
    let holder = holder(dir).unwrap_or_else(|| "unknown (it is just starting)".into());
    LogError::Held { location: dir.display().to_string(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_given_up_is_free_although_a_copy_of_its_file_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let _copy = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(dir.path()), Err(LogError::Held { .. })));
        drop(lock);
        Lock::take(dir.path()).unwrap();
    }
}
