//! What goes wrong, and with what: drawn from a seed, or listed; and drawn anew from a step on.

use std::collections::BTreeMap;

use crate::simulated::Random;

/// Of a thousand acts, the fewest and the most with which something goes wrong in a run.
const RATES: (u64, u64) = (10, 90);

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The process dies right before what it was about to do; some of what it sent arrives all the same.
    Dies,
    /// The process stands still, is taken for dead, and goes on later as if nothing had been.
    StandsStill,
    /// The group gives a tenant to another member, and tells both.
    Moves,
    /// The log writes what it was sent once two times.
    WrittenTwice,
    /// An acknowledgement overtakes those before it.
    Overtakes,
    /// What a producer wrote is written again by it later.
    SentAgain,
    /// The log does not answer for a moment.
    LogAway,
    /// A snapshot is cut off or garbled on its way into the log.
    Torn,
    /// Somebody deletes all snapshots.
    SnapshotsDeleted,
    /// The log has lost where a group stood.
    PositionLost,
    /// The database does not answer: nothing is done.
    DatabaseAway,
    /// The database does what it was asked, and its answer is lost.
    AnswerLost,
    /// The database's clock is set, on or back.
    ClockSet,
    /// The mail server says no: for now, for good, or to all for a while.
    Refuses,
    /// The mail server says nothing in time, or the connection is gone.
    Silent,
    /// The mail server takes the mail, and its answer is lost.
    LostAfterDot,
}

impl Kind {
    /// All of them, for counting.
    pub(super) const ALL: [Self; 16] = [
        Self::Dies,
        Self::StandsStill,
        Self::Moves,
        Self::WrittenTwice,
        Self::Overtakes,
        Self::SentAgain,
        Self::LogAway,
        Self::Torn,
        Self::SnapshotsDeleted,
        Self::PositionLost,
        Self::DatabaseAway,
        Self::AnswerLost,
        Self::ClockSet,
        Self::Refuses,
        Self::Silent,
        Self::LostAfterDot,
    ];

    /// In words that follow a party's name.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Dies => "dies right before that",
            Self::StandsStill => "stands still right before that and is taken for dead",
            Self::Moves => "is to give a tenant to another member",
            Self::WrittenTwice => "the log writes it twice",
            Self::Overtakes => "this acknowledgement overtakes those before it",
            Self::SentAgain => "it is sent twice",
            Self::LogAway => "the log does not answer",
            Self::Torn => "the snapshot is torn on its way",
            Self::SnapshotsDeleted => "somebody deletes all snapshots",
            Self::PositionLost => "the log loses where the group stood",
            Self::DatabaseAway => "the database does not answer, and nothing is done",
            Self::AnswerLost => "it is done, and the database's answer is lost",
            Self::ClockSet => "the database's clock is set",
            Self::Refuses => "the mail server refuses",
            Self::Silent => "the mail server says nothing in time",
            Self::LostAfterDot => "the mail server takes it, and its answer is lost",
        }
    }
}

/// Something that goes wrong with an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// How much, how long, or which: whoever it befalls reads it as it likes.
    pub(super) number: u64,
}

impl Fault {
    /// A number below `end` that belongs to it.
    pub(super) const fn below(self, end: u64) -> u64 {
        self.number % end
    }
}

/// What somebody was about to do, known again in every other run of the same seed that comes to it: by who it is, what it
/// does, and how often it did just that before. So what goes wrong elsewhere changes nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Act(u64);

impl Act {
    /// By who, in words, and what.
    pub(super) fn of(who: &str, what: &str) -> Self {
        let bytes = who.bytes().chain([0]).chain(what.bytes());
        // FNV-1a: the same on every machine and with every compiler.
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, hash))
    }

    /// The same, that many times before.
    pub(super) const fn after(self, times: u64) -> Self {
        Self(mixed(self.0, times))
    }
}

/// What a run is made of: everything about it follows from this.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    seed: u64,
    /// The faults by what they befall; none: they are drawn.
    listed: Option<BTreeMap<Act, Fault>>,
    /// From this step on everything is drawn anew, by that number.
    anew: Option<(u64, u64)>,
}

impl Plan {
    /// The run of a seed.
    pub(super) const fn of(seed: u64) -> Self {
        Self { seed, listed: None, anew: None }
    }

    /// The same seed with these faults and no others.
    pub(super) fn with(seed: u64, faults: &[(Act, Fault)]) -> Self {
        Self { seed, listed: Some(faults.iter().copied().collect()), anew: None }
    }

    /// The same up to a step; from there on who acts when, and what goes wrong, is drawn anew.
    pub(super) fn anew_from(&self, step: u64, draw: u64) -> Self {
        Self { anew: Some((step, draw)), ..self.clone() }
    }

    /// Whether it is this step from which everything is drawn anew.
    pub(super) fn turns_at(&self, step: u64) -> bool {
        self.anew.is_some_and(|(from, _)| step == from)
    }

    /// What is decided before anything happens.
    pub(super) fn beginning(&self) -> Random {
        random(self.seed, 0)
    }

    /// What the party in this place decides by until it has done something.
    pub(super) fn first_choices(&self, step: u64, place: usize) -> Random {
        random(mixed(self.seed_at(step), 1), place as u64)
    }

    /// What is decided in an act, and after it until the same party's next.
    pub(super) fn choices(&self, step: u64, act: Act) -> Random {
        random(mixed(self.seed_at(step), 2), act.0)
    }

    /// What goes wrong of what could.
    pub(super) fn fault(&self, step: u64, act: Act, possible: &[Kind]) -> Option<Fault> {
        let is_drawn = self.anew.is_some_and(|(from, _)| step >= from);
        match &self.listed {
            Some(listed) if !is_drawn => {
                listed.get(&act).copied().filter(|fault| possible.contains(&fault.kind))
            }
            _ => self.drawn(step, act, possible),
        }
    }

    fn drawn(&self, step: u64, act: Act, possible: &[Kind]) -> Option<Fault> {
        let rate = RATES.0 + random(self.seed, 1).below(RATES.1 - RATES.0);
        let mut random = random(mixed(self.seed_at(step), 3), act.0);
        if possible.is_empty() || random.below(1_000) >= rate {
            return None;
        }
        let kind = possible[usize::try_from(random.below(possible.len() as u64)).unwrap()];
        Some(Fault { kind, number: random.below(1 << 32) })
    }

    const fn seed_at(&self, step: u64) -> u64 {
        match self.anew {
            Some((from, draw)) if step >= from => mixed(self.seed, draw + 1),
            _ => self.seed,
        }
    }
}

const fn mixed(seed: u64, number: u64) -> u64 {
    Random::new(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93)).below(u64::MAX)
}

fn random(seed: u64, number: u64) -> Random {
    Random::new(mixed(mixed(seed, 0), number))
}
