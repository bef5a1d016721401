//! How far the sessions of a journal's sources are.

use bellwether_schemas::{Entry, Timestamp};

/// Sessions that are remembered; of more, the one that has been silent longest is forgotten. A session that comes back then
/// is taken for a new one, and what it repeats is refused by the fold as late.
pub const MAX_SESSIONS: usize = 256;
/// Sources whose forgotten sessions' times are remembered.
const MAX_FORGOTTEN: usize = 64;

/// One run of a source's client, and how much of it a journal has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The source's name.
    pub source: String,
    /// The session's.
    pub name: String,
    /// The last tick's place.
    pub last_seq: Option<u64>,
    /// The last heartbeat's event time.
    pub last_beat: Option<Timestamp>,
    /// The newest event time of any of its entries.
    pub newest: Option<Timestamp>,
    /// The offset of its last record.
    pub(super) seen_at: u64,
}

/// The sessions that a journal has entries of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    pub(super) sessions: Vec<Session>,
    /// By source, the newest event time of the sessions that are forgotten.
    pub(super) forgotten: Vec<(String, Timestamp)>,
}

impl Sources {
    /// The sessions of that source that are remembered.
    pub fn of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Session> {
        self.sessions.iter().filter(move |session| session.source == source)
    }

    /// The newest event time of the sessions of that source which are not remembered.
    #[must_use]
    pub fn forgotten(&self, source: &str) -> Option<Timestamp> {
        self.forgotten.iter().find(|(name, _)| name == source).map(|(_, newest)| *newest)
    }

    /// Takes in an entry that carries that event time.
    pub(super) fn see(&mut self, offset: u64, entry: &Entry, time: Option<Timestamp>) {
        let origin = entry.origin();
        // Those who write are mostly the newest.
        let known = self
            .sessions
            .iter()
            .rposition(|session| session.name == origin.session && session.source == origin.source);
        let place = known.unwrap_or_else(|| self.open(&origin.source, &origin.session));
        let Some(session) = self.sessions.get_mut(place) else { return };
        session.seen_at = offset;
        session.newest = session.newest.max(time);
        match entry {
            Entry::Ticks(block) => {
                let last = |first: u64| first + (block.ticks.len() as u64).saturating_sub(1);
                session.last_seq = session.last_seq.max(block.first_seq.map(last));
            }
            Entry::Heartbeat(beat) => session.last_beat = session.last_beat.max(Some(beat.ts)),
            Entry::Bars(_)
            | Entry::Alert(_)
            | Entry::Settings(_)
            | Entry::Calendar(_)
            | Entry::Decision(_) => {}
        }
    }

    /// A place for a session that is not remembered.
    fn open(&mut self, source: &str, name: &str) -> usize {
        if self.sessions.len() >= MAX_SESSIONS {
            self.forget_one();
        }
        self.sessions.push(Session {
            source: source.into(),
            name: name.into(),
            last_seq: None,
            last_beat: None,
            newest: None,
            seen_at: 0,
        });
        self.sessions.len() - 1
    }

    fn forget_one(&mut self) {
        let silent = (0..).zip(&self.sessions).min_by_key(|(_, session)| session.seen_at);
        let Some(place) = silent.map(|(place, _)| place) else { return };
        let Session { source, newest, .. } = self.sessions.remove(place);
        let Some(newest) = newest else { return };
        match self.forgotten.iter_mut().find(|(name, _)| *name == source) {
            Some((_, known)) => *known = newest.max(*known),
            None => {
                if self.forgotten.len() >= MAX_FORGOTTEN {
                    self.forgotten.remove(0);
                }
                self.forgotten.push((source, newest));
            }
        }
    }
}
