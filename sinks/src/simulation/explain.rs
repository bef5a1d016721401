//! A run that failed, explained: the faults that it takes and no more, and the step after which it could not end well.
//!
//! The step is found by asking again: the run is gone through as it was up to a step, and from there on who acts when and
//! what goes wrong are drawn anew, many times. The last step from which some of these end well is the guilty one: what
//! came before it made failure likely, what was done in it made it certain.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::faults::{Fault, Plan};
use super::judge::{Finding, Verdict};
use super::world::{Ran, Told, run};

/// How often the rest of a run is drawn anew from one step.
const DRAWS: u64 = 24;
/// Most runs that it takes to leave out faults.
const MOST_RUNS: usize = 400;
/// It does not take longer, however slow the machine.
const SHRINKS_FOR: Duration = Duration::from_secs(30);
/// Steps told around the guilty one.
const AROUND: usize = 6;

/// Why a seed failed.
pub(super) struct Story {
    seed: u64,
    verdict: Verdict,
    /// How many faults there were, and those that it takes.
    faults: usize,
    taken: Vec<(u64, Fault)>,
    guilty: Guilty,
    told: Vec<Told>,
}

/// The step that made failure certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guilty {
    /// None: it fails whatever happens.
    step: Option<u64>,
    /// Of [`DRAWS`] runs drawn anew from before that step, so many failed; all did from after it.
    before: u64,
}

/// Of the same kind of wrong, about the same thing.
fn has(ran: &Ran, finding: &Finding) -> bool {
    ran.verdict.0.contains(finding)
}

/// Of the same kind of wrong.
fn is_like(ran: &Ran, finding: &Finding) -> bool {
    ran.verdict.0.iter().any(|other| other.wrong == finding.wrong)
}

/// Explains a run that failed.
pub(super) fn explain(seed: u64, failed: Ran) -> Story {
    let begun = Instant::now();
    let first = failed.verdict.0[0].clone();
    let all = failed.faults;
    // Where there is no time left, what was not tried is not left out.
    let fails = |faults: &[(u64, Fault)]| is_like(&run(&Plan::with(seed, faults)), &first);
    let taken = shrunk(&all, &mut |faults| begun.elapsed() < SHRINKS_FOR && fails(faults));
    let plan = Plan::with(seed, &taken);
    let Ran { verdict, told, faults, .. } = run(&plan);
    let finding = verdict.0.iter().find(|other| other.wrong == first.wrong).unwrap_or(&first).clone();
    let steps = told.last().map_or(0, |last| last.step);
    let guilty = guilty(steps, &mut |step, draw| has(&run(&plan.anew_from(step, draw)), &finding));
    Story { seed, verdict, faults: all.len(), taken: faults, guilty, told }
}

/// The last step from which failing was not certain.
fn guilty(steps: u64, fails: &mut dyn FnMut(u64, u64) -> bool) -> Guilty {
    if (0..DRAWS).all(|draw| fails(1, draw)) {
        return Guilty { step: None, before: DRAWS };
    }
    // Drawn anew from `open` on some run ends well; from `certain` on none does.
    let (mut open, mut certain) = (1, steps + 1);
    while certain - open > 1 {
        let middle = u64::midpoint(open, certain);
        if (0..DRAWS).all(|draw| fails(middle, draw)) {
            certain = middle;
        } else {
            open = middle;
        }
    }
    let before = (0..DRAWS).filter(|draw| fails(open, *draw)).count() as u64;
    Guilty { step: Some(open), before }
}

/// As few of the faults as will do: halves, quarters and so on are left out as long as the run fails without them.
fn shrunk<T: Copy>(faults: &[T], fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let (mut left, mut parts, mut runs) = (faults.to_vec(), 1_usize, 0);
    while !left.is_empty() && runs < MOST_RUNS {
        let size = left.len().div_ceil(parts);
        let without = |at: usize| -> Vec<T> {
            let part = at * size..(at + 1) * size;
            left.iter().enumerate().filter(|(place, _)| !part.contains(place)).map(|(_, it)| *it).collect()
        };
        let mut candidates = (0..left.len().div_ceil(size)).map(without);
        let found = candidates.find(|fewer| {
            runs += 1;
            fails(fewer)
        });
        match found {
            Some(fewer) => (left, parts) = (fewer, parts.saturating_sub(1).max(1)),
            None if size == 1 => break,
            None => parts = (parts * 2).min(left.len()),
        }
    }
    left
}

impl Story {
    fn step(&self, step: u64) -> Option<usize> {
        self.told.iter().position(|told| told.step >= step)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails: {}", self.seed, self.verdict)?;
        for Finding { wrong, what } in self.verdict.0.iter().take(5) {
            writeln!(f, "  {}: {what}", wrong.told())?;
        }
        writeln!(f, "faults that it takes, {} of {}:", self.taken.len(), self.faults)?;
        for told in self.told.iter().filter(|told| told.fault.is_some()) {
            writeln!(f, "  {told}")?;
        }
        let Guilty { step, before } = self.guilty;
        match step.and_then(|step| Some((step, self.step(step)?))) {
            None => writeln!(f, "guilty step: none, it fails whatever happens")?,
            Some((step, place)) => {
                writeln!(
                    f,
                    "guilty step {step}: drawn anew from before it, {before} of {DRAWS} runs fail so;"
                )?;
                writeln!(f, "from after it, all of {DRAWS}. What each party did last before it:")?;
                let before = self.told[..place].iter().map(|told| (told.who.as_str(), told));
                let last: BTreeMap<&str, &Told> = before.collect();
                let mut last: Vec<&Told> = last.into_values().collect();
                last.sort_by_key(|told| told.step);
                last.iter().try_for_each(|told| writeln!(f, "  {told}"))?;
                writeln!(f, "the guilty one, and what followed:")?;
                let followed = self.told[place..].iter().take(AROUND);
                followed
                    .zip([">"].into_iter().chain(std::iter::repeat(" ")))
                    .try_for_each(|(told, mark)| writeln!(f, "{mark} {told}"))?;
            }
        }
        write!(f, "the same again: make simulate SEEDS=1 FROM={}", self.seed)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, at, who, what, fault } = self;
        write!(f, "step {step} at {at}: {who} {what}")?;
        fault.map_or(Ok(()), |fault| write!(f, ": {}", fault.kind.told()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Random;

    #[test]
    fn the_faults_that_it_takes_are_left_and_no_others() {
        let all: Vec<u32> = (0..60).collect();
        for needed in [vec![], vec![7], vec![3, 41], vec![0, 1, 30, 59]] {
            let mut fails = |some: &[u32]| needed.iter().all(|it| some.contains(it));
            assert_eq!(shrunk(&all, &mut fails), needed);
        }
    }

    #[test]
    fn the_guilty_step_is_the_last_from_which_failing_was_not_certain() {
        // From step 40 on it is likely, and step 70 makes it certain.
        let mut fails = |step: u64, draw: u64| {
            let mut random = Random::new(step * 100 + draw);
            step > 70 || (step > 40 && random.below(3) > 0) || random.below(10) == 0
        };
        let found = guilty(100, &mut fails);
        assert_eq!(found.step, Some(70));
        assert!((8..DRAWS).contains(&found.before), "{found:?}");
        assert_eq!(guilty(100, &mut |_, _| true), Guilty { step: None, before: DRAWS });
    }
}
