//! Which ticks are refused, and why. The order of the checks is part of the contract.

use std::collections::VecDeque;

use bellwether_schemas::Timestamp;
use bellwether_schemas::journal::Origin;
use bellwether_schemas::time::{MINUTE, SECOND};

use crate::effect::RefusalReason;
use crate::snapshot::{Misfit, stored};

/// A tick this far ahead of the moment it was received is from the future.
pub const FUTURE_BOUND: i64 = 2 * SECOND;
/// A price older than this no longer judges a new one.
const BAND_FORGETS: i64 = 60 * SECOND;
/// So many absurd ticks in a row…
const BELIEVE_AFTER: usize = 10;
/// …within this long make their level believed.
const BELIEVE_WITHIN: i64 = 5 * SECOND;
/// Sources remembered a tenant, each of which is a configured producer.
pub(crate) const MAX_SOURCES: usize = 64;
/// Sessions remembered a source: a connection more than this many reconnects old sends nothing any more.
const MAX_SESSIONS: usize = 16;

/// What one symbol's past says about its next price.
#[derive(Debug, Clone, Default)]
pub(crate) struct PriceBand {
    last: Option<(Timestamp, f64)>,
    absurd: VecDeque<Timestamp>,
}

impl PriceBand {
    /// Judges a bid; an accepted one becomes the last.
    #[inline]
    pub(crate) fn admit(&mut self, ts: Timestamp, bid: f64, band: f64) -> Result<(), RefusalReason> {
        if self.is_absurd(ts, bid, band) {
            self.remember_absurd(ts, bid);
            return Err(RefusalReason::Absurd);
        }
        self.accept(ts, bid);
        Ok(())
    }

    /// Takes a bid as the last without judging it: the row of bars it comes of was judged.
    #[inline]
    pub(crate) fn accept(&mut self, ts: Timestamp, bid: f64) {
        self.last = Some((ts, bid));
        if !self.absurd.is_empty() {
            self.absurd.clear();
        }
    }

    #[inline]
    fn is_absurd(&self, ts: Timestamp, bid: f64, band: f64) -> bool {
        self.last
            .is_some_and(|(then, last)| (bid - last).abs() > band * last && ts.since(then) <= BAND_FORGETS)
    }

    fn remember_absurd(&mut self, ts: Timestamp, bid: f64) {
        self.absurd.push_back(ts);
        if self.absurd.len() < BELIEVE_AFTER {
            return;
        }
        let times = || self.absurd.iter().copied();
        let (first, last) = (times().min().unwrap_or(ts), times().max().unwrap_or(ts));
        if last.since(first) <= BELIEVE_WITHIN {
            // Refused itself, so the age stays that of the last tick that was accepted.
            self.last = self.last.map(|(then, _)| (then, bid));
            self.absurd.clear();
        } else {
            self.absurd.pop_front();
        }
    }
}

/// The last sequence number of each symbol, by source and session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequences {
    /// The one with the newest session last.
    sources: Vec<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    sessions: VecDeque<Session>,
}

#[derive(Debug, Clone)]
struct Session {
    name: String,
    /// The last number of each symbol.
    last: Vec<Option<u64>>,
}

impl Sequences {
    /// The numbers of one session, one place a symbol.
    pub(crate) fn of(&mut self, source: &str, session: &str, symbols: usize) -> &mut [Option<u64>] {
        let place = self.sources.iter().position(|known| known.name == source);
        let known = place.and_then(|place| {
            let session = self.sources[place].sessions.iter().position(|known| known.name == session)?;
            Some((place, session))
        });
        let (source, session) = known.unwrap_or_else(|| self.open(place, source, session, symbols));
        &mut self.sources[source].sessions[session].last
    }

    /// A new session's places, behind all others; the oldest is forgotten where there are too many.
    fn open(&mut self, place: Option<usize>, source: &str, session: &str, symbols: usize) -> (usize, usize) {
        let mut source = match place {
            Some(place) => self.sources.remove(place),
            None => Source { name: source.into(), sessions: VecDeque::new() },
        };
        if self.sources.len() == MAX_SOURCES {
            self.sources.remove(0);
        }
        if source.sessions.len() == MAX_SESSIONS {
            source.sessions.pop_front();
        }
        source.sessions.push_back(Session { name: session.into(), last: vec![None; symbols] });
        self.sources.push(source);
        let newest = &self.sources[self.sources.len() - 1];
        (self.sources.len() - 1, newest.sessions.len() - 1)
    }

    /// The symbols' places changed: `moved[new] = old`.
    pub(crate) fn rearrange(&mut self, moved: &[Option<usize>]) {
        for Session { last, .. } in self.sources.iter_mut().flat_map(|source| &mut source.sessions) {
            *last = moved.iter().map(|old| old.and_then(|old| last.get(old).copied().flatten())).collect();
        }
    }
}

/// The numbers of a block's session, looked up once: when the first tick asks for them, since a session is remembered
/// for a tick that came that far.
pub(crate) struct Numbers<'a> {
    sequences: Option<&'a mut Sequences>,
    found: &'a mut [Option<u64>],
}

impl<'a> Numbers<'a> {
    pub(crate) fn new(sequences: &'a mut Sequences) -> Self {
        Self { sequences: Some(sequences), found: &mut [] }
    }

