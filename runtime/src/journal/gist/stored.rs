//! A gist as snapshots keep it: a part for all but the alerts, and one for each [`BUCKET`] of these.
//!
//! **Bytes.** `bwg`, a byte for the version of the layout, and the value in postcard's wire format, as an engine's parts
//! have it. What the journal said is kept as the records' own bytes, so that whoever reads it decodes it as a journal's.

use std::fmt;
use std::sync::Arc;

use bellwether_schemas::{AlertId, Entry, Timeframe, Timestamp, codec};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{BUCKET, Gist, Head, SeenAlert, Session, Sources};

const MAGIC: [u8; 3] = *b"bwg";
/// Of the layout that this build writes, and the only one it reads.
const LAYOUT: u8 = 1;
/// The name of the part without alerts.
const HEAD: &str = "gist/head";
/// What the names of all parts of a gist begin with, and of no other part.
pub const IS_GIST: &str = "gist/";

/// Parts that are no gist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its part {part} is no gist of a journal: {why}")]
pub struct BadGist {
    /// The part's name.
    part: String,
    why: &'static str,
}

/// A copy of a gist that its journal changes no more, to be written elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TakenGist {
    head: Head,
    alerts: Vec<Arc<Vec<SeenAlert>>>,
}

#[derive(Serialize, Deserialize)]
struct StoredHead {
    alerts: u64,
    newest: Option<i64>,
    settings: Option<Bytes>,
    calendar: Vec<Bytes>,
    ticked: Vec<String>,
    /// Symbol, code of the timeframe, first instant.
    bars: Vec<(String, String, i64)>,
    sessions: Vec<StoredSession>,
    forgotten: Vec<(String, i64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    source: String,
    name: String,
    last_seq: Option<u64>,
    last_beat: Option<i64>,
    newest: Option<i64>,
    seen_at: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredAlert {
    id: [u8; 16],
    version: i64,
    offset: u64,
    appended_at: i64,
    value: Bytes,
}

impl Gist {
    /// A copy as it stands: of the alerts only where each bucket is.
    #[must_use]
    pub fn taken(&self) -> TakenGist {
        TakenGist { head: self.head.clone(), alerts: self.alerts.clone() }
    }

    /// The gist among the parts of a state, whose other parts are somebody else's.
    ///
    /// # Errors
    /// The parts of a gist are not all there, or are none.
    pub fn of_parts<'a>(parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, BadGist> {
        let mut parts = parts.filter(|(name, _)| name.starts_with(IS_GIST));
        let bad = |part: &str, why| BadGist { part: part.into(), why };
        let head = parts.next().filter(|(name, _)| *name == HEAD);
        let (name, bytes) = head.ok_or_else(|| bad(HEAD, "it is not there"))?;
        let stored: StoredHead = decoded(name, bytes)?;
        let count = stored.alerts;
        let mut gist = Self { head: head_of(stored)?, ..Self::default() };
        for (place, (name, bytes)) in (0_u64..).zip(parts) {
            let bucket: Vec<StoredAlert> = decoded(name, bytes)?;
            if name != bucket_name(place) || gist.places.len() as u64 != place * BUCKET as u64 {
                return Err(bad(name, "it is not the one that comes next"));
            }
            bucket.into_iter().for_each(|stored| gist.add(stored.restored()));
        }
        if gist.places.len() as u64 != count {
            return Err(bad(HEAD, "it has another number of alerts"));
        }
        Ok(gist)
    }
}

impl TakenGist {
    /// Its alerts, bucket by bucket.
    #[cfg(test)]
    pub(super) fn alerts(&self) -> &[Arc<Vec<SeenAlert>>] {
        &self.alerts
    }

    /// Its parts by their names: the same bytes for the same gist.
    ///
    /// # Errors
    /// None that is known of.
    pub fn parts(&self) -> impl Iterator<Item = Result<(String, Vec<u8>), BadGist>> {
        let head = std::iter::once_with(|| Ok((HEAD.to_owned(), encoded(HEAD, &self.stored_head())?)));
        let alerts = (0_u64..).zip(&self.alerts).map(|(place, bucket)| {
            let name = bucket_name(place);
            let stored: Vec<StoredAlert> = bucket.iter().map(StoredAlert::of).collect();
            let bytes = encoded(&name, &stored)?;
            Ok((name, bytes))
        });
        head.chain(alerts)
    }

