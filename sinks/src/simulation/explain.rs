//! A run that failed, explained: the faults that it takes and no more, and the step after which it could not end well.
//!
//! The step is found by asking again: the run is gone through as it was up to a step, and from there on who acts when and
//! what goes wrong are drawn anew, many times. The last step from which some of these end well is the guilty one: what
//! came before it made failure likely, what was done in it made it certain.

mod guilty;
mod shrink;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::faults::{Act, Fault, Plan};
use super::judge::{Finding, Verdict};
use super::world::{Ran, Told, run};
use guilty::{DRAWS, Guilty, guilty};
use shrink::shrunk;

/// Leaving out faults does not take longer, however slow the machine.
const SHRINKS_FOR: Duration = Duration::from_secs(25);
/// Steps told around the guilty one.
const AROUND: usize = 6;

/// Why a seed failed.
pub(super) struct Story {
    seed: u64,
    verdict: Verdict,
    /// How many faults there were, and those that it takes.
    faults: usize,
    taken: usize,
    guilty: Guilty,
    told: Vec<Told>,
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
    let fails = |faults: &[(Act, Fault)]| {
        begun.elapsed() < SHRINKS_FOR && is_like(&run(&Plan::with(seed, faults)), &first)
    };
    let plan = Plan::with(seed, &shrunk(&all, &fails));
    let Ran { verdict, told, faults, .. } = run(&plan);
    let finding = verdict.0.iter().find(|other| other.wrong == first.wrong).unwrap_or(&first).clone();
    let steps = told.last().map_or(0, |last| last.step);
    let guilty = guilty(steps, &|step, draw| has(&run(&plan.anew_from(step, draw)), &finding));
    Story { seed, verdict, faults: all.len(), taken: faults.len(), guilty, told }
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
        writeln!(f, "faults that it takes, {} of {}:", self.taken, self.faults)?;
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
