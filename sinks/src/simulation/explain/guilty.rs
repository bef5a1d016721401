//! The step after which a run could not end well.

use super::shrink::first_at;

/// How often the rest of a run is drawn anew from one step.
pub(super) const DRAWS: usize = 24;

/// The step that made failure certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guilty {
    /// None: it fails whatever happens.
    pub(super) step: Option<u64>,
    /// Of [`DRAWS`] runs drawn anew from before that step, so many failed; all did from after it.
    pub(super) before: usize,
}

/// The last step from which failing was not certain, among so many; `fails` runs the rest anew from a step, by a number.
///
/// What follows from a step follows from those after it, so that halving finds it in as many looks as the number of steps
/// has bits, each of [`DRAWS`] runs at most.
pub(super) fn guilty(steps: u64, fails: &(dyn Fn(u64, u64) -> bool + Sync)) -> Guilty {
    let is_open = |step| first_at(DRAWS, &|draw| !fails(step, draw as u64)).is_some();
    if !is_open(1) {
        return Guilty { step: None, before: DRAWS };
    }
    // Drawn anew from `open` on some run ends well; from `certain` on none does.
    let (mut open, mut certain) = (1, steps + 1);
    while certain - open > 1 {
        let middle = u64::midpoint(open, certain);
        *(if is_open(middle) { &mut open } else { &mut certain }) = middle;
    }
    let before = (0..DRAWS).filter(|draw| fails(open, *draw as u64)).count();
    Guilty { step: Some(open), before }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Random;

    #[test]
    fn the_guilty_step_is_the_last_from_which_failing_was_not_certain() {
        // From step 40 on it is likely, and step 70 makes it certain.
        let fails = |step: u64, draw: u64| {
            let mut random = Random::new(step * 100 + draw);
            step > 70 || (step > 40 && random.below(3) > 0) || random.below(10) == 0
        };
        let found = guilty(100, &fails);
        assert_eq!(found.step, Some(70));
        assert!((8..DRAWS).contains(&found.before), "{found:?}");
        assert_eq!(guilty(100, &|_, _| true), Guilty { step: None, before: DRAWS });
    }
}
