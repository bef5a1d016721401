//! What a process is called among its like: a member of a group by its static id, `<host>-<role>-<slot>`. A process that
//! comes back at once finds its slot free and its id, and with it its topics, as they were.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::log::{LogError, Result};

/// Members of one group on one host.
const MAX_SLOTS: u32 = 1024;

/// A number that no other member of the group on this host has. The system frees it when the process ends.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u32,
    _lock: File,
}

impl Slot {
    /// The first free one.
    pub(crate) fn take(dir: &Path, group: &str) -> Result<Self> {
        open_dir(dir).map_err(|error| io("cannot make", dir, &error))?;
        for number in 0..MAX_SLOTS {
            let path = dir.join(format!("{group}-{number}.lock"));
            let lock = open(&path).map_err(|error| io("cannot open", &path, &error))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { number, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(io("cannot lock", &path, &error)),
            }
        }
        Err(LogError::Held {
            location: format!("group {group}"),
            holder: format!("of each of {MAX_SLOTS} slots"),
        })
    }

    /// The number.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// The member's static id.
    pub(crate) fn id(&self, host: &str, group: &str) -> String {
        format!("{host}-{group}-{}", self.number)
    }
}

/// This machine's name, in letters that a static id may have.
#[must_use]
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String =
        name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if name.is_empty() { "host".into() } else { name }
}

/// For every user of the machine: two of them must not have the same number.
fn open_dir(dir: &Path) -> std::io::Result<()> {
    if !dir.is_dir() {
        std::fs::create_dir_all(dir)?;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o1777))?;
    }
    Ok(())
}

fn open(path: &Path) -> std::io::Result<File> {
    // An existing file is somebody's, perhaps another user's: reading it is enough to lock it.
    File::open(path).or_else(|_| OpenOptions::new().create(true).append(true).mode(0o644).open(path))
}

fn io(what: &str, path: &Path, error: &std::io::Error) -> LogError {
    LogError::Io { what: format!("{what} {}", path.display()), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_slot_is_taken_and_free_again_when_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let first = Slot::take(dir.path(), "sink").unwrap();
        let second = Slot::take(dir.path(), "sink").unwrap();
        assert_eq!([first.id("h", "sink"), second.id("h", "sink")], ["h-sink-0", "h-sink-1"]);
        drop(first);
        assert_eq!(Slot::take(dir.path(), "sink").unwrap().number, 0);
        assert_eq!(Slot::take(dir.path(), "other").unwrap().number, 0);
    }
}
