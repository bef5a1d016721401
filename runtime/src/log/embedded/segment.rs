//! One file of a topic: frames one after another, named by the offset it begins with.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bellwether_schemas::Timestamp;

use super::frame::{self, Frame, HEADER};
use super::io;
use crate::log::Result;

/// Read at once where a frame is smaller.
const CHUNK: usize = 256 * 1024;

/// A segment opened for reading, with what was read of it last.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base: u64,
    path: PathBuf,
    file: File,
    window: Vec<u8>,
    window_at: u64,
}

/// A place in a segment where a frame begins: its position and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameStart {
    pub(super) position: u64,
    pub(super) offset: u64,
}

/// Where a scan came to an end.
#[derive(Debug)]
pub(super) struct Scanned {
    /// After the last good frame.
    pub(super) end: FrameStart,
    /// When that frame was appended.
    pub(super) last_time: Option<Timestamp>,
    /// What is wrong with what follows, if anything does.
    pub(super) bad: Option<&'static str>,
}

/// File of a topic's directory that holds the offsets from `base` on.
pub(super) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}.log"))
}

/// The bases of a topic's segments, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>> {
    let failed = |error: std::io::Error| io("list", dir, &error);
    let mut bases = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
        bases.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    bases.sort_unstable();
    Ok(bases)
}

impl Segment {
    /// None when it is not there (any more).
    pub(super) fn open(dir: &Path, base: u64) -> Result<Option<Self>> {
        let path = path(dir, base);
        match File::open(&path) {
            Ok(file) => Ok(Some(Self { base, path, file, window: Vec::new(), window_at: 0 })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("open", &path, &error)),
        }
    }

    /// How long the file is now; its writer may lengthen it at any time.
    pub(super) fn bytes(&self) -> Result<u64> {
        self.file.metadata().map(|data| data.len()).map_err(|error| io("look at", &self.path, &error))
    }

    /// Where its first frame is.
    pub(super) fn first(&self) -> FrameStart {
        FrameStart { position: 0, offset: self.base }
    }

    /// The frame that begins at this position, or what is wrong with it. Reads nothing at or beyond `limit`.
    pub(super) fn frame(
        &mut self,
        position: u64,
        limit: u64,
    ) -> Result<std::result::Result<Frame<'_>, &'static str>> {
        self.load(position, HEADER, limit)?;
        let whole = match frame::frame_bytes(self.loaded(position)) {
            Ok(whole) => whole,
            Err(bad) => return Ok(Err(bad)),
        };
        self.load(position, whole, limit)?;
        Ok(frame::parse(self.loaded(position)))
    }

    /// What was read is not to be trusted any more: its writer may have been in the middle of it.
    pub(super) fn forget(&mut self) {
        self.window.clear();
    }

    /// Visits the good frames from `from` on.
    pub(super) fn scan(
        &mut self,
        from: FrameStart,
        limit: u64,
        mut visit: impl FnMut(FrameStart, &Frame<'_>),
    ) -> Result<Scanned> {
        let mut scanned = Scanned { end: from, last_time: None, bad: None };
        while scanned.end.position < limit {
            match self.frame(scanned.end.position, limit)? {
                Ok(frame) => {
                    visit(scanned.end, &frame);
                    scanned.last_time = Some(frame.time);
                    scanned.end =
                        FrameStart { position: scanned.end.position + frame.bytes(), offset: frame.next() };
                }
                Err(bad) => {
                    scanned.bad = Some(bad);
                    break;
                }
            }
        }
        Ok(scanned)
    }

    /// Whether what is bad at `bad` is no torn end: a later version wrote it, or a whole frame lies somewhere behind it.
    pub(super) fn is_damage(&mut self, bad: FrameStart, limit: u64) -> Result<bool> {
        let rest = usize::try_from(limit.saturating_sub(bad.position)).unwrap_or(usize::MAX);
        self.forget();
        self.load(bad.position, rest, limit)?;
        let bytes = self.loaded(bad.position);
        let goes_on = || bytes.get(1..).is_some_and(|rest| frame::find(rest, bad.offset).is_some());
        let is_damage = frame::is_of_a_later_version(bytes) || goes_on();
        self.window = Vec::new();
        Ok(is_damage)
    }

    fn loaded(&self, position: u64) -> &[u8] {
        let skip = usize::try_from(position.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        self.window.get(skip..).unwrap_or_default()
    }

    /// Makes the window hold `bytes` from `position` on, or as many as there are before `limit`.
    fn load(&mut self, position: u64, bytes: usize, limit: u64) -> Result<()> {
        if position >= self.window_at && self.loaded(position).len() >= bytes {
            return Ok(());
        }
        let left = usize::try_from(limit.saturating_sub(position)).unwrap_or(usize::MAX);
        self.window.resize(bytes.max(CHUNK).min(left), 0);
        self.window_at = position;
        let mut filled = 0;
        while filled < self.window.len() {
            match self.file.read_at(&mut self.window[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(io("read", &self.path, &error));
                }
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}
