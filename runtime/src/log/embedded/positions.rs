//! How far each group has read: one small file a group and topic, replaced by renaming.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bellwether_schemas::Topic;

use super::io;
use crate::log::{LogError, Result};

/// The next offset the group reads, if it ever committed one.
pub(super) fn read(dir: &Path, group: &str, topic: &Topic) -> Result<Option<u64>> {
    let path = file(dir, group, topic)?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", &path, &error)),
    };
    let what = || format!("read {}", path.display());
    let number = |_| LogError::Io { what: what(), reason: format!("{:?} is no offset", text.trim()) };
    text.trim().parse().map(Some).map_err(number)
}

/// Replaces it; `sync` makes it survive a power cut.
pub(super) fn write(dir: &Path, group: &str, topic: &Topic, next_offset: u64, sync: bool) -> Result<()> {
    let path = file(dir, group, topic)?;
    let parent = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(parent).map_err(|error| io("create", parent, &error))?;
    let whole = path.with_extension("tmp");
    replace(&whole, &path, next_offset, sync).map_err(|error| io("write", &path, &error))
}

/// No group stands anywhere in the topic any more.
pub(super) fn forget(dir: &Path, topic: &Topic) -> Result<()> {
    let groups = dir.join("groups");
    let failed = |error: std::io::Error| io("forget positions in", &groups, &error);
    let entries = match std::fs::read_dir(&groups) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for group in entries {
        match std::fs::remove_file(group.map_err(failed)?.path().join(format!("{topic}.offset"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}

fn replace(whole: &Path, path: &Path, next_offset: u64, sync: bool) -> std::io::Result<()> {
    let mut file = File::create(whole)?;
    file.write_all(format!("{next_offset}\n").as_bytes())?;
    if sync {
        file.sync_data()?;
    }
    std::fs::rename(whole, path)
}

/// Names of groups are part of a path: letters, digits, `-`, `_` and `.`, at most 100.
fn file(dir: &Path, group: &str, topic: &Topic) -> Result<PathBuf> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if group.is_empty() || group.len() > 100 || group.starts_with('.') || !group.bytes().all(good) {
        let what = format!("use the group name {group:?}");
        return Err(LogError::Io { what, reason: "use letters, digits, - and _, at most 100".into() });
    }
    Ok(dir.join("groups").join(group).join(format!("{topic}.offset")))
}
