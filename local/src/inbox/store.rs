//! Mails that were taken: the newest in memory as summaries, and each whole in memory or in its file.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bellwether_runtime::clock::Clock;
use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::{InboxError, Mail, mail};

/// Who sent it and to whom, as SMTP was told: recipients in blind copy are here and in no header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Address that MAIL FROM gave.
    pub from: String,
    /// Addresses that RCPT TO gave and the inbox accepted.
    pub to: Vec<String>,
}

/// What lists show of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rises by one with each mail, from 1.
    pub id: u64,
    /// When it was taken.
    pub received_at: Timestamp,
    /// Sender and recipients of the SMTP session, not of the mail's headers.
    pub envelope: Envelope,
    /// Decoded; empty without one.
    pub subject: String,
    /// Without brackets; empty without one.
    pub message_id: String,
    /// What its sender counts complaints by, as written; empty without one.
    #[serde(default)]
    pub feedback_id: String,
    /// Size of the whole.
    pub bytes: usize,
}

/// The mails. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: Option<PathBuf>,
    clock: Clock,
    limit: usize,
    kept: Mutex<Kept>,
    news: broadcast::Sender<Summary>,
}

#[derive(Debug, Default)]
struct Kept {
    taken: u64,
    mails: VecDeque<(Summary, Option<Arc<[u8]>>)>,
}

/// New mails a subscriber may be behind before it misses some.
const NEWS: usize = 256;

impl Store {
    pub(super) fn open(dir: Option<PathBuf>, clock: Clock, limit: usize) -> Result<Self, InboxError> {
        let dir = dir.map(|dir| dir.join("mails"));
        let kept = match &dir {
            Some(dir) => load(dir).map_err(|source| InboxError::Directory { dir: dir.clone(), source })?,
            None => Kept::default(),
        };
        let (news, _) = broadcast::channel(NEWS);
        let store = Self(Arc::new(Inner { dir, clock, limit, kept: Mutex::new(kept), news }));
        store.forget_oldest(&mut store.lock());
        Ok(store)
    }

    /// Keeps a mail and says its number. With a directory it is on disk when this returns.
    ///
    /// # Errors
    /// The mail could not be written; it is not kept then.
    pub(super) fn accept(&self, envelope: Envelope, raw: Vec<u8>) -> io::Result<u64> {
        let mut kept = self.lock();
        let id = kept.taken + 1;
        let summary = mail::summary(id, self.0.clock.now(), envelope, &raw);
        let raw = match &self.0.dir {
            Some(dir) => write(dir, &summary, &raw).map(|()| None)?,
            None => Some(raw.into()),
        };
        kept.taken = id;
        kept.mails.push_back((summary.clone(), raw));
        self.forget_oldest(&mut kept);
        // Nobody listening is fine.
        let _ = self.0.news.send(summary);
        Ok(id)
    }

    /// All that are kept, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Summary> {
        self.newest(usize::MAX)
    }

    /// The newest so many, newest first.
    #[must_use]
    pub fn newest(&self, limit: usize) -> Vec<Summary> {
        self.lock().mails.iter().rev().take(limit).map(|(summary, _)| summary.clone()).collect()
    }

    /// How many were ever taken, also those no longer kept.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// The whole mail, read by a parser; none when it is not or no longer kept. Reads a file: not for async code.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Mail> {
        let (summary, raw) = {
            let kept = self.lock();
            let at = kept.mails.binary_search_by_key(&id, |(summary, _)| summary.id).ok()?;
            kept.mails.get(at)?.clone()
        };
        let raw = match (raw, &self.0.dir) {
            (Some(raw), _) => raw.to_vec(),
            (None, Some(dir)) => fs::read(mail_file(dir, id)).ok()?,
            (None, None) => return None,
        };
        Some(mail::read(summary, raw))
    }

    /// Summaries of mails taken from now on. Who falls behind by more than 256 is told that it missed some.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Summary> {
        self.0.news.subscribe()
    }

    fn forget_oldest(&self, kept: &mut Kept) {
        while kept.mails.len() > self.0.limit {
            if let (Some((summary, _)), Some(dir)) = (kept.mails.pop_front(), &self.0.dir) {
                let _ = fs::remove_file(mail_file(dir, summary.id));
                let _ = fs::remove_file(summary_file(dir, summary.id));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mail_file(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id}.eml"))
}

fn summary_file(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id}.json"))
}

/// The rename of the mail is the moment it counts; its summary is synced before.
fn write(dir: &Path, summary: &Summary, raw: &[u8]) -> io::Result<()> {
    let part = dir.join(format!("{}.part", summary.id));
    write_synced(&summary_file(dir, summary.id), &serde_json::to_vec(summary)?)?;
    write_synced(&part, raw)?;
    fs::rename(&part, mail_file(dir, summary.id))?;
    File::open(dir)?.sync_all()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What was there before: every `<n>.eml` with its summary. Numbers go on after the largest.
fn load(dir: &Path) -> io::Result<Kept> {
    fs::create_dir_all(dir)?;
    let mut mails = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("eml") => {
                let summary = fs::read(path.with_extension("json"))?;
                mails.push((serde_json::from_slice::<Summary>(&summary)?, None));
            }
            Some("part") => fs::remove_file(&path)?,
            _ => {}
        }
    }
    mails.sort_unstable_by_key(|(summary, _)| summary.id);
    let taken = mails.last().map_or(0, |(summary, _)| summary.id);
    Ok(Kept { taken, mails: mails.into() })
}
