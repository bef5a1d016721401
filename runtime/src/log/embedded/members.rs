//! Who reads for a group: a small file a group, for people who look from another process.

use std::path::{Path, PathBuf};

use bellwether_schemas::Topic;

use super::lock;
use crate::log::GroupMember;

/// Says that this process reads those topics. Nothing rests on it: what cannot be said is left out.
pub(super) fn join<'a>(dir: &Path, group: &str, topics: impl Iterator<Item = &'a Topic>) {
    let path = file(dir, group);
    let text = topics.fold(format!("{}\n", std::process::id()), |text, topic| format!("{text}{topic}\n"));
    let parent = path.parent().unwrap_or(dir);
    if let Err(error) = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)) {
        tracing::debug!(log.group = group, error = %error, "cannot say who reads");
    }
}

pub(super) fn leave(dir: &Path, group: &str) {
    let _ = std::fs::remove_file(file(dir, group));
}

/// The one member, if the process that joined is the one that writes the log, and there.
pub(super) fn members(dir: &Path, group: &str) -> Vec<GroupMember> {
    let text = std::fs::read_to_string(file(dir, group)).unwrap_or_default();
    let mut lines = text.lines();
    let holder = lines.next().filter(|pid| lock::holder(dir).as_deref() == Some(pid));
    let alive = holder.filter(|pid| Path::new("/proc").join(pid).exists());
    let topics = lines.filter_map(|line| line.parse().ok()).collect();
    alive.map(|pid| GroupMember { id: format!("process {pid}"), topics }).into_iter().collect()
}

fn file(dir: &Path, group: &str) -> PathBuf {
    dir.join("groups").join(group).join("member")
}
