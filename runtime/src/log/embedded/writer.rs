//! The end of a topic where frames are added. One lock guards it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bellwether_schemas::{Timestamp, Topic};

use super::frame::{self, Item};
use super::segment::{self, FrameStart, Segment};
use super::{Fsync, Options, Shared, index, io, topic};
use crate::log::{Bounds, LogError, Result};

/// What is written, and how much of it readers may see.
#[derive(Debug)]
pub(super) struct Writer {
    topic: Topic,
    dir: PathBuf,
    /// Bases in order; the last is the one being written. Never empty.
    pub(super) segments: Vec<u64>,
    file: Arc<File>,
    index: index::Writer,
    end: FrameStart,
    published: FrameStart,
    /// Of the segment being written: when its first frame was appended.
    begun: Option<Timestamp>,
    pub(super) last_time: Timestamp,
    unsynced: bool,
    /// Damage in the middle of the last segment: what is before it can be read, nothing can be added.
    broken: Option<LogError>,
}

impl Writer {
    /// Opens the end of the topic; a torn last frame is cut off.
    pub(super) fn open(topic: &Topic, dir: &Path, options: &Options) -> Result<Self> {
        remove_leftovers(dir)?;
        let mut segments = segment::list(dir)?;
        if segments.is_empty() {
            create_segment(dir, 0, options.fsync)?;
            segments.push(0);
        }
        for base in &segments {
            index::ensure(dir, *base)?;
        }
        let base = segments.last().copied().unwrap_or_default();
        let end = recover(topic, dir, base)?;
        let last_time = topic::last_time(dir, &segments)?.unwrap_or(Timestamp::MIN);
        Ok(Self {
            topic: topic.clone(),
            dir: dir.into(),
            segments,
            file: open_file(dir, base)?,
            index: index::Writer::open(dir, base, end.place.position)?,
            end: end.place,
            published: end.place,
            begun: first_time(dir, base)?,
            last_time,
            unsynced: false,
            broken: end.broken,
        })
    }

    /// Writes one frame, which readers see after [`Self::publish`].
    pub(super) fn append(&mut self, shared: &Shared, items: &[Item<'_>]) -> Result<u64> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let offset = self.end.offset;
        if items.is_empty() {
            return Ok(offset);
        }
        let time = shared.clock.now().max(self.last_time);
        let bytes = frame::encode(offset, time, items);
        if self.is_full(&shared.options, bytes.len() as u64, time) {
            self.roll(shared)?;
        }
        self.write(shared, &bytes)?;
        self.index.note(self.end, time);
        self.begun.get_or_insert(time);
        self.last_time = time;
        self.unsynced = true;
        self.end.position += bytes.len() as u64;
        self.end.offset += items.len() as u64;
        Ok(offset)
    }

    /// Begins a new segment. The one before is complete from then on.
    pub(super) fn roll(&mut self, shared: &Shared) -> Result<()> {
        let base = self.end.offset;
        if shared.options.fsync != Fsync::Never {
            self.sync().map_err(|reason| shared.poison(reason))?;
        }
        create_segment(&self.dir, base, shared.options.fsync)?;
        // All that can fail comes before the first change.
        let file = open_file(&self.dir, base)?;
        self.index = index::Writer::open(&self.dir, base, 0)?;
        self.file = file;
        self.segments.push(base);
        self.end = FrameStart { position: 0, offset: base };
        self.published = self.end;
        self.begun = None;
        Ok(())
    }

    /// Nothing was written into the last segment yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.end.position == 0
    }

    /// What was written may be read.
    pub(super) fn publish(&mut self) {
        self.published = self.end;
    }

    /// Makes what was written survive a power cut.
    pub(super) fn sync(&mut self) -> std::result::Result<(), String> {
        self.file.sync_data().map_err(|error| format!("{}: fsync: {error}", self.topic))?;
        self.unsynced = false;
        Ok(())
    }