    fn stored_head(&self) -> StoredHead {
        let Head { settings, calendar, sources, ticked, bars, newest } = &self.head;
        let Sources { sessions, forgotten } = sources;
        let session = |session: &Session| StoredSession {
            source: session.source.clone(),
            name: session.name.clone(),
            last_seq: session.last_seq,
            last_beat: session.last_beat.map(|time| time.0),
            newest: session.newest.map(|time| time.0),
            seen_at: session.seen_at,
        };
        let bar = |((symbol, timeframe), open): (&(String, Timeframe), &Timestamp)| {
            (symbol.clone(), timeframe.code().to_owned(), open.0)
        };
        StoredHead {
            alerts: self.alerts.iter().map(|bucket| bucket.len() as u64).sum(),
            newest: newest.map(|time| time.0),
            settings: settings.as_ref().map(|(_, value)| Bytes(Arc::clone(value))),
            calendar: calendar.values().map(|(_, value)| Bytes(Arc::clone(value))).collect(),
            ticked: ticked.iter().cloned().collect(),
            bars: bars.iter().map(bar).collect(),
            sessions: sessions.iter().map(session).collect(),
            forgotten: forgotten.iter().map(|(source, time)| (source.clone(), time.0)).collect(),
        }
    }
}

fn head_of(stored: StoredHead) -> Result<Head, BadGist> {
    let StoredHead { alerts: _, newest, settings, calendar, ticked, bars, sessions, forgotten } = stored;
    let bad = |why| BadGist { part: HEAD.into(), why };
    let settings = settings.map(|Bytes(value)| match codec::decode_entry(&value) {
        Ok(Entry::Settings(change)) => Ok((Arc::new(change), value)),
        _ => Err(bad("its settings cannot be read")),
    });
    let item = |Bytes(value): Bytes| match codec::decode_entry(&value) {
        Ok(Entry::Calendar(change)) => Ok((change.item.id, (change.item.time, value))),
        _ => Err(bad("an item of its news calendar cannot be read")),
    };
    let bar = |(symbol, timeframe, open): (String, String, i64)| {
        let timeframe = timeframe.parse().map_err(|_| bad("it names no timeframe"))?;
        Ok(((symbol, timeframe), Timestamp(open)))
    };
    let sessions = sessions.into_iter().map(|session| Session {
        source: session.source,
        name: session.name,
        last_seq: session.last_seq,
        last_beat: session.last_beat.map(Timestamp),
        newest: session.newest.map(Timestamp),
        seen_at: session.seen_at,
    });
    let forgotten = forgotten.into_iter().map(|(source, time)| (source, Timestamp(time)));
    Ok(Head {
        settings: settings.transpose()?,
        calendar: Arc::new(calendar.into_iter().map(item).collect::<Result<_, _>>()?),
        sources: Sources { sessions: sessions.collect(), forgotten: forgotten.collect() },
        ticked: Arc::new(ticked.into_iter().collect()),
        bars: Arc::new(bars.into_iter().map(bar).collect::<Result<_, _>>()?),
        newest: newest.map(Timestamp),
    })
}

impl StoredAlert {
    fn of(seen: &SeenAlert) -> Self {
        let SeenAlert { id, version, offset, appended_at, value } = seen;
        Self {
            id: id.0.into_bytes(),
            version: *version,
            offset: *offset,
            appended_at: appended_at.0,
            value: Bytes(Arc::clone(value)),
        }
    }

    fn restored(self) -> SeenAlert {
        let Self { id, version, offset, appended_at, value: Bytes(value) } = self;
        let (id, appended_at) = (AlertId(Uuid::from_bytes(id)), Timestamp(appended_at));
        SeenAlert { id, version, offset, appended_at, value }
    }
}

fn bucket_name(place: u64) -> String {
    format!("{IS_GIST}alerts/{place}")
}

fn encoded<T: Serialize>(part: &str, value: &T) -> Result<Vec<u8>, BadGist> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(LAYOUT);
    postcard::to_extend(value, bytes).map_err(|_| BadGist { part: part.into(), why: "it cannot be written" })
}

fn decoded<T: DeserializeOwned>(part: &str, bytes: &[u8]) -> Result<T, BadGist> {
    let bad = |why| BadGist { part: part.into(), why };
    match bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first()) {
        Some((&LAYOUT, body)) => match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            _ => Err(bad("it is no value of its layout")),
        },
        Some(_) => Err(bad("its layout is one that this build cannot read")),
        None => Err(bad("it does not begin as one")),
    }
}

/// Bytes that are written at once, not one after the other.
struct Bytes(Arc<[u8]>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Whole)
    }
}
