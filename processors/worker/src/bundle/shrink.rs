//! Taking out of a bundle what a fault does not need.
//!
//! A fold of everything takes seconds where there are a million records, and whoever judges folds. So the most is taken out
//! by the fewest questions: halves first, where the half that is left begins with the state which the other leaves behind
//! (made here, by one fold of all of them together, and at most two questions a half). So a million records are few after
//! as many of them were folded five times or so. Then it is asked whether the fault needs that state: without it,
//! or without its alerts, which come in as records of their own then. At last records and alerts go in ever smaller chunks,
//! until none can be left out (Zeller's delta debugging, without its subsets: halves did those).

use std::sync::Arc;

use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::Record;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::{TenantId, Timestamp, codec};

use super::fold::Fold;
use super::{BadBundle, Bundle, Head, Parts};

/// Whether the fault shows in a bundle.
pub type Shows<'a, E> = dyn FnMut(&Bundle) -> Result<bool, E> + 'a;

/// The smallest bundle so far in which a fault shows.
#[derive(Debug)]
pub struct Shrinker {
    smallest: Bundle,
}

impl Shrinker {
    /// Begins with a bundle in which it shows. What was recorded is not compared with any more: without all of its records
    /// nothing gives that.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        Self { smallest: Bundle { recorded: None, ..bundle } }
    }

    /// The smallest bundle so far.
    #[must_use]
    pub const fn smallest(&self) -> &Bundle {
        &self.smallest
    }

    /// Takes out what the fault does not need, until nothing more can go. Where it ends early, [`Self::smallest`] is as far
    /// as it came.
    ///
    /// # Errors
    /// What `shows` says, or the bundle's state is none.
    pub fn shrink<E: From<BadBundle>>(&mut self, shows: &mut Shows<'_, E>) -> Result<(), E> {
        self.halve(shows)?;
        self.thin(shows)?;
        if self.leave_state(shows)? {
            self.thin(shows)?;
        }
        Ok(())
    }

    /// Keeps the candidate if the fault shows in it.
    fn keep<E>(&mut self, candidate: Bundle, shows: &mut Shows<'_, E>) -> Result<bool, E> {
        let holds = shows(&candidate)?;
        if holds {
            self.smallest = candidate;
        }
        Ok(holds)
    }

    /// Halves the records for as long as one half does, the later one first: it holds what was asked about.
    fn halve<E: From<BadBundle>>(&mut self, shows: &mut Shows<'_, E>) -> Result<(), E> {
        while self.smallest.records.len() > 1 {
            let (first, second) = halves(&self.smallest)?;
            let found = match second {
                Some(second) => self.keep(second, shows)?,
                None => false,
            };
            if !found && !self.keep(first, shows)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Leaves out chunks of records, ever smaller ones, until no single one can go.
    fn thin<E>(&mut self, shows: &mut Shows<'_, E>) -> Result<(), E> {
        let mut chunk = self.smallest.records.len().div_ceil(2).max(1);
        loop {
            let before = self.smallest.records.len();
            let mut at = 0;
            while at < self.smallest.records.len() {
                let candidate = without(&self.smallest, at, chunk);
                if !self.keep(candidate, shows)? {
                    at += chunk;
                }
            }
            if chunk == 1 && self.smallest.records.len() == before {
                return Ok(());
            }
            chunk = (chunk / 2).max(1);
        }
    }

    /// Tries to do without the state, or at least without its alerts; true where one of them went.
    fn leave_state<E: From<BadBundle>>(&mut self, shows: &mut Shows<'_, E>) -> Result<bool, E> {
        if self.smallest.state.is_none() {
            return Ok(false);
        }
        let fold = Fold::begin(&self.smallest)?;
        let said = Said::of(fold.gist(), &self.smallest.head.tenant)?;
        let bare = Bundle { state: None, ..self.smallest.clone() }.behind(said.all(), None);
        if self.keep(bare, shows)? {
            return Ok(true);
        }
        if said.alerts.is_empty() {
            return Ok(false);
        }
        let state = fold.parts_without_alerts()?;
        let state_at = self.smallest.head.state_at;
        let without = self.smallest.clone().with_state(state).behind(said.alerts, state_at);
        self.keep(without, shows)
    }
}

impl Bundle {
    fn with_state(self, parts: Parts) -> Self {
        Self { state: Some(Arc::new(parts)), ..self }
    }

    /// The same behind these records.
    fn behind(self, mut records: Vec<Arc<Record>>, state_at: Option<u64>) -> Self {
        records.extend(self.records);
        Self { head: Head { state_at, ..self.head }, records, ..self }
    }
}

/// The first half; and the second one, behind the state that the first leaves. None: the fold ends in the first.
fn halves(bundle: &Bundle) -> Result<(Bundle, Option<Bundle>), BadBundle> {
    let half = bundle.records.len() / 2;
    let first = without(bundle, half, bundle.records.len() - half);
    let mut fold = Fold::begin(bundle)?;
    for record in &first.records {
        fold.step(record, &mut Vec::new());
    }
    if fold.is_stopped() {
        return Ok((first, None));
    }
    let second = without(bundle, 0, half).with_state(fold.parts()?);
    let state_at = second.records.first().map(|record| record.offset);
    Ok((first, Some(second.behind(Vec::new(), state_at))))
}

fn without(bundle: &Bundle, at: usize, count: usize) -> Bundle {
    let end = bundle.records.len().min(at.saturating_add(count));
    let records: Vec<Arc<Record>> =
        bundle.records[..at].iter().chain(&bundle.records[end..]).map(Arc::clone).collect();
    let head = Head { removed: bundle.head.removed + (end - at) as u64, ..bundle.head.clone() };
    Bundle { head, state: bundle.state.clone(), records, recorded: None }
}

/// What a state's journal said, as records.
struct Said {
    settings: Vec<Arc<Record>>,
    alerts: Vec<Arc<Record>>,
}

impl Said {
    fn of(gist: &Gist, tenant: &TenantId) -> Result<Self, BadBundle> {
        let record = |offset, appended_at, entry: &Entry| {
            let value = codec::encode_entry(entry).map_err(|error| BadBundle::State(error.to_string()))?;
            let (key, headers) = (tenant.as_str().into(), Vec::new());
            Ok(Arc::new(Record { offset, appended_at, key, headers, value }))
        };
        let settings = gist.settings().cloned().map(|change| {
            // Where it stood is not known; before everything it does the same.
            record(0, Timestamp(0), &Entry::Settings(change))
        });
        let alerts = gist.alerts().filter_map(|seen| Some((seen, seen.change()?)));
        // Each at the place that it had: a baseline is a comparison of offsets.
        let alerts =
            alerts.map(|(seen, change)| record(seen.offset, seen.appended_at, &Entry::Alert(change)));
        Ok(Self {
            settings: settings.into_iter().collect::<Result<_, BadBundle>>()?,
            alerts: alerts.collect::<Result<_, BadBundle>>()?,
        })
    }

    fn all(&self) -> Vec<Arc<Record>> {
        self.settings.iter().chain(&self.alerts).map(Arc::clone).collect()
    }
}