    /// The file to sync when something was written since it was last asked for.
    pub(super) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.file))
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { start: self.segments.first().copied().unwrap_or_default(), next: self.published.offset }
    }

    /// Bytes of the segment being written that readers may see.
    pub(super) fn readable_bytes(&self) -> u64 {
        self.published.position
    }

    /// Why reading ends there for good, if it does.
    pub(super) fn broken(&self) -> Option<LogError> {
        self.broken.clone()
    }

    fn is_full(&self, options: &Options, more: u64, now: Timestamp) -> bool {
        let old = self.begun.is_some_and(|begun| now.since(begun) >= options.segment_age);
        self.end.position > 0 && (old || self.end.position + more > options.segment_bytes)
    }

    /// One write; what did not go in whole is cut off again, so that a later append can succeed.
    fn write(&self, shared: &Shared, bytes: &[u8]) -> Result<()> {
        let reason = match write_once(&self.file, bytes, self.end.position) {
            Ok(written) if written == bytes.len() => return Ok(()),
            Ok(written) => format!("only {written} of {} bytes went in: is the disk full?", bytes.len()),
            Err(error) => error.to_string(),
        };
        let reason = format!("{}: append: {reason}", self.topic);
        match self.file.set_len(self.end.position) {
            Ok(()) => Err(LogError::Unavailable { reason }),
            Err(error) => Err(shared.poison(format!("{reason}; it could not be cut back: {error}"))),
        }
    }
}

fn write_once(file: &File, bytes: &[u8], position: u64) -> std::io::Result<usize> {
    loop {
        match file.write_at(bytes, position) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

struct Recovered {
    place: FrameStart,
    broken: Option<LogError>,
}

/// Finds the end of the last segment and cuts off a frame that was not written whole.
fn recover(topic: &Topic, dir: &Path, base: u64) -> Result<Recovered> {
    let Some(mut segment) = Segment::open(dir, base)? else {
        return Ok(Recovered { place: FrameStart { position: 0, offset: base }, broken: None });
    };
    let from = index::hint(dir, &mut segment, |_| true)?;
    let limit = segment.bytes()?;
    let scanned = segment.scan(from, limit, |_, _| {})?;
    let place = scanned.end;
    let Some(bad) = scanned.bad else { return Ok(Recovered { place, broken: None }) };
    if segment.is_damage(place, limit)? {
        let topic = topic.to_string();
        let damage = LogError::Damaged { topic, offset: place.offset, reason: bad.into() };
        return Ok(Recovered { place, broken: Some(damage) });
    }
    tracing::warn!(
        log.topic = %topic, log.offset = place.offset, log.bytes = limit - place.position,
        "an append that was not finished is cut off: {bad}"
    );
    let path = segment::path(dir, base);
    let file = OpenOptions::new().write(true).open(&path).map_err(|error| io("open", &path, &error))?;
    file.set_len(place.position).map_err(|error| io("shorten", &path, &error))?;
    Ok(Recovered { place, broken: None })
}

fn first_time(dir: &Path, base: u64) -> Result<Option<Timestamp>> {
    let Some(mut segment) = Segment::open(dir, base)? else { return Ok(None) };
    let limit = segment.bytes()?;
    Ok(segment.frame(0, limit)?.ok().map(|frame| frame.time))
}

fn create_segment(dir: &Path, base: u64, fsync: Fsync) -> Result<()> {
    let path = segment::path(dir, base);
    // A failed roll may have left it, empty.
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let bytes = file.and_then(|file| file.metadata()).map_err(|error| io("create", &path, &error))?.len();
    if bytes > 0 {
        return Err(LogError::Io {
            what: format!("create {}", path.display()),
            reason: "it is there".into(),
        });
    }
    if fsync == Fsync::Never {
        return Ok(());
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| io("sync", dir, &error))
}

fn open_file(dir: &Path, base: u64) -> Result<Arc<File>> {
    let path = segment::path(dir, base);
    let file = OpenOptions::new().write(true).open(&path).map_err(|error| io("open", &path, &error))?;
    Ok(Arc::new(file))
}

/// What a compaction that was killed left behind.
fn remove_leftovers(dir: &Path) -> Result<()> {
    let failed = |error: std::io::Error| io("tidy", dir, &error);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            std::fs::remove_file(&path).map_err(|error| io("remove", &path, &error))?;
        }
    }
    Ok(())
}