    /// One place a symbol.
    #[inline]
    pub(crate) fn of(&mut self, origin: &Origin, symbols: usize) -> &mut [Option<u64>] {
        if let Some(sequences) = self.sequences.take() {
            self.found = sequences.of(&origin.source, &origin.session, symbols);
        }
        self.found
    }
}

/// The bar of its own minute is closed: one decision for all timeframes.
#[inline]
pub(crate) fn is_late(ts: Timestamp, watermark: Timestamp) -> bool {
    ts.floor(MINUTE).plus(MINUTE) <= watermark
}

impl PriceBand {
    pub(crate) fn store(&self) -> stored::PriceBand {
        let Self { last, absurd } = self;
        stored::PriceBand {
            last: last.map(|(time, bid)| (time.0, bid)),
            absurd: absurd.iter().map(|time| time.0).collect(),
        }
    }

    pub(crate) fn restore(stored: stored::PriceBand) -> Result<Self, Misfit> {
        let stored::PriceBand { last, absurd } = stored;
        Misfit::unless(absurd.len() < BELIEVE_AFTER, "more absurd ticks in a row than are disbelieved")?;
        Ok(Self {
            last: last.map(|(time, bid)| (Timestamp(time), bid)),
            absurd: absurd.into_iter().map(Timestamp).collect(),
        })
    }
}

impl Sequences {
    pub(crate) fn store(&self) -> Vec<stored::Sequences> {
        let Self { sources } = self;
        let session =
            |Session { name, last }: &Session| stored::Session { name: name.clone(), last: last.clone() };
        let source = |Source { name, sessions }: &Source| stored::Sequences {
            source: name.clone(),
            sessions: sessions.iter().map(session).collect(),
        };
        sources.iter().map(source).collect()
    }

    /// With a number for each of so many symbols.
    pub(crate) fn restore(stored: Vec<stored::Sequences>, symbols: usize) -> Result<Self, Misfit> {
        Misfit::unless(stored.len() <= MAX_SOURCES, "there are sequence numbers of too many sources")?;
        let session = |stored::Session { name, last }| {
            Misfit::unless(last.len() == symbols, "a session has not one sequence number a symbol")?;
            Ok(Session { name, last })
        };
        let source = |stored::Sequences { source, sessions }| {
            Misfit::unless(sessions.len() <= MAX_SESSIONS, "a source has too many sessions")?;
            let sessions = sessions.into_iter().map(session).collect::<Result<_, _>>()?;
            Ok(Source { name: source, sessions })
        };
        let sources = stored.into_iter().map(source).collect::<Result<_, _>>()?;
        Ok(Self { sources })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis * 1_000)
    }

    #[test]
    fn a_price_beyond_the_band_is_absurd_until_the_last_one_is_a_minute_old() {
        let mut band = PriceBand::default();
        assert!(band.admit(at(0), 1.0, 0.2).is_ok());
        assert!(band.admit(at(1), 1.2, 0.2).is_ok(), "exactly the band is inside");
        assert_eq!(band.admit(at(60_001), 1.5, 0.2), Err(RefusalReason::Absurd));
        assert!(band.admit(at(60_002), 1.5, 0.2).is_ok());
    }

    #[test]
    fn the_tenth_absurd_tick_in_five_seconds_is_refused_and_believed() {
        let mut band = PriceBand::default();
        band.admit(at(0), 1.0, 0.2).unwrap();
        for i in 1..=10 {
            assert_eq!(band.admit(at(i * 500), 2.0, 0.2), Err(RefusalReason::Absurd), "{i}");
        }
        assert!(band.admit(at(5_500), 2.0, 0.2).is_ok());
    }

    #[test]
    fn ten_absurd_ticks_over_more_than_five_seconds_are_not_believed() {
        let mut band = PriceBand::default();
        band.admit(at(0), 1.0, 0.2).unwrap();
        for i in 1..=12 {
            assert!(band.admit(at(i * 600), 2.0, 0.2).is_err(), "{i}");
        }
    }

    #[test]
    fn an_accepted_tick_empties_the_run() {
        let mut band = PriceBand::default();
        band.admit(at(0), 1.0, 0.2).unwrap();
        for i in 1..=9 {
            assert!(band.admit(at(i), 2.0, 0.2).is_err());
        }
        band.admit(at(10), 1.0, 0.2).unwrap();
        assert!(band.admit(at(11), 2.0, 0.2).is_err());
        assert!(band.admit(at(12), 2.0, 0.2).is_err());
    }

    #[test]
    fn a_bid_that_is_not_judged_becomes_the_last_and_empties_the_run() {
        let mut band = PriceBand::default();
        band.admit(at(0), 1.0, 0.2).unwrap();
        for i in 1..=9 {
            assert!(band.admit(at(i), 2.0, 0.2).is_err());
        }
        band.accept(at(10), 4.0);
        assert!(band.admit(at(11), 2.0, 0.2).is_err(), "the tenth, but the first since");
        assert!(band.admit(at(12), 4.5, 0.2).is_ok());
    }

    #[test]
    fn a_minute_is_late_from_its_end_on() {
        assert!(!is_late(at(59_999), at(59_999)));
        assert!(is_late(at(59_999), at(60_000)));
    }
}
