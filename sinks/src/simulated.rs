//! What the simulations of the sinks' cores share: a topic with its reader, faults that end at some time, and processes
//! that die and are followed by others.

use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp};

use crate::feed::{Batch, Delivered};

/// After so many turns nothing fails any more: then everything has to come right.
const FAULTY_TURNS: u32 = 3_000;
/// A run that takes longer makes no progress.
const MAX_TURNS: u32 = 20_000;

pub(crate) fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// The outcomes with those that a worker, which did not know that it was replaced, wrote again: behind each of these
/// places, the so many before it.
pub(crate) fn repeated(mut outcomes: Vec<Outcome>, repeats: &[(usize, usize)]) -> Vec<Outcome> {
    for &(at, many) in repeats {
        let at = at.min(outcomes.len());
        let again: Vec<Outcome> = outcomes[at.saturating_sub(many)..at].to_vec();
        outcomes.splice(at..at, again);
    }
    outcomes
}

/// A tenant's triggers topic and the group that reads it, in a world where things fail.
pub(crate) struct Surroundings {
    pub(crate) topic: Vec<Outcome>,
    /// The next record to be read.
    pub(crate) position: u64,
    /// Where the group goes on after a process has died.
    pub(crate) committed: u64,
    /// A process has just begun: before anything else it gets a batch of nothing, from where the group stood.
    begun: bool,
    random: Random,
    turns: u32,
    /// Percent of what is tried.
    faults: u64,
}

impl Surroundings {
    pub(crate) const fn new(topic: Vec<Outcome>, random: Random, faults: u64) -> Self {
        Self { topic, position: 0, committed: 0, begun: false, random, turns: 0, faults }
    }

    pub(crate) const fn random(&mut self, below: u64) -> u64 {
        self.random.below(below)
    }

    pub(crate) const fn turns(&self) -> u32 {
        self.turns
    }

    pub(crate) const fn is_faulty(&self) -> bool {
        self.turns < FAULTY_TURNS
    }

    pub(crate) const fn fails(&mut self) -> bool {
        self.is_faulty() && self.random(100) < self.faults
    }

    /// True once in so many times, while anything fails.
    pub(crate) const fn befalls_once_in(&mut self, times: u64) -> bool {
        self.is_faulty() && self.random(times) == 0
    }

    /// The next one to `most` records; none at the end of the topic.
    pub(crate) fn batch(&mut self, most: u64) -> Option<Batch> {
        let begins = std::mem::take(&mut self.begun);
        let size = if begins { 0 } else { 1 + self.random(most) };
        let next_offset = (self.position + size).min(self.topic.len() as u64);
        let delivered = |offset: u64| Delivered {
            offset,
            appended_at: Timestamp(0),
            outcome: self.topic[offset as usize].clone(),
            trace: None,
        };
        let records: Vec<Delivered> = (self.position..next_offset).map(delivered).collect();
        let from = std::mem::replace(&mut self.position, next_offset);
        (begins || !records.is_empty()).then(|| Batch {
            tenant: tenant(),
            records,
            from,
            next_offset,
            mark: None,
            epoch: 0,
        })
    }

    fn turn(&mut self) {
        self.turns += 1;
        assert!(self.turns < MAX_TURNS, "no progress");
    }
}

/// A core in its surroundings, with the database it writes to.
pub(crate) trait Simulated {
    type Core;
    type Input;
    type Output;

    fn surroundings(&mut self) -> &mut Surroundings;

    /// The core of a new process, and what it is asked first.
    fn begin(&self) -> (Self::Core, Self::Output);

    /// Does what the core wants; none: nothing comes of it.
    fn perform(&mut self, core: &Self::Core, output: Self::Output) -> Option<Self::Input>;

    fn step(&self, core: &mut Self::Core, input: Self::Input, outputs: &mut Vec<Self::Output>);

    /// Whether the process dies here, before what it was about to do.
    fn dies(&mut self, core: &Self::Core, outputs: &[Self::Output]) -> bool;

    /// Up to where the database has everything.
    fn cursor(&self) -> u64;

    /// One process after another until the database has the whole topic.
    fn run(&mut self) {
        loop {
            let around = self.surroundings();
            around.turn();
            (around.position, around.begun) = (around.committed, true);
            let end = around.topic.len() as u64;
            if self.process() && self.cursor() == end {
                return;
            }
        }
    }

    /// One process, until the end of the topic or its death. True at the end.
    fn process(&mut self) -> bool {
        let (mut core, first) = self.begin();
        let mut outputs = vec![first];
        loop {
            let mut next = None;
            for output in std::mem::take(&mut outputs) {
                next = self.perform(&core, output);
            }
            let Some(input) = next else { return true };
            self.step(&mut core, input, &mut outputs);
            self.surroundings().turn();
            if self.dies(&core, &outputs) {
                return false;
            }
        }
    }
}
